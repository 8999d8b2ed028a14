"""The figure of the front; dashboard, notebooks and report draw the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.objectives import ACCURACY, FLOPS, LATENCY, PARAMETERS, TWO, Objective
from workbench.views.base.figures import PAGE, log_axis
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import (
    ALIVE,
    CATEGORIES,
    DEAD,
    FRONT,
    INK,
    NEW,
    PINK,
    SELECTED,
    group_color,
)
from workbench.views.front.data import (
    Baseline,
    Coloring,
    FrontInfo,
    HypervolumeInfo,
    baselines_for,
    cost_axis,
    front_info,
    staircase,
)
from workbench.views.front.hypervolume import hypervolume_traces

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

    A run that does not rank by FLOPs is drawn against its own cost. The axis of accuracy shows the front and what lies
    not far below; zoom out for the rest. A line joins the front unless some members owe their place to a further
    objective; hovering shows them all.

    Args:
        run: the run.
        color: what colours tell: "status", "generation", "age" or "mutation".
        baselines: whether to show the hand-made networks known for its data set; or those to show.
        others: fronts of other runs to lay over it, by name.

    Raises:
        ConfigError: if `color` is unknown.
    """
    shown = baselines_for(run.dataset.get("name", "")) if baselines is True else tuple(baselines or ())
    return draw_front(
        front_info(run),
        color=color,
        baselines=shown,
        others={name: other.front() for name, other in (others or {}).items()},
    )


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
    tested, cost = info.accuracy == "test_accuracy", cost_axis(info.objectives)
    for name, table in info.groups.items():
        points = list(table.itertuples(index=False))
        trace = group_trace(name, points, coloring, info.objectives, info.accuracy)
        label = f"{name}{', tested' if tested else ''} ({len(table)})"
        figure.add_trace(go.Scatter({**trace, "name": label}))
    for number, (name, table) in enumerate((others or {}).items()):
        label = f"{name}, validation" if tested else name
        figure.add_trace(go.Scatter(other_trace(table, label, number, cost)))
    if cost is not FLOPS:
        baselines = ()
    if baselines:
        figure.add_trace(go.Scatter(baseline_trace(baselines)))
    costs = [float(value) for trace in figure.data for value in trace.x]
    label = "accuracy" if tested else ACCURACY.label
    figure.update_layout(
        PAGE,
        title=figure_text(info.title),
        xaxis={"title": _axis_title(cost), **log_axis(costs)},
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
    name: str,
    points: Sequence[Any],
    coloring: Coloring | None = None,
    objectives: Sequence[Objective] = TWO,
    accuracy: str = ACCURACY.column,
) -> dict[str, Any]:
    """Individuals that are drawn alike, as a trace.

    Args:
        name: one of `STYLES`.
        points: individuals with `id`, `generation`, `mutation` and the columns of the objectives.
        coloring: what colours tell; their status if None.
        objectives: of the run.
        accuracy: attribute of the vertical axis.
    """
    coloring, style, cost = coloring or Coloring(), STYLES[name], cost_axis(objectives)
    others = [one for one in (FLOPS, PARAMETERS, LATENCY) if one is not cost]
    others = others if LATENCY in objectives else [one for one in others if one is not LATENCY]
    heights = [getattr(point, accuracy) for point in points]
    colors = {"color": style["marker"]["color"], "coloraxis": None}
    if coloring.is_shown:
        colors = {"color": coloring.values(points), "coloraxis": "coloraxis"}
    outline = {"width": 0.8 if coloring.is_shown else 0, "color": INK}  # the legend has nothing else to show
    trace = {
        **style,
        "name": name,
        "x": np.array([cost.of(point) for point in points], float),
        "y": np.array(heights, float),
        "customdata": _told(points, others),
        "marker": {**style["marker"], **colors, "line": outline},
        "hovertemplate": _hover("test accuracy" if accuracy == "test_accuracy" else ACCURACY.label, cost, others),
    }
    if "line" in style and not all(one < other for one, other in pairwise(heights)):
        trace["mode"] = "markers"  # with more objectives a front may be no line
    return trace


