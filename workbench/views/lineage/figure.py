"""A lineage as a figure: accuracy and FLOPs from the first ancestor down, over the family tree of the front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base.figures import log_axis, on_log_axis
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import FRONT, INK, SELECTED, mutation_color
from workbench.views.base.words import individual_in_words, mutation_in_words
from workbench.views.lineage.data import INITIAL, LineageInfo, Step, lineage_info
from workbench.views.mutations.data import BY_HAND
from workbench.views.mutations.figure import words
from workbench.views.network.figure import Trace, lines

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

WIDTH, HEIGHT = 1100, 460
PANEL = (400, 250)
"""Pixels of the figure, and about those of each of its two plots, for which labels are chosen."""

SHOWN = "shown"
"""Name of the traces that ring one step."""


def lineage_figure(run: Run, id: int) -> go.Figure:
    """Accuracy and FLOPs from the first ancestor to individual `id`, by generation, over the family tree of the front.

    Colours name the mutation that made each network; small crosses are accuracies before training.

    Raises:
        RunError: if there is no such individual.
    """
    info = lineage_info(run, id)
    figure = path_figure(info, stacked=False)
    figure.add_traces(_before_training(info), 1, 1)
    for kind in dict.fromkeys(step.kind for step in info.steps):  # only names, for the legend
        marker = {"size": 10, "color": _color(kind, info)}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=words(kind), marker=marker)
    for name, axis in (("val_accuracy", "x"), ("flops", "x2")):
        labels = _labels(info, name)
        look = {"mode": "lines+markers+text", "text": labels, "textposition": "top center", "textfont": {"size": 10}}
        figure.update_traces(look, selector={"name": "path", "xaxis": axis})
    first, last = info.steps[0], info.steps[-1].id
    since = "one made by hand" if first.kind == BY_HAND else f"individual {first.id}"
    figure.update_layout(
        title=f"individual {last}: {len(info.steps) - 1} mutations since {since}",
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        **{"showlegend": True, "width": WIDTH, "height": HEIGHT, "margin": {"t": 90, "b": 100}},
    )
    return figure


def path_figure(info: LineageInfo, stacked: bool = True) -> go.Figure:
    """Accuracy and FLOPs by generation, one above the other (for a small place) or side by side."""
    from plotly.subplots import make_subplots

    titles = ["validation accuracy", "FLOPs per image"]
    shape: dict[str, Any] = {"cols": 2, "horizontal_spacing": 0.1}
    if stacked:
        shape = {"rows": 2, "shared_xaxes": True, "vertical_spacing": 0.14}
    figure = make_subplots(subplot_titles=titles, **shape)
    for number, name in enumerate(("val_accuracy", "flops")):
        place = (number + 1, 1) if stacked else (1, number + 1)
        ring = {"size": 18, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}}
        shown = _over((), name, SHOWN, marker=ring, hoverinfo="skip")
        figure.add_traces([_tree(info, name), _path(info, name), shown], *place)
    first, second = ({"row": 1, "col": 1}, {"row": 2, "col": 1} if stacked else {"row": 1, "col": 2})
    figure.update_xaxes(range=_generations(info), nticks=5)
    figure.update_xaxes(title_text="generation", title_standoff=4, title_font_size=11, row=2 if stacked else None)
    figure.update_yaxes(tickformat=".1~%", nticks=5, range=_accuracies(info), **first)
    figure.update_yaxes(log_axis(_flops(info)), **second)
    if stacked:  # little room: the extremes alone are told
        known = [step.val_accuracy for step in info.steps if not np.isnan(step.val_accuracy)]
        figure.update_yaxes(tickvals=_extremes(known), tickformat=".2%", **first)
        ends = _extremes([step.flops for step in info.steps])
        figure.update_yaxes(tickvals=on_log_axis(ends), tickformat=".3s", **second)
        if ends and ends[0] < 1:  # drawn as 1
            figure.update_yaxes(ticktext=["0", *(f"{end:,.0f}" for end in ends[1:])], **second)
    figure.update_annotations(font_size=11 if stacked else 13)
    room = {"l": 44, "r": 8, "t": 18, "b": 34}
    figure.update_layout(template="plotly_white", hovermode="closest", showlegend=False, height=300, margin=room)
    return figure


def _extremes(values: Sequence[float]) -> list[float]:
    return sorted({min(values), max(values)}) if values else []


def step_in_words(step: Step, before: Step | None) -> str:
    """The facts of one step, its accuracy compared with that of the step before, escaped for figures and HTML."""
    told = individual_in_words(
        step.id,
        generation=step.generation,
        made=words(step.kind),
        parent=step.parent,
        val_accuracy=step.val_accuracy,
        parent_accuracy=None if before is None else before.val_accuracy,
        flops=step.flops,
    )
    return " · ".join(told)


def _color(kind: str, info: LineageInfo) -> str:
    return mutation_color(kind, info.kinds) if kind in info.kinds or kind == BY_HAND else INK


def _over(steps: Sequence[Step], column: str, name: str, **look: Any) -> Trace:
    """A value of some steps over their generations."""
    x, values = [step.generation for step in steps], np.array([getattr(step, column) for step in steps], float)
    y = on_log_axis(values) if column == "flops" else values
    return {"type": "scatter", "x": x, "y": y, "mode": "markers", "name": name, "showlegend": False} | look


def _tree(info: LineageInfo, column: str) -> Trace:
    """Thin lines from parents to children of the front's family."""
    rows = info.relatives
    children = rows[rows["parent"].isin(rows["id"])]
    parents = rows.loc[children["parent"].astype("int64")]
    places = np.concatenate([ends[["generation", column]].to_numpy(float) for ends in (parents, children)])
    if column == "flops":
        places[:, 1] = on_log_axis(places[:, 1])
    number = np.arange(len(children))
    look: dict[str, Any] = {"line": {"color": INK, "width": 0.8}, "opacity": 0.5, "legendgroup": "tree"}
    name, legend = "family of the front", column == "flops"
    return lines(places, number, number + len(children), name, showlegend=legend, **look)


