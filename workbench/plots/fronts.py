"""The Pareto front as a figure: what to draw (pure), and how."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

FRONT, ALIVE, DEAD = "#d55e00", "#0072b2", "#999999"
"""Okabe and Ito's palette, safe for colour-blind readers."""


@dataclass(frozen=True)
class FrontInfo:
    """What a front figure shows.

    Attributes:
        front: rows of the all-time front, by rising FLOPs.
        alive: rows of the population that are not on the front.
        dead: rows of the others that were trained.
        title: of the figure.
    """

    front: pd.DataFrame
    alive: pd.DataFrame
    dead: pd.DataFrame
    title: str


def front_info(run: Run) -> FrontInfo:
    """Sort the individuals of a run into front, alive and dead."""
    table = run.individuals
    table = table[table["status"] == "ok"]
    front = table[table["on_front"]].sort_values("flops")
    others = table[~table["on_front"]]
    title = f"{run.dataset.get('name', '')}: {len(table)} networks, {len(front)} on the front"
    return FrontInfo(front, others[others["alive"]], others[~others["alive"]], title)


def front_figure(run: Run) -> go.Figure:
    """Validation accuracy against FLOPs (log axis): the all-time front, the population and the dead."""
    import plotly.graph_objects as go

    info = front_info(run)
    figure = go.Figure()
    figure.add_trace(_points(info.dead, "dead", DEAD, size=5, opacity=0.45))
    figure.add_trace(_points(info.alive, "alive", ALIVE, size=8))
    front = _points(info.front, "all-time front", FRONT, size=9, symbol="diamond")
    figure.add_trace(front.update(mode="lines+markers", line={"shape": "hv", "width": 2, "color": FRONT}))
    figure.update_layout(
        title=html.escape(info.title, quote=False),
        xaxis={"title": "FLOPs per image (2 per edge)", "type": "log"},
        yaxis={"title": "validation accuracy", "tickformat": ".1%"},
        legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
        template="plotly_white",
        width=900,
        height=560,
    )
    return figure


def _points(table: pd.DataFrame, name: str, color: str, **marker: Any) -> go.Scatter:
    import plotly.graph_objects as go

    return go.Scatter(
        x=table["flops"].astype(float),
        y=table["val_accuracy"],
        name=f"{name} ({len(table)})",
        mode="markers",
        marker={"color": color, **marker},
        customdata=table[["id", "generation", "mutation", "parameters"]].astype(object).fillna("initial"),
        hovertemplate="<b>individual %{customdata[0]}</b>, generation %{customdata[1]}, %{customdata[2]}<br>"
        "%{y:.2%} validation accuracy<br>%{x:,} FLOPs, %{customdata[3]:,} parameters<extra></extra>",
    )
