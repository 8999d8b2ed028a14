"""Several runs in one figure: what they attain, and their hypervolume, at equal training and time; and as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from plotly.subplots import make_subplots

from workbench.errors import ConfigError
from workbench.views.base.figures import log_axis
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import INK, group_color
from workbench.views.compare.curves import COSTS, Curve
from workbench.views.compare.data import Attainment, Comparison, RankTest, comparison, setting_name

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

LEVEL_NAMES = 4
"""Groups whose names have room side by side; those of more are slanted."""
BAND = 0.18
"""Opacity of the band between what all runs of a group attain and what the best attains."""


def comparison_figure(
    runs: Mapping[str, Run] | Comparison, groups: Mapping[str, Sequence[str]] | None = None, cost: str | None = None
) -> go.Figure:
    """Runs of one data set compared: a row where all have had the same training, one where all have had the same time.

    Left: the front that each run had by then (thin), and of each group the median attainment (thick) within the band
    from what all its runs attain to what the best attains. Middle: hypervolume against the cost, thin per run, thick
    the median. Right: hypervolume of every run where all have spent the same (the dotted line), by whole generations,
    and before the first is finished of the networks until then.

    Args:
        runs: by name, or a comparison that is known already.
        groups: as of `comparison`, whose errors this raises, too.
        cost: one of `COSTS`, for a further row.
    """
    found = runs if isinstance(runs, Comparison) else comparison(runs, groups)
    costs = shown_costs(found, cost)
    titles = [title for each in costs for title in _titles(found, each)]
    widths = {"column_widths": [0.42, 0.34, 0.24], "horizontal_spacing": 0.075}
    figure = make_subplots(len(costs), 3, subplot_titles=titles, vertical_spacing=0.3 / len(costs), **widths)
    for row, each in enumerate(costs, 1):
        _draw_row(figure, found, each, row)
    figure.update_layout(
        template="plotly_white",
        width=1240,
        height=60 + 400 * len(costs),
        legend={"orientation": "h", "y": -0.2 / len(costs), "yanchor": "top"},
        margin={"t": 50, "b": 100},
    )
    figure.update_annotations(font_size=13)
    return figure


def shown_costs(found: Comparison, cost: str | None = None) -> tuple[str, ...]:
    """Training and time, never one without the other, and a further cost if one is asked for."""
    if cost is not None and cost not in found.budget:
        raise ConfigError(f"cost expects one of {', '.join(found.budget)}, got {cost!r}")
    return tuple(dict.fromkeys((*found.both, *([] if cost is None else [cost]))))


def _titles(found: Comparison, cost: str) -> tuple[str, str, str]:
    spent = amount(found.budget[cost], cost)
    known = all(curve.tried is not None for curve in found.curves)
    return f"validation accuracy {f'at {spent}' if known else 'in the end'}", "hypervolume", f"hypervolume at {spent}"


def _draw_row(figure: go.Figure, found: Comparison, cost: str, row: int) -> None:
    """Draw what runs reach at equal `cost` into a row of the figure."""
    then = found.at(cost)
    for number, (group, curves) in enumerate(then.groups.items()):
        color = group_color(number)
        panels = (
            (*_attained(then.attainment[group], group, color, legend=row == 1), *_fronts(curves, color)),
            _volumes(curves, group, cost, color),
            (_spread(curves, cost, found.budget[cost], number, color),),
        )
        for column, traces in enumerate(panels, 1):
            for trace in traces:
                figure.add_trace({"legendgroup": group, "showlegend": False, **trace}, row, column)
    figure.add_vline(x=found.budget[cost], line={"dash": "dot", "width": 1.5, "color": INK}, row=row, col=2)
    flops = np.concatenate([attained.flops for attained in then.attainment.values()])
    figure.update_xaxes(log_axis(flops), title_text="FLOPs per image", row=row, col=1)
    figure.update_yaxes(tickformat=".1~%", row=row, col=1)
    ticks = {"nticks": 6, "tickformat": "~s" if cost == "training" else ",~g"}
    figure.update_xaxes(title_text=COSTS[cost], **ticks, **_costs_range(found, cost), row=row, col=2)
    figure.update_yaxes(rangemode="nonnegative", row=row, col=3)
    places = list(range(len(found.groups)))
    names = [_wrapped(name) for name in found.groups]
    ends = [-0.6, len(names) - 0.4]
    angle = 0 if len(names) <= LEVEL_NAMES else -40
    figure.update_xaxes(tickvals=places, ticktext=names, tickangle=angle, range=ends, showgrid=False, row=row, col=3)


def amount(spent: float, cost: str) -> str:
    """What was spent, in words: "2.4 min", "660 individuals"."""
    if cost == "training":
        return f"{spent:.3g} epochs × FLOPs".replace("e+0", "e").replace("e+", "e")
    seconds = dict.fromkeys(("process", "processor"), "processor seconds")
    units = {"minutes": "min", "seconds": "s over workers", **seconds}
    return f"{spent:.3g} {units[cost]}" if cost in units else f"{spent:,.0f} {cost}"


def _wrapped(name: str) -> str:
    """The name of a group in short lines, safe in a figure."""
    lines = textwrap.wrap(name, 13, max_lines=3, placeholder=" …")
    return "<br>".join(figure_text(line) for line in lines)


def _line(x: Any, y: Any, name: str, hover: str, **line: Any) -> dict[str, Any]:
    """A stepped line; `line` as of plotly's scatter lines, `hover` after its name."""
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"shape": "hv", **line},
        "name": figure_text(name),
        "hovertemplate": f"{figure_text(name)}{hover}<extra></extra>",
    }


