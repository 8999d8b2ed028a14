"""The network as a picture of layers: where each neuron and edge goes (pure), and a static figure of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.genome import Genome
from workbench.views.base.palette import NEGATIVE, NO_WEIGHT, OUTPUTS, POSITIVE, SHARED_NEGATIVE, SHARED_POSITIVE

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_EDGES_DRAWN = 5_000
"""`dag_figure` draws this many edges, the heaviest; plotly is slow beyond it. `DagView` draws them all."""

SINGLE_COLUMN = 40
"""Layers of up to this many neurons are drawn as one column; larger ones as a strip of several."""

STRIP_WIDTH = 0.42
"""Width of a full strip, as a fraction of the distance between layers."""

STRIP_ASPECT = 0.2
"""Assumed width over height of a strip on the screen; with it the cells of a strip come out about square."""

WIDEST_SPACING = 0.22
"""Largest vertical distance of neighbours in a column: small layers stay together in the middle."""


@dataclass(frozen=True, eq=False)
class DagInfo:
    """What a picture of a network by layers shows; all arrays by neuron id, or by edge in the genome's order.

    Attributes:
        x: float32 [neurons]; the layer's number plus a place within its strip, |offset| <= STRIP_WIDTH / 2.
        y: float32 [neurons]; 0 at the top to 1 at the bottom.
        layers: int32 [neurons].
        positions: (row, column) in pixels, float32 [neurons, 2]; NaN for outputs.
        biases: float32 [neurons]; NaN for inputs.
        source: int32 [edges].
        target: int32 [edges].
        weight: float32 [edges]; NaN = not yet initialised.
        skip: uint8 [edges]; 1 where the edge passes over a layer.
        shared: uint8 [edges]; 1 where the weight serves other edges too.
        layer_sizes: neurons of each layer.
        n_inputs: number of inputs, the first ids.
        n_outputs: number of outputs, the ids after them.
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


def dag_layout(genome: Genome) -> DagInfo:
    """Places for all neurons: layers from left to right, each ordered by position so that edges look local.

    Inputs are the image itself, squeezed into a strip (channels side by side); a hidden layer is a strip of rows that
    hold equally many neurons, by row and then by column of their position; outputs are a column by class.
    """
    x, y = neuron_places(genome.layers, genome.positions, genome.input_shape)
    gap = genome.layers[genome.targets] - genome.layers[genome.sources]
    return DagInfo(
        x=x,
        y=y,
        layers=genome.layers.astype(np.int32),
        positions=genome.positions.astype(np.float32),
        biases=np.concatenate([np.full(genome.n_inputs, np.nan, np.float32), genome.biases]),
        source=genome.sources.astype(np.int32),
        target=genome.targets.astype(np.int32),
        weight=genome.weights,
        skip=(gap > 1).astype(np.uint8),
        shared=(genome.shared >= 0).astype(np.uint8),
        layer_sizes=tuple(np.bincount(genome.layers, minlength=genome.n_layers).tolist()),
        n_inputs=genome.n_inputs,
        n_outputs=genome.n_outputs,
    )


