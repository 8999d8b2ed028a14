"""Several runs side by side (pure): hypervolume at equal cost, attainment, a rank test, and which settings differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ConfigError
from workbench.formats import in_words, setting_text
from workbench.registry import UnknownSpace
from workbench.search import SearchConfig
from workbench.settings import all_settings, settings_of
from workbench.space import RecordSpace
from workbench.spaces import SPACES
from workbench.views.compare.curves import COSTS, TIMES, Curve, around, bounds_of, curve_of
from workbench.views.run.data import flat

if TYPE_CHECKING:
    from workbench.store import Run

ALIKE = ("seed", "generations", "budget", "workers", "attempts", "child_seconds", "keep", "space.initial.flops")
"""Settings that runs of one group may differ in: repeats, their length, what changes no result, and the range of sizes
that a random search takes from the evolution that it is set against."""

POINTS = 200
"""FLOPs at which attainment is told."""

MOST_PERMUTATIONS = 100_000
"""Up to so many the test is exact; beyond, by the normal approximation."""


@dataclass(frozen=True, eq=False)
class Attainment:
    """What the runs of a group reach: the empirical attainment function's median and extremes, by FLOPs.

    At each number of FLOPs the best accuracies of the runs are sorted; a run that has no network so small counts as
    reaching nothing. The median (of an even number of runs: the lower of the middle two) is what half of them or more
    attain (Fonseca and Fleming 1996; Grunert da Fonseca et al. 2001).
    All are validation accuracies, float64 [points].
    """

    flops: np.ndarray
    median: np.ndarray  # NaN where fewer than half of the runs have a network
    low: np.ndarray  # what all of them attain; NaN where not all have a network
    high: np.ndarray  # what the best of them attains


@dataclass(frozen=True)
class RankTest:
    """Whether two groups of runs differ in hypervolume at equal cost: the Mann-Whitney U test."""

    first: str
    second: str
    n: tuple[int, int]  # runs of each
    medians: tuple[float, float]
    p: float  # two-sided, from all permutations: exact, also with ties
    smallest_p: float  # that so few runs can give at all
    effect: float  # P(a run of the first has the higher hypervolume), ties counting half (Vargha and Delaney's A, 2000)


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


@dataclass(frozen=True)
class Comparison:
    """Several runs in groups."""

    groups: Mapping[str, tuple[Curve, ...]]  # by name of the group
    settings: Mapping[str, Mapping[str, Any]]  # those that differ: their value in each run, by the run's name

    @cached_property
    def budget(self) -> dict[str, float]:
        """What every run has spent, by those names of `COSTS` that are known of all: where runs compare."""
        known = [cost for cost in COSTS if all(cost in curve.costs for curve in self.curves)]
        return {cost: min(curve.spent(cost) for curve in self.curves) for cost in known}

    @property
    def both(self) -> tuple[str, str]:
        """The two costs that are always shown together: training, and the fairest known measure of time."""
        return "training", next(cost for cost in TIMES if cost in self.budget)

    def at(self, cost: str) -> Comparison:
        """The runs as they were when all had spent the same: the `budget`."""
        spent = self.budget[cost]
        return replace(
            self, groups={group: tuple(one.at(cost, spent) for one in curves) for group, curves in self.groups.items()}
        )

    @cached_property
    def attainment(self) -> dict[str, Attainment]:
        """What the runs of each group reach."""
        flops = _flops_of(self.curves)
        return {group: attainment(members, flops) for group, members in self.groups.items()}

    @property
    def curves(self) -> list[Curve]:
        """Of all groups."""
        return [curve for members in self.groups.values() for curve in members]

    def tests(self, cost: str, spent: float | None = None) -> list[RankTest]:
        """Each pair of groups, compared by hypervolume where every run has `spent` as much; None: the `budget`."""
        spent = self.budget[cost] if spent is None else spent
        values = {name: [curve.hypervolume_at(cost, spent) for curve in curves] for name, curves in self.groups.items()}
        return [rank_test(one, values[one], other, values[other]) for one, other in combinations(values, 2)]


def comparison(runs: Mapping[str, Run], groups: Mapping[str, Sequence[str]] | None = None) -> Comparison:
    """Compare runs of one data set.

    Args:
        runs: by name.
        groups: names of the runs of each group, by the group's name; None puts runs together that differ only in
            `ALIKE`, and names them by what differs.

    Raises:
        ConfigError: if there is no run, runs are of different data or measures, or a group names a run that is not
            there.
        RunError: if a run cannot be read.
    """
    if not runs:
        raise ConfigError("expected at least one run to compare, got none")
    data = {run.dataset.get("fingerprint") for run in runs.values()}
    if len(data) > 1:
        listed = ", ".join(f"{name}: {run.dataset.get('name')}" for name, run in runs.items())
        raise ConfigError(f"expected runs of the same data and splits, got different ones ({listed})")
    measures = {name: measure_of(run) for name, run in runs.items()}
    if len(set(measures.values())) > 1:
        listed = ", ".join(f"{name}: {measure}" for name, measure in measures.items())
        raise ConfigError(
            f"expected runs with one measure of success, got different ones ({listed}), whose values cannot be set "
            "against each other; compare those of one measure"
        )
    settings = different_settings(runs)
    groups = grouped(settings, runs) if groups is None else groups
    unknown = [name for names in groups.values() for name in names if name not in runs]
    if unknown:
        raise ConfigError(f"expected groups of the runs {', '.join(runs)}, got {', '.join(unknown)}")
    bounds = around([bounds_of(run) for run in runs.values()])
    curves = {name: curve_of(run, name, bounds) for name, run in runs.items()}
    made = {group: tuple(curves[name] for name in names) for group, names in groups.items() if names}
    return Comparison(made, settings)


def measure_of(run: Run) -> str:
    """What a run's accuracies are, as its space says."""
    if isinstance(run.space, UnknownSpace):
        return f"that of the space {run.space_name!r}, which is not known here"
    return str(getattr(run.space, "measure", "accuracy"))


