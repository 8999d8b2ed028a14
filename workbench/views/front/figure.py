"""The figures of the front and of the hypervolume; dashboard, notebooks and report draw the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base.figures import PAGE, log_axis
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import (
    ALIVE,
    BLUE,
    CATEGORIES,
    DEAD,
    FRONT,
    INK,
    NEW,
    PINK,
    SELECTED,
    VERMILLION,
    group_color,
)
from workbench.views.front.data import (
    AGAINST,
    Baseline,
    Coloring,
    FrontInfo,
    HypervolumeInfo,
    HypervolumeSpread,
    baselines_for,
    front_info,
    front_tables,
    hypervolume_info,
    hypervolume_spread,
    staircase,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

STYLES: Mapping[str, dict[str, Any]] = {
    "dead": {"mode": "markers", "marker": {"size": 5, "opacity": 0.45, "color": DEAD}},
    "alive": {"mode": "markers", "marker": {"size": 8, "color": ALIVE}},
    "new": {"mode": "markers", "marker": {"size": 8, "color": NEW, "symbol": "square"}},
    "all-time front": {
        "mode": "lines+markers",
        "marker": {"size": 9, "color": FRONT, "symbol": "diamond"},
        "line": {"shape": "hv", "width": 2, "color": FRONT},
    },
}
"""How the individuals of a run are drawn, from back to front; "new" ones only while it runs."""

HOVER = (
    "<b>individual %{customdata[0]}</b>, generation %{customdata[1]}, %{customdata[2]}<br>"
    "%{y:.2%} validation accuracy<br>%{x:,} FLOPs, %{customdata[3]:,} parameters<extra></extra>"
)

LATENCY_HOVER = "<br>%{customdata[4]:,.1f} µs predicted"
"""Told besides, in a run with a latency model."""

MAX_OTHERS = 4
"""Fronts of other runs that the live figure shows at once."""


def front_figure(
    run: Run,
    *,
    color: str = "status",
    baselines: bool | Sequence[Baseline] = False,
    others: Mapping[str, Run] | None = None,
) -> go.Figure:
    """Validation accuracy against FLOPs (log axis): the all-time front, the population and the dead.

    The axis of accuracy shows the front and what lies not far below; zoom out for the rest.
    A line joins the front unless there are more objectives and some members owe their place to them.

    Args:
        run: the run.
        color: what colours tell: "status", "generation", "age" or "mutation".
        baselines: whether to show the hand-made networks known for its data set; or those to show.
        others: fronts of other runs to lay over it, by name.

    Raises:
        ConfigError: if `color` is unknown.
    """
    shown = baselines_for(run.dataset.get("name", "")) if baselines is True else tuple(baselines or ())
    return draw_front(front_info(run), color=color, baselines=shown, others=front_tables(others or {}))


def draw_front(
    info: FrontInfo,
    *,
    color: str = "status",
    baselines: Sequence[Baseline] = (),
    others: Mapping[str, pd.DataFrame] | None = None,
) -> go.Figure:
    """The figure of a front that is known already; see `front_figure`.

    Args:
        info: what to show.
        color: what colours tell.
        baselines: hand-made networks.
        others: fronts of other runs by name, with the columns of `Run.front`.
    """
    import plotly.graph_objects as go

    tables = [table for table in info.groups.values() if len(table)]
    kinds = sorted({kind for table in tables if "mutation" in table for kind in table["mutation"].dropna()})
    newest = max((int(table["generation"].max()) for table in tables if "generation" in table), default=0)
    coloring = Coloring(color, tuple(kinds), newest)
    figure = go.Figure()
    tested = info.accuracy == "test_accuracy"
    for name, table in info.groups.items():
        trace = group_trace(name, list(table.itertuples(index=False)), coloring, accuracy=info.accuracy)
        label = f"{name}{', tested' if tested else ''} ({len(table)})"
        figure.add_trace(go.Scatter({**trace, "name": label}))
    for number, (name, table) in enumerate((others or {}).items()):
        figure.add_trace(go.Scatter(other_trace(table, f"{name}, validation" if tested else name, number)))
    if baselines:
        figure.add_trace(go.Scatter(baseline_trace(baselines)))
    flops = [float(value) for trace in figure.data for value in trace.x]
    label = "accuracy" if tested else "validation accuracy"
    figure.update_layout(
        PAGE,
        title=figure_text(info.title),
        xaxis={"title": "FLOPs per image (2 per edge)", **log_axis(flops)},
        yaxis={"title": label, "tickformat": ".1%", "range": _accuracy_range(info, baselines)},
        height=560,
    )
    if coloring.is_shown:
        figure.update_layout(coloraxis=color_axis(coloring))
    return figure


def _accuracy_range(info: FrontInfo, baselines: Sequence[Baseline]) -> list[float] | None:
    """What the front and the baselines span, and half of that below; None without a front."""
    shown = [*info.front[info.accuracy].dropna(), *(one.accuracy for one in baselines)]
    if len(info.front) == 0 or not shown:
        return None
    span = max(max(shown) - min(shown), 0.02)
    return [min(shown) - span / 2, min(max(shown) + span / 8, 1.0 + span / 20)]


# ---------------------------------------------------------------------- traces
def group_trace(
    name: str, points: Sequence[Any], coloring: Coloring | None = None, accuracy: str = "val_accuracy"
) -> dict[str, Any]:
    """Individuals that are drawn alike, as a trace.

    Args:
        name: one of `STYLES`.
        points: individuals with `id`, `generation`, `mutation`, `flops`, an accuracy, `parameters`, maybe `latency_us`.
        coloring: what colours tell; their status if None.
        accuracy: attribute of the vertical axis.
    """
    coloring = coloring or Coloring()
    style, has_latency = STYLES[name], bool(points) and hasattr(points[0], "latency_us")
    told = np.empty((len(points), 5 if has_latency else 4), object)
    for row, point in enumerate(points):
        mutation = getattr(point, "mutation", None)
        facts = [point.id, getattr(point, "generation", 0), mutation if isinstance(mutation, str) else "initial"]
        told[row] = [*facts, getattr(point, "parameters", 0), *([point.latency_us] if has_latency else [])]
    heights = [getattr(point, accuracy) for point in points]
    colors = {"color": style["marker"]["color"], "coloraxis": None}
    if coloring.is_shown:
        colors = {"color": coloring.values(points), "coloraxis": "coloraxis"}
    outline = {"width": 0.8 if coloring.is_shown else 0, "color": INK}  # the legend has nothing else to show
    trace = {
        **style,
        "name": name,
        "x": np.array([point.flops for point in points], float),
        "y": np.array(heights, float),
        "customdata": told,
        "marker": {**style["marker"], **colors, "line": outline},
        "hovertemplate": HOVER.replace("<extra>", f"{LATENCY_HOVER}<extra>") if has_latency else HOVER,
    }
    if "line" in style and not all(one < other for one, other in pairwise(heights)):
        trace["mode"] = "markers"  # with more objectives a front may be no line
    return trace


def other_trace(front: pd.DataFrame, name: str, number: int) -> dict[str, Any]:
    """The front of another run as a trace."""
    front, color, name = staircase(front), group_color(number + 1), figure_text(name)
    return {
        "x": front["flops"].astype(float),
        "y": front["val_accuracy"],
        "name": name,
        "mode": "lines+markers",
        "line": {"shape": "hv", "width": 1.5, "color": color, "dash": "dot"},
        "marker": {"size": 5, "color": color},
        "customdata": front["id"],
        "hovertemplate": f"{name}, individual %{{customdata}}<br>%{{y:.2%}}, %{{x:,}} FLOPs<extra></extra>",
    }


def baseline_trace(baselines: Sequence[Baseline]) -> dict[str, Any]:
    """Hand-made networks as a trace."""
    return {
        "x": [one.flops for one in baselines],
        "y": [one.accuracy for one in baselines],
        "name": "hand-made",
        "mode": "markers+text",
        "text": [one.name for one in baselines],
        "textposition": "bottom center",
        "textfont": {"size": 10},
        "marker": {"symbol": "star", "size": 11, "color": PINK},
        "customdata": [[one.recipe] for one in baselines],
        "hovertemplate": "<b>%{text}</b><br>%{y:.2%} test accuracy, %{x:,} FLOPs<br>%{customdata[0]}<extra></extra>",
    }


def color_axis(coloring: Coloring) -> dict[str, Any]:
    """The colour axis of a front figure."""
    bar = {"thickness": 10, "len": 0.6, "y": 0.5, "title": {"text": coloring.by, "side": "top"}, "outlinewidth": 0}
    if coloring.by != "mutation":
        scale = {"colorscale": "Cividis", "reversescale": coloring.by == "age", "cmin": 0}
        return {**scale, "cmax": max(1, coloring.generation), "colorbar": {**bar, "tickmode": "auto"}}
    names = ["initial", *(kind.replace("_", " ") for kind in coloring.kinds)]
    steps = [
        [(number + edge) / len(names), CATEGORIES[number % len(CATEGORIES)]]
        for number in range(len(names))
        for edge in (0, 1)
    ]
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    return {"colorscale": steps, "cmin": -0.5, "cmax": len(names) - 0.5, "colorbar": {**bar, **ticks}}


# ---------------------------------------------------------------------- hypervolume
def hypervolume_figure(run: Run) -> go.Figure:
    """Hypervolume over the individuals trained, live changes marked."""
    figure = _hypervolume_page(hypervolume_traces(hypervolume_info(run)), "individuals trained")
    title = figure_text(f"{run.dataset.get('name', '')}: hypervolume of the front")
    return figure.update_layout(title=title)


def hypervolume_spread_figure(groups: Mapping[str, Sequence[Run]], against: str = "generation") -> go.Figure:
    """Hypervolume of groups of runs: thin per run; thick the median of each group, and the band of all its runs.

    Args:
        groups: runs by name of their group.
        against: one of `AGAINST`.
    """
    traces: list[dict[str, Any]] = []
    for number, (name, runs) in enumerate(groups.items()):
        spread = hypervolume_spread(runs, against)
        if spread is not None:
            traces += _spread_traces(name, spread, group_color(number))
    return _hypervolume_page(traces, AGAINST[against]).update_layout(width=None, showlegend=True)


def _hypervolume_page(traces: Iterable[Mapping[str, Any]], spent: str) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure([go.Scatter(trace) for trace in traces])
    axes = {"xaxis": {"title": spent, "rangemode": "tozero"}, "yaxis": {"title": "hypervolume of the all-time front"}}
    return figure.update_layout(PAGE, height=420, **axes)


def hypervolume_traces(info: HypervolumeInfo) -> tuple[dict[str, Any], dict[str, Any]]:
    """The curve of one run, and the marks of its live changes."""
    curve = {
        "x": np.asarray(info.individuals),
        "y": np.asarray(info.hypervolume),
        "name": "hypervolume",
        "mode": "lines+markers",
        "line": {"color": BLUE, "width": 2},
        "marker": {"size": 4},
        "hovertemplate": "%{y:.4f} after %{x} individuals<extra></extra>",
    }
    marks = {
        "x": np.asarray([change.from_child for change in info.changes]),
        "y": info.heights(),
        "name": "live change",
        "mode": "markers",
        "marker": {"symbol": "triangle-down", "size": 11, "color": VERMILLION},
        "text": ["<br>".join(map(figure_text, change.lines[:8])) for change in info.changes],
        "hovertemplate": "<b>from child %{x}</b><br>%{text}<extra></extra>",
    }
    return curve, marks


def _spread_traces(name: str, spread: HypervolumeSpread, color: str) -> Iterator[dict[str, Any]]:
    runs, silent = len(spread.values), {"hoverinfo": "skip", "showlegend": False}
    if runs > 1:
        band = np.concatenate([spread.values.max(axis=0), spread.values.min(axis=0)[::-1]])
        around = np.concatenate([spread.at, spread.at[::-1]])
        yield {"x": around, "y": band, "fill": "toself", "fillcolor": color, "opacity": 0.18, "mode": "none", **silent}
        for values in spread.values:
            yield {"x": spread.at, "y": values, "mode": "lines", "line": {"width": 0.8, "color": color}, **silent}
    yield {
        "x": spread.at,
        "y": np.median(spread.values, axis=0),
        "name": figure_text(f"{name}: median of {runs} runs" if runs > 1 else name),
        "mode": "lines",
        "line": {"width": 2.5, "color": color},
        "hovertemplate": "%{y:.4f} at %{x:,.4g}<extra></extra>",
    }


# ---------------------------------------------------------------------- the dashboard
def live_figure(baselines: Sequence[Baseline]) -> go.Figure:
    """Front and hypervolume side by side, still empty: `STYLES`, baselines, `MAX_OTHERS`, ring, curve, marks."""
    import plotly.graph_objects as go

    beside = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}}
    traces = [
        *(group_trace(name, []) for name in STYLES),
        {**baseline_trace(baselines), "visible": False},
        *({"x": [], "y": [], "visible": False} for _ in range(MAX_OTHERS)),
        {"name": "selected", "x": [], "y": [], "mode": "markers", "marker": ring, "hoverinfo": "skip"},
        *({**trace, **beside} for trace in hypervolume_traces(HypervolumeInfo())),
    ]
    return go.Figure([go.Scatter(trace) for trace in traces], layout=_live_layout())


def live_color_axis(coloring: Coloring) -> dict[str, Any]:
    """Layout of the live figure with the colour axis between its two plots, if there is one."""
    axis, ink = color_axis(coloring), {"color": INK, "size": 11}
    bar = {**axis["colorbar"], "x": 0.57, "tickfont": ink}
    bar["title"] = {**bar["title"], "font": ink}
    first, second = ([0, 0.56], [0.83, 1]) if coloring.is_shown else ([0, 0.61], [0.73, 1])
    axis = {**axis, "colorbar": bar, "showscale": coloring.is_shown}
    return {"coloraxis": axis, "xaxis_domain": first, "xaxis2_domain": second}


def _live_layout() -> dict[str, Any]:
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
