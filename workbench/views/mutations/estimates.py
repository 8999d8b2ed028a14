"""Estimates that say how sure they are: medians and shares with 95 % intervals, none of which needs random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A number with its interval.

    Attributes:
        value: NaN if there is nothing to estimate from.
        low: end of the interval; NaN if there is too little for one.
        high: the other end.
        n: observations behind it.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def errors(self) -> tuple[float, float]:
        """How far the interval reaches below and above the value; 0 where there is none."""
        below, above = self.value - self.low, self.high - self.value
        return (0.0 if math.isnan(below) else below), (0.0 if math.isnan(above) else above)


def median(values: Sequence[float] | np.ndarray, confidence: float = CONFIDENCE) -> Estimate:
    """The median, with the distribution-free interval between two order statistics; NaN in `values` are left out.

    From the k-th smallest to the k-th largest value, with the largest k for which a binomial variable of n tosses of a
    fair coin lies below k with probability at most (1 − confidence) / 2 (Conover, Practical Nonparametric Statistics,
    1999, section 3.2). Fewer than 6 values have no such interval of 95 %.
    """
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, float))
    ordered = ordered[~np.isnan(ordered)]
    n = len(ordered)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    k = int(binom.ppf((1 - confidence) / 2, n, 0.5))
    low, high = (float(ordered[k - 1]), float(ordered[n - k])) if k else (math.nan, math.nan)
    return Estimate(float(np.median(ordered)), low, high, n)


def share(successes: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share of n, with Wilson's score interval (Wilson 1927)."""
    from scipy.stats import norm

    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    z = float(norm.ppf((1 + confidence) / 2))
    part = successes / n
    middle = (part + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    return Estimate(part, min(part, max(0.0, middle - reach)), max(part, min(1.0, middle + reach)), n)
