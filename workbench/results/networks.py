"""Small pictures of networks as SVG, made from the figures of `views/network`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.genome import Genome
from workbench.views.network.figure import dag_figure, spatial_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_EDGES, MOST_NEURONS = 1_200, 1_500
"""Drawn of one network: the heaviest edges, and an even sample of neurons of one colour."""

WIDTH, HEIGHT, GAP = 300, 190, 20
"""Of each of the two pictures, and between them, in units of the SVG."""


def network_svg(genome: Genome) -> str:
    """Layers from left to right, and beside them the hidden neurons over the image, coloured by layer."""
    last = genome.n_layers - 1
    dag = _paths(
        dag_figure(genome, most_edges=MOST_EDGES),
        scale=((WIDTH - 24) / (last + 0.5), HEIGHT - 16),
        origin=(12 + 0.25 * (WIDTH - 24) / (last + 0.5), 8),
        sizes=(2.4, 1.4),
    )
    _, height, width = genome.input_shape
    pixel = (HEIGHT - 8) / max(height, width)
    frame = (
        f'<rect x="3" y="3" width="{width * pixel + 2:.0f}" height="{height * pixel + 2:.0f}" fill="#fafafa" '
        'stroke="#bdbdbd" stroke-width="1"/>'
    )
    places = _paths(
        spatial_figure(genome), scale=(pixel, pixel), origin=(4 + pixel / 2, 4 + pixel / 2), sizes=(2.6, 2.6)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH + GAP + HEIGHT} {HEIGHT}" role="img" '
        f'aria-label="layers {"-".join(map(str, np.bincount(genome.layers).tolist()))}">'
        f'{dag}<g transform="translate({WIDTH + GAP} 0)">{frame}{places}</g></svg>'
    )


def _paths(
    figure: go.Figure, scale: tuple[float, float], origin: tuple[float, float], sizes: tuple[float, float]
) -> str:
    """The figure's traces as SVG paths: lines, and dots whose diameters are `sizes` (below 100 of a colour, above)."""
    parts = []
    for trace in figure.data:
        places = np.stack([trace.x, trace.y], axis=1).astype(float) * scale + origin
        if trace.mode == "lines":
            ends = places.reshape(-1, 3, 2)[:, :2].reshape(-1, 4)  # without the gaps
            drawn = "".join(f"M{a:.0f} {b:.0f}L{c:.0f} {d:.0f}" for a, b, c, d in ends)
            parts.append(_path(drawn, trace.line.color, trace.line.width / 3, 0.35))
            continue
        colors = np.broadcast_to(trace.marker.color, len(places))
        for color in dict.fromkeys(colors.tolist()):
            members = places[colors == color]
            step = max(1, -(-len(members) // MOST_NEURONS))
            drawn = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in members[::step])  # no length, but round ends
            parts.append(_path(drawn, color, sizes[len(members) >= 100], 0.8))
    return "".join(parts)


def _path(drawn: str, color: str, width: float, opacity: float) -> str:
    return (
        f'<path d="{drawn}" stroke="{color}" stroke-width="{width:.2g}" stroke-linecap="round" opacity="{opacity}" '
        'fill="none"/>'
    )
