"""The spatial law as curves: how the weight of a new edge falls with distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.views.base.figures import PAGE
from workbench.views.base.palette import layer_color

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.spatial import SpatialLaw


def spatial_law_figure(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> go.Figure:
    """The weight with which an edge is drawn, over its length, per layer of its target; one curve if all are alike.

    Args:
        law: the spatial law.
        layers: layers of the edges' targets.
        reach: longest distance, in pixels.
    """
    import plotly.graph_objects as go

    distance = np.linspace(0, reach, 65)
    names = [f"layer {layer}" for layer in layers] if law.per_layer else ["every layer"]
    figure = go.Figure()
    for name, layer in zip(names, layers, strict=False):
        weight = np.exp(law.log_weight(distance, layer))  # 1 at distance 0
        figure.add_scatter(x=distance, y=weight, mode="lines", name=name, line={"color": layer_color(layer)})
    return figure.update_layout(
        PAGE,
        title=f"exp(−dist / ({law.base:g} + {law.per_layer:g} · layer))",
        xaxis={"title": "distance, pixels"},
        yaxis={"title": "weight of an edge", "range": [0, 1.02]},
        legend={"x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
        width=700,
        height=420,
    )
