"""Small pictures of networks as SVG: the layers from left to right, and the neurons over the image."""

from __future__ import annotations

import numpy as np

from workbench.genome import Genome
from workbench.views.base.palette import INPUTS, NEGATIVE, OUTPUTS, POSITIVE, layer_color
from workbench.views.network.dag import DagInfo, dag_layout

MOST_EDGES, MOST_NEURONS = 1_200, 1_500
"""Drawn of one network: the heaviest edges, and an even selection of neurons."""

WIDTH, HEIGHT, GAP = 300, 190, 20
"""Of each of the two pictures, and between them, in units of the SVG."""


def network_svg(genome: Genome) -> str:
    """Both pictures side by side; edges by sign, hidden neurons by layer, inputs grey, outputs black."""
    info = dag_layout(genome)
    size = WIDTH + GAP + HEIGHT
    return (
        f'<svg viewBox="0 0 {size} {HEIGHT}" role="img" aria-label="layers {"-".join(map(str, info.layer_sizes))}">'
        f'{_dag(info)}<g transform="translate({WIDTH + GAP} 0)">{_spatial(info, genome)}</g></svg>'
    )


def _dag(info: DagInfo) -> str:
    last = max(1, len(info.layer_sizes) - 1)
    x = 12 + (WIDTH - 24) * (info.x + 0.25) / (last + 0.5)
    y = 8 + (HEIGHT - 16) * info.y
    weight = np.nan_to_num(info.weight)
    drawn = np.argsort(-np.abs(weight), kind="stable")[:MOST_EDGES]
    parts = []
    for color, chosen in ((POSITIVE, drawn[weight[drawn] >= 0]), (NEGATIVE, drawn[weight[drawn] < 0])):
        lines = (
            f"M{x[source]:.0f} {y[source]:.0f}L{x[target]:.0f} {y[target]:.0f}"
            for source, target in zip(info.source[chosen], info.target[chosen], strict=True)
        )
        parts.append(f'<path d="{"".join(lines)}" stroke="{color}" stroke-width=".5" opacity=".35" fill="none"/>')
    for layer in range(len(info.layer_sizes)):
        members = np.flatnonzero(info.layers == layer)
        parts.append(_dots(x[members], y[members], _color(layer, last), 2.4 if len(members) < 100 else 1.4))
    return "".join(parts)


def _spatial(info: DagInfo, genome: Genome) -> str:
    _, height, width = genome.input_shape
    scale = (HEIGHT - 8) / max(height, width)
    frame = (
        f'<rect x="3" y="3" width="{width * scale + 2:.0f}" height="{height * scale + 2:.0f}" fill="#fafafa" '
        'stroke="#bdbdbd" stroke-width="1"/>'
    )
    last, parts = len(info.layer_sizes) - 1, [frame]
    for layer in range(1, last):
        places = info.positions[info.layers == layer]
        x, y = 4 + (places[:, 1] + 0.5) * scale, 4 + (places[:, 0] + 0.5) * scale
        parts.append(_dots(x, y, _color(layer, last), 2.6))
    return "".join(parts)


def _dots(x: np.ndarray, y: np.ndarray, color: str, size: float) -> str:
    """Dots as one path of lines without length, which have round ends."""
    step = max(1, -(-len(x) // MOST_NEURONS))
    places = zip(x[::step], y[::step], strict=True)
    dots = "".join(f"M{across:.1f} {down:.1f}h0" for across, down in places)
    return f'<path d="{dots}" stroke="{color}" stroke-width="{size}" stroke-linecap="round" opacity=".8" fill="none"/>'


def _color(layer: int, last: int) -> str:
    if layer in (0, last):
        return INPUTS if layer == 0 else OUTPUTS
    return layer_color(layer)
