"""The figures of front and hypervolume; dashboard, notebooks and report draw the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.formats import in_words
from workbench.objectives import ACCURACY, FLOPS, LATENCY, PARAMETERS, TWO, Objective
from workbench.views.base import palette
from workbench.views.base.figures import PAGE, log_axis
from workbench.views.base.markup import figure_text
from workbench.views.front.data import (
    AGAINST,
    Baseline,
    Coloring,
    FrontInfo,
    HypervolumeInfo,
    baselines_for,
    cost_axis,
    front_info,
    hypervolume_info,
    hypervolume_spread,
    staircase,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

STYLES: Mapping[str, dict[str, Any]] = {
    "dead": {"mode": "markers", "marker": {"size": 5, "opacity": 0.45, "color": palette.DEAD}},
    "alive": {"mode": "markers", "marker": {"size": 8, "color": palette.ALIVE}},
    "new": {"mode": "markers", "marker": {"size": 8, "color": palette.NEW, "symbol": "square"}},
    "all-time front": {
        "mode": "lines+markers",
        "marker": {"size": 9, "color": palette.FRONT, "symbol": "diamond"},
        "line": {"shape": "hv", "width": 2, "color": palette.FRONT},
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
        kinds=run.space.mutation_kinds if color == "mutation" else (),
    )


def draw_front(
    info: FrontInfo,
    *,
    color: str = "status",
    baselines: Sequence[Baseline] = (),
    others: Mapping[str, pd.DataFrame] | None = None,
    kinds: Sequence[str] = (),
) -> go.Figure:
    """The figure of a front that is known already; see `front_figure`.

    `others` have the columns of `Run.front`; `kinds` are the mutations of the space, in whose order they have colours.
    """
    import plotly.graph_objects as go

    tables = [table for table in info.groups.values() if len(table)]
    newest = max((int(table["generation"].max()) for table in tables if "generation" in table), default=0)
    coloring = Coloring(color, tuple(kinds), newest)
    traces = []
    tested, cost = info.accuracy == "test_accuracy", cost_axis(info.objectives)
    for name, table in info.groups.items():
        trace = group_trace(name, list(table.itertuples(index=False)), coloring, info.objectives, info.accuracy)
        traces.append({**trace, "name": f"{name}{', tested' if tested else ''} ({len(table)})"})
    for number, (name, table) in enumerate((others or {}).items()):
        traces.append(other_trace(table, f"{name}, validation" if tested else name, number, cost))
    baselines = baselines if cost is FLOPS else ()
    if baselines:
        traces.append(baseline_trace(baselines))
    figure = go.Figure([go.Scatter(trace) for trace in traces])
    figure.update_layout(
        PAGE,
        title=figure_text(info.title),
        xaxis={"title": _axis_title(cost), **log_axis(value for trace in traces for value in trace["x"])},
        yaxis={
            "title": "accuracy" if tested else ACCURACY.label,
            "tickformat": ".1%",
            "range": _accuracy_range(info, baselines),
        },
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
    """The individuals (tuples with named fields) that are drawn in one of `STYLES`, as a trace."""
    coloring, style, cost = coloring or Coloring(), STYLES[name], cost_axis(objectives)
    known = (FLOPS, PARAMETERS, LATENCY) if LATENCY in objectives else (FLOPS, PARAMETERS)
    others = [one for one in known if one is not cost]
    heights = [getattr(point, accuracy) for point in points]
    colors = {"color": style["marker"]["color"], "coloraxis": None}
    if coloring.is_shown:
        colors = {"color": coloring.values(points), "coloraxis": "coloraxis"}
    outline = {"width": 0.8 if coloring.is_shown else 0, "color": palette.INK}  # the legend has nothing else to show
    trace = {
        **style,
        "name": name,
        "x": np.array([cost.of(point) for point in points], float),
        "y": np.array(heights, float),
        "customdata": np.array([_facts(point, others) for point in points], object),
        "marker": {**style["marker"], **colors, "line": outline},
        "hovertemplate": _hover("test accuracy" if accuracy == "test_accuracy" else ACCURACY.label, cost, others),
    }
    if "line" in style and not all(one < other for one, other in pairwise(heights)):
        trace["mode"] = "markers"  # with more objectives a front may be no line
    return trace


def _facts(point: Any, others: Sequence[Objective]) -> list[Any]:
    """What hovering tells besides the axes."""
    mutation = getattr(point, "mutation", None)
    facts = [point.id, getattr(point, "generation", 0), mutation if isinstance(mutation, str) else "initial"]
    return facts + [getattr(point, one.column, None) for one in others]


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
    front, color, name = staircase(front.sort_values(cost.column)), palette.group_color(number + 1), figure_text(name)
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
        "marker": {"symbol": "star", "size": 11, "color": palette.PINK},
        "customdata": [[one.recipe] for one in baselines],
        "hovertemplate": "<b>%{text}</b><br>%{y:.2%} test accuracy, %{x:,} FLOPs<br>%{customdata[0]}<extra></extra>",
    }


def color_axis(coloring: Coloring) -> dict[str, Any]:
    """The colour axis of a front figure."""
    bar = {"thickness": 10, "len": 0.6, "y": 0.5, "title": {"text": coloring.by, "side": "top"}, "outlinewidth": 0}
    if coloring.by != "mutation":
        scale = {"colorscale": "Cividis", "reversescale": coloring.by == "age", "cmin": 0}
        return {**scale, "cmax": max(1, coloring.generation), "colorbar": {**bar, "tickmode": "auto"}}
    names = ["initial", *map(in_words, coloring.kinds)]
    colors = [palette.CATEGORIES[number % len(palette.CATEGORIES)] for number in range(len(names))]
    steps = [[(number + end) / len(names), color] for number, color in enumerate(colors) for end in (0, 1)]
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    return {"colorscale": steps, "cmin": -0.5, "cmax": len(names) - 0.5, "colorbar": {**bar, **ticks}}


# ---------------------------------------------------------------------- hypervolume
def hypervolume_figure(run: Run) -> go.Figure:
    """Hypervolume over the individuals trained, live changes marked."""
    title = figure_text(f"{run.dataset.get('name', '')}: hypervolume of the front")
    return _hypervolume_page(hypervolume_traces(hypervolume_info(run)), "individuals trained").update_layout(
        title=title
    )


def hypervolume_spread_figure(groups: Mapping[str, Sequence[Run]], against: str = "generation") -> go.Figure:
    """Hypervolume of groups of runs: thin per run; thick the median of each group, and the band of all its runs."""
    traces: list[dict[str, Any]] = []
    for number, (name, runs) in enumerate(groups.items()):
        spread = hypervolume_spread(runs, against)
        if spread is not None:
            traces += _spread_traces(name, *spread, palette.group_color(number))
    return _hypervolume_page(traces, AGAINST[against]).update_layout(width=None, showlegend=True)


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


# ---------------------------------------------------------------------- the dashboard
def live_figure(baselines: Sequence[Baseline], objectives: Sequence[Objective] = TWO) -> go.Figure:
    """Front and hypervolume side by side, still empty: `STYLES`, baselines, `MAX_OTHERS`, ring, curve, marks."""
    import plotly.graph_objects as go

    beside = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": palette.SELECTED}}
    traces = [
        *(group_trace(name, [], objectives=objectives) for name in STYLES),
        {**baseline_trace(baselines), "visible": False},
        *({"x": [], "y": [], "visible": False} for _ in range(MAX_OTHERS)),
        {"name": "selected", "x": [], "y": [], "mode": "markers", "marker": ring, "hoverinfo": "skip"},
        *({**trace, **beside} for trace in hypervolume_traces(HypervolumeInfo())),
    ]
    line = {"zeroline": False, "autorange": True}  # to the range that is given while there are no points
    first = {"title": {"text": cost_axis(objectives).label}, "type": "log", "tickformat": "~s", "range": [2, 6]}
    hint = {"text": "No network is trained yet", "showarrow": False, "font": {"size": 15}}
    layout = {
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
    return go.Figure([go.Scatter(trace) for trace in traces], layout=layout)


def live_color_axis(coloring: Coloring) -> dict[str, Any]:
    """Layout of the live figure with the colour axis between its two plots, if there is one."""
    axis, ink = color_axis(coloring), {"color": palette.INK, "size": 11}
    bar = {**axis["colorbar"], "x": 0.57, "tickfont": ink}
    bar["title"] = {**bar["title"], "font": ink}
    first, second = ([0, 0.56], [0.83, 1]) if coloring.is_shown else ([0, 0.61], [0.73, 1])
    axis = {**axis, "colorbar": bar, "showscale": coloring.is_shown}
    return {"coloraxis": axis, "xaxis_domain": first, "xaxis2_domain": second}
