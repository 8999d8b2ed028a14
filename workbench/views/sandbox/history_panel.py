"""The list of steps, with undo, redo and keep, and what changed in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from workbench.views.sandbox.controls import button, row
from workbench.views.sandbox.history import History
from workbench.views.sandbox.tables import steps_html


class HistoryPanel(ipw.VBox):
    """What was done; a click on a step goes back (or forward) to it.

    Args:
        go: called with the place of the step to go to.
        keep: called for "Keep".

    Attributes:
        steps: the list.
        undo, redo, keep: buttons.
    """

    def __init__(self, go: Callable[[int], None], keep: Callable[[], None]) -> None:
        self._go, self._place, self._showing = go, 0, False
        self.steps: Any = ipw.Select(options=[], rows=6, description="steps")
        self.steps.add_class("wb-steps")
        self.undo = button("Undo", "undo", "One step back", lambda: go(self._place - 1), "undo")
        self.redo = button("Redo", "redo", "One step forward again", lambda: go(self._place + 1), "repeat")
        self.keep = button("Keep", "keep", "Accept it: show what changes from here on", keep, "check")
        super().__init__([self.steps, row(self.undo, self.redo, self.keep)])
        self.steps.observe(self._pick, "value")
        self.show(None)

    def _pick(self, change: Any) -> None:
        if not self._showing and change.new is not None and change.new != self._place:
            self._go(change.new)

    def show(self, history: History | None, *, fixed: bool = False) -> None:
        """Show a history; with `fixed` nothing can be done with it now."""
        place, last = (history.place, len(history.steps) - 1) if history else (0, 0)
        self._showing, self._place = True, place
        texts = steps_html(history) if history else []
        marks = [" ← before" if history and history.base == number < place else "" for number in range(last + 1)]
        self.steps.options = [
            (text + mark, number) for number, (text, mark) in enumerate(zip(texts, marks, strict=False))
        ]
        self.steps.value = place if history else None
        self._showing = False
        self.steps.disabled = fixed
        self.undo.disabled = fixed or place == 0
        self.redo.disabled = fixed or place == last
        self.keep.disabled = fixed or history is None or history.base == place
