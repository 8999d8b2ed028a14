"""What each mutation did so far."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import alert, quiet
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, bar, button, style_sheet
from workbench.views.mutations.data import mutation_effects
from workbench.views.mutations.figure import effects_figure

NOTE = (
    "Diamonds are medians with the distribution-free 95 % interval between order statistics, or shares with Wilson’s "
    "95 % interval. A line is alive while a child or any of its descendants is. Click a point to open its network."
)


class MutationStatistics(View):
    """Effects of the mutations of a search or run, redrawn on request.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    interval = 1.0

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        self._drawn: object = None
        self._newest = 0
        super().__init__(watched, selection)

    def _build(self) -> None:
        self.button = button("Refresh", "wb-refresh", "Include what has finished since", self.refresh, "refresh")
        self.note, self.message = ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        self.add_class("wb-mutations")
        explained, head = ipw.HTML(f'<p class="wb-quiet">{NOTE}</p>'), bar(self.button, self.note)
        self.children = (style_sheet(), head, self.message, self.plot, explained)
        self.refresh()

    def wake(self, awake: bool) -> None:
        """Redraw on return if generations have finished since."""
        if awake and self._newest != self._drawn:
            self.refresh()

    def refresh(self) -> None:
        """Redraw from the run file."""
        try:
            info = mutation_effects(self.source.run)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        self.message.value = quiet("" if len(info.table) else "No child of a mutation yet.")
        self._drawn = len(self.source.run.generations)
        self.plot.show(effects_figure(info), self._click)
        self._say()

    def _click(self, trace: Any, point: tuple[int, ...]) -> None:
        if trace.type == "box" and point[0] < len(trace.customdata):
            self.selection.individual = int(trace.customdata[point[0]])

    def show(self, snapshot: Snapshot) -> None:
        """Say whether there is something new to draw."""
        self._newest = len(snapshot.finished_generations)
        self._say()

    def _say(self) -> None:
        behind = self._newest - self._drawn if isinstance(self._drawn, int) else 0
        text = f"{behind} generation{'s' if behind > 1 else ''} finished since it was drawn" if behind > 0 else ""
        self.note.value = quiet(text)
