"""A lineage as an animation of the growing network: one frame per ancestor, in one file that needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ExportError, RunError, WorkbenchError
from workbench.genome import Genome
from workbench.views.base.palette import BLUE, FRONT, GREY, OUTPUTS
from workbench.views.lineage.data import INITIAL, Step, lineage_info, sentence
from workbench.views.mutations.figure import words
from workbench.views.network.data import ADDED, DagInfo, dag_layout, genome_difference

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

MOST_EDGES = 1_500
"""New edges drawn of a frame, and as many old ones, the heaviest: 40 frames stay within a few megabytes."""


FRAME_MILLISECONDS = 1200


@dataclass(frozen=True, eq=False)
class Frame:
    """One network on the way.

    Attributes:
        step: who it is.
        genome: its network; weights may be unknown (NaN).
        layout: places in the picture by layers.
        new_neurons: bool [neurons], which its parent does not have.
        new_edges: bool [edges], likewise.
    """

    step: Step
    genome: Genome
    layout: DagInfo
    new_neurons: np.ndarray
    new_edges: np.ndarray

    @property
    def title(self) -> str:
        """What is seen, in words."""
        change = f"{int(self.new_edges.sum()):,} new edges, {int(self.new_neurons.sum()):,} new neurons"
        made = words(self.step.kind) + ("" if self.step.kind == INITIAL else f": {change}")
        return (
            f"<b>individual {self.step.id}</b>, generation {self.step.generation}, {made}<br>"
            f"{self.genome.n_hidden:,} hidden neurons, {self.genome.n_edges:,} edges, "
            f"{self.step.val_accuracy:.2%} validation accuracy"
        )


def lineage_frames(run: Run, id: int) -> list[Frame]:
    """The networks from the first ancestor to individual `id`; of those whose network is not stored there is none.

    Raises:
        RunError: if there is no such individual, or no network of neurons on the way.
    """
    frames: list[Frame] = []
    for step in lineage_info(run, id).steps:
        try:
            genome = run.genome(step.id)
        except WorkbenchError:
            continue  # dropped with its topology, by an early version or by hand: the way goes on behind it
        if isinstance(genome, Genome):
            frames.append(_frame(step, genome, frames[-1].genome if frames else None))
    if not frames:
        raise RunError(f"{run.path} has no network of neurons in the lineage of individual {id} to animate")
    return frames


def _frame(step: Step, genome: Genome, before: Genome | None) -> Frame:
    neurons, edges = np.zeros(genome.n_neurons, bool), np.zeros(genome.n_edges, bool)
    if before is not None:
        difference = genome_difference(before, genome)
        neurons = difference.neuron_state[: genome.n_neurons] == ADDED
        edges = difference.edge_state[: genome.n_edges] == ADDED
    return Frame(step, genome, dag_layout(genome), neurons, edges)


def lineage_animation(run: Run, id: int) -> go.Figure:
    """The growing network as a figure with frames, a play button and a slider; new neurons and edges in blue.

    Raises:
        RunError: if there is no such individual, or no network of neurons on the way.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    frames = lineage_frames(run, id)
    titles = ["neurons by layer", "neurons over the image", "validation accuracy against FLOPs"]
    figure = make_subplots(1, 3, subplot_titles=titles, column_widths=[0.5, 0.27, 0.23], horizontal_spacing=0.06)
    for trace, column in zip(_traces(frames, 0), (1, 1, 1, 1, 2, 2, 3, 3), strict=True):
        figure.add_trace(trace, 1, column)
    figure.frames = [
        go.Frame(data=_traces(frames, place), name=str(place), layout={"title": {"text": frame.title}})
        for place, frame in enumerate(frames)
    ]
    _set_axes(figure, frames)
    figure.update_layout(
        title={"text": frames[0].title, "font": {"size": 15}},
        template="plotly_white",
        width=1240,
        height=640,
        margin={"t": 110, "b": 110, "l": 30, "r": 30},
        legend={"orientation": "h", "y": -0.16, "x": 0.62},
        updatemenus=[_buttons()],
        sliders=[_slider(frames)],
    )
    figure.update_annotations(font_size=13)
    return figure


