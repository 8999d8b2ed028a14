"""What each mutation did in a run, as one figure: effects, what became of the children, and how both changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from plotly.subplots import make_subplots

from workbench.formats import in_words, points
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import INK, mutation_color
from workbench.views.mutations.data import Effects, Estimate, MutationEffects, mutation_effects

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run


class _Panel(NamedTuple):
    """One of the plots: which estimate it shows, and its unit: one of `UNITS`."""

    row: int
    column: int
    name: str
    title: str
    unit: str


UNITS = {"points": (100, "~g"), "share": (1, ".0%"), "factor": (1, "~g")}
"""By name: what an estimate is multiplied by, and the format of ticks."""

DISTRIBUTIONS = (
    _Panel(1, 1, "before", "before training − parent's (points)", "points"),
    _Panel(1, 2, "after", "after training − parent's (points)", "points"),
    _Panel(1, 3, "flops", "FLOPs ÷ parent's", "factor"),
)
SHARES = (
    _Panel(2, 1, "front", "children that reached the front", "share"),
    _Panel(2, 2, "lines", "children whose line is alive", "share"),
)
OVER_TIME = (
    _Panel(3, 1, "before", "before training, over generations (points)", "points"),
    _Panel(3, 2, "after", "after training, over generations (points)", "points"),
    _Panel(3, 3, "front", "reached the front, over generations", "share"),
)
SCREEN = (
    _Panel(4, 1, "neutral", "mutants that do what their parent does", "share"),
    _Panel(4, 2, "died", "mutants that died before training", "share"),
)
SCREEN_OVER_TIME = _Panel(4, 3, "neutral", "do what their parent does, over generations", "share")
"""Of spaces that screen mutants."""

PROBABILITIES = _Panel(2, 3, "probabilities", "probability of being drawn", "share")
COLUMNS = {"before": "before", "after": "after", "flops": "flops_ratio"}

FACTORS = (1, 0.5, 2, 0.25, 4, 0.7, 1.5, 0.8, 1.25, 0.9, 1.1, 0.125, 8)
"""Ticks of a ratio, from the most wanted to the least."""

MOST_TICKS = 7
"""Of a ratio: more would overlap in a third of a narrow page."""


def mutation_effects_figure(run: Run) -> go.Figure:
    """Per mutation: effect on accuracy and FLOPs, share of children on the front and alive, and all over generations.

    Diamonds are medians with the distribution-free 95 % interval between order statistics, or shares with Wilson's 95 %
    interval; triangles mark live changes. Individuals made by hand are counted apart.
    """
    return effects_figure(mutation_effects(run))


def effects_figure(info: MutationEffects) -> go.Figure:
    """The figure of effects that are known already; see `mutation_effects_figure`."""
    panels: tuple[_Panel, ...] = (*DISTRIBUTIONS, *SHARES, PROBABILITIES, *OVER_TIME)
    panels += (*SCREEN, SCREEN_OVER_TIME) if info.has_screened else ()
    titles, rows = [panel.title for panel in panels], len(panels) // 3
    figure = make_subplots(rows, 3, subplot_titles=titles, horizontal_spacing=0.07, vertical_spacing=0.3 / rows)
    for panel in panels:
        for trace in _traces(info, panel):
            figure.add_trace({"showlegend": False, **trace}, panel.row, panel.column)
        x, y = _axes(info, panel)
        figure.update_xaxes(x, row=panel.row, col=panel.column)
        figure.update_yaxes(y, row=panel.row, col=panel.column)
    figure.update_annotations(font_size=13)
    figure.update_layout(
        template="plotly_white",
        width=1240,
        height=980 * rows // 3,
        boxmode="overlay",
        legend={"orientation": "h", "y": 1 + 0.15 / rows, "yanchor": "bottom", "x": 0},
        margin={"l": 150, "r": 20, "t": 90, "b": 50},
    )
    return figure


def words(kind: str) -> str:
    """A mutation's name for people, safe in a figure."""
    return figure_text(in_words(kind))


