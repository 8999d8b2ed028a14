"""The figure of a front; dashboard, notebooks and report draw the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.objectives import FLOPS, Objective
from workbench.views.base import palette
from workbench.views.base.figures import PAGE
from workbench.views.base.markup import figure_text
from workbench.views.front.data import (
    X_AXES,
    Baseline,
    Coloring,
    FrontInfo,
    Group,
    accuracy_range,
    baselines_for,
    cost_axis,
    front_group,
    front_info,
    x_axis_of,
)
from workbench.views.front.traces import (
    LAST_ARROWS,
    SELECTED_ARROWS,
    STYLES,
    Drawing,
    arrow_trace,
    baseline_trace,
    color_axis,
    group_trace,
    other_trace,
    x_axis,
    y_axis,
)
from workbench.views.individuals.data import COLUMNS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

MAX_OTHERS = 4
"""Fronts of other runs that the live figure shows at once."""


def front_figure(
    run: Run,
    *,
    x: str | None = None,
    y: str = "accuracy",
    color: str = "status",
    generation: int | None = None,
    baselines: bool | Sequence[Baseline] = False,
    others: Mapping[str, Run] | None = None,
    everything: bool = False,
) -> go.Figure:
    """Validation accuracy against cost: the all-time front, the population and the dead.

    The axis of accuracy shows the front and what lies not far below, unless `everything` is wanted. A line joins the
    front unless some members owe their place to another objective than what is shown; hovering shows them all.

    Args:
        run: the run.
        x: "flops" (log), "parameters" (log), "latency" (log; if the run predicts it) or "size", the count by which the
            space tells how large a network is; by default the first cost that the run ranks by, FLOPs if among them.
        y: "accuracy", or "error" (1 − accuracy) on a logarithmic axis; better is up in both.
        color: what colours tell: "status", "generation", "age", "mutation" or "size".
        generation: as it was at the end of this generation; None for now.
        baselines: whether to show the hand-made networks known for its data set; or those to show.
        others: fronts of other runs to lay over it, by name.
        everything: whether the axis of accuracy reaches down to the worst.

    Raises:
        ConfigError: if `x`, `y` or `color` is unknown, or `x` is a latency that the run does not predict.
        RunError: if there is no such finished generation.
    """
    shown = baselines_for(run.dataset.get("name", "")) if baselines is True else tuple(baselines or ())
    return draw_front(
        front_info(run, generation),
        x=x,
        y=y,
        color=color,
        baselines=shown,
        others={name: front_group(other) for name, other in (others or {}).items()},
        everything=everything,
    )


def draw_front(
    info: FrontInfo,
    *,
    x: str | None = None,
    y: str = "accuracy",
    color: str = "status",
    baselines: Sequence[Baseline] = (),
    others: Mapping[str, Group] | None = None,
    everything: bool = False,
) -> go.Figure:
    """The figure of a front that is known already; see `front_figure`."""
    import plotly.graph_objects as go

    drawing = Drawing(_x_axis(x, info), y, Coloring(color, tuple(info.kinds), info.generation, info.size_fact))
    ending = ", tested" if info.tested else ""
    traces = []
    for name, group in info.groups.items():
        traces.append({**group_trace(name, group, drawing), "name": f"{name}{ending} ({len(group)})"})
    for number, (name, group) in enumerate((others or {}).items()):
        traces.append(other_trace(group, f"{name}, validation" if info.tested else name, number, drawing))
    if baselines and drawing.x is FLOPS:
        traces.append(baseline_trace(baselines, drawing))
    else:
        baselines = ()
    figure = go.Figure([go.Scatter(trace) for trace in traces])
    seen = [*info.front.rows["val_accuracy"], *(one.accuracy for one in baselines)] if len(info.front) else []
    figure.update_layout(
        PAGE,
        title=figure_text(info.title),
        xaxis=x_axis(drawing, (value for trace in traces for value in trace["x"])),
        yaxis=y_axis(drawing, accuracy_range(seen, y, everything=everything), "" if info.tested else "validation "),
        height=560,
    )
    if drawing.coloring.is_shown:
        figure.update_layout(coloraxis=color_axis(drawing.coloring, [group.rows for group in info.groups.values()]))
    return figure


def _x_axis(name: str | None, info: FrontInfo) -> Objective:
    if name is None:
        return cost_axis(info.objectives)
    if name not in X_AXES:
        raise ConfigError(f"x expects one of {', '.join(X_AXES)}, got {name!r}")
    found = x_axis_of(name, info.size_fact)
    rows = [group.rows for group in info.groups.values() if len(group)]
    if rows and all(np.isnan(each[found.column]).all() for each in rows):
        raise ConfigError(f"this run knows no {found.label} of its networks; choose another x than {name!r}")
    return found


# ---------------------------------------------------------------------- the dashboard
LIVE: dict[str, Any] = {
    "height": 360,
    "margin": {"l": 52, "r": 10, "t": 26, "b": 38},
    "hovermode": "closest",
    "modebar": {"remove": ["toimage", "autoscale"]},  # there is a button for all
    "hoverlabel": {"font": {"size": 11}, "align": "left"},
    "legend": {
        **{"orientation": "h", "xref": "container", "x": 0, "yref": "container", "y": 1, "yanchor": "top"},
        **{"bgcolor": "rgba(0,0,0,0)", "font_size": 11},
    },
}
"""Layout of the front on the page, where space is short."""


def live_figure() -> go.Figure:
    """The front on the page, still empty: arrows, `STYLES`, baselines, `MAX_OTHERS`, arrows of the selected, ring."""
    import plotly.graph_objects as go

    drawing, none = Drawing(), Group(np.zeros(0, COLUMNS))
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": palette.SELECTED}}
    traces = [
        arrow_trace(none.rows, none.rows, drawing, **LAST_ARROWS),
        *(group_trace(name, none, drawing) for name in STYLES),
        {**baseline_trace((), drawing), "visible": False},
        *({"x": [], "y": [], "visible": False, "name": f"other {number}"} for number in range(MAX_OTHERS)),
        arrow_trace(none.rows, none.rows, drawing, **SELECTED_ARROWS),
        {
            "name": "selected",
            "x": [],
            "y": [],
            "mode": "markers",
            "marker": ring,
            "hoverinfo": "skip",
            "showlegend": False,
        },
    ]
    hint = {"text": "No network is trained yet", "showarrow": False, "font": {"size": 14}}
    hint |= {"xref": "x domain", "yref": "y domain", "x": 0.5, "y": 0.5}
    return go.Figure([go.Scatter(trace) for trace in traces], layout={**LIVE, "annotations": [hint]})


def live_layout(drawing: Drawing, values: Sequence[float], range: list[float] | None) -> dict[str, Any]:
    """Axes of the front on the page: `values` on the horizontal one, `range` of the vertical one."""
    across, up = x_axis(drawing, values), y_axis(drawing, range)
    for axis in (across, up):
        axis["title"] = {**axis["title"], "font": {"size": 11}, "standoff": 6}
        axis["zeroline"] = False
    if not len(values):  # a range while there is nothing
        empty = {"accuracy": [0, 1], "error": [0, -2]}[drawing.y]
        across |= {"range": [2, 6] if drawing.x.log else [0, 6], "autorange": False}
        up |= {"range": empty, "autorange": False}
    else:
        across |= {"autorange": True}
    return {"xaxis": across, "yaxis": up, "annotations": [{"visible": not len(values)}]}


def live_color_axis(coloring: Coloring, rows: Sequence[np.ndarray]) -> dict[str, Any]:
    """The colour axis of the front on the page, if there is one."""
    axis, ink = color_axis(coloring, rows), {"color": palette.INK, "size": 11}
    bar = {**axis["colorbar"], "tickfont": ink, "x": 1.0, "xpad": 4}
    bar["title"] = {**bar["title"], "font": ink}
    return {"coloraxis": {**axis, "colorbar": bar, "showscale": coloring.is_shown}}
