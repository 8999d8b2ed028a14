"""Static figures of a network: by layers and over the image (with what changed), edge lengths, a small SVG."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import DataError
from workbench.genome import Genome, check_neurons
from workbench.spatial import SpatialLaw
from workbench.views.base import palette
from workbench.views.network.data import (
    ADDED,
    KEPT,
    REMOVED,
    SHARED,
    STATE_NAMES,
    GenomeDifference,
    even_sample,
    genome_difference,
)
from workbench.views.network.layout import EDGE_KINDS, DagInfo, dag_layout, drawing_order
from workbench.views.network.maps import edge_length_histogram

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_EDGES_DRAWN = 5_000
"""Plotly is slow with more edges; `DagView` draws them all."""


Trace = dict[str, Any]
"""What makes a plotly trace."""


def pixel_axes(input_shape: tuple[int, int, int], x_axis: str = "x") -> tuple[dict[str, Any], dict[str, Any]]:
    """Both axes of a picture over the image; `x_axis` is the name that the figure gives to the x axis."""
    _, height, width = input_shape
    x = {"title": "column (pixels)", "range": [-0.5, width - 0.5], "constrain": "domain"}
    y = {"title": "row (pixels)", "range": [height - 0.5, -0.5], "scaleanchor": x_axis, "constrain": "domain"}
    return x, y


def lines(places: np.ndarray, source: np.ndarray, target: np.ndarray, name: str, **look: Any) -> Trace:
    """Edges between neurons at `places` (x, y) [neurons, 2] as one trace of straight lines."""
    gap = np.full((len(source), 2), np.nan, places.dtype)
    x, y = np.stack([places[source], places[target], gap], axis=1).reshape(-1, 2).T
    return {"type": "scatter", "x": x, "y": y, "mode": "lines", "name": name, "hoverinfo": "skip", **look}


def dots(places: np.ndarray, name: str, **look: Any) -> Trace:
    """Neurons at `places` (x, y) [neurons, 2]."""
    return {"type": "scatter", "x": places[:, 0], "y": places[:, 1], "mode": "markers", "name": name, **look}


def dag_figure(genome: Genome, before: Genome | None = None, *, most_edges: int = MOST_EDGES_DRAWN) -> go.Figure:
    """The network by layers: edges by the sign of their weight, or by what changed since `before`.

    What changed is drawn for the union of both genomes: added in blue, removed in vermillion and dotted, kept in grey.
    Of more than `most_edges` edges each neuron's strongest are drawn, or changed ones first, as the title says.

    Args:
        genome: the network.
        before: an earlier genome, such as the parent, or None.
        most_edges: drawn at most.

    Raises:
        GenomeError: if the genomes differ in inputs or outputs.
    """
    import plotly.graph_objects as go

    info = dag_layout(genome, before)
    if info.difference is None:
        traces, title = _network_traces(info, genome, most_edges)
    else:
        places = np.stack([info.x, info.y], axis=1)
        edges, neurons = np.arange(len(info.source)), np.arange(len(info.x))
        traces, title = _difference_traces(info.difference, places, edges, neurons, most_edges)
    n_layers = len(info.layer_sizes)
    names = ["inputs", *(f"layer {layer}" for layer in range(1, n_layers - 1)), "outputs"]
    layout = {
        "title": title,
        "xaxis": {"tickvals": list(range(n_layers)), "ticktext": names, "showgrid": False, "zeroline": False},
        "yaxis": {"autorange": "reversed", "visible": False},
        "legend": {"itemsizing": "constant"},
    }
    return go.Figure(traces, layout | {"template": "plotly_white", "width": 1000, "height": 620})


def spatial_figure(genome: Genome, image: Any = None, before: Genome | None = None) -> go.Figure:
    """Every hidden neuron at its place, coloured by layer, or by what changed since `before`.

    What changed includes the changed edges whose two neurons have a position.

    Args:
        genome: the network.
        image: [h, w] or [c, h, w], shown under the neurons, or None.
        before: an earlier genome, such as the parent, or None.

    Raises:
        DataError: if image and network differ in shape.
        GenomeError: if the genomes differ in inputs or outputs.
    """
    import plotly.graph_objects as go

    check_neurons(genome)
    first_hidden = genome.n_inputs + genome.n_outputs
    if before is None:
        traces = _layers_over_image(genome)
        title = f"{genome.n_hidden:,} hidden neurons at the mean position of what feeds them"
    else:
        difference = genome_difference(before, genome)
        places = difference.positions[:, ::-1]
        edges = np.flatnonzero((difference.targets >= first_hidden) & (difference.edge_state != KEPT))
        neurons = np.arange(first_hidden, len(places))
        traces, title = _difference_traces(difference, places, edges, neurons, MOST_EDGES_DRAWN)
        title += f"{'; ' if '<br>' in title else '<br>'}edges into outputs have no place"
    if image is not None:
        pixels, (_, height, width) = np.asarray(image, float), genome.input_shape
        if pixels.shape[-2:] != (height, width):
            raise DataError(f"expected an image of {height}×{width} pixels, got an array of shape {pixels.shape}")
        grey = pixels.reshape(-1, height, width).mean(axis=0)
        look = {"colorscale": "gray", "showscale": False, "hoverinfo": "skip", "opacity": 0.6}
        traces = [{"type": "heatmap", "z": grey, **look}, *traces]
    x, y = pixel_axes(genome.input_shape)
    layout = {"title": title, "xaxis": x, "yaxis": y, "template": "plotly_white", "width": 760, "height": 640}
    return go.Figure(traces, layout)


def dag_difference_figure(before: Genome, after: Genome) -> go.Figure:
    """What changed between two genomes, by layers: `dag_figure(after, before)`."""
    return dag_figure(after, before)


def space_difference_figure(before: Genome, after: Genome) -> go.Figure:
    """What changed between two genomes, over the image: `spatial_figure(after, before=before)`."""
    return spatial_figure(after, before=before)


def _network_traces(info: DagInfo, genome: Genome, most_edges: int) -> tuple[list[Trace], str]:
    """Traces and title of one network by layers: a trace per kind, dash and width (plotly has one width a trace)."""
    places, size = np.stack([info.x, info.y], axis=1), np.abs(np.nan_to_num(info.weight))
    drawn = np.sort(drawing_order(info)[:most_edges])
    kind = info.kind[drawn]
    thickness = np.digitize(size[drawn] / max(size[drawn].max(initial=0), 1e-12), [0.15, 0.5])
    traces, named = [], set()
    for number, skip, width in product(range(len(EDGE_KINDS)), (0, 1), (2, 1, 0)):
        edges = drawn[(kind == number) & (info.skip[drawn] == skip) & (thickness == width)]
        if len(edges) == 0:
            continue
        label = f"{EDGE_KINDS[number]}, skip" if skip else EDGE_KINDS[number]
        line = {"color": palette.EDGES[number], "width": 0.5 + width, "dash": "dot" if skip else "solid"}
        look = {"line": line, "opacity": 0.6, "legendgroup": label, "showlegend": label not in named}
        traces.append(lines(places, info.source[edges], info.target[edges], label, **look))
        named.add(label)
    out_degrees = np.bincount(genome.sources, minlength=genome.n_neurons)
    columns = [np.arange(genome.n_neurons), info.layers, genome.in_degrees, out_degrees, info.biases]
    colors = [palette.layer_color(layer, genome.n_layers - 1) for layer in info.layers.tolist()]
    look = {
        "marker": {"color": colors, "size": 9 if genome.n_neurons < 100 else 4},
        "customdata": np.stack(columns, axis=1),
        "hovertemplate": "<b>neuron %{customdata[0]}</b>, layer %{customdata[1]}<br>"
        "in-degree %{customdata[2]}, out-degree %{customdata[3]}<br>bias %{customdata[4]:.3g}<extra></extra>",
    }
    left_out = f" ({len(drawn):,} drawn, each neuron's strongest first)" if len(drawn) < genome.n_edges else ""
    title = f"{'-'.join(map(str, info.layer_sizes))} neurons, {genome.n_edges:,} edges{left_out}"
    return [*traces, dots(places, "neurons", **look)], title


def _layers_over_image(genome: Genome) -> list[Trace]:
    traces = []
    for layer in range(1, genome.n_layers - 1):
        members = np.flatnonzero(genome.layers == layer)
        look = {
            "marker": {"color": palette.layer_color(layer), "size": 6, "line": {"width": 0.5}},
            "customdata": members,
        }
        text = f"<b>neuron %{{customdata}}</b>, layer {layer}<br>row %{{y:.1f}}, column %{{x:.1f}}<extra></extra>"
        places = genome.positions[members, ::-1]
        traces.append(dots(places, f"layer {layer} ({len(members):,})", hovertemplate=text, **look))
    return traces


def _difference_traces(
    difference: GenomeDifference, places: np.ndarray, edges: np.ndarray, neurons: np.ndarray, most_edges: int
) -> tuple[list[Trace], str]:
    """Traces and title of a difference at `places`, of those `edges` (changed ones first) and `neurons` (ids)."""
    states, traces = difference.edge_state, []
    changed = even_sample(edges[states[edges] != KEPT], most_edges)
    drawn = np.concatenate([changed, even_sample(edges[states[edges] == KEPT], most_edges - len(changed))])
    for state in (KEPT, SHARED, REMOVED, ADDED):  # the last on top
        some = drawn[states[drawn] == state]
        if len(some) == 0:
            continue
        width = 0.5 if state == KEPT else 1.4 if len(some) < 500 else 0.8
        line = {"color": palette.STATES[state], "width": width, "dash": "dot" if state == REMOVED else "solid"}
        name, opacity = f"edges {STATE_NAMES[state]}", 0.35 if state == KEPT else 1
        ends = difference.sources[some], difference.targets[some]
        traces.append(lines(places, *ends, name, line=line, opacity=opacity))
    few = len(difference.neuron_state) < 300
    for state in (KEPT, REMOVED, ADDED):
        some, name = neurons[difference.neuron_state[neurons] == state], STATE_NAMES[state]
        if len(some) == 0:
            continue
        size = 8 if few else 4 if state == KEPT else 5
        look = {
            "marker": {"color": palette.STATES[state], "size": size, "opacity": 0.9},
            "customdata": np.stack([some, difference.layers[some]], axis=1),
            "hovertemplate": f"<b>neuron %{{customdata[0]}}</b>, layer %{{customdata[1]}}<extra>{name}</extra>",
        }
        traces.append(dots(places[some], f"neurons {name} ({len(some):,})", **look))
    counts = difference.counts
    title = (
        f"neurons +{counts['neurons_added']:,} −{counts['neurons_removed']:,}, "
        f"edges +{counts['edges_added']:,} −{counts['edges_removed']:,}"
    )
    if counts["edges_now_shared"]:
        title += f", {counts['edges_now_shared']:,} now share weights"
    if len(drawn) < len(edges):
        title += f"<br>{len(drawn):,} of {len(edges):,} edges are drawn"
    return traces, title


def edge_length_figure(genome: Genome, law: SpatialLaw | None = None) -> go.Figure:
    """Histogram of edge lengths, with the spatial law's expectation as a line."""
    import plotly.graph_objects as go

    law = SpatialLaw() if law is None else law
    info = edge_length_histogram(genome, law)
    middle, width = (info.bins[1:] + info.bins[:-1]) / 2, np.diff(info.bins)
    look = {"marker": {"color": palette.POSITIVE}, "opacity": 0.75}
    bars = {"type": "bar", "x": middle, "y": info.counts, "width": width, "name": "edges", **look}
    name, line = (
        f"spatial law exp(−d / ({law.base:g} + {law.per_layer:g}·layer))",
        {"color": palette.NEGATIVE, "width": 2.5},
    )
    expected = {"type": "scatter", "x": middle, "y": info.expected, "mode": "lines", "name": name, "line": line}
    seen = np.maximum(info.counts, info.expected)
    longest = info.bins[1 + np.flatnonzero(seen > 0.003 * seen.max(initial=0)).max(initial=0)]
    title = (
        f"Edge lengths: mean {info.mean:.1f} px, under the spatial law {info.expected_mean:.1f} px"
        f"<br>{info.without_length:,} edges into outputs have no length"
    )
    layout = {
        "title": title,
        "xaxis": {"title": "length (pixels)", "range": [0, longest]},
        "yaxis": {"title": "edges"},
        "bargap": 0.05,
        "legend": {"x": 0.99, "xanchor": "right", "y": 0.98},
    }
    return go.Figure([bars, expected], layout | {"template": "plotly_white", "width": 860, "height": 440})


