"""Where a network came from: the mutations from its first ancestor down to it, within the family tree of the front."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RunError
from workbench.views.base.figures import log_axis
from workbench.views.base.palette import FRONT, SELECTED, mutation_color
from workbench.views.mutations.data import BY_HAND
from workbench.views.mutations.figure import INK, words

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.store import Run

INITIAL = "initial"
"""Kind of an ancestor that was not made by a mutation."""


@dataclass(frozen=True)
class Step:
    """One network on the way.

    Attributes:
        id: in the run.
        generation: in which it was made.
        kind: of the mutation that made it, "by hand", or "initial".
        val_accuracy: after training, NaN if unknown.
        initial_val_accuracy: before training, NaN if unknown.
        flops: per image.
        record: of the mutation.
    """

    id: int
    generation: int
    kind: str
    val_accuracy: float
    initial_val_accuracy: float
    flops: int
    record: dict[str, Any]


@dataclass(frozen=True)
class LineageInfo:
    """A network's way from its first ancestor, and the relatives around it.

    Attributes:
        steps: from the first ancestor in the file down to the network itself.
        relatives: the members of the all-time front and all their ancestors, rows of `Run.individuals`.
        kinds: of mutation, in the order of the search space.
    """

    steps: tuple[Step, ...]
    relatives: pd.DataFrame
    kinds: tuple[str, ...]


def lineage_info(run: Run, id: int) -> LineageInfo:
    """The lineage of individual `id`, and the family tree of the front.

    Raises:
        RunError: if there is no such individual.
    """
    from workbench.spaces import make_space

    everyone = run.individuals.set_index("id", drop=False)
    if id not in everyone.index:
        raise RunError(f"{run.path} has no individual {id}; it holds {len(everyone)} individuals")
    known = everyone[everyone["parent"].notna()]
    parent_of = dict(zip(known["id"].tolist(), known["parent"].tolist(), strict=True))
    steps = tuple(_step(run, everyone.loc[each]) for each in _ancestors(id, parent_of) if each in everyone.index)
    family: set[int] = set()
    for member in everyone["id"][everyone["on_front"]]:
        family.update(_ancestors(int(member), parent_of))
    relatives = everyone[everyone["id"].isin(list(family))]
    return LineageInfo(steps, relatives, tuple(make_space(run.space_name, run.space_config).mutation_kinds))


def _ancestors(id: int, parent_of: dict[int, int]) -> list[int]:
    """From the first ancestor down to `id`; a damaged file may name parents in a circle."""
    path = {id: None}
    while (id := parent_of.get(id, id)) not in path:
        path[id] = None
    return list(path)[::-1]


def _step(run: Run, row: Any) -> Step:
    record = run.mutation(int(row["id"]))
    kind = BY_HAND if row["origin"] == BY_HAND else str(record.get("kind") or INITIAL)
    return Step(
        id=int(row["id"]),
        generation=int(row["generation"]),
        kind=kind,
        val_accuracy=float(row["val_accuracy"]),
        initial_val_accuracy=float(row["initial_val_accuracy"]),
        flops=0 if np.isnan(float(row["flops"])) else int(row["flops"]),
        record=record,
    )


def lineage_figure(run: Run, id: int) -> go.Figure:
    """Accuracy and FLOPs from the first ancestor to individual `id`, by generation, over the family tree of the front.

    Colours name the mutation that made each network; small crosses are accuracies before training.

    Raises:
        RunError: if there is no such individual.
    """
    return steps_figure(lineage_info(run, id))


def steps_figure(info: LineageInfo, current: int | None = None) -> go.Figure:
    """The figure of a lineage that is known already; `current` is the place of the step to mark."""
    from plotly.subplots import make_subplots

    figure = make_subplots(1, 2, subplot_titles=["validation accuracy", "FLOPs per image"], horizontal_spacing=0.1)
    for column, name in ((1, "val_accuracy"), (2, "flops")):
        figure.add_trace(_tree(info, name), 1, column)
        figure.add_trace(_path(info, name), 1, column)
        figure.add_trace(_ring(info, name, current), 1, column)
    figure.add_trace(_before(info), 1, 1)
    for kind in dict.fromkeys(step.kind for step in info.steps):  # only names, for the legend
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=words(kind), marker={"size": 10, "color": _color(kind, info)}
        )
    last = info.steps[-1]
    figure.update_xaxes(title_text="generation")
    figure.update_yaxes(tickformat=".1%", row=1, col=1)
    figure.update_yaxes(log_axis(step.flops for step in info.steps), row=1, col=2)
    figure.update_layout(
        title=f"individual {last.id}: {len(info.steps) - 1} mutations since individual {info.steps[0].id}",
        template="plotly_white",
        width=1100,
        height=460,
        hovermode="closest",
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        margin={"b": 100},
    )
    figure.update_annotations(font_size=13)
    return figure


def _color(kind: str, info: LineageInfo) -> str:
    return mutation_color(kind, info.kinds) if kind in info.kinds or kind == BY_HAND else INK


def _tree(info: LineageInfo, name: str) -> go.Scattergl:
    """Thin lines from parents to children of the front's family."""
    import plotly.graph_objects as go

    rows = info.relatives
    children = rows[rows["parent"].isin(rows["id"])]
    parents = rows.loc[children["parent"].astype("int64")]
    gap = np.full(len(children), np.nan)
    x = np.stack([parents["generation"], children["generation"], gap], axis=1).astype(float).ravel()
    y = np.stack([parents[name].astype(float), children[name].astype(float), gap], axis=1).ravel()
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": INK, "width": 0.8},
        opacity=0.5,
        hoverinfo="skip",
        name="family of the front",
        legendgroup="tree",
        showlegend=name == "flops",
    )


