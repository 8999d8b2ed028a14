"""Axes and traces of a front figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.formats import in_words
from workbench.objectives import FLOPS, Objective
from workbench.views.base import palette
from workbench.views.base.figures import log_axis
from workbench.views.base.markup import figure_text
from workbench.views.front.data import LEAST_ERROR, Y_AXES, Baseline, Coloring, Group, rising

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
"""How the individuals of a run are drawn, from back to front; "new" ones are of the latest generation."""


@dataclass(frozen=True)
class Drawing:
    """How individuals become points: what is drawn against what, and what colours tell.

    Raises:
        ConfigError: if the vertical axis is unknown.
    """

    x: Objective = FLOPS
    y: str = "accuracy"  # one of `Y_AXES`
    coloring: Coloring = field(default_factory=Coloring)

    def __post_init__(self) -> None:
        if self.y not in Y_AXES:
            raise ConfigError(f"y expects one of {', '.join(Y_AXES)}, got {self.y!r}")

    def across(self, rows: np.ndarray) -> np.ndarray:
        """Costs of rows on the horizontal axis: a logarithmic one has no 0, which is drawn as the least value."""
        values = rows[self.x.column].astype(float)
        return np.maximum(values, self.x.least) if self.x.log else values

    def heights(self, accuracies: Any) -> np.ndarray:
        """Accuracies on the vertical axis."""
        values = np.asarray(accuracies, float)
        return values if self.y == "accuracy" else np.maximum(1 - values, LEAST_ERROR)


LAST_ARROWS = {"name": "arrows of the last generation", "color": palette.INK, "width": 1.2}
SELECTED_ARROWS = {"name": "arrows of the selected", "color": palette.SELECTED, "width": 2}
"""Arrows from parent to child: of the latest generation, and of the selected individual."""


MOST_TICKS = 12
"""Up to this size, there is a tick for each whole number."""


# ---------------------------------------------------------------------- axes
def x_axis(drawing: Drawing, values: Iterable[float]) -> dict[str, Any]:
    """The horizontal axis for these values."""
    cost = drawing.x
    title = f"{cost.label} (2 per multiply–add)" if cost is FLOPS else cost.label
    if not cost.label.endswith(cost.unit) and cost is not FLOPS:
        title += f", {cost.unit}"
    if not cost.log:
        is_small = max(values, default=0) <= MOST_TICKS
        return {"title": {"text": title}, "type": "linear", "tickformat": "d", "dtick": 1 if is_small else None}
    values = list(values)
    title += f"; 0 is drawn as {cost.least:g}" * (cost.least in values)
    return {"title": {"text": title}, **log_axis(values)}


def y_axis(drawing: Drawing, range: list[float] | None, of: str = "validation ") -> dict[str, Any]:
    """The vertical axis; `of` says of which images."""
    if drawing.y == "accuracy":
        axis = {"title": {"text": f"{of}accuracy"}, "type": "linear", "tickformat": ".1~%", "dtick": None}
        return {**axis, "range": range, "autorange": range is None}
    axis = {"title": {"text": f"{of}error"}, "type": "log", "tickformat": "~%", "dtick": "D2"}
    return {**axis, "range": range, "autorange": "reversed" if range is None else False}


# ---------------------------------------------------------------------- traces
def group_trace(name: str, group: Group, drawing: Drawing) -> dict[str, Any]:
    """The individuals that are drawn in one of `STYLES`, as a trace."""
    style, coloring = STYLES[name], drawing.coloring
    if "line" in style:
        group = group.sorted(drawing.x.column)
    colors = {"color": style["marker"]["color"], "coloraxis": None}
    if coloring.is_shown:
        colors = {"color": coloring.values(group.rows), "coloraxis": "coloraxis"}
    outline = {"width": 0.8 if coloring.is_shown else 0, "color": palette.INK}  # the legend has nothing else to show
    accuracies = group.rows["val_accuracy"]
    trace = {
        **style,
        **_places(group.rows, drawing),
        "name": name,
        "customdata": group.rows["id"].astype(np.int32),
        "text": list(group.told),
        "marker": {**style["marker"], **colors, "line": outline},
        "hovertemplate": "%{text}<extra></extra>",
    }
    if "line" in style and not rising(accuracies).all():
        trace["mode"] = "markers"  # with other objectives a front may be no line
    return trace


def _places(rows: np.ndarray, drawing: Drawing) -> dict[str, np.ndarray]:
    """Where rows are drawn; an empty trace has one point nowhere, which keeps its name in the legend."""
    if not len(rows):
        return {"x": np.array([np.nan]), "y": np.array([np.nan])}
    return {"x": drawing.across(rows), "y": drawing.heights(rows["val_accuracy"])}


def other_trace(group: Group, name: str, number: int, drawing: Drawing) -> dict[str, Any]:
    """The front of another run as a trace.

    Raises:
        ConfigError: if that run does not know its members' cost.
    """
    if len(group) and np.isnan(group.rows[drawing.x.column]).all():
        raise ConfigError(f"{name} has no {drawing.x.label}, so its front cannot be drawn here")
    group, color, name = group.sorted(drawing.x.column), palette.group_color(number + 1), figure_text(name)
    line = rising(group.rows["val_accuracy"])
    return {
        **_places(group.rows[line], drawing),
        "name": name,
        "mode": "lines+markers",
        "line": {"shape": "hv", "width": 1.5, "color": color, "dash": "dot"},
        "marker": {"size": 5, "color": color},
        "text": [f"<b>{name}</b><br>{told}" for told, shown in zip(group.told, line, strict=True) if shown],
        "hovertemplate": "%{text}<extra></extra>",
    }


def baseline_trace(baselines: Sequence[Baseline], drawing: Drawing) -> dict[str, Any]:
    """Hand-made networks as a trace; it needs FLOPs on the horizontal axis."""
    return {
        "x": [one.flops for one in baselines],
        "y": drawing.heights([one.accuracy for one in baselines]),
        "name": "hand-made",
        "mode": "markers+text",
        "text": [one.name for one in baselines],
        "textposition": "bottom center",
        "textfont": {"size": 10},
        "marker": {"symbol": "star", "size": 11, "color": palette.PINK},
        "customdata": [[f"{one.accuracy:.2%}", one.recipe] for one in baselines],
        "hovertemplate": "<b>%{text}</b><br>%{customdata[0]} test accuracy, %{x:,} FLOPs<br>%{customdata[1]}"
        "<extra></extra>",
    }


def arrow_trace(parents: np.ndarray, children: np.ndarray, drawing: Drawing, **style: Any) -> dict[str, Any]:
    """Arrows from parents to their children (rows of `COLUMNS`) as a trace; `style`: its name, colour and width."""
    ends = [_places(rows, drawing) for rows in (parents, children)]
    nowhere = np.full(len(parents), np.nan)
    at = {axis: np.stack([*(end[axis] for end in ends), nowhere], 1).ravel() for axis in "xy"} if len(parents) else {}
    color, width = style["color"], style.get("width", 1.5)
    return {
        "x": np.array([np.nan]),
        "y": np.array([np.nan]),
        **at,
        "name": style["name"],
        "mode": "lines+markers",
        "line": {"color": color, "width": width},
        "marker": {
            "symbol": "arrow",
            "angleref": "previous",
            "size": np.tile([0, 6 + 2 * width, 0], max(1, len(parents))),
            "color": color,
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def color_axis(coloring: Coloring, rows: Sequence[np.ndarray] = ()) -> dict[str, Any]:
    """The colour axis of a front figure that shows `rows`."""
    name = coloring.size_fact or coloring.by if coloring.by == "size" else coloring.by
    bar = {"thickness": 10, "len": 0.7, "y": 0.5, "title": {"text": name, "side": "top"}, "outlinewidth": 0}
    if coloring.by == "mutation":
        names = ["initial", "by hand", *map(in_words, coloring.kinds)]
        colors = [
            palette.CATEGORIES[0],
            *(palette.mutation_color(kind, coloring.kinds) for kind in ("", *coloring.kinds)),
        ]
        steps = [[(number + end) / len(names), color] for number, color in enumerate(colors) for end in (0, 1)]
        ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
        return {"colorscale": steps, "cmin": -0.5, "cmax": len(names) - 0.5, "colorbar": {**bar, **ticks}}
    most = coloring.generation
    if coloring.by == "size":
        most = int(max((np.nanmax(each["size"], initial=1) for each in rows if len(each)), default=1))
    scale = {"colorscale": "Cividis", "reversescale": coloring.by == "age", "cmin": 0, "cmax": max(1, most)}
    return {**scale, "colorbar": {**bar, "tickmode": "auto", "tickformat": "d"}}
