"""The lineage of the selected network: step through it, play it, save it."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import alert, escape
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, bar, button, classed, style_sheet
from workbench.views.lineage.animation import save_lineage_animation
from workbench.views.lineage.data import LineageInfo, lineage_info
from workbench.views.lineage.figure import sentence, steps_figure

SPEEDS = (("slow", 2500), ("normal", 1200), ("fast", 500))
"""Milliseconds per step."""


class LineageView(View):
    """The path from the first ancestor to a network; every step selects that individual, so all views follow it.

    The path stays while one of its members is selected; selecting another individual shows that one's path.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.

    Attributes:
        info: the path that is shown, or None.
        scrubber: index of the step.
        play: steps through the path.
    """

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        self.info: LineageInfo | None = None
        self._place, self._moving, self._awake = -1, False, True
        super().__init__(watched, selection)

    def _build(self) -> None:
        speed = SPEEDS[1][1]
        play = ipw.Play(min=0, max=0, interval=speed, description="Play the lineage", repeat=False)
        self.play = classed(play, "wb-play")
        self.scrubber = classed(ipw.IntSlider(min=0, max=0, description="step"), "wb-scrubber")
        self.speed = ipw.Dropdown(options=SPEEDS, value=speed, description="speed")
        tooltip = "Write the growing network as an HTML page beside the run"
        self.save = button("Save animation", "wb-save-lineage", tooltip, self._save, "film")
        self.caption, self.message = ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        self._playing = ipw.jslink((self.play, "value"), (self.scrubber, "value"))
        self._link = ipw.link((self.speed, "value"), (self.play, "interval"))
        self.scrubber.observe(self._step, "value")
        self._on_selection(self._follow)
        self.add_class("wb-lineage-view")
        controls = bar(self.play, self.scrubber, self.speed, self.save)
        self.children = (style_sheet(), controls, self.message, self.caption, self.plot)
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

    def show_path(self, id: int) -> None:
        """Show the path to individual `id`, or an error message if there is none."""
        self.message.value = ""
        try:
            self.info = lineage_info(self.source.run, id)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        last = len(self.info.steps) - 1
        self._move(last, most=last)
        self._enable(True)

    def _enable(self, on: bool) -> None:
        for control in (self.play, self.scrubber, self.save):
            control.disabled = not on

    def _follow(self, _: Any) -> None:
        """Move to the selected individual's place on the path, or show its own path."""
        id = self.selection.individual
        if not self._awake:
            return
        if id is None:
            if self.info is None:
                self.caption.value = '<p class="wb-quiet">Select a network to see where it came from.</p>'
                self._enable(False)
            return
        places = {step.id: place for place, step in enumerate(self.info.steps)} if self.info else {}
        if id not in places:
            self.show_path(id)
        elif places[id] != self._place:
            self._move(places[id])

    def _move(self, place: int, most: int | None = None) -> None:
        """Draw the path with one step marked, describe that step, and set the scrubber to it."""
        assert self.info is not None
        self._place = place
        self.plot.show(steps_figure(self.info, place), self._click)
        self._moving = True  # the scrubber must not select now
        try:
            if most is not None:
                self.play.max = self.scrubber.max = most
            self.scrubber.value = place
            if not self.play.playing:
                self.play.value = place  # or the page would set the scrubber back, and play on from the old place
        finally:
            self._moving = False
        text = sentence(self.info.steps[place])
        self.caption.value = f'<p class="wb-lineage-step" role="status" data-step="{place}">{text}</p>'

    def _step(self, change: Any) -> None:
        """The scrubber was moved, by hand or by playing."""
        if self.info is None or self._moving or change.new >= len(self.info.steps):
            return
        self.selection.individual = self.info.steps[change.new].id
        if self._place != change.new:  # it was selected already
            self._move(change.new)

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
            self.message.value = alert(str(error))
            return
        self.message.value = f'<p class="wb-quiet" role="status">Saved as <code>{escape(path)}</code></p>'