def _flops_of(curves: Sequence[Curve]) -> np.ndarray:
    """FLOPs, evenly spread on the log scale over what the fronts cover."""
    members = np.concatenate([curve.flops for curve in curves])
    if not len(members):
        return np.zeros(0)
    low, high = np.log10(max(1.0, members.min())), np.log10(max(1.0, members.max()))
    return np.unique(np.concatenate([members, np.logspace(low, high, POINTS)]))


def attainment(curves: Sequence[Curve], flops: np.ndarray) -> Attainment:
    """What the runs of a group reach at `flops` [points]."""
    reached = np.stack([curve.accuracy_at(flops) for curve in curves])  # [runs, points]
    ordered = np.sort(np.where(np.isnan(reached), -np.inf, reached), axis=0)
    ordered[np.isinf(ordered)] = np.nan
    return Attainment(flops, ordered[(len(curves) - 1) // 2], ordered[0], ordered[-1])


def different_settings(runs: Mapping[str, Run]) -> dict[str, dict[str, Any]]:
    """Settings of search and space that are not the same in all runs: value by name of the run.

    Live changes and what a fork came from count as settings. One that a file does not have, being of an older version,
    counts as off, as do 0 and None.
    """
    all_settings = {name: _settings(run) for name, run in runs.items()}
    found = {}
    for name in dict.fromkeys(name for settings in all_settings.values() for name in settings):
        values = {run: settings.get(name) for run, settings in all_settings.items()}
        if any((value or None) != (next(iter(values.values())) or None) for value in values.values()):
            found[name] = values
    return found


def _settings(run: Run) -> dict[str, Any]:
    settings = {**flat(run.config), **{f"space.{name}": value for name, value in flat(run.space_config).items()}}
    settings["space"] = run.space_name
    kinds, origin = run.events["kind"].tolist(), run.origin or {}
    forked = f"{origin.get('path', 'another run')}, generation {origin.get('generation')}" if origin else None
    counts = {"live changes": kinds.count("settings"), "put in by hand": kinds.count("by hand")}
    return {**settings, **counts, "fork of": forked}


@cache
def setting_name(name: str) -> str:
    """The name on screen of a setting of any search space, given by its dotted name."""
    records = [kind.rates_record for kind in SPACES.values() if issubclass(kind, RecordSpace)]
    rates = {f"rates.{one.name}": one.label for record in records for one in settings_of(record)}
    labels = rates | {one.name: one.label for one in all_settings(SearchConfig)}
    return labels.get(name) or (in_words(name) if name.count(".") < 2 else name)


def _label(settings: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Run], name: str) -> tuple[str, str]:
    """What tells a run from the others of its space, in words, and as a text that is the same for runs of a group."""
    akin = [other for other, run in runs.items() if run.space_name == runs[name].space_name]
    telling = [
        one
        for one, values in settings.items()
        if one not in ALIKE and len({repr(values[other] or None) for other in akin}) > 1
    ]
    named = [f"{setting_name(one)} {setting_text(settings[one][name])}" for one in telling]
    key = repr([settings[one][name] or None for one in telling])
    return ", ".join(named[:3]) + (", …" if len(named) > 3 else ""), key


def grouped(settings: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Run]) -> dict[str, list[str]]:
    """Runs that differ only in `ALIKE` together.

    A group is named by its space, if there are several, and the settings that tell it from others of its space.
    """
    spaces = {run.space_name for run in runs.values()}
    groups: dict[str, list[str]] = {}
    for name, run in runs.items():
        label, key = _label(settings, runs, name)
        if len(spaces) > 1:
            label = f"{run.space_name}, {label}".removesuffix(", ")
        groups.setdefault(f"{run.space_name} {key}\n{label}", []).append(name)
    labels = [key.partition("\n")[2] or "all runs" for key in groups]
    unique = [
        f"{label} ({labels[: place + 1].count(label)})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels)
    ]
    return dict(zip(unique, groups.values(), strict=True))
