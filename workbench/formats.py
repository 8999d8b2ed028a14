"""How numbers, settings and table cells are written for people: one place for terminal, report and views."""

from __future__ import annotations

import math
from typing import Any

MISSING = "–"
"""Stands for a value that is unknown."""


def percent(value: float | None) -> str:
    """A fraction as percent, such as 98.25%; – if unknown."""
    return MISSING if value is None or math.isnan(value) else f"{value:.2%}"


def points(change: float | None) -> str:
    """A difference of two accuracies (fractions) in percentage points, such as +0.42 points; – if unknown."""
    if change is None or math.isnan(change):
        return MISSING
    return f"{100 * change:+z.2f} points".replace("-", "−")


def counted(number: int, thing: str) -> str:
    """A number of things, such as 1 edge, or 1,204 edges."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Seconds as 12 s, 3:05 min or 1:02:03 h; – if unknown."""
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"


def number(value: float) -> str:
    """A number with separators; floats below 1000 with four significant digits, larger ones rounded."""
    if isinstance(value, float) and abs(value) < 1000:
        return f"{value:.4g}"
    return f"{value:,.0f}"


def in_words(name: str) -> str:
    """The name of a mutation, setting or column for people: `rates.add_edges` is "add edges"."""
    return name.rpartition(".")[2].replace("_", " ").replace("flops", "FLOPs")


def setting_text(value: Any) -> str:
    """The value of a setting for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return "–".join(setting_text(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def table_cell(column: str, value: Any) -> str:
    """A value of a table's column: accuracies in percent, counts with separators, – where there is nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if column.endswith("accuracy"):
        return percent(value)
    if column == "mutation":
        return in_words(str(value))
    if column.endswith("_us"):
        return f"{value:,.1f}"
    if isinstance(value, bool) or not isinstance(value, int | float) or column in ("id", "generation"):
        return str(value)
    return number(value)
