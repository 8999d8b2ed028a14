"""A lineage as an animation of the growing network: one frame per ancestor, in a self-contained file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ExportError, RunError
from workbench.genome import Genome
from workbench.views.base.figures import log_axis, save_picture
from workbench.views.base.palette import BLUE, FRONT, GREY, OUTPUTS
from workbench.views.lineage.data import INITIAL, Step, lineage_info
from workbench.views.lineage.figure import step_in_words
from workbench.views.mutations.figure import words
from workbench.views.network.data import ADDED, genome_difference
from workbench.views.network.figure import Trace, dots, lines, pixel_axes
from workbench.views.network.layout import dag_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

MOST_EDGES = 1_500
"""New edges drawn of a frame, and as many old ones, the heaviest, or any if weights are unknown: files stay small."""

FRAME_MILLISECONDS = 1200


@dataclass(frozen=True, eq=False)
class Frame:
    """One network of the lineage."""

    step: Step  # the individual
    genome: Genome  # its network; weights may be unknown (NaN)
    new_neurons: np.ndarray  # bool [neurons], those that its parent does not have
    new_edges: np.ndarray  # bool [edges], likewise

    @classmethod
    def of(cls, step: Step, genome: Genome, before: Genome | None) -> Frame:
        """The frame of a network, given the one before it; nothing is new in the first."""
        difference = genome_difference(before or genome, genome)
        new_neurons = difference.neuron_state[: genome.n_neurons] == ADDED
        return cls(step, genome, new_neurons, difference.edge_state[: genome.n_edges] == ADDED)

    @property
    def title(self) -> str:
        """What the frame shows, in words."""
        change = f"{int(self.new_edges.sum()):,} new edges, {int(self.new_neurons.sum()):,} new neurons"
        made = words(self.step.kind) + ("" if self.step.kind == INITIAL else f": {change}")
        return (
            f"<b>individual {self.step.id}</b>, generation {self.step.generation}, {made}<br>"
            f"{self.genome.n_hidden:,} hidden neurons, {self.genome.n_edges:,} edges, "
            f"{self.step.val_accuracy:.2%} validation accuracy"
        )


def lineage_frames(run: Run, id: int) -> list[Frame]:
    """The stored networks from the first ancestor to individual `id`.

    Raises:
        RunError: if there is no such individual, or no network of neurons in its lineage.
    """
    frames: list[Frame] = []
    for step in lineage_info(run, id).steps:
        genome = run.genome(step.id) if step.is_kept else None
        if isinstance(genome, Genome):
            frames.append(Frame.of(step, genome, frames[-1].genome if frames else None))
    if not frames:
        raise RunError(f"{run.path} has no network of neurons in the lineage of individual {id} to animate")
    return frames


def lineage_animation(run: Run, id: int) -> go.Figure:
    """The growing network as a figure with frames, a play button and a slider; new neurons and edges in blue.

    Raises:
        RunError: if there is no such individual, or no network of neurons in its lineage.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    frames = lineage_frames(run, id)
    titles = ["neurons by layer", "neurons over the image", "validation accuracy against FLOPs"]
    figure = make_subplots(1, 3, subplot_titles=titles, column_widths=[0.5, 0.27, 0.23], horizontal_spacing=0.06)
    figure.add_traces(_traces(frames, 0), 1, [1, 1, 1, 1, 2, 2, 3, 3])
    figure.frames = [
        go.Frame(
            data=_traces(frames, place),
            name=str(place),
            layout={"title": {"text": frame.title}, "xaxis": _layer_ticks(frame)},
        )
        for place, frame in enumerate(frames)
    ]
    _set_axes(figure, frames)
    figure.update_layout(
        title={"text": frames[0].title, "font": {"size": 15}},
        legend={"orientation": "h", "y": -0.16, "x": 0.62},
        **{"template": "plotly_white", "width": 1240, "height": 640, "margin": {"t": 110, "b": 110, "l": 30, "r": 30}},
        **_controls([frame.step.id for frame in frames]),
    )
    figure.update_annotations(font_size=13)
    return figure


