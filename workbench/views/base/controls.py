"""Controls of declared settings, whose changes count once a drag is over."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as ipw
import traitlets

from workbench.formats import setting_text
from workbench.settings import Setting

REST_SECONDS = 0.3
"""From the last change by keys until the changes count."""


def setting_control(setting: Setting, *, label_width: str = "14.5em", fixed: bool = False) -> Any:
    """The control of a declared setting; with `fixed`, its value as text, for `put` to show."""
    look: dict[str, Any] = {"description": setting.label, "tooltip": setting.help}
    if setting.unit:
        look["tooltip"] += f" ({setting.unit})"
    style = {"description_width": label_width}
    if fixed:
        return ipw.HTML(**look, style=style)
    if setting.kind == "switch":
        return ipw.Checkbox(**look, indent=False)
    if setting.kind == "choice":  # None is a word here: ipywidgets shows a blank for a value that is None
        options = ["none", *setting.choices] if setting.optional else list(setting.choices)
        return ipw.Dropdown(options=options, **look, style=style)
    low, high = setting.slider
    # what follows from a value is shown while it is dragged
    look |= {"style": style, "continuous_update": True}
    if setting.whole:
        kind = ipw.IntRangeSlider if setting.kind == "range" else ipw.IntSlider
        return kind(min=int(low), max=int(high), **look)
    if setting.log:
        return ipw.FloatLogSlider(min=math.log10(low), max=math.log10(high), step=0.05, readout_format=".4f", **look)
    kind = ipw.FloatRangeSlider if setting.kind == "range" else ipw.FloatSlider
    return kind(min=low, max=high, step=0.01 if high - low <= 1 else 0.05, readout_format=".2f", **look)


def put(control: Any, value: Any) -> None:
    """Show a value, widening the slider if it lies outside."""
    if isinstance(control, ipw.HTML | ipw.Dropdown):
        control.value = setting_text(value)
        return
    if is_same(control, control.value, value):
        return
    if hasattr(control, "max") and not isinstance(control, ipw.FloatLogSlider):
        ends = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, ends[0]), max(control.max, ends[1])
    control.value = value


def is_same(control: Any, one: Any, other: Any) -> bool:
    """Whether a control shows `one` where it was given `other`, or cannot tell them apart.

    A slider in a browser moves what it is given to its nearest step, from halves up, and reports that, which is no wish
    of a person.
    """
    if isinstance(control, ipw.HTML | ipw.Dropdown):
        return setting_text(one) == setting_text(other)
    if isinstance(one, tuple):
        return all(is_same(control, a, b) for a, b in zip(one, other, strict=True))
    if isinstance(control, ipw.FloatLogSlider):
        one, other = math.log(one, control.base), math.log(other, control.base)
    step = control.step if isinstance(one, float) and hasattr(control, "step") else 0
    half, slack = step / 2, 1e-9
    return bool(-max(half - slack, slack) < one - other < half + slack)


class SliderHelper(anywidget.AnyWidget):
    """Shows nothing; tells whether a pointer is pressed in the view around it; labels sliders for screen readers."""

    _esm = Path(__file__).parent / "sliders.js"

    held = traitlets.Bool(False).tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.on_msg(lambda *_: self.send({"kind": "heard"}))


class Debounce:
    """Collects changes by name; `apply` gets them all when the pointer is let go.

    Where none is pressed (keys move a slider, say) it gets them once nothing has moved for `REST_SECONDS`; without a
    running loop (a plain script) at once.
    """

    def __init__(self, apply: Callable[[Mapping[str, Any]], None]) -> None:
        self.changes: dict[str, Any] = {}  # those that do not count yet
        self._apply, self._held = apply, False
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
        if held:
            self._wait()
        else:
            self.flush()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held or not self.changes:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            self._timer = loop.call_later(REST_SECONDS, self.flush)

    def flush(self) -> None:
        """Let the changes count now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.changes:
            changes, self.changes = self.changes, {}
            self._apply(changes)
