"""A network by layers: where each neuron is drawn, in which block it is, and which edges come first (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.genome import Genome, check_neurons
from workbench.views.network.data import KEPT, GenomeDifference, genome_difference

SINGLE_COLUMN = 40
"""Layers of up to this many neurons are drawn as one column; larger ones as a strip of several."""

STRIP_WIDTH = 0.42
"""Width of a full strip, as a fraction of the distance between layers."""

STRIP_ASPECT = 0.2
"""Assumed width / height of a strip on the screen; makes the cells of a strip about square."""

STRIP_FILLED = 0.5
"""Share of a strip's cells that its neurons fill; the rest is room to stand at the height of their rows."""

WIDEST_SPACING = 0.22
"""Vertical distance of neighbours in a column of few neurons, which stay together."""

BANDS = 8
"""Blocks of a layer, one above the other; each output is a block of its own."""

EDGES = ("source", "target", "weight", "skip", "shared")
"""The arrays of a layout that have one value an edge."""

EDGE_KINDS = ("positive", "negative", "positive, shared", "negative, shared", "no weight yet")
"""Kinds of edges by their weight."""


@dataclass(frozen=True, eq=False)
class DagInfo:
    """What a picture of a network by layers shows; arrays by neuron id, or by edge in the genome's order.

    If it shows a difference, neurons and edges are those of the union (see `GenomeDifference`).

    Attributes:
        x: float32 [neurons]; layer number plus an offset within the strip, |offset| <= STRIP_WIDTH / 2.
        y: float32 [neurons]; 0 at the top to 1 at the bottom.
        layers: int32 [neurons].
        positions: (row, column) in pixels, float32 [neurons, 2]; NaN for outputs.
        biases: float32 [neurons]; NaN for inputs.
        source, target: of each edge, int32 [edges].
        weight: float32 [edges]; NaN = not yet initialised.
        skip: uint8 [edges]; 1 where the edge skips a layer.
        shared: uint8 [edges]; 1 where other edges use the same weight.
        layer_sizes: number of neurons in each layer.
        n_inputs, n_outputs: numbers of inputs, the first ids, and of outputs, the ids after them.
        difference: what changed, or None if only one genome is shown.
    """

    x: np.ndarray
    y: np.ndarray
    layers: np.ndarray
    positions: np.ndarray
    biases: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    skip: np.ndarray
    shared: np.ndarray
    layer_sizes: tuple[int, ...]
    n_inputs: int
    n_outputs: int
    difference: GenomeDifference | None = None

    @property
    def kind(self) -> np.ndarray:
        """How each edge looks, uint8 [edges]: an index into `EDGE_KINDS`, or its state if a difference is shown."""
        if self.difference is not None:
            return self.difference.edge_state
        return np.where(np.isnan(self.weight), 4, (self.weight < 0) + 2 * self.shared).astype(np.uint8)


def dag_layout(genome: Genome, before: Genome | None = None) -> DagInfo:
    """Place all neurons: layers from left to right, each ordered by position so that edges look local.

    Inputs are the image itself, squeezed into a strip (channels side by side); a hidden layer is a strip whose rows
    hold equally many neurons, sorted by row and then column of their position; outputs are a column by class.

    Args:
        genome: the network.
        before: an earlier genome; if given, the layout is of the union of both.

    Raises:
        GenomeError: if the genomes differ in inputs or outputs, or are none of neurons.
    """
    check_neurons(genome)
    difference = None if before is None else genome_difference(before, genome)
    shown = genome if difference is None else difference
    x, y = _places(shown.layers, shown.positions, genome.input_shape)
    gap = shown.layers[shown.targets] - shown.layers[shown.sources]
    return DagInfo(
        x=x,
        y=y,
        layers=shown.layers.astype(np.int32),
        positions=shown.positions.astype(np.float32),
        biases=np.concatenate([np.full(genome.n_inputs, np.nan, np.float32), shown.biases]),
        source=shown.sources.astype(np.int32),
        target=shown.targets.astype(np.int32),
        weight=shown.weights,
        skip=(np.abs(gap) > 1).astype(np.uint8),
        shared=(shown.shared >= 0).astype(np.uint8),
        layer_sizes=tuple(np.bincount(shown.layers).tolist()),
        n_inputs=genome.n_inputs,
        n_outputs=genome.n_outputs,
        difference=difference,
    )


