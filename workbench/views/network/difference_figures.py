"""What changed between two genomes, as static figures: by layers, and over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.genome import Genome
from workbench.views.base import palette
from workbench.views.network.dag import MOST_EDGES_DRAWN
from workbench.views.network.differences import (
    ADDED,
    KEPT,
    REMOVED,
    SHARED,
    STATE_NAMES,
    GenomeDifference,
    difference_layout,
    genome_difference,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

STATE_COLORS = (palette.KEPT, palette.ADDED, palette.REMOVED, palette.NOW_SHARED)

STATE_DASHES = ("solid", "solid", "dot", "solid")


def dag_difference_figure(before: Genome, after: Genome) -> go.Figure:
    """The union of two genomes by layers: what was added (blue), removed (vermillion, dotted) and kept (grey).

    Changed edges are drawn first of all; of more than `MOST_EDGES_DRAWN` an even sample, as the title says.

    Raises:
        GenomeError: if the genomes have not the same inputs and outputs.
    """
    difference = genome_difference(before, after)
    info = difference_layout(difference)
    names = ["inputs", *(f"layer {layer}" for layer in range(1, len(info.layer_sizes) - 1)), "outputs"]
    figure = _figure(difference, info.x, info.y, np.arange(len(info.source)))
    figure.update_layout(
        xaxis={"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False, "zeroline": False},
        yaxis={"autorange": "reversed", "visible": False},
        width=1000,
        height=620,
    )
    return figure


def space_difference_figure(before: Genome, after: Genome) -> go.Figure:
    """What changed, over the image: neurons at their places, and the changed edges that have both ends there.

    Raises:
        GenomeError: if the genomes have not the same inputs and outputs.
    """
    difference = genome_difference(before, after)
    _, height, width = after.input_shape
    row, column = difference.positions.T
    placed = ~np.isnan(row[difference.target]) & (difference.edge_state != KEPT)
    figure = _figure(difference, column, row, np.flatnonzero(placed), hidden_only=True)
    figure.update_layout(
        xaxis={"title": "column (pixels)", "range": [-0.5, width - 0.5], "constrain": "domain"},
        yaxis={"title": "row (pixels)", "range": [height - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain"},
        title=f"{figure.layout.title.text}; edges into outputs have no place",
        width=760,
        height=640,
    )
    return figure


def _figure(
    difference: GenomeDifference, x: np.ndarray, y: np.ndarray, edges: np.ndarray, hidden_only: bool = False
) -> go.Figure:
    """Edges and neurons by state at places x, y [neurons]; `edges` are those that may be drawn."""
    import plotly.graph_objects as go

    figure = go.Figure()
    counts = difference.counts
    drawn = _drawn(difference.edge_state, edges)
    for state in (KEPT, SHARED, REMOVED, ADDED):  # the last on top
        some = drawn[difference.edge_state[drawn] == state]
        if len(some):
            figure.add_trace(_edge_trace(difference, x, y, some, state))
    for state in (KEPT, REMOVED, ADDED):
        members = np.flatnonzero(difference.neuron_state == state)
        if hidden_only:
            members = members[members >= difference.after.n_inputs + difference.after.n_outputs]
        if len(members):
            figure.add_trace(_neuron_trace(difference, x, y, members, state))
    title = (
        f"neurons +{counts['neurons_added']:,} −{counts['neurons_removed']:,}, "
        f"edges +{counts['edges_added']:,} −{counts['edges_removed']:,}"
    )
    if counts["edges_now_shared"]:
        title += f", {counts['edges_now_shared']:,} now share weights"
    if len(drawn) < len(edges):
        title += f" ({len(drawn):,} of {len(edges):,} edges are drawn)"
    figure.update_layout(title=title, template="plotly_white", legend={"itemsizing": "constant"})
    return figure


def _drawn(states: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Those of `edges` that are drawn: changed ones before kept ones, evenly sampled."""
    changed, kept = edges[states[edges] != KEPT], edges[states[edges] == KEPT]
    some = _sample(changed, MOST_EDGES_DRAWN)
    return np.concatenate([some, _sample(kept, MOST_EDGES_DRAWN - len(some))])


def _sample(edges: np.ndarray, most: int) -> np.ndarray:
    if len(edges) <= most:
        return edges
    return edges[np.linspace(0, len(edges) - 1, most).astype(np.int64)] if most else edges[:0]


def _edge_trace(difference: GenomeDifference, x: np.ndarray, y: np.ndarray, edges: np.ndarray, state: int) -> Any:
    import plotly.graph_objects as go

    gap = np.full(len(edges), np.nan)
    ends = difference.source[edges], difference.target[edges]
    lines = [np.stack([axis[ends[0]], axis[ends[1]], gap], axis=1).ravel() for axis in (x, y)]
    changed = state != KEPT
    return go.Scatter(
        x=lines[0],
        y=lines[1],
        mode="lines",
        name=f"edges {STATE_NAMES[state]}",
        line={
            "color": STATE_COLORS[state],
            "width": (1.4 if len(edges) < 500 else 0.8) if changed else 0.5,
            "dash": STATE_DASHES[state],
        },
        opacity=1 if changed else 0.35,
        hoverinfo="skip",
    )


def _neuron_trace(difference: GenomeDifference, x: np.ndarray, y: np.ndarray, members: np.ndarray, state: int) -> Any:
    import plotly.graph_objects as go

    few = len(difference.neuron_state) < 300
    return go.Scatter(
        x=x[members],
        y=y[members],
        mode="markers",
        name=f"neurons {STATE_NAMES[state]} ({len(members):,})",
        marker={"color": STATE_COLORS[state], "size": 8 if few else 4 if state == KEPT else 5, "opacity": 0.9},
        customdata=np.stack([members, difference.layers[members]], axis=1),
        hovertemplate=f"<b>neuron %{{customdata[0]}}</b>, layer %{{customdata[1]}}<extra>{STATE_NAMES[state]}</extra>",
    )