def _traces(info: MutationEffects, panel: _Panel) -> Iterator[dict[str, Any]]:
    if panel in DISTRIBUTIONS:
        yield from (_box(info, kind, panel) for kind in info.kinds)
    if panel in (*DISTRIBUTIONS, *SHARES, *SCREEN):
        yield _estimates(info, panel)
        return
    for kind in info.kinds:
        if panel in (*OVER_TIME, SCREEN_OVER_TIME):
            yield _over_time(info, kind, panel)
        elif kind in info.probabilities:
            yield _probability(info, kind)
    yield _change_marks(info)


def _box(info: MutationEffects, kind: str, panel: _Panel) -> dict[str, Any]:
    """The children of one kind as a box and points."""
    column = COLUMNS[panel.name]
    children = info.table[(info.table["kind"] == kind) & info.table[column].notna()]
    color = mutation_color(kind, info.kinds)
    return {
        "type": "box",
        "x": children[column] * UNITS[panel.unit][0],
        "y": [words(kind)] * len(children),
        "orientation": "h",
        "boxpoints": "all",
        "jitter": 0.6,
        "pointpos": 0,
        "marker": {"size": 3.5, "color": color, "opacity": 0.55},
        "line": {"width": 1, "color": color},
        "fillcolor": "rgba(0,0,0,0)",
        "hoveron": "points",
        "customdata": children["id"],
        "text": [_amount(value, panel) for value in children[column]],
        "hovertemplate": "individual %{customdata}<br>%{text}<extra></extra>",
        "name": words(kind),
    }


def _amount(value: float, panel: _Panel) -> str:
    """A value with its unit."""
    if panel.unit == "points":
        return points(value)
    return f"{value:.0%}" if panel.unit == "share" else f"{value:.2f}×"


def _estimates(info: MutationEffects, panel: _Panel) -> dict[str, Any]:
    """A diamond with its interval for each kind."""
    estimates = [getattr(effects, panel.name) for effects in info.effects]
    colors = [INK if panel in DISTRIBUTIONS else mutation_color(kind, info.kinds) for kind in info.kinds]
    return {
        "type": "scatter",
        "x": _scaled(estimates, panel),
        "y": [words(kind) for kind in info.kinds],
        "error_x": _errors(estimates, panel, INK),
        "mode": "markers",
        "marker": {"symbol": "diamond", "size": 10, "color": colors, "line": {"width": 1, "color": "#ffffff"}},
        "text": [_sentence(effects, panel) for effects in info.effects],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _sentence(effects: Effects, panel: _Panel) -> str:
    estimate: Estimate = getattr(effects, panel.name)
    what = "share" if panel.unit == "share" else "median"
    things = "mutants tried" if panel in (*SCREEN, SCREEN_OVER_TIME) else "children"
    failed = f", {effects.failed} failed" if effects.failed and things == "children" else ""
    if estimate.n == 0:
        return f"<b>{words(effects.kind)}</b>: no {'child' if things == 'children' else 'mutant'} yet{failed}"
    interval = f"95 % interval from {_amount(estimate.low, panel)} to {_amount(estimate.high, panel)}"
    interval = "too few for an interval" if np.isnan(estimate.low) else interval
    return (
        f"<b>{words(effects.kind)}</b>, {estimate.n:,} {things}{failed}<br>"
        f"{what} {_amount(estimate.value, panel)}, {interval}"
    )


def _scaled(estimates: Sequence[Estimate], panel: _Panel) -> list[float]:
    return [estimate.value * UNITS[panel.unit][0] for estimate in estimates]


def _errors(estimates: Sequence[Estimate], panel: _Panel, color: str) -> dict[str, Any]:
    below, above = np.array([one.errors for one in estimates]).reshape(-1, 2).T * UNITS[panel.unit][0]
    return {"type": "data", "array": above, "arrayminus": below, "color": color, "thickness": 2, "width": 5}


def _curve(info: MutationEffects, kind: str, x: Any, y: Any, hover: str) -> dict[str, Any]:
    """A line in the colour of a mutation."""
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": {"color": mutation_color(kind, info.kinds), "width": 1.5},
        "marker": {"size": 6, "color": mutation_color(kind, info.kinds)},
        "hovertemplate": f"{hover}<extra></extra>",
        "name": words(kind),
        "legendgroup": kind,
    }


