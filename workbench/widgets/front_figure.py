"""The figure of the front view: its traces, from back to front, and its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import traitlets

from workbench.plots.baselines import Baseline
from workbench.plots.fronts import ALIVE, DEAD, FRONT, HOVER, Coloring, baseline_points
from workbench.plots.histories import HypervolumeInfo, hypervolume_traces

MAX_OTHERS = 4
"""Fronts of other runs shown at once."""

INK, GRID = "#808080", "rgba(128,128,128,0.22)"
"""Readable on a light and on a dark page."""

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,  # nothing leaves this machine
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}
"""Of plotly's tool bar."""

GROUPS: Mapping[str, dict[str, Any]] = {
    "dead": {"mode": "markers", "marker": {"size": 5, "opacity": 0.45, "color": DEAD}},
    "alive": {"mode": "markers", "marker": {"size": 8, "color": ALIVE}},
    "new": {"mode": "markers", "marker": {"size": 8, "color": "#56b4e9", "symbol": "square"}},
    "all-time front": {
        "mode": "lines+markers",
        "marker": {"size": 9, "color": FRONT, "symbol": "diamond"},
        "line": {"shape": "hv", "width": 2, "color": FRONT},
    },
}
"""What is drawn of the search itself, from back to front."""


class _Figure(go.FigureWidget):
    """A figure that has `CONFIG` from its first message on: a page that draws it at once would miss a later one."""

    @traitlets.default("_config")
    def _first_config(self) -> dict[str, Any]:
        return CONFIG

    @traitlets.validate("_config")
    def _only_config(self, proposal: traitlets.Bunch) -> dict[str, Any]:
        return {**proposal.value, **CONFIG}


def front_figure(baselines: Sequence[Baseline]) -> go.FigureWidget:
    """Empty traces: one for each of `GROUPS`, the baselines, `MAX_OTHERS` overlays, the selected one, curve, marks."""
    curve, marks = hypervolume_traces(HypervolumeInfo([], [], []))
    beside = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": "#cc79a7"}}
    return _Figure(
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
    line = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True}
    first = {"title": {"text": "FLOPs per image"}, "type": "log", "tickformat": "~s", "range": [2, 6]}
    hint = {"text": "No network is trained yet", "showarrow": False, "font": {"size": 15, "color": INK}}
    return {
        "height": 430,
        "autosize": True,
        "margin": {"l": 56, "r": 16, "t": 34, "b": 46},
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 12},
        "hovermode": "closest",
        "uirevision": "stays",
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "annotations": [{**hint, "xref": "x domain", "yref": "y domain", "x": 0.5, "y": 0.5}],
        "xaxis": {**first, "domain": [0, 0.61], **line},
        "yaxis": {"title": {"text": "validation accuracy"}, "tickformat": ".1~%", "range": [0, 1], **line},
        "xaxis2": {"title": {"text": "individuals trained"}, "domain": [0.73, 1], "range": [0, 100], **line},
        "yaxis2": {"title": {"text": "hypervolume", "standoff": 8}, "anchor": "x2", "range": [0, 1], **line},
    }