SVG_EDGES, SVG_DOTS = 1_200, 1_500
"""Drawn in an SVG: the heaviest edges, and an even sample of the neurons of one colour."""

SVG_WIDTH, SVG_HEIGHT, SVG_GAP = 300, 190, 20
"""Of each of its two pictures, and between them, in units of the SVG."""


def network_svg(genome: Genome) -> str:
    """A small picture: layers from left to right, and beside them the hidden neurons over the image, by layer."""
    across = (SVG_WIDTH - 24) / (genome.n_layers - 0.5)  # from layer to layer
    dag = dag_figure(genome, most_edges=SVG_EDGES)
    layers = _svg_paths(dag, (across, SVG_HEIGHT - 16), (12 + 0.25 * across, 8), (2.4, 1.4))
    _, height, width = genome.input_shape
    pixel = (SVG_HEIGHT - 8) / max(height, width)
    places = _svg_paths(spatial_figure(genome), (pixel, pixel), (4 + pixel / 2, 4 + pixel / 2), (2.6, 2.6))
    return (
        f'<svg viewBox="0 0 {SVG_WIDTH + SVG_GAP + SVG_HEIGHT} {SVG_HEIGHT}" role="img" '
        f'aria-label="layers {"-".join(map(str, np.bincount(genome.layers).tolist()))}">'
        f'{layers}<g transform="translate({SVG_WIDTH + SVG_GAP} 0)"><rect x="3" y="3" width="{width * pixel + 2:.0f}" '
        f'height="{height * pixel + 2:.0f}" fill="#fafafa" stroke="#bdbdbd" stroke-width="1"/>{places}</g></svg>'
    )