def _told(points: Sequence[Any], others: Sequence[Objective]) -> np.ndarray:
    """What hovering tells besides the axes: [points, 3 + others]."""
    told = np.empty((len(points), 3 + len(others)), object)
    for row, point in enumerate(points):
        mutation = getattr(point, "mutation", None)
        facts = [point.id, getattr(point, "generation", 0), mutation if isinstance(mutation, str) else "initial"]
        told[row] = [*facts, *(getattr(point, one.column, None) for one in others)]
    return told


def _hover(accuracy: str, cost: Objective, others: Sequence[Objective]) -> str:
    costs = [f"%{{x:{cost.format}}} {_measure(cost)}"]
    costs += [f"%{{customdata[{place}]:{one.format}}} {_measure(one)}" for place, one in enumerate(others, 3)]
    return (
        "<b>individual %{customdata[0]}</b>, generation %{customdata[1]}, %{customdata[2]}<br>"
        f"%{{y:.2%}} {accuracy}<br>{', '.join(costs)}<extra></extra>"
    )


def _measure(cost: Objective) -> str:
    """What a value of a cost is followed by: "FLOPs", "µs predicted latency"."""
    return cost.unit if cost.label.startswith(cost.unit) else f"{cost.unit} {cost.label}"


def _axis_title(cost: Objective) -> str:
    if cost is FLOPS:
        return f"{cost.label} (2 per edge)"
    return cost.label if cost.label == cost.unit else f"{cost.label}, {cost.unit}"


def other_trace(front: pd.DataFrame, name: str, number: int, cost: Objective = FLOPS) -> dict[str, Any]:
    """The front of another run as a trace.

    Raises:
        ConfigError: if that run does not know its members' cost.
    """
    if cost.column not in front:
        raise ConfigError(f"{name} has no {cost.label}, so its front cannot be drawn here")
    front, color, name = staircase(front.sort_values(cost.column)), group_color(number + 1), figure_text(name)
    return {
        "x": front[cost.column].astype(float),
        "y": front[ACCURACY.column],
        "name": name,
        "mode": "lines+markers",
        "line": {"shape": "hv", "width": 1.5, "color": color, "dash": "dot"},
        "marker": {"size": 5, "color": color},
        "customdata": front["id"],
        "hovertemplate": f"{name}, individual %{{customdata}}<br>%{{y:.2%}}, %{{x:{cost.format}}} {_measure(cost)}"
        "<extra></extra>",
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


# ---------------------------------------------------------------------- the dashboard
def live_figure(baselines: Sequence[Baseline], objectives: Sequence[Objective] = TWO) -> go.Figure:
    """Front and hypervolume side by side, still empty: `STYLES`, baselines, `MAX_OTHERS`, ring, curve, marks."""
    import plotly.graph_objects as go

    beside = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}}
    traces = [
        *(group_trace(name, [], objectives=objectives) for name in STYLES),
        {**baseline_trace(baselines), "visible": False},
        *({"x": [], "y": [], "visible": False} for _ in range(MAX_OTHERS)),
        {"name": "selected", "x": [], "y": [], "mode": "markers", "marker": ring, "hoverinfo": "skip"},
        *({**trace, **beside} for trace in hypervolume_traces(HypervolumeInfo())),
    ]
    return go.Figure([go.Scatter(trace) for trace in traces], layout=_live_layout(cost_axis(objectives)))


def live_color_axis(coloring: Coloring) -> dict[str, Any]:
    """Layout of the live figure with the colour axis between its two plots, if there is one."""
    axis, ink = color_axis(coloring), {"color": INK, "size": 11}
    bar = {**axis["colorbar"], "x": 0.57, "tickfont": ink}
    bar["title"] = {**bar["title"], "font": ink}
    first, second = ([0, 0.56], [0.83, 1]) if coloring.is_shown else ([0, 0.61], [0.73, 1])
    axis = {**axis, "colorbar": bar, "showscale": coloring.is_shown}
    return {"coloraxis": axis, "xaxis_domain": first, "xaxis2_domain": second}


def _live_layout(cost: Objective) -> dict[str, Any]:
    line = {"zeroline": False, "autorange": True}  # to the range that is given while there are no points
    first = {"title": {"text": cost.label}, "type": "log", "tickformat": "~s", "range": [2, 6]}
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
