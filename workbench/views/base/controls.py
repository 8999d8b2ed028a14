"""Controls of declared settings; changes count once a drag is over; names for screen readers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import ipywidgets as ipw
import traitlets

from workbench.settings import Setting

REST_SECONDS = 0.3
"""From the last change, or from letting go, until the changes count."""


def setting_control(setting: Setting, text: str = "") -> Any:
    """The control of a declared setting, labelled with its name unless `text` is given."""
    text = text or setting.name.replace("_", " ")
    help = f"{setting.help}{f' ({setting.unit})' if setting.unit else ''}"
    if setting.kind == "switch":
        return ipw.Checkbox(description=text, tooltip=help, indent=False)
    low, high = setting.slider
    if setting.kind == "integer":
        return _slider(ipw.IntSlider, text, help, int(low), int(high), 1)
    if setting.log:
        ends = math.log10(low), math.log10(high)
        return _slider(ipw.FloatLogSlider, text, help, *ends, 0.05, readout_format=".4f")
    kind = ipw.FloatRangeSlider if setting.kind == "range" else ipw.FloatSlider
    return _slider(kind, text, help, low, high, 0.01 if high - low <= 1 else 0.05, readout_format=".2f")


def _slider(kind: type, text: str, help: str, low: float, high: float, step: float, **more: Any) -> Any:
    return kind(
        description=text,
        tooltip=help,
        min=low,
        max=high,
        step=step,
        continuous_update=True,  # what follows from a value is shown while it is dragged
        style={"description_width": "9.4em"},
        **more,
    )


def put(control: Any, value: Any) -> None:
    """Show a value, widening the slider if it lies outside."""
    if is_same(control, control.value, value):
        return
    if hasattr(control, "max") and not isinstance(control, ipw.FloatLogSlider):
        ends = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, ends[0]), max(control.max, ends[1])
    control.value = value


def is_same(control: Any, one: Any, other: Any) -> bool:
    """Whether a control cannot tell two values apart.

    A slider in a browser moves what it is given to its nearest step and reports that, which is no wish of a person.
    """
    if isinstance(one, tuple):
        return all(is_same(control, a, b) for a, b in zip(one, other, strict=True))
    if isinstance(control, ipw.FloatLogSlider):
        one, other = math.log(one, control.base), math.log(other, control.base)
    step = control.step if isinstance(one, float) and hasattr(control, "step") else 0
    return abs(one - other) < max(step / 2, 1e-9)


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
        self._wait()

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
        self._timer = None
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