def drawing_order(info: DagInfo) -> np.ndarray:
    """Numbers of all edges, those first that tell most, int64 [edges]: of some, the first are drawn.

    First come the edges that changed, if a difference is shown; among equals each neuron's strongest edge into it, then
    each neuron's second strongest, and so on; among these the strongest of their layer. Unknown weights count as equal:
    their edges come in an order that takes an even sample.
    """
    n_edges = len(info.source)
    even = (np.arange(n_edges) * 0.618034) % 1
    strength = np.where(np.isnan(info.weight), even * 1e-12, np.abs(info.weight))
    late = np.zeros(n_edges, bool) if info.difference is None else info.difference.edge_state == KEPT
    strongest = np.argsort(-strength)
    rank, of_neuron = np.empty((2, n_edges)), info.target * 2 + late
    rank[0, strongest], _ = _ranks(of_neuron[strongest])
    place, size = _ranks(info.layers[info.target[strongest]])
    rank[1, strongest] = place / size
    return np.lexsort((rank[1], rank[0], late))


def _ranks(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each element among those of its group, and the group's size, int64 [elements]."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first, last = np.searchsorted(ordered, ordered), np.searchsorted(ordered, ordered, "right")
    place, size = np.empty((2, len(groups)), np.int64)
    place[order], size[order] = np.arange(len(groups)) - first, last - first
    return place, size


def blocks_of(info: DagInfo) -> np.ndarray:
    """The block of each neuron, int32 [neurons]: `BANDS` a layer, by height, and one for each output."""
    band = np.minimum((info.y * BANDS).astype(np.int32), BANDS - 1)
    outputs = slice(info.n_inputs, info.n_inputs + info.n_outputs)
    band[outputs] = np.arange(info.n_outputs)  # of the last layer, so that no number is taken
    return info.layers * BANDS + band


def _places(
    layers: np.ndarray, positions: np.ndarray, input_shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """`DagInfo.x` and `.y` of neurons with these layers (int [neurons]) and positions (float [neurons, 2])."""
    x, y = layers.astype(np.float32), np.empty(len(layers), np.float32)
    last = int(layers.max())
    for layer in range(last + 1):
        members = np.flatnonzero(layers == layer)
        if layer == 0:
            across, down = _input_grid(input_shape)
        elif layer == last:
            across, down = np.zeros(len(members)), _spread(len(members))
        else:
            across, down = _strip(positions[members], input_shape)
        x[members] += across * STRIP_WIDTH
        y[members] = down
    return x, y


def _spread(count: int) -> np.ndarray:
    """Evenly spread heights in 0..1; a few stay near the middle."""
    return (
        0.5 + min(1.0, (count - 1) * WIDEST_SPACING) * np.linspace(-0.5, 0.5, count) if count > 1 else np.full(1, 0.5)
    )


def _input_grid(input_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of the inputs: the image as a strip, channels side by side."""
    channels, height, width = input_shape
    n_inputs = channels * height * width
    if n_inputs <= SINGLE_COLUMN:
        return np.zeros(n_inputs), _spread(n_inputs)
    channel, row, column = np.indices(input_shape).reshape(3, n_inputs)
    across = (channel * (width + 1) + column) / max(channels * (width + 1) - 2, 1) - 0.5  # one empty column between
    return across, _spread(height)[row]


def _strip(positions: np.ndarray, input_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of one hidden layer from positions [neurons, 2].

    Heights are rows of the image, and places across are columns, as far as no two neurons meet. Edges are shorter so
    than by ranks, or along a space-filling curve or an eigenvector of the graph.
    """
    count, (_, height, width) = len(positions), input_shape
    order = np.lexsort((positions[:, 1], positions[:, 0]))
    rows = positions[order, 0] / (height - 1) if height > 1 else np.full(count, 0.5)
    down, across = np.empty(count), np.zeros(count)
    if count <= SINGLE_COLUMN:
        room = STRIP_FILLED if height > 1 else 1.0
        down[order] = _apart(rows, min(WIDEST_SPACING, room / max(count - 1, 1)), 1.0)
        return across, down
    n_columns = max(2, round(np.sqrt(count / STRIP_FILLED * STRIP_ASPECT)))
    n_lines = -(-count // round(n_columns * STRIP_FILLED))
    slots = _apart((rows * (n_lines - 1) + 0.5) * n_columns - 0.5, 1.0, n_lines * n_columns - 1.0)
    line = np.floor((slots + 1e-6) / n_columns)
    down[order] = line / (n_lines - 1)
    for members in np.split(order, np.flatnonzero(np.diff(line)) + 1):
        members = members[np.argsort(positions[members, 1], kind="stable")]
        columns = positions[members, 1] / max(width - 1, 1) * (n_columns - 1)
        across[members] = np.floor(_apart(columns, 1.0, n_columns - 1.0) + 1e-6) / (n_columns - 1) - 0.5
    return across, down


def _apart(wanted: np.ndarray, gap: float, most: float) -> np.ndarray:
    """Rising places in 0..most, at least `gap` apart, near to the `wanted` (rising): crowds give way to both sides."""
    steps = gap * np.arange(len(wanted))
    free = wanted - steps
    middle = (np.maximum.accumulate(free) + np.minimum.accumulate(free[::-1])[::-1]) / 2
    return np.clip(middle, 0, max(most - steps[-1], 0)) + steps
