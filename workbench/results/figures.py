"""The figures of a report."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.views.base.figures import log_axis
from workbench.views.base.palette import group_color
from workbench.views.front.baselines import Baseline
from workbench.views.front.figure import baseline_points

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run


def tested_front_figure(
    tested: pd.DataFrame, others: Mapping[str, pd.DataFrame], baselines: Sequence[Baseline], title: str
) -> go.Figure:
    """Accuracy against FLOPs: the tested members of the front, fronts of other runs, and hand-made networks.

    Args:
        tested: columns id, flops, val_accuracy, and test_accuracy where there was a test.
        others: the same of other runs, by name.
        baselines: hand-made networks.
        title: of the figure.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    fronts = {"front of this run": tested, **others}
    for number, (name, table) in enumerate(fronts.items()):
        color = group_color(number)
        column = "test_accuracy" if "test_accuracy" in table else "val_accuracy"
        shown = table[table[column].notna()]
        label = f"{name}, {'test' if column == 'test_accuracy' else 'validation'}"
        figure.add_trace(
            go.Scatter(
                x=shown["flops"].astype(float),
                y=shown[column],
                customdata=shown["id"],
                name=html.escape(label, quote=False),
                mode="lines+markers",
                line={"shape": "hv", "width": 2, "color": color, "dash": "solid" if number == 0 else "dot"},
                marker={"symbol": "diamond", "size": 9 if number == 0 else 6, "color": color},
                hovertemplate="individual %{customdata}<br>%{y:.2%}, %{x:,} FLOPs<extra></extra>",
            )
        )
    if baselines:
        figure.add_trace(go.Scatter(baseline_points(baselines)))
    flops = [value for trace in figure.data for value in trace.x]
    figure.update_layout(
        title=html.escape(title, quote=False),
        xaxis={"title": "FLOPs per image (2 per multiply-accumulate)", **log_axis(flops)},
        yaxis={"title": "accuracy", "tickformat": ".1%"},
        legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
        template="plotly_white",
        height=540,
    )
    return figure


AGAINST = {"generation": "generation", "training": "training spent: epochs × FLOPs, summed over individuals"}
"""What hypervolume may be drawn against."""


def hypervolume_figure(groups: Mapping[str, Sequence[Run]], against: str = "generation") -> go.Figure:
    """Hypervolume of the all-time front as runs go on: thin per run, of each group the median and the band of all.

    Args:
        groups: runs by name of their group.
        against: one of `AGAINST`.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (group, runs) in enumerate(groups.items()):
        curves = [_curve(run, against) for run in runs]
        curves = [(x, y) for x, y in curves if len(x)]
        if curves:
            color = group_color(number)
            for trace in _spread(group, curves, color):
                figure.add_trace(trace)
    figure.update_layout(
        xaxis={"title": AGAINST[against], "rangemode": "tozero"},
        yaxis={"title": "hypervolume of the all-time front"},
        legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
        template="plotly_white",
        showlegend=True,
        height=420,
    )
    return figure


Curve = tuple[np.ndarray, np.ndarray]
"""What was spent, and the hypervolume then."""


def _curve(run: Run, against: str) -> Curve:
    generations = run.generations
    volumes = generations["hypervolume"].to_numpy(float)
    if against == "generation":
        return generations["generation"].to_numpy(float), volumes
    table = run.individuals
    spent = (table["epochs"].fillna(0).astype(float) * table["flops"].fillna(0).astype(float)).groupby(
        table["generation"]
    )
    return spent.sum().cumsum().reindex(generations["generation"]).to_numpy(float), volumes


def _spread(group: str, curves: Sequence[Curve], color: str) -> Iterator[go.Scatter]:
    """Traces of one group."""
    import plotly.graph_objects as go

    first, last = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = curves[0][0] if len(curves) == 1 else np.linspace(first, last, 200)
    values = np.stack([np.interp(grid, x, y) for x, y in curves])  # [runs, points]
    silent = {"hoverinfo": "skip", "showlegend": False}
    if len(curves) > 1:
        band = np.concatenate([values.max(axis=0), values.min(axis=0)[::-1]])
        around = np.concatenate([grid, grid[::-1]])
        yield go.Scatter(x=around, y=band, fill="toself", fillcolor=color, opacity=0.18, mode="none", **silent)
        for x, y in curves:
            yield go.Scatter(x=x, y=y, mode="lines", line={"width": 0.8, "color": color}, **silent)
    label = f"{group}: median of {len(curves)} runs" if len(curves) > 1 else group
    yield go.Scatter(
        x=grid,
        y=np.median(values, axis=0),
        name=html.escape(label, quote=False),
        mode="lines",
        line={"width": 2.5, "color": color},
        hovertemplate="%{y:.4f} at %{x:,.4g}<extra></extra>",
    )
