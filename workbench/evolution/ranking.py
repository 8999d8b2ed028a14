"""Pareto ranks, crowding distances, the all-time front and its hypervolume (sorting and volume by pymoo)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import ConfigError
from workbench.individuals import Individual
from workbench.objectives import TWO, Objective, undominated
from workbench.settings import check_settings, documented, setting


def minimised(individuals: Sequence[Individual], objectives: Sequence[Objective] = TWO) -> np.ndarray:
    """What ranking minimises, such as (1 − validation accuracy, log10 FLOPs), float64 [individuals, objectives]."""
    values = [[objective.minimised(individual) for objective in objectives] for individual in individuals]
    return np.array(values, float).reshape(-1, len(objectives))


def rank(individuals: Sequence[Individual], objectives: Sequence[Objective] = TWO) -> tuple[np.ndarray, np.ndarray]:
    """Pareto rank (0 = front) and crowding distance within the rank of each individual.

    Crowding is that of NSGA-II (Deb et al. 2002) on log costs, but finite at the extremes: they get the largest
    distance found between them. With infinite ones the smallest networks would win every tournament, and the search
    would collapse.
    """
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    values = minimised(individuals, objectives)
    ranks, crowding = np.zeros(len(individuals), np.int64), np.zeros(len(individuals))
    if not len(individuals):
        return ranks, crowding
    for number, members in enumerate(NonDominatedSorting().do(values)):
        distance = np.asarray(calc_crowding_distance(values[members]), float)
        finite = distance[np.isfinite(distance)]
        distance[~np.isfinite(distance)] = finite.max(initial=0.0) if len(finite) else 1.0
        ranks[members], crowding[members] = number, distance
    return ranks, crowding


def front_of(individuals: Iterable[Individual], objectives: Sequence[Objective] = TWO) -> list[Individual]:
    """Those of the trained individuals that no other dominates, by rising FLOPs; of equals the oldest.

    With more than two objectives, or others than accuracy and FLOPs, accuracies need not rise along the front.
    """
    trained = [individual for individual in individuals if individual.ok]
    values = [[objective.of(individual) for individual in trained] for objective in objectives]
    front = undominated(values, [individual.id for individual in trained], objectives)
    return sorted((trained[place] for place in front), key=lambda individual: individual.flops)


def most_accurate(front: Sequence[Individual]) -> Individual:
    """The most accurate of a front that is not empty; of several the one of fewest FLOPs."""
    return max(front, key=lambda individual: (individual.val_accuracy, -individual.flops))


@documented
@dataclass(frozen=True)
class HypervolumeBounds:
    """The box in which hypervolume is measured, fixed per data set so that runs compare."""

    max_error: float = setting(0.9, "largest 1 − accuracy", above=0, high=1)
    min_flops: float = setting(1e2, "smallest FLOPs", above=0)
    max_flops: float = setting(1e8, "largest FLOPs", above=0)

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.min_flops < self.max_flops:
            raise ConfigError(
                f"HypervolumeBounds expects min_flops < max_flops, got {self.min_flops} and {self.max_flops}"
            )


def hypervolume(individuals: Sequence[Individual], bounds: HypervolumeBounds) -> float:
    """Share of the box that is dominated, from 0 to 1; individuals outside the box do not count beyond its walls.

    It is of 1 − validation accuracy and log10 FLOPs, whatever the objectives of the run, so that runs compare.
    """
    from pymoo.indicators.hv import HV

    low, high = np.log10(bounds.min_flops), np.log10(bounds.max_flops)
    values = minimised([individual for individual in individuals if individual.ok])
    values[:, 0] /= bounds.max_error
    values[:, 1] = (values[:, 1] - low) / (high - low)
    inside = np.clip(values[(values < 1).all(axis=1)], 0, None)
    return float(HV(ref_point=np.ones(2))(inside)) if len(inside) else 0.0
