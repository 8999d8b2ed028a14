"""How the individuals of a stored run were made, and making them again if their weights were dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any

from workbench.evolution import Credits, EarlyStopping, front_of
from workbench.executors import Task, make_child, one_thread_each
from workbench.individuals import Cost, Individual
from workbench.objectives import LatencyModel, Objective
from workbench.search.config import SearchConfig, Settings, Timeline
from workbench.settings import from_values
from workbench.space import SearchSpace, check_predicts, cost_of
from workbench.store import Run


class RunHistory:
    """The individuals of a run, by id and without genomes, and the settings under which they were made.

    A child's result depends on its parent, its seed, the key of the prepared data and the settings, all of which are
    stored, so making it again gives the same bits (on one type of processor and one set of versions).
    """

    def __init__(self, run: Run, space: SearchSpace) -> None:
        memory = run.load()
        self.run, self._space = run, space
        self.individuals: dict[int, Individual] = {individual.id: individual for individual in memory.individuals}
        self.generations, self.events = memory.generations, memory.events
        start = Settings.at_start(from_values(SearchConfig, run.config), space)
        self.timeline = Timeline(start, space, memory.events)
        table = run.individuals
        self.trained = frozenset(int(id) for id in table["id"][table["genome"] == "trained"])
        self._credits = lru_cache(maxsize=1)(self._credits_before)

    def genome(self, id: int) -> Any:
        """The stored genome of an individual; `RunError` if there is none."""
        blob = self.run.genome_bytes(id)
        return self.run.genome(id) if blob is None else self._space.decode(blob)

    def front(self, generation: int, objectives: Sequence[Objective], latencies: Mapping[int, float]) -> list[int]:
        """Ids of the front at the end of a generation, by other objectives than the run's, with these latencies."""
        known = [one for one in self.individuals.values() if one.generation <= generation and one.ok]
        for place, one in enumerate(known):
            if one.cost is not None and one.id in latencies:
                known[place] = replace(one, cost=replace(one.cost, latency_us=latencies[one.id]))
        return [one.id for one in front_of(known, objectives)]

    def missing(self, ids: Iterable[int]) -> list[int]:
        """Individuals of `ids` without stored weights, and the ancestors needed to make them again, parents first."""
        found: set[int] = set()
        for id in ids:
            each: int | None = id
            while each is not None and each not in self.trained and each not in found:
                found.add(each)
                each = self.individuals[each].parent
        return sorted(found, key=lambda id: (self.individuals[id].generation, id))

    def task(self, id: int, parent_genome: Any) -> Task:
        """The task by which an individual was made, given its parent's trained genome."""
        individual, settings = self.individuals[id], self.timeline.at(id)
        rates = settings.rates
        if settings.config.adapt is not None:
            earned = self._credits(individual.generation, settings.config.ranked_by)
            rates = settings.adapted_rates(self._space, earned)
        task = settings.task(id, individual.generation, individual.parent, parent_genome, individual.seed, rates)
        if individual.result and individual.result.epochs != task.train.epochs:
            task = replace(task, early_stopping=EarlyStopping.after(individual.result.epochs))
        return task

    def make_again(
        self, ids: Sequence[int], data: Any, workers: int, on_child: Callable[[Individual], None] | None = None
    ) -> dict[int, Individual]:
        """Make individuals again, up to `workers` of a generation at once; returns them by id, as they came out.

        `ids` are as `missing` gives them: with every ancestor whose weights are not stored, parents first.
        """
        made: dict[int, Individual] = {}

        def genome_of(parent: int | None) -> Any:
            if parent is None:
                return None
            return made[parent].genome if parent in made else self.genome(parent)

        def make(id: int) -> Individual:
            task = self.task(id, genome_of(self.individuals[id].parent))
            return make_child(self._space, data, task)

        with one_thread_each(), ThreadPoolExecutor(workers) as pool:
            for _, batch in groupby(ids, key=lambda id: self.individuals[id].generation):
                for individual in pool.map(make, list(batch)):
                    made[individual.id] = individual
                    if on_child is not None:
                        on_child(individual)
        return made

    def differs(self, individual: Individual) -> bool:
        """Whether an individual that was made again is not the stored one."""
        stored = self.individuals[individual.id]
        return not (
            individual.ok
            and individual.val_accuracy == stored.val_accuracy
            and _without_latency(individual.cost) == _without_latency(stored.cost)  # a fork may predict it anew
            and _without_probabilities(individual.mutation) == _without_probabilities(stored.mutation)
        )

    def _credits_before(self, generation: int, objectives: tuple[Objective, ...]) -> Credits:
        return Credits.of((one for one in self.individuals.values() if one.generation < generation), objectives)


def predicted_latencies(run: Run, space: SearchSpace, model: LatencyModel, ids: Iterable[int]) -> dict[int, float]:
    """Microseconds by id, of the individuals of which a genome or its topology is stored."""
    check_predicts(space, model)
    blobs = {id: run.genome_bytes(id) for id in ids}
    costs = {id: cost_of(space, space.decode(blob), model) for id, blob in blobs.items() if blob is not None}
    return {id: cost.latency_us for id, cost in costs.items() if cost.latency_us is not None}


def _without_latency(cost: Cost | None) -> Cost | None:
    return None if cost is None else replace(cost, latency_us=None)


def _without_probabilities(record: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in record.items() if name != "probabilities"}
    return json.loads(json.dumps(plain, default=lambda value: value.tolist()))
