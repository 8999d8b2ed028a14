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
from workbench.space import Draws, Lists, is_text_first
from workbench.views.base.figures import save_picture
from workbench.views.base.palette import BLUE, GREY, OUTPUTS
from workbench.views.lineage.data import Step, lineage_info
from workbench.views.lineage.frames import animated, frame_title, path_traces, set_path_axes
from workbench.views.lineage.listing import ListingFrame, listing_animation
from workbench.views.lineage.modules import ModulesFrame, modules_animation
from workbench.views.network.data import ADDED, genome_difference
from workbench.views.network.figure import Trace, dots, lines, pixel_axes
from workbench.views.network.layout import dag_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

MOST_EDGES = 1_500
"""New edges drawn of a frame, and as many old ones, the heaviest, or any if weights are unknown: files stay small."""


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
        size = f"{self.genome.n_hidden:,} hidden neurons, {self.genome.n_edges:,} edges"
        return frame_title(self.step, change, size)


def kept_networks(run: Run, id: int) -> list[tuple[Step, Any]]:
    """The steps from the first ancestor to individual `id` whose networks are in the file, and these.

    Raises:
        RunError: if there is no such individual, or no such network.
    """
    kept = [(step, run.genome(step.id)) for step in lineage_info(run, id).steps if step.is_kept]
    if not kept:
        raise RunError(f"{run.path} has no network in the lineage of individual {id} to animate")
    return kept


def neurons_frames(kept: Sequence[tuple[Step, Genome]]) -> list[Frame]:
    """The frames of networks of neurons."""
    earlier = [None, *(genome for _, genome in kept)]
    return [Frame.of(*each, before) for each, before in zip(kept, earlier, strict=False)]


def lineage_animation(run: Run, id: int) -> go.Figure:
    """The growing network as a figure with frames, a play button and a slider; what is new in blue.

    Raises:
        RunError: if there is no such individual, no network of its lineage was kept, or the space does not draw them.
    """
    space = run.space
    kept = kept_networks(run, id)
    if all(isinstance(genome, Genome) for _, genome in kept):
        return _neurons_animation(neurons_frames(kept))
    steps = [step for step, _ in kept]
    if isinstance(space, Lists) and is_text_first(space):
        texts = [space.listing(genome) for _, genome in kept]
        return listing_animation([ListingFrame(*each) for each in zip(steps, texts, [None, *texts], strict=False)])
    if not isinstance(space, Draws):
        raise RunError(f"the space {space.name!r} does not draw its networks, so their growth cannot be animated")
    pictures = [space.picture(genome) for _, genome in kept]
    return modules_animation([ModulesFrame(*each) for each in zip(steps, pictures, [None, *pictures], strict=False)])


def _neurons_animation(frames: Sequence[Frame]) -> go.Figure:
    """Networks of neurons by layer and over the image."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

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
    return animated(figure, frames[0].title, [frame.step.id for frame in frames])


def save_lineage_animation(run: Run, id: int, path: str | os.PathLike[str]) -> Path:
    """Write the growing network from the first ancestor to individual `id` as a self-contained HTML page.

    Args:
        run: the run.
        id: of the individual.
        path: ends in `.html`.

    Raises:
        RunError: if there is no such individual, no network of its lineage was kept, or the space does not draw them.
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
        *path_traces([frame.step for frame in frames], place),
    ]


def _set_axes(figure: go.Figure, frames: Sequence[Frame]) -> None:
    """Axes that stay the same while the network grows."""
    layers = max(frame.genome.n_layers for frame in frames)
    figure.update_xaxes(_layer_ticks(frames[0]), range=[-0.35, layers - 0.8], showgrid=False, row=1, col=1)
    figure.update_yaxes(range=[1.03, -0.03], visible=False, row=1, col=1)
    x, y = pixel_axes(frames[0].genome.input_shape, "x2")
    figure.update_xaxes(x, row=1, col=2)
    figure.update_yaxes(y, row=1, col=2)
    set_path_axes(figure, [frame.step for frame in frames], 3)


def _layer_ticks(frame: Frame) -> dict[str, Any]:
    """Names of the layers; the last are the outputs."""
    hidden = [f"layer {layer}" for layer in range(1, frame.genome.n_layers - 1)]
    names = ["inputs", *hidden, "outputs"]
    return {"tickvals": list(range(len(names))), "ticktext": names}
