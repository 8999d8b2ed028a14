"""Who becomes a parent, and who stays: selection and survival as choices of the one loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workbench.evolution.ranking import rank
from workbench.individuals import Individual
from workbench.objectives import TWO, Objective

Order = Callable[[Sequence[Individual], Sequence[Objective]], list[Individual]]
Survival = Callable[[Sequence[Individual], int, Sequence[Objective]], list[Individual]]


def pareto_tournament(ranked: Sequence[Individual], size: int, rng: np.random.Generator) -> Individual:
    """The best of `size` random individuals; `ranked` is in order of (rank, crowding distance), best first."""
    return ranked[int(rng.integers(len(ranked), size=min(size, len(ranked))).min())]


def by_pareto(population: Sequence[Individual], objectives: Sequence[Objective] = TWO) -> list[Individual]:
    """By Pareto rank, then larger crowding distance, then age (the oldest first)."""
    ranks, crowding = rank(population, objectives)
    ids = np.array([individual.id for individual in population])
    return [population[index] for index in np.lexsort((ids, -crowding, ranks))]


def by_accuracy(population: Sequence[Individual], _: Sequence[Objective] = TWO) -> list[Individual]:
    """By validation accuracy, best first; ties by age."""
    return sorted(population, key=lambda individual: (-individual.val_accuracy, individual.id))


ORDERS: dict[str, Order] = {"pareto": by_pareto, "accuracy": by_accuracy}
"""Selection: what a tournament compares. Besides these, "random" draws no parents at all: random search."""

SELECTIONS = (*ORDERS, "random")


def oldest_die(population: Sequence[Individual], count: int, _: Sequence[Objective] = TWO) -> list[Individual]:
    """The population without its `count` oldest (ties of age go by id)."""
    return sorted(population, key=lambda individual: (individual.generation, individual.id))[count:]


def worst_die(population: Sequence[Individual], count: int, _: Sequence[Objective] = TWO) -> list[Individual]:
    """The population without its `count` least accurate."""
    keep = by_accuracy(population)[: len(population) - count]
    return sorted(keep, key=lambda individual: individual.id)


def dominated_die(
    population: Sequence[Individual], count: int, objectives: Sequence[Objective] = TWO
) -> list[Individual]:
    """NSGA-II survival: without the `count` last by (rank, crowding distance)."""
    keep = by_pareto(population, objectives)[: len(population) - count]
    return sorted(keep, key=lambda individual: individual.id)


SURVIVALS: dict[str, Survival] = {"oldest": oldest_die, "worst": worst_die, "nsga2": dominated_die}
"""Survival: who dies when as many must go as were added."""
