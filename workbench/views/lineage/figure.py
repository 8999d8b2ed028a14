"""A lineage as a figure: accuracy and FLOPs from the first ancestor down, over the family tree of the front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.formats import in_words
from workbench.views.base.figures import log_axis
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import FRONT, INK, SELECTED, mutation_color
from workbench.views.lineage.data import INITIAL, LineageInfo, Step, lineage_info
from workbench.views.mutations.data import BY_HAND
from workbench.views.mutations.figure import words
from workbench.views.network.figure import Trace, lines

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run


def lineage_figure(run: Run, id: int) -> go.Figure:
    """Accuracy and FLOPs from the first ancestor to individual `id`, by generation, over the family tree of the front.

    Colours name the mutation that made each network; small crosses are accuracies before training.

    Raises:
        RunError: if there is no such individual.
    """
    return steps_figure(lineage_info(run, id))


def steps_figure(info: LineageInfo, current: int | None = None) -> go.Figure:
    """The figure of a known lineage; `current` is the index of the step to mark."""
    from plotly.subplots import make_subplots

    figure = make_subplots(1, 2, subplot_titles=["validation accuracy", "FLOPs per image"], horizontal_spacing=0.1)
    marked = () if current is None else (info.steps[current],)
    ring = {"size": 20, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}}
    for column, name in ((1, "val_accuracy"), (2, "flops")):
        traces = _tree(info, name), _path(info, name), _over(marked, name, "shown", marker=ring, hoverinfo="skip")
        figure.add_traces(traces, 1, column)
    figure.add_traces(_before_training(info), 1, 1)
    for kind in dict.fromkeys(step.kind for step in info.steps):  # only names, for the legend
        marker = {"size": 10, "color": _color(kind, info)}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=words(kind), marker=marker)
    figure.update_xaxes(title_text="generation")
    figure.update_yaxes(tickformat=".1%", row=1, col=1)
    figure.update_yaxes(log_axis(step.flops for step in info.steps), row=1, col=2)
    first, last = info.steps[0].id, info.steps[-1].id
    figure.update_layout(
        title=f"individual {last}: {len(info.steps) - 1} mutations since individual {first}",
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        **{"template": "plotly_white", "width": 1100, "height": 460, "hovermode": "closest", "margin": {"b": 100}},
    )
    figure.update_annotations(font_size=13)
    return figure


def sentence(step: Step) -> str:
    """A step in words, escaped for figures."""
    record = [
        f"{figure_text(in_words(str(name)))} {value:,}"
        for name, value in step.record.items()
        if isinstance(value, int) and not isinstance(value, bool) and value
    ]
    more = f"<br>{', '.join(record[:6])}" if record else ""
    return (
        f"<b>individual {step.id}</b>, generation {step.generation}: {words(step.kind)}<br>"
        f"{step.val_accuracy:.2%} validation accuracy, {step.flops:,} FLOPs{more}"
    )


def _color(kind: str, info: LineageInfo) -> str:
    return mutation_color(kind, info.kinds) if kind in info.kinds or kind == BY_HAND else INK


def _over(steps: Sequence[Step], column: str, name: str, **look: Any) -> Trace:
    """A value of some steps over their generations."""
    x, y = [step.generation for step in steps], [getattr(step, column) for step in steps]
    return {"type": "scatter", "x": x, "y": y, "mode": "markers", "name": name, "showlegend": False} | look


def _tree(info: LineageInfo, column: str) -> Trace:
    """Thin lines from parents to children of the front's family."""
    rows = info.relatives
    children = rows[rows["parent"].isin(rows["id"])]
    parents = rows.loc[children["parent"].astype("int64")]
    places = np.concatenate([ends[["generation", column]].to_numpy(float) for ends in (parents, children)])
    number = np.arange(len(children))
    look: dict[str, Any] = {"line": {"color": INK, "width": 0.8}, "opacity": 0.5, "legendgroup": "tree"}
    name, legend = "family of the front", column == "flops"
    return lines(places, number, number + len(children), name, showlegend=legend, **look)


def _path(info: LineageInfo, column: str) -> Trace:
    """The line from ancestor to ancestor."""
    colors = [_color(step.kind, info) for step in info.steps]
    look = {
        "mode": "lines+markers+text",
        "texttemplate": "%{customdata}",
        "textposition": "top center",
        "textfont": {"size": 10},
        "line": {"color": FRONT, "width": 2.5},
        "marker": {"size": 12, "color": colors, "line": {"width": 1, "color": "white"}},
        "customdata": [step.id for step in info.steps],
        "text": [sentence(step) for step in info.steps],
        "hovertemplate": "%{text}<extra></extra>",
    }
    return _over(info.steps, column, "path", **look)


def _before_training(info: LineageInfo) -> Trace:
    """Accuracies before training: the effect of each mutation alone."""
    steps = [s for s in info.steps if s.kind != INITIAL and not np.isnan(s.initial_val_accuracy)]
    colors = [_color(step.kind, info) for step in steps]
    look = {
        "marker": {"size": 8, "symbol": "x-thin", "line": {"width": 1.5, "color": colors}},
        "text": [f"individual {step.id}: {step.initial_val_accuracy:.2%} before training" for step in steps],
        "hovertemplate": "%{text}<extra></extra>",
        "visible": "legendonly",
        "showlegend": True,
    }
    return _over(steps, "initial_val_accuracy", "before training", **look)
