"""The Pareto front as a figure: what to draw (pure), and how."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.views.base.figures import log_axis
from workbench.views.base.palette import ALIVE, CATEGORIES, DEAD, FRONT, PINK, group_color
from workbench.views.front.baselines import Baseline, baselines_for

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

COLORINGS = ("status", "generation", "age", "mutation")
"""What the colour of a point may tell. Age counts generations since birth."""

HOVER = (
    "<b>individual %{customdata[0]}</b>, generation %{customdata[1]}, %{customdata[2]}<br>"
    "%{y:.2%} validation accuracy<br>%{x:,} FLOPs, %{customdata[3]:,} parameters<extra></extra>"
)


LATENCY_HOVER = "<br>%{customdata[4]:,.1f} µs predicted"
"""Told besides, in a run with a latency model."""


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


def staircase(front: pd.DataFrame) -> pd.DataFrame:
    """Rows of a front, by rising FLOPs, that are more accurate than all smaller ones.

    All of them, unless latency is an objective; then what a line through accuracy and FLOPs can go through.
    """
    before = front["val_accuracy"].cummax().shift(fill_value=float("-inf"))
    return front[front["val_accuracy"] > before]


@dataclass(frozen=True)
class Coloring:
    """What the colour of a point tells.

    Attributes:
        by: one of `COLORINGS`.
        kinds: names of the mutations, in the order of the palette.
        generation: the newest one.
    """

    by: str
    kinds: tuple[str, ...] = ()
    generation: int = 0

    def __post_init__(self) -> None:
        if self.by not in COLORINGS:
            raise ConfigError(f"color expects one of {', '.join(COLORINGS)}, got {self.by!r}")

    def marker(self, points: Iterable[Any], color: str) -> dict[str, Any]:
        """Colours of points, which have `generation` and `mutation`; `color` if colours tell the status."""
        if self.by == "status":
            return {"color": color, "coloraxis": None}
        return {"color": np.array(self._values(points), np.int32), "coloraxis": "coloraxis"}

    def _values(self, points: Iterable[Any]) -> list[int]:
        if self.by == "mutation":
            code = {kind: number for number, kind in enumerate(self.kinds, 1)}
            return [code.get(point.mutation, 0) for point in points]
        if self.by == "age":
            return [self.generation - point.generation for point in points]
        return [point.generation for point in points]

    def axis(self) -> dict[str, Any]:
        """The colour axis of the figure."""
        bar = {"thickness": 10, "len": 0.6, "y": 0.5, "title": {"text": self.by, "side": "top"}, "outlinewidth": 0}
        if self.by == "mutation":
            names = ["initial", *(kind.replace("_", " ") for kind in self.kinds)]
            steps = [
                [(number + edge) / len(names), CATEGORIES[number % len(CATEGORIES)]]
                for number in range(len(names))
                for edge in (0, 1)
            ]
            ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
            return {"colorscale": steps, "cmin": -0.5, "cmax": len(names) - 0.5, "colorbar": {**bar, **ticks}}
        scale = {"colorscale": "Cividis", "reversescale": self.by == "age", "cmin": 0, "cmax": max(1, self.generation)}
        return {**scale, "colorbar": {**bar, "tickmode": "auto"}}

    @property
    def is_shown(self) -> bool:
        """Whether there is a colour bar."""
        return self.by != "status"


def front_figure(
    run: Run,
    *,
    color: str = "status",
    baselines: bool | Sequence[Baseline] = False,
    others: Mapping[str, Run] | None = None,
) -> go.Figure:
    """Validation accuracy against FLOPs (log axis): the all-time front, the population and the dead.

    The axis of accuracy shows the front and what lies not far below; zoom out for the rest.
    A line joins the front unless latency is an objective and some members owe their place to it; hovering tells it.

    Args:
        run: the run.
        color: what colours tell: "status", "generation", "age" or "mutation".
        baselines: whether to show the hand-made networks known for its data set; or those to show.
        others: fronts of other runs to lay over it, by name.

    Raises:
        ConfigError: if `color` is unknown.
    """
    import plotly.graph_objects as go

    info = front_info(run)
    kinds = tuple(sorted({kind for part in (info.front, info.alive, info.dead) for kind in part["mutation"].dropna()}))
    generations = [int(part["generation"].max()) for part in (info.front, info.alive, info.dead) if len(part)]
    coloring = Coloring(color, kinds, max(generations, default=0))
    figure = go.Figure()
    figure.add_trace(_points(info.dead, "dead", coloring.marker(info.dead.itertuples(), DEAD), size=5, opacity=0.45))
    figure.add_trace(_points(info.alive, "alive", coloring.marker(info.alive.itertuples(), ALIVE), size=8))
    front = _points(
        info.front, "all-time front", coloring.marker(info.front.itertuples(), FRONT), size=9, symbol="diamond"
    )
    if len(staircase(info.front)) == len(info.front):
        front.update(mode="lines+markers", line={"shape": "hv", "width": 2, "color": FRONT})
    figure.add_trace(front)
    for number, (name, other) in enumerate((others or {}).items()):
        figure.add_trace(go.Scatter(other_front(other.front(), name, number)))
    shown = baselines_for(run.dataset.get("name", "")) if baselines is True else tuple(baselines or ())
    flops = [float(each) for part in (info.front, info.alive, info.dead) for each in part["flops"]]
    flops += [float(one.flops) for one in shown]
    if shown:
        figure.add_trace(go.Scatter(baseline_points(shown)))
    figure.update_layout(
        title=html.escape(info.title, quote=False),
        xaxis={"title": "FLOPs per image (2 per edge)", **log_axis(flops)},
        yaxis={"title": "validation accuracy", "tickformat": ".1%", "range": _accuracy_range(info, shown)},
        legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
        template="plotly_white",
        width=900,
        height=560,
    )
    if coloring.is_shown:
        figure.update_layout(coloraxis=coloring.axis())
    return figure


def _accuracy_range(info: FrontInfo, baselines: Sequence[Baseline]) -> list[float] | None:
    """What the front and the baselines span, and half of that below; None without a front."""
    if len(info.front) == 0:
        return None
    shown = [*info.front["val_accuracy"], *(one.accuracy for one in baselines)]
    span = max(max(shown) - min(shown), 0.02)
    return [min(shown) - span / 2, min(max(shown) + span / 8, 1.0 + span / 20)]


def point_arrays(table: pd.DataFrame) -> dict[str, Any]:
    """`x`, `y` and what hovering tells, of a table with the columns of `Run.individuals`."""
    told = ["id", "generation", "mutation", "parameters", *(name for name in ("latency_us",) if name in table)]
    return {
        "x": table["flops"].astype(float),
        "y": table["val_accuracy"],
        "customdata": table[told].astype(object).fillna("initial"),
    }


def other_front(front: pd.DataFrame, name: str, number: int) -> dict[str, Any]:
    """The front of another run as a trace."""
    front = staircase(front)
    color = group_color(number + 1)
    name = html.escape(name, quote=False)
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


def baseline_points(baselines: Sequence[Baseline]) -> dict[str, Any]:
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


def _points(table: pd.DataFrame, name: str, colors: Mapping[str, Any], **marker: Any) -> go.Scatter:
    import plotly.graph_objects as go

    return go.Scatter(
        **point_arrays(table),
        name=f"{name} ({len(table)})",
        mode="markers",
        marker={**colors, **marker},
        hovertemplate=HOVER.replace("<extra>", f"{LATENCY_HOVER}<extra>") if "latency_us" in table else HOVER,
    )
