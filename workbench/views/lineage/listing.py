"""A lineage of networks that are read as text as an animation: one text a frame, what is new in colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.formats import counted
from workbench.pictures import Line
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import STATES
from workbench.views.lineage.data import Step
from workbench.views.lineage.frames import animated, frame_title, path_traces, set_path_axes
from workbench.views.listing.data import Sections, changes_of_lines, sections_of
from workbench.views.modules.data import KEPT, REMOVED

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROWS = 24
"""Lines of a section that a frame has room for; of longer ones it shows those around what changed."""

LIVE, DEAD, HEADING = "#212121", "#a8a8a8", "#616161"


@dataclass(frozen=True, eq=False)
class ListingFrame:
    """One network of the lineage."""

    step: Step  # the individual
    lines: Sequence[Line]
    before: Sequence[Line] | None  # the network of the frame before it

    @cached_property
    def sections(self) -> Sections:
        """Its lines, and what became of them since the frame before it."""
        return sections_of(self.before, self.lines)

    @property
    def first_row(self) -> int:
        """The row that stands at the top."""
        sections = self.sections.lines.values()
        most = max((len(lines) for lines in sections), default=0)
        changed = [row for lines in sections for row, one in enumerate(lines) if one.state != KEPT]
        return min(max(min(changed, default=0) - ROWS // 2, 0), max(most - ROWS, 0))

    @property
    def title(self) -> str:
        """What the frame shows, in words."""
        size = counted(len(self.sections.present), "line")
        return frame_title(self.step, changes_of_lines(self.sections.counts), size)


def listing_animation(frames: Sequence[ListingFrame]) -> go.Figure:
    """The growing network as a figure with frames, a play button and a slider."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = ["lines: added in blue, changed in green, removed in orange", "validation accuracy against FLOPs"]
    figure = make_subplots(1, 2, subplot_titles=titles, column_widths=[0.72, 0.28], horizontal_spacing=0.06)
    names = tuple(dict.fromkeys(name for frame in frames for name in frame.sections.lines))
    steps = [frame.step for frame in frames]
    figure.add_traces(path_traces(steps, 0), 1, 2)
    figure.add_scatter(x=[None], y=[None], row=1, col=1)  # the axes of the text
    figure.update_xaxes(range=[0, max(1, len(names))], visible=False, row=1, col=1)
    figure.update_yaxes(range=[ROWS + 0.5, -1.5], visible=False, row=1, col=1)
    set_path_axes(figure, steps, 2)
    animated(figure, frames[0].title, [step.id for step in steps])
    above = [each.to_plotly_json() for each in figure.layout.annotations]
    texts = [[*above, *_texts(frame, names)] for frame in frames]
    figure.frames = [
        go.Frame(
            data=path_traces(steps, place),
            traces=[0, 1],
            name=str(place),
            layout={"title": {"text": frame.title}, "annotations": texts[place]},
        )
        for place, frame in enumerate(frames)
    ]
    return figure.update_layout(annotations=texts[0], showlegend=False)


def _texts(frame: ListingFrame, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The names of the sections and their lines as annotations: texts of traces may stay where others were."""
    for column, name in enumerate(names):
        yield _text(column, -1, f"<b>{figure_text(name)}</b>", HEADING)
        for row, one in enumerate(frame.sections.lines.get(name, ()), -frame.first_row):
            if 0 <= row < ROWS:
                text = figure_text(one.line.text)
                text = f"<s>{text}</s>" if one.state == REMOVED else text
                was = f"  <s>{figure_text(one.before)}</s>" if one.before else ""
                color = STATES[one.state] if one.state != KEPT else LIVE if one.line.live else DEAD
                yield _text(column, row, text + was, color)


def _text(column: int, row: int, text: str, color: str) -> dict[str, Any]:
    font = {"family": "ui-monospace, Menlo, Consolas, monospace", "size": 12, "color": color}
    place = {"x": column, "y": row, "xref": "x", "yref": "y", "xanchor": "left", "yanchor": "middle"}
    return {"text": text, "showarrow": False, "font": font, **place}
