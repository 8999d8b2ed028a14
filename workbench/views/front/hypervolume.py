"""The figures of the hypervolume; notebooks and report draw the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base import palette
from workbench.views.base.figures import PAGE
from workbench.views.base.markup import figure_text
from workbench.views.front.data import HypervolumeInfo, hypervolume_info, hypervolume_spread

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run


def hypervolume_figure(run: Run) -> go.Figure:
    """Hypervolume over the individuals trained, live changes marked."""
    title = figure_text(f"{run.dataset.get('name', '')}: hypervolume of the front")
    return _hypervolume_page(hypervolume_traces(hypervolume_info(run)), "individuals trained").update_layout(
        title=title
    )


def hypervolume_spread_figure(groups: Mapping[str, Sequence[Run]]) -> go.Figure:
    """Hypervolume of groups of runs by generation: thin per run, thick the median, and the band of all of a group."""
    traces: list[dict[str, Any]] = []
    for number, (name, runs) in enumerate(groups.items()):
        spread = hypervolume_spread(runs)
        if spread is not None:
            traces += _spread_traces(name, *spread, palette.group_color(number))
    return _hypervolume_page(traces, "generation").update_layout(width=None, showlegend=True)


def _hypervolume_page(traces: Iterable[Mapping[str, Any]], spent: str) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure([go.Scatter(trace) for trace in traces])
    axes = {"xaxis": {"title": spent, "rangemode": "tozero"}, "yaxis": {"title": "hypervolume of the all-time front"}}
    return figure.update_layout(PAGE, height=420, **axes)


def hypervolume_traces(info: HypervolumeInfo) -> tuple[dict[str, Any], dict[str, Any]]:
    """The curve of one run, and the marks of its live changes."""
    at = np.array([change.from_child for change in info.changes])
    curve = {
        "x": np.asarray(info.individuals),
        "y": np.asarray(info.hypervolume),
        "name": "hypervolume",
        "mode": "lines+markers",
        "line": {"color": palette.BLUE, "width": 2},
        "marker": {"size": 4},
        "hovertemplate": "%{y:.4f} after %{x} individuals<extra></extra>",
    }
    marks = {
        "x": at,
        "y": np.interp(at, info.individuals, info.hypervolume) if len(info.individuals) else np.zeros(len(at)),
        "name": "live change",
        "mode": "markers",
        "marker": {"symbol": "triangle-down", "size": 11, "color": palette.VERMILLION},
        "text": ["<br>".join(map(figure_text, change.lines[:8])) for change in info.changes],
        "hovertemplate": "<b>from child %{x}</b><br>%{text}<extra></extra>",
    }
    return curve, marks


def _spread_traces(name: str, at: np.ndarray, values: np.ndarray, color: str) -> Iterator[dict[str, Any]]:
    runs, silent = len(values), {"hoverinfo": "skip", "showlegend": False}
    if runs > 1:
        band = np.concatenate([values.max(axis=0), values.min(axis=0)[::-1]])
        around = np.concatenate([at, at[::-1]])
        yield {"x": around, "y": band, "fill": "toself", "fillcolor": color, "opacity": 0.18, "mode": "none", **silent}
        for one in values:
            yield {"x": at, "y": one, "mode": "lines", "line": {"width": 0.8, "color": color}, **silent}
    yield {
        "x": at,
        "y": np.median(values, axis=0),
        "name": figure_text(f"{name}: median of {runs} runs" if runs > 1 else name),
        "mode": "lines",
        "line": {"width": 2.5, "color": color},
        "hovertemplate": "%{y:.4f} at %{x:,.4g}<extra></extra>",
    }
