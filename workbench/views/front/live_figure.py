"""The figure of the front view: its traces, from back to front, and its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from workbench.views.base.palette import ALIVE, DEAD, FRONT, INK, NEW, SELECTED
from workbench.views.front.baselines import Baseline
from workbench.views.front.figure import HOVER, Coloring, baseline_points
from workbench.views.front.hypervolume import HypervolumeInfo, hypervolume_traces

MAX_OTHERS = 4
"""Fronts of other runs shown at once."""

GROUPS: Mapping[str, dict[str, Any]] = {
    "dead": {"mode": "markers", "marker": {"size": 5, "opacity": 0.45, "color": DEAD}},
    "alive": {"mode": "markers", "marker": {"size": 8, "color": ALIVE}},
    "new": {"mode": "markers", "marker": {"size": 8, "color": NEW, "symbol": "square"}},
    "all-time front": {
        "mode": "lines+markers",
        "marker": {"size": 9, "color": FRONT, "symbol": "diamond"},
        "line": {"shape": "hv", "width": 2, "color": FRONT},
    },
}
"""What is drawn of the search itself, from back to front."""


def front_figure(baselines: Sequence[Baseline]) -> go.Figure:
    """Empty traces: one for each of `GROUPS`, the baselines, `MAX_OTHERS` overlays, the selected one, curve, marks."""
    curve, marks = hypervolume_traces(HypervolumeInfo([], [], []))
    beside = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}}
    return go.Figure(
        [
            *(go.Scatter(name=name, x=[], y=[], hovertemplate=HOVER, **style) for name, style in GROUPS.items()),
            go.Scatter(baseline_points(baselines), visible=False),
            *(go.Scatter(x=[], y=[], visible=False) for _ in range(MAX_OTHERS)),
            go.Scatter(name="selected", x=[], y=[], mode="markers", marker=ring, hoverinfo="skip"),
            go.Scatter(curve, **beside),
            go.Scatter(marks, **beside),
        ],
        layout=_layout(),
    )


def color_axis(coloring: Coloring) -> dict[str, Any]:
    """The colour axis between the two plots."""
    axis = coloring.axis()
    ink = {"color": INK, "size": 11}
    bar = {**axis["colorbar"], "x": 0.57, "tickfont": ink}
    bar["title"] = {**bar["title"], "font": ink}
    return {**axis, "colorbar": bar, "showscale": coloring.is_shown}


def _layout() -> dict[str, Any]:
    line = {"zeroline": False, "autorange": True}  # to the range that is given while there are no points
    first = {"title": {"text": "FLOPs per image"}, "type": "log", "tickformat": "~s", "range": [2, 6]}
    hint = {"text": "No network is trained yet", "showarrow": False, "font": {"size": 15}}
    return {
        "height": 430,
        "margin": {"l": 56, "r": 16, "t": 34, "b": 46},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "annotations": [{**hint, "xref": "x domain", "yref": "y domain", "x": 0.5, "y": 0.5}],
        "xaxis": {**first, "domain": [0, 0.61], **line},
        "yaxis": {"title": {"text": "validation accuracy"}, "tickformat": ".1~%", "range": [0, 1], **line},
        "xaxis2": {"title": {"text": "individuals trained"}, "domain": [0.73, 1], "range": [0, 100], **line},
        "yaxis2": {"title": {"text": "hypervolume", "standoff": 8}, "anchor": "x2", "range": [0, 1], **line},
    }