def _svg_paths(
    figure: go.Figure, scale: tuple[float, float], origin: tuple[float, float], sizes: tuple[float, float]
) -> str:
    """The figure's traces as SVG paths: lines, and dots whose diameters are `sizes` (below 100 of a colour, above)."""
    paths = []  # data, colour, width, opacity
    for trace in figure.data:
        places = np.stack([trace.x, trace.y], axis=1).astype(float) * scale + origin
        if trace.mode == "lines":
            ends = places.reshape(-1, 3, 2)[:, :2].reshape(-1, 4)  # without the gaps
            drawn = "".join(f"M{a:.0f} {b:.0f}L{c:.0f} {d:.0f}" for a, b, c, d in ends)
            paths.append((drawn, trace.line.color, trace.line.width / 3, 0.35))
            continue
        colors = np.broadcast_to(trace.marker.color, len(places))
        for color in dict.fromkeys(colors.tolist()):
            members = places[colors == color]
            some = members[:: max(1, -(-len(members) // SVG_DOTS))]
            drawn = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in some)  # no length, but round ends
            paths.append((drawn, color, sizes[len(members) >= 100], 0.8))
    return "".join(
        f'<path d="{drawn}" stroke="{color}" stroke-width="{width:.2g}" stroke-linecap="round" opacity="{opacity}" '
        'fill="none"/>'
        for drawn, color, width, opacity in paths
    )
