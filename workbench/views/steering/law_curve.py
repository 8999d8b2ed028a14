"""The curves of a spatial rule as a small picture that follows the page's colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.views.base.markup import escape
from workbench.views.base.palette import layer_color
from workbench.views.steering.law import SpatialLawInfo

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 6, 30
"""Margins, in the picture's units."""


def law_svg(info: SpatialLawInfo) -> str:
    """Weight over distance: a curve per layer, or a single one if the rule is the same for all; with its legend."""
    alike = bool((info.weight == info.weight[0]).all())
    weights = info.weight[:1] if alike else info.weight
    names = ["every layer"] if alike else [f"layer {layer}" for layer in info.layers]
    reach = float(info.distance[-1])
    curves = "".join(_curve(info.distance / reach, weight, _color(number)) for number, weight in enumerate(weights))
    legend = "".join(
        f'<span><i style="background:{_color(number)}"></i>{name}</span>' for number, name in enumerate(names)
    )
    return (
        f'<svg class="wb-law" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(info.formula)}">'
        f"{_frame(reach)}{curves}</svg>"
        f'<div class="wb-legend"><code>{escape(info.formula)}</code>{legend}</div>'
    )


def _color(number: int) -> str:
    return layer_color(number + 1)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(weight: float) -> float:
    return HEIGHT - BOTTOM - weight * (HEIGHT - TOP - BOTTOM)


def _curve(shares: np.ndarray, weights: Sequence[float] | np.ndarray, color: str) -> str:
    points = " ".join(f"{_x(share):.1f},{_y(weight):.1f}" for share, weight in zip(shares, weights, strict=True))
    return f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{points}"/>'


def _frame(reach: float) -> str:
    """Axes with their numbers and the unit."""
    below = "".join(
        f'<text x="{_x(share):.0f}" y="{HEIGHT - 16}" text-anchor="middle">{reach * share:g}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    beside = "".join(
        f'<text x="{LEFT - 5}" y="{_y(weight) + 4:.0f}" text-anchor="end">{weight:g}</text>' for weight in (0, 0.5, 1)
    )
    path = f"M{LEFT},{TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"
    unit = f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 2}" text-anchor="middle">distance, pixels</text>'
    return f'<path d="{path}" fill="none" stroke="currentColor" opacity=".4"/>{below}{beside}{unit}'
