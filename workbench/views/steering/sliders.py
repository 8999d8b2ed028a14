"""The controls of settings: made from a space's schema, set and compared with what they can show."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as ipw

from workbench.search import SearchConfig
from workbench.settings import Setting


def setting_control(setting: Setting) -> Any:
    """The control of a setting of a space."""
    help = f"{setting.help}{f' ({setting.unit})' if setting.unit else ''}"
    text = setting.name.replace("_", " ")
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


def search_controls(config: SearchConfig) -> dict[str, Any]:
    """The controls of the search's own live settings, by path, such as "train.epochs"."""
    whole, log = ipw.IntSlider, ipw.FloatLogSlider
    most, longest = max(60, config.population), max(40, 2 * config.train.epochs)
    return {
        "tournament": _slider(whole, "tournament size", "individuals that compete to be a parent", 1, 20, 1),
        "children": _slider(whole, "children", "per generation, from the next generation on", 1, most, 1),
        "train.epochs": _slider(whole, "epochs per child", "passes over the training set", 1, longest, 1),
        "train.learning_rate": _slider(
            log, "learning rate", "largest rate of the schedule", -4, -0.5, 0.05, readout_format=".4f"
        ),
    }


def put(control: Any, value: Any) -> None:
    """Show a value, widening the slider if it lies outside."""
    value = tuple(value) if isinstance(value, list) else value
    if is_same(control, control.value, value):
        return
    if hasattr(control, "max") and not isinstance(control, ipw.FloatLogSlider):
        ends = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, ends[0]), max(control.max, ends[1])
    control.value = value


def is_same(control: Any, one: Any, other: Any) -> bool:
    """Whether a control cannot tell two values apart.

    A slider in a browser moves what it is given to its nearest step and says so, which is no wish of a person.
    """
    if isinstance(one, tuple | list):
        return all(is_same(control, a, b) for a, b in zip(one, other, strict=True))
    if isinstance(control, ipw.FloatLogSlider):
        one, other = math.log(one, control.base), math.log(other, control.base)
    step = control.step if isinstance(one, float) and hasattr(control, "step") else 0
    return abs(one - other) < max(step / 2, 1e-9)


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
