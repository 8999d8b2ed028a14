"""Axes that several figures share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

WIDE = 2.5
"""Decades from which only powers of ten are marked."""


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis for these values, with round numbers as ticks: 1, 2, 5, or powers of ten if they span many."""
    shown = np.array([value for value in values if value > 0], dtype=float)
    decades = float(np.log10(shown.max() / shown.min())) if len(shown) else WIDE
    return {"type": "log", "tickformat": "~s", "dtick": "D2" if decades < WIDE else 1}
