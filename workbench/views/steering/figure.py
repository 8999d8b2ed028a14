"""The spatial law as curves: how the weight of a new edge falls with distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.views.base.figures import PAGE
from workbench.views.base.palette import layer_color

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.spatial import SpatialLaw


@dataclass(frozen=True, eq=False)
class SpatialLawInfo:
    """The curves of a spatial law."""

    distance: np.ndarray  # pixels, [points]
    layers: tuple[int, ...]  # of the edges' targets
    weight: np.ndarray  # with which an edge is drawn, 1 at distance 0, [layers, points]
    formula: str


def spatial_law_info(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> SpatialLawInfo:
    """Weight over distance for edges into some layers, from 0 to `reach` pixels."""
    distance = np.linspace(0, reach, 65)
    weight = np.exp([law.log_weight(distance, layer) for layer in layers])
    return SpatialLawInfo(distance, tuple(layers), weight, f"exp(−dist / ({law.base:g} + {law.per_layer:g} · layer))")


def spatial_law_figure(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> go.Figure:
    """The weight with which an edge is drawn, over its length, per layer of its target; one curve if all are alike.

    Args:
        law: the spatial law.
        layers: layers of the edges' targets.
        reach: longest distance, in pixels.
    """
    import plotly.graph_objects as go

    info = spatial_law_info(law, layers, reach)
    names = [f"layer {layer}" for layer in layers] if law.per_layer else ["every layer"]
    figure = go.Figure()
    for name, layer, weight in zip(names, layers, info.weight, strict=False):
        figure.add_scatter(x=info.distance, y=weight, mode="lines", name=name, line={"color": layer_color(layer)})
    return figure.update_layout(
        PAGE,
        title=info.formula,
        xaxis={"title": "distance, pixels"},
        yaxis={"title": "weight of an edge", "range": [0, 1.02]},
        legend={"x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
        width=700,
        height=420,
    )
