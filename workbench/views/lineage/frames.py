"""What animations of a lineage share, whatever is drawn: the path beside it, and what plays it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base.figures import log_axis, on_log_axis
from workbench.views.base.palette import FRONT, GREY
from workbench.views.lineage.data import INITIAL, Step
from workbench.views.lineage.figure import step_in_words
from workbench.views.mutations.figure import words
from workbench.views.network.figure import Trace, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

FRAME_MILLISECONDS = 1200


def frame_title(step: Step, change: str, size: str) -> str:
    """What a frame shows, in words; `change` is what the mutation did, `size` the size of the network."""
    made = words(step.kind) + ("" if step.kind == INITIAL else f": {change}")
    return (
        f"<b>individual {step.id}</b>, generation {step.generation}, {made}<br>"
        f"{size}, {step.val_accuracy:.2%} validation accuracy"
    )


def path_traces(steps: Sequence[Step], place: int) -> tuple[Trace, Trace]:
    """All steps, and the current one, by FLOPs and accuracy."""
    points = np.stack([on_log_axis([step.flops for step in steps]), [step.val_accuracy for step in steps]], axis=1)
    text = [step_in_words(*pair) for pair in zip(steps, [None, *steps], strict=False)]
    common = {"hovertemplate": "%{text}<extra></extra>", "showlegend": False}
    thin = {"mode": "lines+markers", "line": {"color": GREY, "width": 1.5}, "marker": {"size": 6}}
    diamond = {"marker": {"size": 14, "color": FRONT, "symbol": "diamond"}}
    here = slice(place, place + 1)
    path = dots(points, "path", text=text, **common) | thin
    return path, dots(points[here], "here", text=text[here], **diamond, **common)


def set_path_axes(figure: go.Figure, steps: Sequence[Step], column: int) -> None:
    """Axes of the path, in a column of subplots."""
    figure.update_xaxes(
        log_axis(on_log_axis([step.flops for step in steps])),
        title_text="FLOPs per image",
        tickangle=0,
        row=1,
        col=column,
    )
    figure.update_yaxes(tickformat=".2~%", nticks=6, row=1, col=column)


def controls(ids: Sequence[int]) -> dict[str, Any]:
    """Buttons that play and pause, and a slider with a step for each individual."""
    play = {"frame": {"duration": FRAME_MILLISECONDS, "redraw": True}, "transition": {"duration": 0}}
    pause = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    buttons = [
        {"label": "Play", "method": "animate", "args": [None, {**play, "fromcurrent": True}]},
        {"label": "Pause", "method": "animate", "args": [[None], pause]},
    ]
    steps = [{"label": str(id), "method": "animate", "args": [[str(place)], jump]} for place, id in enumerate(ids)]
    place = {"x": 0, "y": -0.14, "xanchor": "left", "yanchor": "top"}
    slider = {"steps": steps, "x": 0.13, "len": 0.45, "y": -0.1, "currentvalue": {"prefix": "individual "}}
    return {"updatemenus": [{"type": "buttons", "direction": "left", "buttons": buttons, **place}], "sliders": [slider]}


def animated(figure: go.Figure, title: str, ids: Sequence[int]) -> go.Figure:
    """The figure with its first title and its controls."""
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        legend={"orientation": "h", "y": -0.16, "x": 0.62},
        **{"template": "plotly_white", "width": 1240, "height": 640, "margin": {"t": 110, "b": 110, "l": 30, "r": 30}},
        **controls(ids),
    )
    figure.update_annotations(font_size=13)
    return figure