def neuron_places(
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
    """Ranks 0..count-1 as heights in 0..1, in the middle if they are few."""
    height = min(1.0, (count - 1) * WIDEST_SPACING)
    return 0.5 + height * (ranks / max(count - 1, 1) - 0.5)


def _input_grid(input_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of the inputs: the image as a strip, channels side by side."""
    channels, height, width = input_shape
    n_inputs = channels * height * width
    ids = np.arange(n_inputs)
    if n_inputs <= SINGLE_COLUMN:
        return np.zeros(n_inputs), _spread(ids, n_inputs)
    channel, pixel = np.divmod(ids, height * width)
    row, column = np.divmod(pixel, width)
    across = (channel * (width + 1) + column) / max(channels * (width + 1) - 2, 1) - 0.5  # one empty column between
    return across, _spread(row, height)


def _strip(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (-0.5..0.5 across, 0..1 down) of one hidden layer from positions [neurons, 2]."""
    count = len(positions)
    n_columns = 1 if count <= SINGLE_COLUMN else max(2, round(np.sqrt(count * STRIP_ASPECT)))
    n_rows = -(-count // n_columns)
    by_row = np.lexsort((positions[:, 1], positions[:, 0]))
    row = np.empty(count, np.int64)
    row[by_row] = np.arange(count) // n_columns
    order = np.lexsort((positions[:, 1], row))
    column = np.empty(count, np.int64)
    column[order] = np.arange(count) % n_columns
    across = column / (n_columns - 1) - 0.5 if n_columns > 1 else np.zeros(count)
    return across, _spread(row, n_rows)


def dag_figure(genome: Genome) -> go.Figure:
    """The network by layers as a static figure; of more than `MOST_EDGES_DRAWN` edges the heaviest are drawn."""
    import plotly.graph_objects as go

    info = dag_layout(genome)
    size = np.abs(np.nan_to_num(info.weight))
    drawn = np.sort(np.argsort(-size, kind="stable")[:MOST_EDGES_DRAWN])
    figure = go.Figure(_edge_traces(info, drawn, size))
    figure.add_trace(_neuron_trace(info, genome))
    sizes = "-".join(map(str, info.layer_sizes))
    title = f"{sizes} neurons, {genome.n_edges:,} edges"
    if len(drawn) < genome.n_edges:
        title += f" (the heaviest {len(drawn):,} are drawn)"
    names = ["inputs", *(f"layer {layer}" for layer in range(1, genome.n_layers - 1)), "outputs"]
    figure.update_layout(
        title=title,
        xaxis={"tickvals": list(range(genome.n_layers)), "ticktext": names, "showgrid": False, "zeroline": False},
        yaxis={"autorange": "reversed", "visible": False},
        template="plotly_white",
        width=1000,
        height=620,
        legend={"itemsizing": "constant"},
    )
    return figure


def _edge_traces(info: DagInfo, drawn: np.ndarray, size: np.ndarray) -> list[go.Scatter]:
    """Lines, one trace per colour, dash and width (plotly has one width a trace); the legend names the kinds."""
    import plotly.graph_objects as go

    colors = {
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "positive, shared": SHARED_POSITIVE,
        "negative, shared": SHARED_NEGATIVE,
        "no weight yet": NO_WEIGHT,
    }
    kind = np.where(info.weight < 0, 1, 0) + 2 * info.shared
    kind = np.where(np.isnan(info.weight), 4, kind)[drawn]
    thickness = np.digitize(size[drawn] / max(size[drawn].max(initial=0), 1e-12), [0.15, 0.5])
    skip, traces, named = info.skip[drawn], [], set()
    for (number, name), over, width in product(enumerate(colors), (0, 1), (2, 1, 0)):
        edges = drawn[(kind == number) & (skip == over) & (thickness == width)]
        if len(edges) == 0:
            continue
        label = f"{name}, skip" if over else name
        line: dict[str, Any] = {"color": colors[name], "width": 0.5 + width, "dash": "dot" if over else "solid"}
        x, y = (_segments(axis[info.source[edges]], axis[info.target[edges]]) for axis in (info.x, info.y))
        common = {"name": label, "legendgroup": label, "showlegend": label not in named, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=x, y=y, mode="lines", line=line, opacity=0.6, **common))
        named.add(label)
    return traces


def _segments(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Coordinates of lines [edges] each, with a gap (NaN) after each: float [3 · edges]."""
    return np.stack([start, end, np.full(len(start), np.nan)], axis=1).ravel()


def _neuron_trace(info: DagInfo, genome: Genome) -> go.Scatter:
    import plotly.graph_objects as go

    out_degrees = np.bincount(genome.sources, minlength=genome.n_neurons)
    columns = [np.arange(genome.n_neurons), info.layers, genome.in_degrees, out_degrees, info.biases]
    return go.Scatter(
        x=info.x,
        y=info.y,
        mode="markers",
        name="neurons",
        marker={"color": OUTPUTS, "size": 9 if genome.n_neurons < 100 else 4},
        customdata=np.stack(columns, axis=1),
        hovertemplate="<b>neuron %{customdata[0]}</b>, layer %{customdata[1]}<br>"
        "in-degree %{customdata[2]}, out-degree %{customdata[3]}<br>bias %{customdata[4]:.3g}<extra></extra>",
    )
