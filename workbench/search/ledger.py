"""What a search knows and writes down: the loop's state, the settings over time, and the run file.

Not thread-safe by itself; `Search` guards it. Whatever is committed to the file is there before anything is made of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from workbench.config_codec import from_values, to_values
from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.evolution import Evolution, hypervolume
from workbench.executors import Task
from workbench.individuals import FAILED, Individual
from workbench.search import machine
from workbench.search.config import SearchConfig
from workbench.search.settings import EVENT_KIND, Settings, Timeline
from workbench.search.story import Story
from workbench.space import SearchSpace
from workbench.store import Event, GenerationRecord, Run, RunDescription, RunWriter

LENGTH_KIND = "generations"
"""Event: a resumed run was made longer, or shorter."""


class Ledger:
    """State of one search between and within generations.

    Attributes:
        evolution: population and archive as of the last ranking.
        children: finished individuals of the generation in progress, by id.
        timeline: which settings hold for which child.
        wanted: the settings from the next child on.
        total: individuals finished over the whole run.
        failed: how many of them failed.
        story: the past, for those who watch.
    """

    def __init__(self, config: SearchConfig, space: SearchSpace) -> None:
        start = Settings.at_start(config, space)
        self.space = space
        self.config = replace(config, rates=space.rates_values(start.rates))  # defaults may change, a run must not
        self.evolution = Evolution(config.population, config.seed, config.selection, config.survival)
        self.children: dict[int, Individual] = {}
        self.timeline = Timeline(start, space)
        self.wanted = start
        self.total, self.failed = 0, 0
        self.story = Story()
        self._first_child = 0
        self.writer: RunWriter

    def describe(self, data: Dataset) -> RunDescription:
        """What goes into the head of the run file."""
        return RunDescription(
            space_name=self.space.name,
            space_config=self.space.config(),
            search_config=to_values(self.config),
            dataset={"name": data.name, "fingerprint": data.fingerprint, "root": None},
            seed=self.config.seed,
            versions=machine.versions(),
            cpu=machine.cpu(),
        )

    @property
    def is_finished(self) -> bool:
        """Whether all generations are ranked."""
        return self.evolution.generation > self.config.generations

    @property
    def expected(self) -> int:
        """Individuals of the generation in progress, by the settings at its start."""
        if self.evolution.generation == 0:
            return self.config.population
        return self.timeline.at(self._first_child).config.children

    @property
    def total_expected(self) -> int:
        """Individuals of the whole run, if nothing changes."""
        if self.is_finished:
            return self.total
        left = self.config.generations - self.evolution.generation
        return self.total + self.expected - len(self.children) + left * self.wanted.config.children

    def missing(self) -> list[int]:
        """Ids of this generation that are not finished; how many there are may change with its first proposal."""
        last = max(self.children, default=-1)  # a resumed generation has no gaps, even if it became smaller
        ids = range(self._first_child, max(self._first_child + self.expected, last + 1))
        return [child for child in ids if child not in self.children]

    def propose(self, child: int) -> Task:
        """The task for `child`; a live change since the last one is stored first."""
        wanted, latest = self.wanted, self.timeline.latest
        if changes := wanted.difference(self.space, latest):
            self._log(EVENT_KIND, child, changes)
            self.timeline.add(child, wanted)
        settings = self.timeline.at(child)
        proposal = self.evolution.ask(child, settings.config.tournament)
        train = settings.config.train
        if proposal.parent is None and settings.config.initial_epochs is not None:
            train = replace(train, epochs=settings.config.initial_epochs)
        return Task(
            id=child,
            generation=proposal.generation,
            parent=None if proposal.parent is None else proposal.parent.id,
            parent_genome=None if proposal.parent is None else proposal.parent.genome,
            seed=proposal.seed,
            rates=settings.rates,
            train=train,
            stream=(self.config.seed, proposal.generation),
            flops_bounds=settings.config.flops_bounds,
            bar=self.evolution.bar(train.epochs) if settings.config.stop_hopeless else None,
        )

    def _log(self, kind: str, child: int, values: dict[str, Any]) -> None:
        """Store an event from `child` on."""
        generation = self.evolution.generation
        sequence = self.writer.add_event(kind, child, generation, values)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.story.events.append(Event(sequence, kind, child, generation, values, now))

    def take(self, individual: Individual) -> None:
        """Store a finished child, then count it in."""
        genome, blob, facts = individual.genome, None, None
        if genome is not None:
            try:
                blob, facts = self.space.encode(genome), self.space.describe(genome)
            except Exception as error:  # a space that cannot write its genome down costs the child, not the search
                reason = f"it cannot be stored: {type(error).__name__}: {error}"
                individual = replace(individual, status=FAILED, failure=reason, outcome=None)
        self.writer.add_individual(individual, blob, facts)
        self.children[individual.id] = individual
        self.story.add(individual)
        self.total += 1
        self.failed += not individual.ok

    def lost(self, child: int, error: BaseException) -> Individual:
        """The record of a child whose worker was lost."""
        proposal = self.evolution.ask(child, self.timeline.at(child).config.tournament)
        parent = None if proposal.parent is None else proposal.parent.id
        return Individual(
            id=child,
            parent=parent,
            generation=proposal.generation,
            origin="initial" if parent is None else "mutation",
            mutation={},
            seed=proposal.seed,
            status=FAILED,
            failure=f"its worker was lost: {type(error).__name__}: {error}",
            cost=None,
            outcome=None,
            wall_seconds=0.0,
        )

    def end_generation(self, wall_seconds: float) -> None:
        """Rank, and store the generation.

        Raises:
            RunError: if every initial individual failed.
        """
        generation, children = self.evolution.generation, list(self.children.values())
        if generation == 0 and not any(child.ok for child in children):
            reason = children[0].failure if children else "none"
            raise RunError(f"every initial individual failed, so there is nothing to evolve; the first: {reason}")
        self.evolution.tell(children)
        archive = self.evolution.archive
        record = GenerationRecord(
            generation=generation,
            population=tuple(individual.id for individual in self.evolution.population),
            front=tuple(individual.id for individual in archive),
            hypervolume=hypervolume(archive, self.config.hypervolume),
            best_accuracy=archive[-1].val_accuracy,
            n_evaluated=len(children),
            n_failed=sum(not child.ok for child in children),
            epochs=sum(child.outcome.epochs for child in children if child.outcome),
            wall_seconds=wall_seconds,
        )
        self.writer.finish_generation(record)
        self.story.end_generation(record)
        self._first_child += len(children)
        self.children = {}

    def restore(self, run: Run, data: Dataset) -> None:
        """Take up a run where its file ends.

        Raises:
            RunError: if it was made with other settings, data or space.
        """
        self._check_same(run, data)
        machine.warn_of_difference(run)
        memory = run.load(self.space.decode)
        self.timeline = Timeline(self.timeline.latest, self.space, memory.events)
        self.wanted = self.timeline.latest
        self.story = Story.of(memory)
        by_id = {individual.id: individual for individual in memory.individuals}
        if memory.generations:
            last = memory.generations[-1]
            known = [individual for individual in by_id.values() if individual.generation <= last.generation]
            self.evolution.restore(last.generation, [by_id[id] for id in last.population], known)
        current = [individual for individual in by_id.values() if individual.generation == self.evolution.generation]
        self.children = {individual.id: individual for individual in current}
        self._first_child = len(by_id) - len(current)
        self.total, self.failed = len(by_id), sum(not individual.ok for individual in by_id.values())
        if self.config.generations != (length := length_of(run)):
            change = {"generations": self.config.generations, "before": length}
            self._log(LENGTH_KIND, len(by_id), change)

    def _check_same(self, run: Run, data: Dataset) -> None:
        stored = from_values(SearchConfig, run.config)
        same = replace(self.config, generations=stored.generations, workers=stored.workers)
        if stored != same:
            old, new = to_values(stored), to_values(same)
            differ = ", ".join(f"{name}: {old[name]} there, {new[name]} here" for name in old if old[name] != new[name])
            raise RunError(f"{run.path} was made with other settings ({differ}); resume it with these, or start anew")
        if run.dataset["fingerprint"] != data.fingerprint:
            raise RunError(f"{run.path} was made with other data ({run.dataset['name']}); pass the same data set")
        if (run.space_name, run.space_config) != (self.space.name, self.space.config()):
            raise RunError(f"{run.path} was made with another search space ({run.space_name}); pass the same one")


def length_of(run: Run) -> int:
    """How many generations a run is to have, as last asked for."""
    events: Any = run.events
    lengths = [values["generations"] for values in events["values"][events["kind"] == LENGTH_KIND]]
    return lengths[-1] if lengths else run.config["generations"]
