"""Where the selected network came from, to walk along, play and save."""

from __future__ import annotations

import contextlib
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import escape
from workbench.views.base.plot import Plot
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source
from workbench.views.base.view import View, style_sheet
from workbench.views.lineage.animation import save_lineage_animation
from workbench.views.lineage.data import LineageInfo, lineage_info, sentence, steps_figure

SPEEDS = (("slow", 2500), ("normal", 1200), ("fast", 500))
"""Milliseconds for a step."""


class LineageView(View):
    """The path from the first ancestor to a network; every step selects that individual, so all views follow it.

    The path stays while one of its members is selected; another individual brings its own path.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.

    Attributes:
        info: the path that is shown, or None.
        scrubber: place on the path.
        play: plays it.
    """

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        self.info: LineageInfo | None = None
        self._place, self._moving, self._awake = -1, False, True
        super().__init__(watched, selection)

    def _build(self) -> None:
        self.play = ipw.Play(min=0, max=0, interval=SPEEDS[1][1], description="Play the lineage", repeat=False)
        self.play.add_class("wb-play")
        self.scrubber = ipw.IntSlider(min=0, max=0, description="step", readout=True)
        self.scrubber.add_class("wb-scrubber")
        self.speed = ipw.Dropdown(options=SPEEDS, value=SPEEDS[1][1], description="speed")
        self.save = ipw.Button(
            description="Save animation",
            icon="film",
            tooltip="Write the growing network as an HTML page beside the run",
        )
        self.save.add_class("wb-save-lineage")
        self.caption, self.message = ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        ipw.jslink((self.play, "value"), (self.scrubber, "value"))
        self._link = ipw.link((self.speed, "value"), (self.play, "interval"))
        self.scrubber.observe(self._step, "value")
        self.save.on_click(lambda _: self._save())
        self.selection.observe(self._look, "individual")
        bar = ipw.HBox([self.play, self.scrubber, self.speed, self.save])
        bar.add_class("wb-bar-of-controls")
        self.add_class("wb-lineage-view")
        self.children = (style_sheet(), bar, self.message, self.caption, self.plot)
        self._look(None)

    def show(self, snapshot: Snapshot) -> None:
        """Learn the front, whose most accurate member is shown while nobody is selected."""
        if self.info is None and self.selection.individual is None and snapshot.best is not None:
            self.show_path(snapshot.best)

    def wake(self, awake: bool) -> None:
        """Follow the selection, or rest."""
        self._awake = awake
        if awake:
            self._look(None)

    def show_path(self, id: int) -> None:
        """Show the path to individual `id`; an unknown one is said to be so."""
        self.message.value = ""
        try:
            self.info = lineage_info(self.source.run, id)
        except WorkbenchError as error:
            self.message.value = f'<div role="alert" class="wb-alert">{escape(error)}</div>'
            return
        last = self._place = len(self.info.steps) - 1
        self._move(last, most=last)
        for control in (self.play, self.scrubber, self.save):
            control.disabled = False

    def _place_of(self, id: int | None) -> int | None:
        """The place of an individual on the path; None if it is not on it."""
        places = {step.id: place for place, step in enumerate(self.info.steps)} if self.info else {}
        return None if id is None else places.get(id)

    def _look(self, _: Any) -> None:
        """Follow the selection: to its place on the path, or to another path."""
        id = self.selection.individual
        if not self._awake:
            return
        if id is None:
            if self.info is None:
                self.caption.value = '<p class="wb-quiet">Select a network to see where it came from.</p>'
                for control in (self.play, self.scrubber, self.save):
                    control.disabled = True
            return
        place = self._place_of(id)
        if place is None:
            self.show_path(id)
        else:
            self._mark(place)

    def _mark(self, place: int) -> None:
        """Show a place on the path."""
        if self.info is None or place == self._place:
            return
        self._place = place
        self._move(place)

    def _move(self, place: int, most: int | None = None) -> None:
        """Draw the path with a place on it, put the scrubber there, and say what is there."""
        assert self.info is not None
        self.plot.show(steps_figure(self.info, place), self._click)
        self._moving = True  # the scrubber follows here, and must not select
        try:
            if most is not None:
                self.play.max = self.scrubber.max = most
            self.scrubber.value = place
            if not self.play.playing:
                self.play.value = place  # or the page would link the scrubber to a place of old, and play on from there
        finally:
            self._moving = False
        text = sentence(self.info.steps[place])
        self.caption.value = f'<p class="wb-lineage-step" role="status" data-step="{place}">{text}</p>'

    def _step(self, change: Any) -> None:
        """The scrubber was moved, by hand or by playing."""
        if self.info is not None and not self._moving and change.new < len(self.info.steps):
            self.selection.individual = self.info.steps[change.new].id
            self._mark(change.new)  # if it was selected already

    def _click(self, trace: Any, point: tuple[int, ...]) -> None:
        if trace.name == "path" and self.info is not None and point[0] < len(self.info.steps):
            self.selection.individual = self.info.steps[point[0]].id

    def _save(self) -> None:
        if self.info is None:
            return
        id = self.info.steps[-1].id
        path = self.source.path.with_name(f"{self.source.path.stem}-lineage-{id}.html")
        try:
            save_lineage_animation(self.source.run, id, path)
        except WorkbenchError as error:
            self.message.value = f'<div role="alert" class="wb-alert">{escape(error)}</div>'
            return
        self.message.value = f'<p class="wb-quiet" role="status">Saved as <code>{escape(path)}</code></p>'

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ValueError):  # it may be closed already
            self.selection.unobserve(self._look, "individual")
        super().close()
