"""Several runs in one figure: what they attain, and their hypervolume at equal cost; and as tables."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.formats import in_words
from workbench.views.base.figures import log_axis
from workbench.views.base.palette import INK, group_color
from workbench.views.compare.data import COSTS, Attainment, Comparison, Curve, comparison

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

BAND = 0.18
"""Opacity of the band between what all runs of a group attain and what the best attains."""


def comparison_figure(
    runs: Mapping[str, Run], groups: Mapping[str, Sequence[str]] | None = None, cost: str = "individuals"
) -> go.Figure:
    """Runs of one data set compared; see `workbench.views.compare.data.comparison` for the arguments and errors.

    Left: the front of each run (thin), and of each group the median attainment (thick) within the band from what all
    its runs attain to what the best attains. Middle: hypervolume against `cost`, thin per run, thick the median. Right:
    hypervolume of every run where all have spent the same (the dotted line).
    """
    return compared_figure(comparison(runs, groups), cost)


def compared_figure(found: Comparison, cost: str = "individuals") -> go.Figure:
    """The figure of a comparison that is known already; `cost` is one of `COSTS`."""
    from plotly.subplots import make_subplots

    if cost not in COSTS:
        raise ConfigError(f"cost expects one of {', '.join(COSTS)}, got {cost!r}")
    budget = found.budget[cost]
    spent = f"hypervolume at {budget:,.4g} {'minutes' if cost == 'minutes' else cost}"
    figure = make_subplots(
        1,
        3,
        subplot_titles=["attainment and fronts", "hypervolume", spent],
        column_widths=[0.43, 0.34, 0.23],
        horizontal_spacing=0.075,
    )
    for number, (group, curves) in enumerate(found.groups.items()):
        color = group_color(number)
        for trace in (*_attained(found.attainment[group], group, color), *_fronts(curves, group, color)):
            figure.add_trace(trace, 1, 1)
        for trace in _volumes(curves, group, cost, color):
            figure.add_trace(trace, 1, 2)
        figure.add_trace(_spread(curves, group, cost, budget, number, color), 1, 3)
    figure.add_vline(x=budget, line={"dash": "dot", "width": 1.5, "color": INK}, row=1, col=2)
    flops = np.concatenate([attained.flops for attained in found.attainment.values()])
    figure.update_xaxes(log_axis(flops), title_text="FLOPs per image", row=1, col=1)
    figure.update_yaxes(title_text="validation accuracy", tickformat=".1%", row=1, col=1)
    figure.update_xaxes(title_text=COSTS[cost], rangemode="tozero", row=1, col=2)
    figure.update_xaxes(
        tickvals=list(range(len(found.groups))),
        ticktext=[_short(name) for name in found.groups],
        range=[-0.6, len(found.groups) - 0.4],
        row=1,
        col=3,
    )
    figure.update_layout(
        template="plotly_white",
        width=1240,
        height=500,
        legend={"orientation": "h", "y": -0.18, "yanchor": "top", "traceorder": "normal"},
        margin={"b": 110},
    )
    figure.update_annotations(font_size=13)
    return figure


def _name(text: str) -> str:
    return html.escape(text, quote=False)


def _short(text: str) -> str:
    """A name for a narrow place."""
    return _name(text if len(text) <= 22 else text[:20] + "…")


def _attained(attained: Attainment, group: str, color: str) -> list[go.Scatter]:
    """The band (two lines, filled between) and the median."""
    import plotly.graph_objects as go

    fill = f"rgba({int(color[1:3], 16)},{int(color[3:5], 16)},{int(color[5:7], 16)},{BAND})"
    common = {"x": attained.flops, "mode": "lines", "legendgroup": group, "hoverinfo": "skip", "showlegend": False}
    edge = {"width": 0, "shape": "hv", "color": color}
    # all runs attain something only from some FLOPs on; the band is drawn there
    known = ~np.isnan(attained.low)
    band = {**common, "x": attained.flops[known], "line": edge}
    return [
        go.Scatter(**band, y=attained.high[known], name=f"{_name(group)}, best"),
        go.Scatter(**band, y=attained.low[known], fill="tonexty", fillcolor=fill, name=f"{_name(group)}, all"),
        go.Scatter(
            x=attained.flops,
            y=attained.median,
            mode="lines",
            line={"width": 3, "shape": "hv", "color": color},
            name=f"{_name(group)}, median",
            legendgroup=group,
            hovertemplate=f"{_name(group)}<br>half of the runs or more attain "
            "%{y:.2%} at %{x:,} FLOPs<extra></extra>",
        ),
    ]


def _fronts(curves: Sequence[Curve], group: str, color: str) -> list[go.Scatter]:
    import plotly.graph_objects as go

    return [
        go.Scatter(
            x=curve.flops,
            y=curve.accuracy,
            mode="lines+markers",
            line={"width": 0.7, "shape": "hv", "color": color},
            marker={"size": 3.5},
            opacity=0.7,
            name=_name(curve.name),
            legendgroup=group,
            showlegend=False,
            customdata=curve.ids,
            hovertemplate=f"{_name(curve.name)}, individual %{{customdata}}<br>"
            "%{y:.2%} at %{x:,} FLOPs<extra></extra>",
        )
        for curve in curves
    ]


def _volumes(curves: Sequence[Curve], group: str, cost: str, color: str) -> list[go.Scatter]:
    import plotly.graph_objects as go

    thin = [
        go.Scatter(
            x=curve.costs[cost],
            y=curve.hypervolume,
            mode="lines",
            line={"width": 1, "color": color, "shape": "hv"},
            opacity=0.6,
            name=_name(curve.name),
            legendgroup=group,
            showlegend=False,
            hovertemplate=f"{_name(curve.name)}<br>%{{y:.4f}} after %{{x:,.4~g}}<extra></extra>",
        )
        for curve in curves
    ]
    at = np.unique(np.concatenate([curve.costs[cost] for curve in curves]))
    at = at[at <= min((curve.costs[cost][-1] for curve in curves if len(curve.costs[cost])), default=0.0)]
    middle = [float(np.median([curve.hypervolume_at(cost, spent) for curve in curves])) for spent in at]
    thick = go.Scatter(
        x=at,
        y=middle,
        mode="lines",
        line={"width": 3, "color": color, "shape": "hv"},
        name=f"{_name(group)}, median",
        legendgroup=group,
        showlegend=False,
        hovertemplate=f"{_name(group)}<br>median %{{y:.4f}} after %{{x:,.4~g}}<extra></extra>",
    )
    return [*thin, *([thick] if len(curves) > 1 else [])]


def _spread(curves: Sequence[Curve], group: str, cost: str, budget: float, place: int, color: str) -> go.Scatter:
    import plotly.graph_objects as go

    values = [curve.hypervolume_at(cost, budget) for curve in curves]
    shifts = (np.arange(len(curves)) - (len(curves) - 1) / 2) * min(0.12, 0.6 / len(curves))
    return go.Scatter(
        x=place + shifts,
        y=values,
        mode="markers",
        marker={"size": 10, "color": color, "line": {"width": 1, "color": "#ffffff"}},
        text=[_name(curve.name) for curve in curves],
        hovertemplate="%{text}: %{y:.4f}<extra></extra>",
        name=_name(group),
        legendgroup=group,
        showlegend=False,
    )


def rank_table(found: Comparison, cost: str = "individuals") -> pd.DataFrame:
    """The rank test of each pair of groups: hypervolumes where every run has spent the same `cost`."""
    import pandas as pd

    names = ["group", "other", "runs", "median", "other's median", "p", "smallest p possible", "P(group > other)"]
    rows = [
        (one.first, one.second, f"{one.n[0]} and {one.n[1]}", *one.medians, one.p, one.smallest_p, one.effect)
        for one in found.tests(cost)
    ]
    return pd.DataFrame(rows, columns=names)


def settings_table(found: Comparison) -> pd.DataFrame:
    """The settings that differ, a row each, a column for each run."""
    import pandas as pd

    rows: dict[str, Mapping[str, Any]] = dict(found.settings)
    table = pd.DataFrame.from_dict(rows, orient="index", dtype=object)
    table.index = [in_words(name) if name.count(".") < 2 else name for name in table.index]
    return table