def save_lineage_animation(run: Run, id: int, path: str | os.PathLike[str]) -> Path:
    """Write the growing network from the first ancestor to individual `id` as a self-contained HTML page.

    Args:
        run: the run.
        id: of the individual.
        path: ends in `.html`.

    Raises:
        RunError: if there is no such individual, or no network of neurons in its lineage.
        ExportError: on another ending, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ExportError(f"the name of an animation must end in .html, got {path.name!r}")
    return save_picture(lineage_animation(run, id), path)


def _traces(frames: Sequence[Frame], place: int) -> list[Trace]:
    """Kept and new edges, kept and new neurons, both kinds of neurons over the image, the path, the current step."""
    frame = frames[place]
    genome, layout = frame.genome, dag_layout(frame.genome)
    by_layer, over_image = np.stack([layout.x, layout.y], axis=1).round(3), genome.positions[:, ::-1].round(3)
    heaviest = np.argsort(-np.abs(np.nan_to_num(genome.weights)), kind="stable")
    if not genome.has_weights:  # then some from all over the network
        heaviest = np.random.default_rng(0).permutation(genome.n_edges)
    new, new_neurons = frame.new_edges[heaviest], frame.new_neurons
    hidden = np.arange(genome.n_neurons) >= genome.n_inputs + genome.n_outputs

    def edges(name: str, some: np.ndarray, color: str, width: float, opacity: float) -> Trace:
        ends = layout.source[some[:MOST_EDGES]], layout.target[some[:MOST_EDGES]]
        return lines(by_layer, *ends, name, line={"color": color, "width": width}, opacity=opacity, showlegend=False)

    def neurons(places: np.ndarray, name: str, color: str, size: float, legend: bool) -> Trace:
        return dots(places, name, marker={"size": size, "color": color}, hoverinfo="skip", showlegend=legend)

    return [
        edges("kept edges", heaviest[~new], GREY, 0.6, 0.35),
        edges("new edges", heaviest[new], BLUE, 0.9, 0.6),
        neurons(by_layer[~new_neurons], "kept", OUTPUTS, 3.5, False),
        neurons(by_layer[new_neurons], "new", BLUE, 3.5, False),
        neurons(over_image[hidden & ~new_neurons], "kept neurons", GREY, 5, True),
        neurons(over_image[hidden & new_neurons], "new neurons", BLUE, 5, True),
        *_path(frames, place),
    ]


def _path(frames: Sequence[Frame], place: int) -> tuple[Trace, Trace]:
    """All steps, and the current one."""
    points = np.array([(frame.step.flops, frame.step.val_accuracy) for frame in frames], float)
    steps = [frame.step for frame in frames]
    text = [step_in_words(*pair) for pair in zip(steps, [None, *steps], strict=False)]
    common = {"hovertemplate": "%{text}<extra></extra>", "showlegend": False}
    thin = {"mode": "lines+markers", "line": {"color": GREY, "width": 1.5}, "marker": {"size": 6}}
    diamond = {"marker": {"size": 14, "color": FRONT, "symbol": "diamond"}}
    here = slice(place, place + 1)
    path = dots(points, "path", text=text, **common) | thin
    return path, dots(points[here], "here", text=text[here], **diamond, **common)


def _set_axes(figure: go.Figure, frames: Sequence[Frame]) -> None:
    """Axes that stay the same while the network grows."""
    layers = max(frame.genome.n_layers for frame in frames)
    figure.update_xaxes(_layer_ticks(frames[0]), range=[-0.35, layers - 0.8], showgrid=False, row=1, col=1)
    figure.update_yaxes(range=[1.03, -0.03], visible=False, row=1, col=1)
    x, y = pixel_axes(frames[0].genome.input_shape, "x2")
    figure.update_xaxes(x, row=1, col=2)
    figure.update_yaxes(y, row=1, col=2)
    figure.update_xaxes(
        log_axis(frame.step.flops for frame in frames), title_text="FLOPs per image", tickangle=0, row=1, col=3
    )
    figure.update_yaxes(tickformat=".2~%", nticks=6, row=1, col=3)


def _layer_ticks(frame: Frame) -> dict[str, Any]:
    """Names of the layers; the last are the outputs."""
    hidden = [f"layer {layer}" for layer in range(1, frame.genome.n_layers - 1)]
    names = ["inputs", *hidden, "outputs"]
    return {"tickvals": list(range(len(names))), "ticktext": names}


def _controls(ids: Sequence[int]) -> dict[str, Any]:
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
