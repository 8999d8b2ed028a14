"""Means with intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over independent repetitions.

    Attributes:
        mean: of the values.
        margin: half the width of the confidence interval; NaN for a single value.
        n: how many values there were.
    """

    mean: float
    margin: float
    n: int

    def percent(self) -> str:
        """As accuracy: "98.71 ± 0.06 %", without margin for a single value."""
        if not np.isfinite(self.margin):
            return f"{100 * self.mean:.2f} %"
        return f"{100 * self.mean:.2f} ± {100 * self.margin:.2f} %"


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and 95 % confidence interval by Student's t, for values that are about normal."""
    from scipy.stats import t

    array = np.asarray(values, float)
    n = len(array)
    if n < 2:
        return Mean(float(array.mean()) if n else float("nan"), float("nan"), n)
    margin = t.ppf((1 + CONFIDENCE) / 2, n - 1) * array.std(ddof=1) / np.sqrt(n)
    return Mean(float(array.mean()), float(margin), n)