def _path(info: LineageInfo, name: str) -> go.Scatter:
    import plotly.graph_objects as go

    steps = info.steps
    return go.Scatter(
        x=[step.generation for step in steps],
        y=[getattr(step, name) for step in steps],
        mode="lines+markers+text",
        texttemplate="%{customdata}",
        textposition="top center",
        textfont={"size": 10},
        line={"color": FRONT, "width": 2.5},
        marker={
            "size": 12,
            "color": [_color(step.kind, info) for step in steps],
            "line": {"width": 1, "color": "white"},
        },
        customdata=[step.id for step in steps],
        text=[sentence(step) for step in steps],
        hovertemplate="%{text}<extra></extra>",
        name="path",
        showlegend=False,
    )


def _before(info: LineageInfo) -> go.Scatter:
    """Accuracies before training: what each mutation alone did."""
    import plotly.graph_objects as go

    steps = [step for step in info.steps if step.kind != INITIAL and not np.isnan(step.initial_val_accuracy)]
    return go.Scatter(
        x=[step.generation for step in steps],
        y=[step.initial_val_accuracy for step in steps],
        mode="markers",
        marker={"symbol": "x-thin", "size": 8, "line": {"width": 1.5, "color": [_color(s.kind, info) for s in steps]}},
        text=[f"individual {step.id}: {step.initial_val_accuracy:.2%} before training" for step in steps],
        hovertemplate="%{text}<extra></extra>",
        name="before training",
        visible="legendonly",
    )


def _ring(info: LineageInfo, name: str, current: int | None) -> go.Scatter:
    import plotly.graph_objects as go

    chosen = [] if current is None else [info.steps[current]]
    return go.Scatter(
        x=[step.generation for step in chosen],
        y=[getattr(step, name) for step in chosen],
        mode="markers",
        marker={"size": 20, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": SELECTED}},
        hoverinfo="skip",
        name="shown",
        showlegend=False,
    )


def sentence(step: Step) -> str:
    """What is known of a step, safe in a figure."""
    record = [
        f"{html.escape(str(name).replace('_', ' '), quote=False)} {value:,}"
        for name, value in step.record.items()
        if isinstance(value, int) and not isinstance(value, bool) and value
    ]
    more = f"<br>{', '.join(record[:6])}" if record else ""
    return (
        f"<b>individual {step.id}</b>, generation {step.generation}: {words(step.kind)}<br>"
        f"{step.val_accuracy:.2%} validation accuracy, {step.flops:,} FLOPs{more}"
    )
