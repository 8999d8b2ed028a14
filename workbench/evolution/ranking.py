"""Pareto ranks, crowding distances, the all-time front and its hypervolume (sorting and volume by pymoo).

Objectives, all to be minimised: 1 − validation accuracy, log10 of FLOPs and, of individuals that have one, log10 of
predicted latency. Hypervolume is of the first two only, so that runs with and without latency compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.dominance import undominated
from workbench.errors import ConfigError
from workbench.individuals import Individual

SHORTEST_US = 1e-3


def objectives(individuals: Sequence[Individual]) -> np.ndarray:
    """(1 − validation accuracy, log10 FLOPs), float64 [individuals, 2].

    If all have a predicted latency, its log10 is a third column; no latency counts as less than a nanosecond.
    """
    values = [(1 - individual.val_accuracy, np.log10(max(1, individual.flops))) for individual in individuals]
    pairs = np.array(values, float).reshape(-1, 2)
    latencies = [individual.latency_us for individual in individuals if individual.latency_us is not None]
    if not latencies or len(latencies) < len(individuals):
        return pairs
    return np.column_stack([pairs, np.log10(np.maximum(SHORTEST_US, latencies))])


def rank(individuals: Sequence[Individual]) -> tuple[np.ndarray, np.ndarray]:
    """Pareto rank (0 = front) and crowding distance within the rank of each individual.

    Crowding is that of NSGA-II (Deb et al. 2002) on log FLOPs, but finite at the extremes: they get the largest
    distance found between them. With infinite ones the smallest networks would win every tournament, and the search
    would collapse.

    Returns:
        Ranks int64 [individuals] and distances float64 [individuals].
    """
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    values = objectives(individuals)
    ranks = np.zeros(len(individuals), np.int64)
    crowding = np.zeros(len(individuals))
    if not len(individuals):
        return ranks, crowding
    for number, members in enumerate(NonDominatedSorting().do(values)):
        distance = np.asarray(calc_crowding_distance(values[members]), float)
        finite = distance[np.isfinite(distance)]
        distance[~np.isfinite(distance)] = finite.max(initial=0.0) if len(finite) else 1.0
        ranks[members], crowding[members] = number, distance
    return ranks, crowding


def front_of(individuals: Iterable[Individual]) -> list[Individual]:
    """Those of the trained individuals that no other dominates, by rising FLOPs; of equals the oldest.

    If all have a predicted latency, it is a third objective; accuracies then need not rise along the front.
    """
    trained = [individual for individual in individuals if individual.ok]
    timed = all(individual.latency_us is not None for individual in trained)
    points = [(one.flops, one.val_accuracy, (one.latency_us or 0.0) if timed else 0.0) for one in trained]
    return [trained[place] for place in undominated(points, [individual.id for individual in trained])]


def most_accurate(front: Sequence[Individual]) -> Individual:
    """The most accurate of a front that is not empty; of several the one of fewest FLOPs."""
    return max(front, key=lambda individual: (individual.val_accuracy, -individual.flops))


@dataclass(frozen=True)
class HypervolumeBounds:
    """The box in which hypervolume is measured, fixed per data set so that runs compare.

    Attributes:
        max_error: largest 1 − accuracy.
        min_flops: smallest FLOPs.
        max_flops: largest FLOPs.
    """

    max_error: float = 0.9
    min_flops: float = 1e2
    max_flops: float = 1e8

    def __post_init__(self) -> None:
        if not (0 < self.max_error <= 1 and 0 < self.min_flops < self.max_flops < float("inf")):
            raise ConfigError(
                "hypervolume bounds need 0 < max_error <= 1 and finite 0 < min_flops < max_flops, "
                f"got {self.max_error}, {self.min_flops}, {self.max_flops}"
            )


def hypervolume(individuals: Sequence[Individual], bounds: HypervolumeBounds) -> float:
    """Share of the box that is dominated, from 0 to 1; individuals outside the box do not count beyond its walls."""
    from pymoo.indicators.hv import HV

    trained = [individual for individual in individuals if individual.ok]
    low, high = np.log10(bounds.min_flops), np.log10(bounds.max_flops)
    values = objectives(trained)[:, :2]
    values[:, 0] /= bounds.max_error
    values[:, 1] = (values[:, 1] - low) / (high - low)
    inside = np.clip(values[(values < 1).all(axis=1)], 0, None)
    return float(HV(ref_point=np.ones(2))(inside)) if len(inside) else 0.0
