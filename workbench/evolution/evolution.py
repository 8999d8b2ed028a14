"""The evolution loop, as ask and tell: pure bookkeeping that neither trains nor stores.

initialise and train P individuals; rank by Pareto dominance in the run's objectives (validation accuracy up, FLOPs
    down; perhaps predicted latency or parameters down)
repeat T times:
    repeat M times: tournament by (rank, then crowding distance) -> parent; mutate; train the child; add it
    remove as many of the oldest; rank again
output: the front
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import ConfigError
from workbench.evolution.choices import ORDERS, SELECTIONS, SURVIVALS, pareto_tournament
from workbench.evolution.ranking import front_of
from workbench.evolution.stopping import RECENT, EarlyStopping
from workbench.individuals import Individual, is_by_hand
from workbench.objectives import TWO, Objective


@dataclass(frozen=True)
class Proposal:
    """A child to be made: from whom, and with which random numbers.

    Attributes:
        id: of the child.
        generation: of the child.
        parent: None for an individual sampled anew.
        seed: root of every random choice of the child.
    """

    id: int
    generation: int
    parent: Individual | None
    seed: int


class Evolution:
    """State of the loop between generations: population, archive, recent children, and what comes next.

    Args:
        population: size P of the initial population.
        seed: root seed; each individual draws from a stream of its own, keyed by its id.
        selection: "pareto", "accuracy" or "random" (no parents: random search).
        survival: "oldest", "worst" or "nsga2".
        objectives: by which individuals are ranked.
    """

    def __init__(
        self,
        population: int,
        seed: int,
        selection: str = "pareto",
        survival: str = "oldest",
        objectives: Sequence[Objective] = TWO,
    ) -> None:
        if selection not in SELECTIONS:
            raise ConfigError(f"unknown selection {selection!r}; expected one of: {', '.join(SELECTIONS)}")
        if survival not in SURVIVALS:
            raise ConfigError(f"unknown survival {survival!r}; expected one of: {', '.join(SURVIVALS)}")
        self.size, self.seed, self.selection, self.survival = population, seed, selection, survival
        self.objectives = objectives
        self.generation = 0
        self.population: tuple[Individual, ...] = ()
        self.archive: tuple[Individual, ...] = ()
        self.recent: tuple[Individual, ...] = ()
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
        """Set the state as after `generation`.

        Args:
            generation: the last that is finished.
            population: those alive after it.
            known: its and earlier individuals: at least the all-time front and the latest `RECENT` children (those by
                hand tell nothing of what training gains).
        """
        by_id = {individual.id: individual for individual in known}
        children = sorted(id for id, individual in by_id.items() if individual.generation > 0 and not is_by_hand(id))
        self.recent = tuple(by_id[id] for id in children[-RECENT:])
        self.population = tuple(population)
        self.archive = tuple(front_of(by_id.values(), self.objectives))
        self._ranked = ORDERS.get(self.selection, ORDERS["pareto"])(self.population, self.objectives)
        self.generation = generation + 1