def _path(info: LineageInfo, column: str) -> Trace:
    """The line from ancestor to ancestor; those whose networks are gone are hollow."""
    colors = [_color(step.kind, info) for step in info.steps]
    records = [figure_text(mutation_in_words(step.record)) for step in info.steps]
    facts = [step_in_words(*pair) for pair in zip(info.steps, [None, *info.steps], strict=False)]
    gone = ["" if step.is_kept else "<br>its network was not kept" for step in info.steps]
    look = {
        "mode": "lines+markers",
        "line": {"color": FRONT, "width": 2},
        "marker": {
            "size": 10 if len(info.steps) < 40 else 7,
            "color": colors,
            "symbol": ["circle" if step.is_kept else "circle-open" for step in info.steps],
            "line": {
                "width": 1,
                "color": ["white" if s.is_kept else c for s, c in zip(info.steps, colors, strict=True)],
            },
        },
        "hovertext": [f"{fact}<br>{record}{no}" for fact, record, no in zip(facts, records, gone, strict=True)],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "customdata": [step.id for step in info.steps],
    }
    return _over(info.steps, column, "path", **look)


def _before_training(info: LineageInfo) -> Trace:
    """Accuracies before training: the effect of each mutation alone."""
    steps = [s for s in info.steps if s.kind != INITIAL and not np.isnan(s.initial_val_accuracy)]
    colors = [_color(step.kind, info) for step in steps]
    look = {
        "marker": {"size": 8, "symbol": "x-thin", "line": {"width": 1.5, "color": colors}},
        "hovertext": [f"individual {step.id}: {step.initial_val_accuracy:.2%} before training" for step in steps],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "visible": "legendonly",
        "showlegend": True,
    }
    return _over(steps, "initial_val_accuracy", "before training", **look)


def _generations(info: LineageInfo) -> list[float]:
    """From the first to the last generation of the family, with a margin."""
    born = [*(step.generation for step in info.steps), *info.relatives["generation"]]
    margin = max(0.5, 0.04 * (max(born) - min(born)))
    return [min(born) - margin, max(born) + margin]


def _accuracies(info: LineageInfo) -> list[float] | None:
    """The range of the path, with a margin: one poor relative must not squash it. None if nothing is known."""
    known = [step.val_accuracy for step in info.steps if not np.isnan(step.val_accuracy)]
    if not known:
        return None
    margin = max(0.005, 0.25 * (max(known) - min(known)))
    return [min(known) - margin, max(known) + margin]


def _flops(info: LineageInfo) -> np.ndarray:
    """Of the path and the family, as they are drawn, float64."""
    return on_log_axis([*(step.flops for step in info.steps), *info.relatives["flops"].dropna()])


def _labels(info: LineageInfo, column: str) -> list[str]:
    """Ids or "by hand", but none that would overlap another: the ends first, then along the path."""
    values = np.array([getattr(step, column) for step in info.steps], float)
    low, high = _accuracies(info) or (0.0, 1.0)
    if column == "flops":
        values, every = np.log10(on_log_axis(values)), np.log10(_flops(info))
        low, high = every.min(), max(every.max(), every.min() + 0.1)
    start, end = _generations(info)
    x = (np.array([step.generation for step in info.steps]) - start) / (end - start) * PANEL[0]
    y = (values - low) / (high - low) * PANEL[1]
    labels = [""] * len(info.steps)
    taken: list[int] = []
    for place in dict.fromkeys(chain((len(labels) - 1, 0), range(len(labels)))):
        text = BY_HAND if info.steps[place].kind == BY_HAND else str(info.steps[place].id)
        wide = 3.5 * (len(text) + max((len(labels[other]) for other in taken), default=0)) + 4
        above = (np.abs(x - x[place]) < 3.5 * len(text) + 5) & (np.abs(y - y[place] - 13) < 11)  # dots in its way
        is_free = all(abs(x[place] - x[other]) > wide or abs(y[place] - y[other]) > 14 for other in taken)
        if is_free and (not above.any() or not taken):
            labels[place] = text
            taken.append(place)
    return labels
