"""Whether two groups of runs differ: an exact rank test with its effect size (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

MOST_PERMUTATIONS = 100_000
"""Up to so many the test is exact; beyond, by the normal approximation."""


@dataclass(frozen=True)
class RankTest:
    """Whether two groups of runs differ in hypervolume, at equal cost.

    Attributes:
        first: name of a group.
        second: name of the other.
        n: runs of each.
        medians: hypervolume of each.
        p: two-sided p-value of the Mann-Whitney U test, from all permutations (exact, also with ties).
        smallest_p: the smallest p that so few runs can give at all.
        effect: probability that a run of the first has the higher hypervolume, ties counting half (Vargha and Delaney's
            A, 2000): 0.5 is no difference.
    """

    first: str
    second: str
    n: tuple[int, int]
    medians: tuple[float, float]
    p: float
    smallest_p: float
    effect: float


def rank_test(first: str, one: Sequence[float], second: str, other: Sequence[float]) -> RankTest:
    """The Mann-Whitney test of two samples, with its effect size; p is NaN if a sample has fewer than 2."""
    n = len(one), len(other)
    medians = (float(np.median(one)) if one else np.nan, float(np.median(other)) if other else np.nan)
    smallest = min(1.0, 2 / comb(sum(n), n[0])) if min(n) else np.nan
    differences = np.sign(np.subtract.outer(np.asarray(one, float), np.asarray(other, float)))
    effect = float((differences.mean() + 1) / 2) if differences.size else np.nan
    p = _p_value(one, other) if min(n) >= 2 else np.nan
    return RankTest(first, second, n, medians, p, smallest, effect)


def _p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """The share of all divisions of the values whose rank sum lies as far from its mean as the one seen."""
    from scipy.stats import mannwhitneyu, rankdata

    if comb(len(one) + len(other), len(one)) > MOST_PERMUTATIONS:
        return float(mannwhitneyu(one, other, alternative="two-sided", method="asymptotic").pvalue)
    ranks = rankdata([*one, *other])
    mean = len(one) * ranks.mean()
    sums = np.array([ranks[list(part)].sum() for part in combinations(range(len(ranks)), len(one))])
    seen = abs(ranks[: len(one)].sum() - mean)
    return float((np.abs(sums - mean) >= seen - 1e-9).mean())