def _attained(attained: Attainment, group: str, color: str, *, legend: bool) -> Iterator[dict[str, Any]]:
    """The band (two lines, filled between) and the median."""
    fill = f"rgba({int(color[1:3], 16)},{int(color[3:5], 16)},{int(color[5:7], 16)},{BAND})"
    known = ~np.isnan(attained.low)  # all runs attain something only from some FLOPs on; the band starts there
    for y, more in ((attained.high, {}), (attained.low, {"fill": "tonexty", "fillcolor": fill})):
        edge = _line(attained.flops[known], y[known], group, "", width=0, color=color)
        yield {**edge, "hovertemplate": None, "hoverinfo": "skip", **more}
    hover = "<br>at least half of the runs attain %{y:.2%} at %{x:,} FLOPs"
    median = _line(attained.flops, attained.median, f"{group}, median", hover, width=3, color=color)
    yield {**median, "showlegend": legend}


def _fronts(curves: Sequence[Curve], color: str) -> Iterator[dict[str, Any]]:
    for curve in curves:
        hover = f"{', individual %{customdata}' if len(curve.ids) else ''}<br>%{{y:.2%}} at %{{x:,}} FLOPs"
        front = _line(curve.flops, curve.accuracy, curve.name, hover, width=0.7, color=color)
        yield {**front, "mode": "lines+markers", "marker": {"size": 3.5}, "opacity": 0.7, "customdata": curve.ids}


def _volumes(curves: Sequence[Curve], group: str, cost: str, color: str) -> Iterator[dict[str, Any]]:
    for curve in curves:
        hover = "<br>%{y:.4f} after %{x:,.4~g}"
        yield _line(curve.costs[cost], curve.hypervolume, curve.name, hover, width=1, color=color) | {"opacity": 0.6}
    if len(curves) < 2:
        return
    at = np.unique(np.concatenate([curve.costs[cost] for curve in curves]))
    first, last = _all_known(curves, cost)
    at = at[(at >= first) & (at <= last)]
    middle = [float(np.median([curve.hypervolume_at(cost, spent) for curve in curves])) for spent in at]
    yield _line(at, middle, f"{group}, median", "<br>%{y:.4f} after %{x:,.4~g}", width=3, color=color)


def _all_known(curves: Sequence[Curve], cost: str) -> tuple[float, float]:
    """The costs from which, and up to which, all runs that have a hypervolume have one."""
    spent = [curve.costs[cost] for curve in curves if len(curve.costs[cost])]
    return max((each[0] for each in spent), default=0.0), min((each[-1] for each in spent), default=0.0)


def _costs_range(found: Comparison, cost: str) -> dict[str, Any]:
    """Of the axis: from where a group has its median, so that what came before does not squeeze the rest."""
    first = min(_all_known(curves, cost)[0] for curves in found.groups.values())
    last = max((curve.costs[cost][-1] for curve in found.curves if len(curve.costs[cost])), default=0.0)
    return {"range": [first, last + 0.03 * (last - first)]} if first < last else {"rangemode": "tozero"}


def _spread(curves: Sequence[Curve], cost: str, budget: float, place: int, color: str) -> dict[str, Any]:
    """A point per run, side by side around the group's place."""
    shifts = (np.arange(len(curves)) - (len(curves) - 1) / 2) * min(0.12, 0.6 / len(curves))
    return {
        "type": "scatter",
        "x": place + shifts,
        "y": [curve.hypervolume_at(cost, budget) for curve in curves],
        "mode": "markers",
        "marker": {"size": 10, "color": color, "line": {"width": 1, "color": "#ffffff"}},
        "text": [figure_text(curve.name) for curve in curves],
        "hovertemplate": "%{text}: %{y:.4f}<extra></extra>",
    }


def reached_table(found: Comparison, cost: str | None = None) -> pd.DataFrame:
    """What each run had reached when all had spent the same, of training and of time: its most accurate network.

    Columns at, group, run, flops, val_accuracy, hypervolume; `cost` is as of
    `comparison_figure`.
    """
    import pandas as pd

    rows = [
        (
            *(amount(found.budget[each], each), group, curve.name),
            *((curve.flops[-1], curve.accuracy[-1]) if len(curve.flops) else (np.nan, np.nan)),
            curve.hypervolume_at(each, found.budget[each]),
        )
        for each in shown_costs(found, cost)
        for group, curves in found.at(each).groups.items()
        for curve in curves
    ]
    return pd.DataFrame(rows, columns=["at", "group", "run", "flops", "val_accuracy", "hypervolume"])


def rank_table(found: Comparison, cost: str | None = None, share: float = 1.0) -> pd.DataFrame:
    """The rank tests of each pair of groups: hypervolumes where every run has spent the same, of training and of time.

    That is what the cheapest run has spent in all, or a `share` of it; `cost` is as of `comparison_figure`.
    """
    import pandas as pd

    names = ["at", "group", "other", "runs", "median", "other's median", "p", "smallest p possible", "P(group > other)"]
    rows = [
        (amount(spent, each), one.first, one.second, f"{one.n[0]} and {one.n[1]}", *one.medians, *_chances(one))
        for each in shown_costs(found, cost)
        for spent in [share * found.budget[each]]
        for one in found.tests(each, spent)
    ]
    return pd.DataFrame(rows, columns=names)


def _chances(test: RankTest) -> tuple[float, float, float]:
    return test.p, test.smallest_p, test.effect


def settings_table(found: Comparison) -> pd.DataFrame:
    """The settings that differ, a row each, a column for each run."""
    import pandas as pd

    table = pd.DataFrame.from_dict(dict(found.settings), orient="index", dtype=object)
    table.index = [setting_name(name) for name in table.index]
    return table
