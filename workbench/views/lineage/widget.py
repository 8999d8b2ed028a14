"""The lineage of the selected network: its growth, step by step, each network against the one before it."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.formats import counted
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.figures import on_log_axis
from workbench.views.base.markup import alert, escape, quiet
from workbench.views.base.palette import STATES
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, button, classed, style_sheet
from workbench.views.lineage.animation import save_lineage_animation
from workbench.views.lineage.data import LineageInfo, lineage_info
from workbench.views.lineage.figure import SHOWN, path_figure, step_in_words
from workbench.views.lineage.growth import Growth, GrowthFrame, growth_view
from workbench.views.lineage.player import Player


class LineageView(View):
    """The path from the first ancestor to a network, one network at a time.

    A step counts as shown once its network is drawn; only then are the individual selected and the next step asked for,
    so that all views keep up. The path stays while one of its members is selected; selecting another shows its path.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.

    Attributes:
        info: the path that is shown, or None.
        player: steps through the ancestors whose networks are kept.
        canvas: draws them; None if the space does not draw its networks.
    """

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        self.info: LineageInfo | None = None
        self._growth: Growth | None = None
        self._places: list[int] = []  # in the path, of each frame
        self._sent = -1  # the frame that the page is to draw
        self._selects = self._moves = False  # whether arriving selects; whether the player is being set
        self._awake = True
        super().__init__(watched, selection)

    def _build(self) -> None:
        self.player = Player()
        self.player.observe(self._ask, "asked")
        tooltip = "Save the animation: the growing network as an HTML page beside the run"
        self.save = button("", "wb-save-lineage", tooltip, self._save, "film")
        self.caption, self.message, self.plot = ipw.HTML(), ipw.HTML(), Plot(fill=True)
        self.canvas = growth_view(self.source.space, self.selection, self.source.data)
        pictures: list[Any] = [classed(ipw.VBox([self.plot]), "wb-lineage-path", "wb-fill")]
        if self.canvas is not None:
            self.canvas.observe(self._arrive, "drawn")
            pictures.insert(0, classed(ipw.VBox([self.canvas]), "wb-lineage-canvas", "wb-fill"))
        self._on_selection(self._follow)
        classed(self, "wb-lineage-view", "wb-fill")
        head = classed(ipw.HBox([self.player, self.save]), "wb-lineage-head")
        body = classed(ipw.HBox(pictures), "wb-lineage-body", "wb-fill")
        self.children = (style_sheet(), style_sheet("lineage/lineage.css"), head, self.message, self.caption, body)
        self.save.disabled = True
        self._follow(None)

    def show(self, snapshot: Snapshot) -> None:
        """Show the most accurate network's path until something is selected."""
        if self.info is None and self.selection.individual is None and snapshot.best is not None:
            self.show_path(snapshot.best)

    def wake(self, awake: bool) -> None:
        """Start or stop following the selection."""
        self._awake = awake
        if awake:
            self._follow(None)
        else:
            self.player.playing = False

    def show_path(self, id: int) -> None:
        """Show the path to individual `id`, or an error message if there is none."""
        self.message.value = ""
        try:
            self.info = info = lineage_info(self.source.run, id)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        self._places = [place for place, step in enumerate(info.steps) if step.is_kept or self.canvas is None]
        if gone := len(info.steps) - len(self._places):
            text = (
                "1 network of this lineage was not kept and is"
                if gone == 1
                else f"{gone} networks were not kept and are"
            )
            self.message.value = quiet(f"{text} left out.")
        if self._growth is not None:
            self._growth.close()
        ids = [info.steps[place].id for place in self._places]
        self._growth = None if self.canvas is None else Growth(self.source.run, ids, self.canvas.frame_of)
        self.plot.show(path_figure(info), self._click)
        self._sent, self._selects, self.caption.value = -1, False, ""
        last = len(self._places) - 1
        self._set(last=last, drawn=-1, asked=max(last, 0), playing=False)
        self.save.disabled = last < 0
        if last >= 0:
            self._draw(last)

    def _set(self, **values: int) -> None:
        self._moves = True  # the player's request is not one of a person now
        try:
            with self.player.hold_sync():
                for name, value in values.items():
                    setattr(self.player, name, value)
        finally:
            self._moves = False

    def _follow(self, _: Any) -> None:
        """Move to the selected individual's place on the path, or show its own path."""
        id = self.selection.individual
        if not self._awake:
            return
        if id is None:
            if self.info is None:
                self.caption.value = quiet("Select a network to see where it came from.")
            return
        ids = [step.id for step in self.info.steps] if self.info else []
        frames = {ids[place]: frame for frame, place in enumerate(self._places)}
        if id not in ids:
            self.show_path(id)
        elif id in frames and frames[id] != self._sent:
            self._selects = False
            self._set(asked=frames[id], playing=False)
            self._draw(frames[id])

    def _ask(self, change: Any) -> None:
        """A person, or playing, wants a frame; while another is being drawn it has to wait."""
        if self._moves or not 0 <= change.new < len(self._places):
            return
        self._selects = True
        if self.player.drawn == self._sent != change.new:
            self._draw(change.new)

    def _draw(self, frame: int) -> None:
        """Have the page draw a frame."""
        self._sent = frame
        if self.canvas is None or self._growth is None:
            self._tell(frame, None)
            return
        try:
            made = self._growth.frame(frame)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        self.canvas.show_frame(made)

    def _arrive(self, change: Any) -> None:
        """The page has drawn what was sent, or drawn it again."""
        if self.canvas is None or change.new.get("version") != self.canvas.version or self.player.drawn == self._sent:
            return
        assert self._growth is not None
        self._tell(self._sent, self._growth.frame(self._sent))
        wanted = self.player.asked
        if wanted != self._sent:
            self._draw(wanted)
        elif wanted < self.player.last:
            self._growth.prepare(wanted + 1)

    def _tell(self, frame: int, made: GrowthFrame | None) -> None:
        """Say which step is shown, mark it on the path, and select its individual."""
        assert self.info is not None
        place = self._places[frame]
        step, before = self.info.steps[place], self.info.steps[place - 1] if place else None
        text = f'<p class="wb-lineage-step" role="status" data-step="{frame}">{step_in_words(step, before)}</p>'
        self.caption.value = text + (changes_html(made.counts) if made is not None else "")
        assert self.plot.shown is not None
        with self.plot.hold_sync():
            for number, trace in enumerate(self.plot.shown.data):
                if trace.name == SHOWN:
                    y = step.val_accuracy if trace.yaxis == "y" else float(on_log_axis(step.flops))
                    self.plot.change(number, x=[step.generation], y=[y])
        self._set(drawn=frame)
        if self._selects:
            self.selection.individual = step.id

    def _click(self, trace: Any, point: tuple[int, ...]) -> None:
        if trace.name == "path" and point[0] in self._places:
            self.player.playing = False
            self.player.asked = self._places.index(point[0])

    def _save(self) -> None:
        if self.info is None:
            return
        id = self.info.steps[-1].id
        path = self.source.path.with_name(f"{self.source.path.stem}-lineage-{id}.html")
        try:
            save_lineage_animation(self.source.run, id, path)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        self.message.value = f'<p class="wb-quiet" role="status">Saved as <code>{escape(path)}</code></p>'

    def close(self) -> None:
        """End it."""
        if self._growth is not None:
            self._growth.close()
        super().close()


def changes_html(counts: dict[str, int]) -> str:
    """What a step added and removed, in the colours of the picture; counts as of `GrowthFrame.counts`."""
    told = []
    for place, (sign, state) in enumerate((("+", "added"), ("−", "removed")), start=1):
        found = {thing: counts.get(f"{thing}s_{state}", 0) for thing in ("neuron", "edge", "module", "line")}
        if any(found.values()):
            things = [sign + counted(n, thing) for thing, n in found.items() if f"{thing}s_{state}" in counts]
            told.append((STATES[place], ", ".join(things)))
    if shared := counts.get("edges_now_shared"):
        told.append((STATES[3], f"{shared:,} edges now share weights"))
    for thing in ("module", "line"):
        if changed := counts.get(f"{thing}s_changed"):
            told.append((STATES[3], f"{counted(changed, thing)} changed"))
    if not told:
        told = [(STATES[0], "nothing added or removed" if counts else "the first network")]
    return "".join(f'<span class="wb-change"><i style="background: {color}"></i>{text}</span>' for color, text in told)
