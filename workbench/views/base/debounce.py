"""Changes that a hand is still making: they count once it rests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

REST_SECONDS = 0.3
"""From the last change, or from letting go, until the changes count."""


class HandWatcher(anywidget.AnyWidget):
    """Shows nothing; tells whether a pointer is pressed within the view around it.

    Attributes:
        around: CSS selector of that view.
        held: whether it is.
    """

    _esm = """
    function render({ model, el }) {
      const tell = (held) => { if (model.get("held") !== held) { model.set("held", held); model.save_changes(); } };
      const press = ({ target }) => { if (el.closest(model.get("around"))?.contains(target)) tell(true); };
      const free = () => tell(false);
      free();  // a page that was closed while a pointer was pressed could not say so
      const listening = new AbortController(), { signal } = listening;
      window.addEventListener("pointerdown", press, { signal, capture: true });
      window.addEventListener("pointerup", free, { signal, capture: true });
      window.addEventListener("pointercancel", free, { signal, capture: true });
      window.addEventListener("blur", free, { signal });  // of the window: a blur of what is in it does not bubble
      return () => { free(); listening.abort(); };
    }
    export default { render };
    """

    around = traitlets.Unicode().tag(sync=True)
    held = traitlets.Bool(False).tag(sync=True)


class Settling:
    """Collects changes by name and hands them over together once the hand has rested for `REST_SECONDS`.

    Without a running loop (a plain script) there is no hand, and a change counts at once.

    Args:
        apply: called in the kernel's loop with all changes since the last time.

    Attributes:
        changes: those that do not count yet.
    """

    def __init__(self, apply: Callable[[Mapping[str, Any]], None]) -> None:
        self.changes: dict[str, Any] = {}
        self._apply, self._held = apply, False
        self._timer: asyncio.TimerHandle | None = None

    def put(self, name: str, value: Any) -> None:
        """A change; it replaces an earlier one of the same name."""
        self.changes[name] = value
        self._wait()

    def drop(self, name: str) -> None:
        """A change was taken back before it counted."""
        self.changes.pop(name, None)

    def clear(self) -> None:
        """All of them were."""
        self.changes.clear()

    def hold(self, held: bool) -> None:
        """A hand has taken hold, or has let go."""
        self._held = held
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held or not self.changes:
            return
        try:
            self._timer = asyncio.get_running_loop().call_later(REST_SECONDS, self.settle)
        except RuntimeError:
            self.settle()

    def settle(self) -> None:
        """What was changed counts now."""
        if self.changes:
            changes, self.changes = self.changes, {}
            self._apply(changes)
