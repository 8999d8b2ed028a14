"""The evolution loop, as ask and tell: pure bookkeeping that neither trains nor stores.

initialise and train P individuals; rank by Pareto dominance in the run's objectives (validation accuracy up, FLOPs
    down; perhaps predicted latency or parameters down)
repeat T times:
    repeat M times: tournament by (rank, then crowding distance) -> parent; mutate; train the child; add it
    remove as many of the oldest; rank again
output: the front
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import ConfigError
from workbench.evolution.ranking import front_of, rank
from workbench.evolution.stopping import RECENT, EarlyStopping
from workbench.individuals import Individual, is_by_hand
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
"""Selection: what a tournament compares."""

SELECTIONS = (*ORDERS, "random")  # "random" draws no parents: random search


def oldest_die(population: Sequence[Individual], count: int, _: Sequence[Objective] = TWO) -> list[Individual]:
    """The population without its `count` oldest (ties of age go by id)."""
    return sorted(population, key=lambda individual: (individual.generation, individual.id))[count:]


def _last_die(order: Order) -> Survival:
    """The population without the `count` last in an order; by Pareto rank and crowding it is NSGA-II's survival."""

    def survivors(
        population: Sequence[Individual], count: int, objectives: Sequence[Objective] = TWO
    ) -> list[Individual]:
        return sorted(order(population, objectives)[: len(population) - count], key=lambda individual: individual.id)

    return survivors


SURVIVALS: dict[str, Survival] = {"oldest": oldest_die, "worst": _last_die(by_accuracy), "nsga2": _last_die(by_pareto)}
"""Survival: who is removed when as many must go as were added."""


@dataclass(frozen=True)
class Proposal:
    """A child to be made: from whom, and with which random numbers."""

    id: int
    generation: int
    parent: Individual | None  # None for an individual sampled anew
    seed: int  # root of every random choice of the child


class Evolution:
    """State of the loop between generations: population of size P, archive and recent children.

    Each individual draws from a random stream of its own, made of the root seed and its id.
    """

    def __init__(
        self,
        population: int,
        seed: int,
        selection: str = "pareto",
        survival: str = "oldest",
        objectives: Sequence[Objective] = TWO,
    ) -> None:
        for what, given, known in (("selection", selection, SELECTIONS), ("survival", survival, tuple(SURVIVALS))):
            if given not in known:
                raise ConfigError(f"unknown {what} {given!r}; expected one of: {', '.join(known)}")
        self.size, self.seed, self.selection, self.survival = population, seed, selection, survival
        self.objectives = objectives
        self.generation = 0
        self.population: tuple[Individual, ...] = ()
        self.archive: tuple[Individual, ...] = ()  # the all-time front
        self.recent: tuple[Individual, ...] = ()  # the latest children
        self._ranked: list[Individual] = []

    def ask(self, child: int, tournament: int) -> Proposal:
        """What individual number `child` is to be, given the population as ranked at the generation's start."""
        tree = np.random.SeedSequence(self.seed, spawn_key=(child,))
        seed = int.from_bytes(tree.generate_state(2, np.uint32).tobytes(), "little") >> 1  # 63 bits
        parent = None
        if self.generation > 0 and self.selection != "random" and self._ranked:
            rng = np.random.default_rng(tree.spawn(1)[0])
            parent = pareto_tournament(self._ranked, tournament, rng)
        return Proposal(child, self.generation, parent, seed)

    def early_stopping(self, epochs: int) -> EarlyStopping | None:
        """When children of this generation, which train `epochs`, stop early; None if too little is known."""
        return EarlyStopping.from_history(self.archive, self.population, self.recent, epochs, self.objectives)

    def tell(self, children: Iterable[Individual]) -> None:
        """End the generation: add the trained children, remove as many, rank again."""
        added = sorted((child for child in children if child.ok), key=lambda child: child.id)
        everyone = [*self.population, *added]
        surplus = max(0, len(everyone) - self.size)
        known = [*self.archive, *self.recent, *added]
        self.restore(self.generation, SURVIVALS[self.survival](everyone, surplus, self.objectives), known)

    def restore(self, generation: int, population: Iterable[Individual], known: Iterable[Individual]) -> None:
        """Set the state as after `generation` with its `population`.

        `known` are at least the all-time front and the latest `RECENT` children; individuals made by hand say nothing
        about what training gains.
        """
        by_id = {individual.id: individual for individual in known}
        children = sorted(id for id, individual in by_id.items() if individual.generation > 0 and not is_by_hand(id))
        self.recent = tuple(by_id[id] for id in children[-RECENT:])
        self.population = tuple(population)
        self.archive = tuple(front_of(by_id.values(), self.objectives))
        self._ranked = ORDERS.get(self.selection, ORDERS["pareto"])(self.population, self.objectives)
        self.generation = generation + 1
