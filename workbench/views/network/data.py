"""A network by layers: where each neuron and edge is drawn, and what changed since an earlier genome (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import GenomeError
from workbench.genome import Genome, topology

SINGLE_COLUMN = 40
"""Layers of up to this many neurons are drawn as one column; larger ones as a strip of several."""

STRIP_WIDTH = 0.42
"""Width of a full strip, as a fraction of the distance between layers."""

STRIP_ASPECT = 0.2
"""Assumed width / height of a strip on the screen; makes the cells of a strip about square."""

WIDEST_SPACING = 0.22
"""Largest vertical distance between neighbours in a column: small layers stay together in the middle."""

EDGE_KINDS = ("positive", "negative", "positive, shared", "negative, shared", "no weight yet")
"""Kinds of edges by their weight."""

KEPT, ADDED, REMOVED, SHARED = range(4)
"""States of neurons and edges. Only edges can be `SHARED`: kept, with a weight that has become shared."""

STATE_NAMES = ("kept", "added", "removed", "now shared")


@dataclass(frozen=True, eq=False)
class GenomeDifference:
    """The union of two genomes, with the state of each neuron and edge; arrays are named as those of `Genome`.

    Neuron ids are those of `after`, then the removed neurons; edges are those of `after`, then the removed edges.
    Removed ones are where they were, with their last weight, and in the shared-weight group of their own genome.

    Attributes:
        before: the earlier genome.
        after: the later genome.
        layers: int32 [neurons]; layers of the union, so that a removed layer keeps its own place.
        neuron_state: uint8 [neurons], `KEPT`, `ADDED` or `REMOVED`; inputs and outputs are kept.
        edge_state: uint8 [edges], as above, or `SHARED`.
        edges_reweighted: number of kept edges whose weight changed; unknown weights (NaN) do not count.
    """

    before: Genome
    after: Genome
    layers: np.ndarray
    positions: np.ndarray
    biases: np.ndarray
    neuron_state: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    shared: np.ndarray
    edge_state: np.ndarray
    edges_reweighted: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """Numbers of hidden neurons and edges by state; kept edges include those that now share weights."""
        hidden = self.neuron_state[self.after.n_inputs + self.after.n_outputs :]
        counts = {f"neurons_{STATE_NAMES[state]}": int((hidden == state).sum()) for state in (KEPT, ADDED, REMOVED)}
        for state, name in enumerate(STATE_NAMES):
            counts[f"edges_{name.replace(' ', '_')}"] = int((self.edge_state == state).sum())
        counts["edges_kept"] += counts["edges_now_shared"]
        return counts | {"edges_reweighted": self.edges_reweighted}

    @property
    def is_empty(self) -> bool:
        """Whether the topology and the sharing of weights are unchanged."""
        return not (self.neuron_state.any() or self.edge_state.any())


def genome_difference(before: Genome, after: Genome) -> GenomeDifference:
    """What was added to, removed from and kept of `before` in `after`.

    Inputs and outputs are matched by id, hidden neurons by key, edges by their two neurons.

    Args:
        before: the earlier genome, such as a parent or an ancestor.
        after: the later genome; any with the same inputs and outputs.

    Raises:
        GenomeError: if the genomes differ in inputs or outputs.
    """
    if (before.input_shape, before.n_outputs) != (after.input_shape, after.n_outputs):
        raise GenomeError(
            f"expected two genomes of the same inputs and outputs, got {before.input_shape} -> {before.n_outputs} and "
            f"{after.input_shape} -> {after.n_outputs}; compare a genome with its own ancestor or descendant"
        )
    new_id, removed = _union_ids(before, after)
    n_neurons = after.n_neurons + len(removed)
    old_source, old_target = new_id[before.sources], new_id[before.targets]
    was, now = old_source * n_neurons + old_target, after.sources * n_neurons + after.targets
    _, old, new = np.intersect1d(was, now, assume_unique=True, return_indices=True)
    gone = np.ones(before.n_edges, bool)
    gone[old] = False
    edge_state = np.full(after.n_edges, ADDED, np.uint8)
    edge_state[new] = np.where((after.shared[new] >= 0) & (before.shared[old] < 0), SHARED, KEPT)
    change = after.weights[new] - before.weights[old]  # NaN where either is unknown
    source = np.concatenate([after.sources, old_source[gone]])
    target = np.concatenate([after.targets, old_target[gone]])
    neuron_state = np.zeros(n_neurons, np.uint8)
    neuron_state[after.n_neurons :] = REMOVED
    first_hidden = after.n_inputs + after.n_outputs
    neuron_state[first_hidden : after.n_neurons][~np.isin(after.neuron_keys, before.neuron_keys)] = ADDED
    return GenomeDifference(
        before=before,
        after=after,
        layers=_union_layers(before, after, removed, source, target),
        positions=np.concatenate([after.positions, before.positions[removed]]),
        biases=np.concatenate([after.biases, before.biases[removed - before.n_inputs]]),
        neuron_state=neuron_state,
        sources=source,
        targets=target,
        weights=np.concatenate([after.weights, before.weights[gone]]),
        shared=np.concatenate([after.shared, before.shared[gone]]),
        edge_state=np.concatenate([edge_state, np.full(int(gone.sum()), REMOVED, np.uint8)]),
        edges_reweighted=int((np.nan_to_num(change) != 0).sum()),
    )


def even_sample(ids: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the ids, evenly spread."""
    return ids if len(ids) <= most else ids[np.linspace(0, len(ids) - 1, most).astype(np.int64)]


