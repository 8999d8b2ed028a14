"""A lineage of networks of modules as an animation: one graph a frame, what is new in blue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.formats import counted
from workbench.pictures import Picture
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import BLUE, GREY
from workbench.views.lineage.data import Step
from workbench.views.lineage.frames import animated, frame_title, path_traces, set_path_axes
from workbench.views.modules.data import (
    ADDED,
    KEPT,
    REMOVED,
    Graph,
    PictureDifference,
    graph_of,
    open_at_start,
    picture_changes_in_words,
    picture_difference,
)
from workbench.views.modules.figure import graph_layout
from workbench.views.modules.layout import HEIGHT, Layout
from workbench.views.network.figure import Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST, ROOM = 40, (760, 420)
"""Boxes of a frame, and about the pixels that its graph has."""


@dataclass(frozen=True, eq=False)
class ModulesFrame:
    """One network of the lineage."""

    step: Step  # the individual
    picture: Picture
    before: Picture | None  # the network of the frame before it

    @cached_property
    def difference(self) -> PictureDifference:
        """What became of its parts since the frame before it."""
        return picture_difference(self.before, self.picture)

    @cached_property
    def drawn(self) -> tuple[Graph, Layout]:
        """The network itself, without what was removed."""
        difference = self.difference
        alone = PictureDifference(self.picture, difference.nodes, difference.edges, difference.branches)
        graph = graph_of(alone, open_at_start(difference, MOST))
        return graph, graph_layout(graph, self.picture, ROOM)

    @property
    def title(self) -> str:
        """What the frame shows, in words."""
        change = picture_changes_in_words(self.difference.counts)
        return frame_title(self.step, change, counted(len(self.picture.nodes), "module"))


def modules_animation(frames: Sequence[ModulesFrame]) -> go.Figure:
    """The growing network as a figure with frames, a play button and a slider."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = ["modules, new ones in blue", "validation accuracy against FLOPs"]
    figure = make_subplots(1, 2, subplot_titles=titles, column_widths=[0.72, 0.28], horizontal_spacing=0.06)
    steps = [frame.step for frame in frames]
    n_graph = len(_graph_traces(frames[0]))

    def traces(place: int) -> list[Trace]:
        return [*_graph_traces(frames[place]), *path_traces(steps, place)]

    figure.add_traces(traces(0), 1, [1] * n_graph + [2, 2])
    figure.frames = [
        go.Frame(data=traces(place), name=str(place), layout={"title": {"text": frame.title}} | _axes(frame))
        for place, frame in enumerate(frames)
    ]
    figure.update_layout(_axes(frames[0]))
    set_path_axes(figure, steps, 2)
    return animated(figure, frames[0].title, [step.id for step in steps])


def _axes(frame: ModulesFrame) -> dict[str, Any]:
    """Axes of the graph, in the pixels of its layout."""
    layout, hidden = frame.drawn[1], {"visible": False}
    return {
        "xaxis": {"range": [0, layout.width], **hidden},
        "yaxis": {"range": [layout.height, 0], "scaleanchor": "x", **hidden},
    }


def _graph_traces(frame: ModulesFrame) -> list[Trace]:
    """Kept and new links, kept and new boxes, their labels."""
    graph, layout = frame.drawn
    is_new = [box.state not in (KEPT, REMOVED) for box in graph.boxes]
    zoom = min(ROOM[0] / layout.width, ROOM[1] / layout.height)

    def lines(new: bool) -> Trace:
        x, y = list[float | None](), list[float | None]()
        for link, path in zip(graph.links, layout.paths, strict=True):
            if (link.state == ADDED) == new:
                x += [*(point[0] for point in path), None]
                y += [*(point[1] for point in path), None]
        look = {"line": {"color": BLUE if new else GREY, "width": 2 if new else 1.2}, "hoverinfo": "skip"}
        return {"type": "scatter", "x": x, "y": y, "mode": "lines", "showlegend": False, **look}

    def boxes(new: bool) -> Trace:
        x, y = list[float | None](), list[float | None]()
        for place, (left, top, width) in enumerate(zip(layout.x, layout.y, layout.widths, strict=True)):
            if is_new[place] == new:
                x += [left, left + width, left + width, left, left, None]
                y += [top, top, top + HEIGHT, top + HEIGHT, top, None]
        color = BLUE if new else GREY
        look = {"line": {"color": color, "width": 1.5}, "fill": "toself", "fillcolor": "#dceaf4" if new else "#f4f4f4"}
        return {"type": "scatter", "x": x, "y": y, "mode": "lines", "hoverinfo": "skip", "showlegend": False, **look}

    labels = {
        "x": [left + width / 2 for left, width in zip(layout.x, layout.widths, strict=True)],
        "y": [top + HEIGHT / 2 for top in layout.y],
        "text": [figure_text(box.label) for box in graph.boxes],
        "textfont": {"size": max(5.0, min(13.0, 12 * zoom))},
    }
    text = {"type": "scatter", "mode": "text", "hoverinfo": "skip", "showlegend": False, **labels}
    return [lines(False), lines(True), boxes(False), boxes(True), text]