def save_lineage_animation(run: Run, id: int, path: str | os.PathLike[str]) -> Path:
    """Write the growing network from the first ancestor to individual `id` as an HTML page that needs nothing else.

    Args:
        run: the run.
        id: of the individual.
        path: ends in `.html`.

    Raises:
        RunError: if there is no such individual, or no network of neurons on the way.
        ExportError: on another ending, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ExportError(f"an animation's name must end in .html, got {path.name!r}")
    figure = lineage_animation(run, id)
    try:
        figure.write_html(path, include_plotlyjs=True, auto_play=False, config={"showSendToCloud": False})
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _traces(frames: Sequence[Frame], place: int) -> list[go.Scatter]:
    """What a frame shows: kept and new edges, kept and new neurons, both again over the image, the way, where it is."""
    frame = frames[place]
    return [*_edges(frame), *_neurons(frame), *_placed(frame), *_way(frames, place)]


def _edges(frame: Frame) -> list[go.Scatter]:
    import plotly.graph_objects as go

    heaviest = np.argsort(-np.abs(np.nan_to_num(frame.genome.weights)), kind="stable")
    traces = []
    for name, color, some in (
        ("kept", GREY, heaviest[~frame.new_edges[heaviest]]),
        ("new", BLUE, heaviest[frame.new_edges[heaviest]]),
    ):
        some = some[:MOST_EDGES]
        gap = np.full(len(some), np.nan, np.float32)
        source, target = frame.layout.source[some], frame.layout.target[some]
        x, y = (
            np.stack([axis[source], axis[target], gap], axis=1).ravel().round(3)
            for axis in (frame.layout.x, frame.layout.y)
        )
        traces.append(
            go.Scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": color, "width": 0.6 if name == "kept" else 0.9},
                opacity=0.35 if name == "kept" else 0.6,
                hoverinfo="skip",
                name=f"{name} edges",
                showlegend=False,
            )
        )
    return traces


def _neurons(frame: Frame) -> list[go.Scatter]:
    return [
        _dots(frame.layout.x[some], frame.layout.y[some], name, color, size=3.5)
        for name, color, some in (
            ("kept", OUTPUTS, ~frame.new_neurons),
            ("new", BLUE, frame.new_neurons),
        )
    ]


def _placed(frame: Frame) -> list[go.Scatter]:
    """Hidden neurons over the image."""
    hidden = np.arange(frame.genome.n_neurons) >= frame.genome.n_inputs + frame.genome.n_outputs
    place = frame.genome.positions
    return [
        _dots(place[some, 1], place[some, 0], name, color, size=5, showlegend=True)
        for name, color, some in (
            ("kept neurons", GREY, hidden & ~frame.new_neurons),
            ("new neurons", BLUE, hidden & frame.new_neurons),
        )
    ]


def _dots(x: np.ndarray, y: np.ndarray, name: str, color: str, size: float, showlegend: bool = False) -> go.Scatter:
    import plotly.graph_objects as go

    marker: dict[str, Any] = {"size": size, "color": color}
    return go.Scatter(
        x=np.round(x, 3), y=np.round(y, 3), mode="markers", marker=marker, hoverinfo="skip", name=name,
        showlegend=showlegend,
    )  # fmt: skip


def _way(frames: Sequence[Frame], place: int) -> list[go.Scatter]:
    import plotly.graph_objects as go

    steps = [frame.step for frame in frames]
    x, y = [step.flops for step in steps], [step.val_accuracy for step in steps]
    text = [sentence(step) for step in steps]
    common = {"hovertemplate": "%{text}<extra></extra>", "showlegend": False}
    here = {"size": 14, "color": FRONT, "symbol": "diamond"}
    line = {"color": GREY, "width": 1.5}
    return [
        go.Scatter(x=x, y=y, text=text, mode="lines+markers", line=line, marker={"size": 6}, name="way", **common),
        go.Scatter(x=[x[place]], y=[y[place]], text=[text[place]], mode="markers", marker=here, name="here", **common),
    ]


def _set_axes(figure: go.Figure, frames: Sequence[Frame]) -> None:
    """Axes that hold still while the network grows."""
    layers = max(frame.genome.n_layers for frame in frames)
    names = ["inputs", *(f"layer {layer}" for layer in range(1, layers))]
    _, height, width = frames[0].genome.input_shape
    figure.update_xaxes(
        range=[-0.35, layers - 0.8], tickvals=list(range(layers)), ticktext=names, showgrid=False, row=1, col=1
    )
    figure.update_yaxes(range=[1.03, -0.03], visible=False, row=1, col=1)
    figure.update_xaxes(range=[-0.5, width - 0.5], title_text="column (pixels)", constrain="domain", row=1, col=2)
    figure.update_yaxes(
        range=[height - 0.5, -0.5], title_text="row (pixels)", scaleanchor="x2", constrain="domain", row=1, col=2
    )
    figure.update_xaxes(type="log", tickformat="~s", title_text="FLOPs per image", nticks=5, row=1, col=3)
    figure.update_yaxes(tickformat=".1%", row=1, col=3)


def _buttons() -> dict[str, Any]:
    play = {"frame": {"duration": FRAME_MILLISECONDS, "redraw": True}, "transition": {"duration": 0}}
    pause = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    return {
        "type": "buttons",
        "direction": "left",
        "x": 0,
        "y": -0.14,
        "xanchor": "left",
        "yanchor": "top",
        "buttons": [
            {"label": "Play", "method": "animate", "args": [None, {**play, "fromcurrent": True}]},
            {"label": "Pause", "method": "animate", "args": [[None], pause]},
        ],
    }


def _slider(frames: Sequence[Frame]) -> dict[str, Any]:
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [
        {"label": str(frame.step.id), "method": "animate", "args": [[str(place)], jump]}
        for place, frame in enumerate(frames)
    ]
    return {"steps": steps, "x": 0.13, "len": 0.45, "y": -0.1, "currentvalue": {"prefix": "individual "}}