def counterpart(genome: Genome, other: Genome, neuron: int) -> int | None:
    """Id in `other` of the neuron with id `neuron` in `genome`; None if `other` does not have it."""
    if not 0 <= neuron < genome.n_neurons:
        return None
    found = int(_union_ids(genome, other)[0][neuron])
    return found if found < other.n_neurons else None


def _union_ids(before: Genome, after: Genome) -> tuple[np.ndarray, np.ndarray]:
    """Id in the union of each neuron of `before`, and the ids in `before` of neurons that `after` lacks."""
    first_hidden = before.n_inputs + before.n_outputs
    _, old, new = np.intersect1d(before.neuron_keys, after.neuron_keys, assume_unique=True, return_indices=True)
    new_id = np.arange(before.n_neurons)
    new_id[first_hidden + old] = first_hidden + new
    removed = np.setdiff1d(np.arange(first_hidden, before.n_neurons), first_hidden + old, assume_unique=True)
    new_id[removed] = after.n_neurons + np.arange(len(removed))
    return new_id, removed


def _union_layers(
    before: Genome, after: Genome, removed: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Longest paths in the union; if it has a cycle, each neuron's layer in its own genome."""
    n_neurons = after.n_neurons + len(removed)
    leaving = topology.Adjacency(source, n_neurons)
    try:
        layers = topology.layers_of(after.n_inputs, after.n_outputs, n_neurons, source, target, leaving)
    except GenomeError:
        layers = np.concatenate([after.layers, before.layers[removed]])
        outputs = slice(after.n_inputs, after.n_inputs + after.n_outputs)
        layers[outputs] = max(before.n_layers, after.n_layers) - 1
    return np.unique(layers, return_inverse=True)[1].astype(np.int32)  # without gaps


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
        GenomeError: if the genomes differ in inputs or outputs.
    """
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
            across, down = np.zeros(len(members)), _spread(np.arange(len(members)), len(members))
        else:
            across, down = _strip(positions[members])
        x[members] += across * STRIP_WIDTH
        y[members] = down
    return x, y


def _spread(ranks: np.ndarray, count: int) -> np.ndarray:
    """Ranks 0..count-1 as heights in 0..1; few ranks stay near the middle."""
    height = min(1.0, (count - 1) * WIDEST_SPACING)
    return 0.5 + height * (ranks / max(count - 1, 1) - 0.5)


def _input_grid(input_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of the inputs: the image as a strip, channels side by side."""
    channels, height, width = input_shape
    n_inputs = channels * height * width
    if n_inputs <= SINGLE_COLUMN:
        return np.zeros(n_inputs), _spread(np.arange(n_inputs), n_inputs)
    channel, row, column = np.indices(input_shape).reshape(3, n_inputs)
    across = (channel * (width + 1) + column) / max(channels * (width + 1) - 2, 1) - 0.5  # one empty column between
    return across, _spread(row, height)


def _strip(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of one hidden layer from positions [neurons, 2]."""
    count = len(positions)
    n_columns = 1 if count <= SINGLE_COLUMN else max(2, round(np.sqrt(count * STRIP_ASPECT)))
    by_row = np.lexsort((positions[:, 1], positions[:, 0]))
    row = np.argsort(by_row) // n_columns  # the inverse of a permutation
    column = np.argsort(np.lexsort((positions[:, 1], row))) % n_columns
    across = column / (n_columns - 1) - 0.5 if n_columns > 1 else np.zeros(count)
    return across, _spread(row, -(-count // n_columns))


def genome_figures(genome: Genome) -> dict[str, float]:
    """The numbers that mutations change, by name; density as a fraction, FLOPs per sample."""
    return {
        "hidden neurons": genome.n_hidden,
        "layers": genome.n_layers,
        "edges": genome.n_edges,
        "skip edges": int((genome.layers[genome.targets] - genome.layers[genome.sources] > 1).sum()),
        "edges that share weights": int((genome.shared >= 0).sum()),
        "parameters": genome.n_parameters,
        "FLOPs": genome.flops,
        "FLOPs with norm, bias, ReLU": genome.flops_total,
        "density": genome.density,
    }
