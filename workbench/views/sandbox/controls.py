"""Buttons and fields of the sandbox, all named for the keyboard and screen readers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import ipywidgets as ipw

from workbench.views.base.canvas import VIEWS


def button(text: str, name: str, help: str, action: Callable[[], None], icon: str = "") -> Any:
    """A button with the class `wb-NAME`."""
    made = ipw.Button(description=text, icon=icon, tooltip=help)
    made.add_class(f"wb-{name}")
    made.on_click(lambda _: action())
    return made


def number(text: str, name: str, help: str, value: int, low: int, high: int) -> Any:
    """A field for a whole number with the class `wb-NAME`."""
    made = ipw.BoundedIntText(value=value, min=low, max=high, description=text, tooltip=help)
    made.add_class(f"wb-{name}")
    made.add_class("wb-short")
    return made


def row(*children: Any) -> Any:
    """Controls beside each other, wrapping."""
    made = ipw.HBox(children)
    made.add_class("wb-buttons")
    return made


@cache
def _css() -> str:
    return (VIEWS / "sandbox" / "sandbox.css").read_text(encoding="utf-8")


def sandbox_style() -> Any:
    """A widget that shows nothing and brings the sandbox's own style."""
    return ipw.HTML(f"<style>{_css()}</style>", layout={"display": "block", "height": "0", "margin": "0"})