def _over_time(info: MutationEffects, kind: str, panel: _Panel) -> dict[str, Any]:
    """The estimates of one kind by window of generations; points of different kinds stand side by side."""
    place = info.kinds.index(kind)
    shown = [(window, window.effects[place]) for window in info.windows]
    shown = [(window, effects) for window, effects in shown if getattr(effects, panel.name).n]
    width = info.windows[0].last - info.windows[0].first + 1 if info.windows else 1
    shift = 0.6 * width * ((place + 0.5) / len(info.kinds) - 0.5)
    estimates = [getattr(effects, panel.name) for _, effects in shown]
    x, y = [(window.first + window.last) / 2 + shift for window, _ in shown], _scaled(estimates, panel)
    return {
        **_curve(info, kind, x, y, "%{text}"),
        "error_y": {**_errors(estimates, panel, mutation_color(kind, info.kinds)), "thickness": 1, "width": 0},
        "text": [f"generations {each.first} to {each.last}<br>{_sentence(effects, panel)}" for each, effects in shown],
        "cliponaxis": False,
        "showlegend": panel == OVER_TIME[0],
    }


def _probability(info: MutationEffects, kind: str) -> dict[str, Any]:
    values, behind = info.probabilities[kind], len(info.kinds) - 1 - info.kinds.index(kind)
    curve = _curve(info, kind, values.index, values, f"{words(kind)}, generation %{{x}}: %{{y:.1%}}")
    line = {**curve["line"], "width": 2 + 1.5 * behind, "shape": "hvh"}  # equal ones show one behind the other
    return {**curve, "line": line, "mode": "lines"}


def _change_marks(info: MutationEffects) -> dict[str, Any]:
    """A triangle at the foot of the plot for each live change."""
    marked = [change for change in info.changes if change.generation is not None]
    return {
        "type": "scatter",
        "x": [change.generation for change in marked],
        "y": [0] * len(marked),
        "mode": "markers",
        "marker": {"symbol": "triangle-up", "size": 11, "color": INK},
        "text": ["<br>".join(figure_text(line) for line in change.lines[:8]) for change in marked],
        "hovertemplate": "<b>live change, generation %{x}</b><br>%{text}<extra></extra>",
        "name": "live change",
    }


def _axes(info: MutationEffects, panel: _Panel) -> tuple[dict[str, Any], dict[str, Any]]:
    """The x and y axis of a plot."""
    ticks = {"tickformat": UNITS[panel.unit][1]}
    if panel not in (*DISTRIBUTIONS, *SHARES, *SCREEN):
        return {"title_text": "generation", "title_standoff": 4}, {**ticks, "rangemode": "tozero"}
    names = [words(kind) for kind in info.kinds][::-1]
    y = {"categoryorder": "array", "categoryarray": names, "range": [-0.6, len(names) - 0.4]}
    x = {**ticks, "zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1, "tickangle": 0, "nticks": 6}
    if panel in (*SHARES, *SCREEN):
        x["range"] = [-0.02, 1.02]
    elif panel.name == "flops":
        factors = _factor_ticks(info.table["flops_ratio"].to_numpy(float))
        x |= {"type": "log", "tickvals": factors, "ticktext": [f"{factor:g}×" for factor in factors]}
    return x, {**y, "showticklabels": panel.column == 1}


def _factor_ticks(ratios: np.ndarray) -> list[float]:
    """Round ratios that leave room for each other on a log axis of these."""
    known = ratios[ratios > 0]
    low, high = (min(0.9, known.min()), max(1.1, 1.05 * known.max())) if len(known) else (0.5, 2.0)
    ticks: list[float] = []
    for factor in FACTORS:
        if low <= factor <= high and all(
            abs(np.log(factor / other)) > np.log(high / low) / MOST_TICKS for other in ticks
        ):
            ticks.append(factor)
    return sorted(ticks)
