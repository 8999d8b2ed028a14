"""What sliders need besides ipywidgets: changes counted once a drag is over, and names for screen readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

REST_SECONDS = 0.3
"""From the last change, or from letting go, until the changes count."""


class PointerWatcher(anywidget.AnyWidget):
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


class Debounce:
    """Collects changes by name and hands them over together once nothing has moved for `REST_SECONDS`.

    Without a running loop (a plain script) a change counts at once.

    Args:
        apply: called in the kernel's loop with all changes since the last time.
        later: calls a function after some seconds and returns a handle that can cancel it; that of the running loop
            if None.

    Attributes:
        changes: those that do not count yet.
    """

    def __init__(self, apply: Callable[[Mapping[str, Any]], None], later: Callable[..., Any] | None = None) -> None:
        self.changes: dict[str, Any] = {}
        self._apply, self._later, self._held = apply, later, False
        self._timer: asyncio.TimerHandle | None = None

    def put(self, name: str, value: Any) -> None:
        """A change; it replaces an earlier one of the same name."""
        self.changes[name] = value
        self._wait()

    def drop(self, name: str) -> None:
        """A change was taken back before it counted."""
        self.changes.pop(name, None)

    def hold(self, held: bool) -> None:
        """The pointer was pressed or let go: while it is pressed nothing counts."""
        self._held = held
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held or not self.changes:
            return
        try:
            later = self._later or asyncio.get_running_loop().call_later
        except RuntimeError:
            self.flush()
        else:
            self._timer = later(REST_SECONDS, self.flush)

    def flush(self) -> None:
        """Let the changes count now."""
        if self.changes:
            changes, self.changes = self.changes, {}
            self._apply(changes)


class SliderLabels(anywidget.AnyWidget):
    """Shows nothing; labels the sliders around it for screen readers, and hides icons from them."""

    _esm = """
    const SLIDERS = ".widget-slider:has(.noUi-handle:not([aria-label]))";

    function nameSlider(slider) {
      const name = slider.querySelector(".widget-label")?.textContent;
      const handles = slider.querySelectorAll(".noUi-handle");
      handles.forEach((handle, number) => {
        handle.setAttribute("aria-label", handles.length > 1 ? `${name}, ${number ? "to" : "from"}` : name);
      });
      const readout = slider.querySelector(".widget-readout");
      readout?.setAttribute("role", "textbox");
      readout?.setAttribute("aria-label", `${name}, value`);
    }

    function render({ el }) {
      let view = null, frame = 0;
      const look = () => {
        frame = 0;
        view.querySelectorAll(SLIDERS).forEach(nameSlider);
        view.querySelectorAll(".jupyter-button > i:not([aria-hidden])")
          .forEach((icon) => icon.setAttribute("aria-hidden", "true"));
      };
      const observer = new MutationObserver(() => { frame ||= requestAnimationFrame(look); });
      const begin = () => {
        view = el.closest(".wb-dashboard") ?? el.closest(".wb-view");
        if (!view) { frame = requestAnimationFrame(begin); return; }  // not in the page yet
        observer.observe(view, { childList: true, subtree: true });
        look();
      };
      begin();
      return () => { observer.disconnect(); cancelAnimationFrame(frame); };
    }
    export default { render };
    """
