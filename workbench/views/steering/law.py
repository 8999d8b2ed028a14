"""The spatial rule as curves: how the weight of a new edge falls with distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.views.base.palette import layer_color

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.spatial import SpatialLaw


@dataclass(frozen=True)
class SpatialLawInfo:
    """The curves of a spatial rule.

    Attributes:
        distance: [points] pixels.
        layers: layers of the edges' targets.
        weight: [layers, points] drawing weight, 1 at distance 0.
        formula: of the rule, in words.
    """

    distance: np.ndarray
    layers: tuple[int, ...]
    weight: np.ndarray
    formula: str


def spatial_law_info(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> SpatialLawInfo:
    """Weight over distance for edges into some layers, from 0 to `reach` pixels."""
    distance = np.linspace(0, reach, 65)
    weight = np.exp([law.log_weight(distance, layer) for layer in layers])  # [layers, points]
    formula = f"exp(−dist / ({law.base:g} + {law.per_layer:g} · layer))"
    return SpatialLawInfo(distance, tuple(layers), weight, formula)


def spatial_law_figure(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> go.Figure:
    """The weight with which an edge is drawn, over its length, per layer of its target."""
    import plotly.graph_objects as go

    info = spatial_law_info(law, layers, reach)
    figure = go.Figure()
    for number, layer in enumerate(info.layers):
        figure.add_scatter(
            x=info.distance,
            y=info.weight[number],
            mode="lines",
            name=f"layer {layer}",
            line={"color": layer_color(layer)},
        )
    figure.update_layout(
        title=info.formula,
        xaxis={"title": "distance, pixels"},
        yaxis={"title": "weight of an edge", "range": [0, 1.02]},
        template="plotly_white",
        width=700,
        height=420,
    )
    return figure
