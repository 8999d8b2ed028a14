"""What a search knows and writes down: the loop's state, the settings over time, and the run file.

Not thread-safe by itself; `Search` guards it. Whatever is committed to the file is there before anything is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.evolution import Credits, hypervolume, most_accurate
from workbench.executors import LOST_WORKER, TIME_OUT, Task
from workbench.individuals import BY_HAND, FAILED, Individual, is_by_hand
from workbench.search import by_hand, log, machine
from workbench.search.config import SearchConfig
from workbench.search.history import History
from workbench.search.resuming import LENGTH_EVENT, check_can_go_on, check_same, length_of
from workbench.search.script import EventReplayer, evolution_of
from workbench.search.settings import SETTINGS_EVENT, Settings, Timeline
from workbench.settings import to_values
from workbench.space import DropsWeights, SearchSpace, check_predicts, cost_of
from workbench.store import Event, GenerationRecord, Run, RunDescription, RunWriter

GIVEN_UP_KINDS = (TIME_OUT, LOST_WORKER)
"""Events: a child took too long, or took its workers down; `values["reason"]` is that of its record."""


class SearchState:
    """State of one search between and within generations.

    Attributes:
        evolution: population and archive as of the last ranking.
        children: finished individuals of the generation in progress, by id.
        inserted: those put in by hand that are ranked with them, by id.
        credits: what mutations earned, for rates that adapt.
        timeline: which settings hold for which child.
        target: the settings from the next child on.
        total: individuals finished over the whole run, without those put in by hand.
        failed: how many of them failed.
        spent: epochs × FLOPs of all individuals that are ranked.
        given_up: reasons of children that events say are failed, by id.
        story: the past, for those who watch.
        script: the events that are followed, if a run is replayed.
    """

    def __init__(self, config: SearchConfig, space: SearchSpace) -> None:
        check_predicts(space, config.latency)
        start = Settings.at_start(config, space)
        self.space = space
        self.config = replace(config, rates=space.rates_values(start.rates))  # defaults may change, a run must not
        self.evolution = evolution_of(start)
        self.children: dict[int, Individual] = {}
        self.inserted: dict[int, Individual] = {}
        self.credits = Credits()
        self.timeline = Timeline(start, space)
        self.target = start
        self.total, self.failed, self.spent = 0, 0, 0.0
        self.given_up: dict[int, str] = {}
        self.story = History()
        self.replayer: EventReplayer | None = None
        self._first_child, self._by_hand = 0, 0
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
        """Whether all generations are ranked, or the budget is spent."""
        budget = self.config.budget
        return self.evolution.generation > self.config.generations or (budget is not None and self.spent >= budget)

    @property
    def expected(self) -> int:
        """Individuals of the generation in progress, by the settings at its start."""
        if self.evolution.generation == 0:
            return self.timeline.at(0).config.population
        return self.timeline.at(self._first_child).config.children

    @property
    def total_expected(self) -> int:
        """Individuals of the whole run, if nothing changes."""
        if self.is_finished:
            return self.total
        left = self.config.generations - self.evolution.generation
        total = self.total + self.expected - len(self.children) + left * self.target.config.children
        if self.config.budget is not None and self.spent:  # if those to come cost what the ranked ones did
            total = min(total, math.ceil(self.config.budget / self.spent * self._first_child))
        return max(total, self.total)

    @property
    def current(self) -> tuple[Individual, ...]:
        """All that are ranked next: finished children, and those put in by hand."""
        return *self.children.values(), *self.inserted.values()

    def missing(self) -> list[int]:
        """Ids of this generation that are not finished; how many there are may change with its first proposal."""
        last = max(self.children, default=-1)  # a resumed generation has no gaps, even if it became smaller
        ids = range(self._first_child, max(self._first_child + self.expected, last + 1))
        return [child for child in ids if child not in self.children]

    def propose(self, child: int) -> Task:
        """The task for `child`; a live change since the last one is stored first."""
        if self.replayer is not None:
            self.replayer.follow(self, child)
        changes = self.target.difference(self.space, self.timeline.latest)
        if changes and child > max(self.children, default=-1):  # those left out by a kill keep their settings
            self.log(SETTINGS_EVENT, child, changes)
            self.adopt(child, self.target)
        settings = self.timeline.at(child)
        proposal = self.evolution.ask(child, settings.config.tournament)
        train = settings.recipe(initial=proposal.parent is None)
        return Task(
            id=child,
            generation=proposal.generation,
            parent=None if proposal.parent is None else proposal.parent.id,
            parent_genome=None if proposal.parent is None else proposal.parent.genome,
            seed=proposal.seed,
            rates=settings.adapted(self.space, self.credits),
            train=train,
            stream=(settings.config.seed, proposal.generation),
            flops_bounds=settings.config.flops_bounds,
            latency=settings.config.latency,
            early_stopping=self.evolution.early_stopping(train.epochs) if settings.config.stop_hopeless else None,
        )

    def adopt(self, child: int, settings: Settings) -> None:
        """From `child` on, these settings hold."""
        self.timeline.add(child, settings)
        self.target = settings

    def log(self, kind: str, child: int, values: dict[str, Any]) -> None:
        """Store an event from `child` on."""
        self._remember(self.writer.add_event(kind, child, self.evolution.generation, values), kind, child, values)

    def _remember(self, sequence: int, kind: str, child: int, values: dict[str, Any]) -> None:
        """Tell those who watch of an event."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        event = Event(sequence, kind, child, self.evolution.generation, values, now)
        self.story.events.append(event)
        log.event_stored(self.writer.path, event)

    def take(self, individual: Individual) -> None:
        """Store a finished child, then count it in."""
        individual = self._with_probabilities(individual)
        genome, blob, facts = individual.genome, None, None
        if genome is not None:
            try:
                blob, facts = self.space.encode(genome), self.space.describe(genome)
            except Exception as error:  # a space that cannot write its genome down costs the child, not the search
                reason = f"it cannot be stored: {type(error).__name__}: {error}"
                individual = replace(individual, status=FAILED, failure=reason, result=None)
        self.writer.add_individual(individual, blob, facts)
        self.children[individual.id] = individual
        self.story.add(individual)
        log.child_done(self.writer.path, individual)
        self.total += 1
        self.failed += not individual.ok

    def _with_probabilities(self, individual: Individual) -> Individual:
        """With adaptive rates, the record of the mutation says which probabilities held."""
        settings = self.timeline.at(individual.id)
        if settings.config.adapt is None or not individual.mutation:
            return individual
        held = settings.probabilities(self.space, self.credits)
        rounded = {kind: round(value, 4) for kind, value in held.items()}
        return replace(individual, mutation={**individual.mutation, "probabilities": rounded})

    def insert(self, individual: Individual) -> int:
        """Store one put in by hand, then let it be ranked with the children in progress; returns its id."""
        generation, first = self.evolution.generation, self._first_child + self.expected
        cost = cost_of(self.space, individual.genome, self.timeline.latest.config.latency)
        individual = replace(individual, id=BY_HAND + self._by_hand, generation=generation, cost=cost)
        blob, facts = self.space.encode(individual.genome), self.space.describe(individual.genome)
        values = {"id": individual.id}
        sequence = self.writer.add_individual(individual, blob, facts, event=(by_hand.INSERTED_EVENT, first, values))
        self.inserted[individual.id] = individual
        self._by_hand += 1
        self.story.add(individual)
        log.child_done(self.writer.path, individual)
        self._remember(sequence or 0, by_hand.INSERTED_EVENT, first, values)
        return individual.id

    def give_up(self, child: int, kind: str, reason: str) -> None:
        """Record a child as failed for a reason from outside; stored as an event first, which a replay follows."""
        self.log(kind, child, {"reason": reason})
        self.given_up[child] = reason
        self.follow_event(self.propose(child))

    def follow_event(self, task: Task) -> bool:
        """Record a child as failed if an event says so; returns whether one does."""
        if (reason := self.given_up.get(task.id)) is None:
            return False
        self.take(
            Individual(
                id=task.id,
                parent=task.parent,
                generation=task.generation,
                origin="initial" if task.parent is None else "mutation",
                mutation={},
                seed=task.seed,
                status=FAILED,
                failure=reason,
                cost=None,
                result=None,
                wall_seconds=0.0,
            )
        )
        return True

    def end_generation(self, wall_seconds: float) -> None:
        """Rank, and store the generation.

        Raises:
            RunError: if every initial individual failed.
        """
        generation, children = self.evolution.generation, list(self.children.values())
        if generation == 0 and not self.inserted and not any(child.ok for child in children):
            reason = children[0].failure if children else "none"
            raise RunError(f"every initial individual failed, so there is nothing to evolve; the first: {reason}")
        ranked = {one.id: one for one in (*self.evolution.population, *self.evolution.archive, *self.current)}
        self.evolution.tell(self.current)
        archive = self.evolution.archive
        self.credits.add(children, archive)
        record = GenerationRecord(
            generation=generation,
            population=tuple(individual.id for individual in self.evolution.population),
            front=tuple(individual.id for individual in archive),
            hypervolume=hypervolume(archive, self.timeline.latest.config.hypervolume),
            best_accuracy=most_accurate(archive).val_accuracy,
            n_evaluated=len(children),
            n_failed=sum(not child.ok for child in children),
            epochs=sum(child.result.epochs for child in children if child.result),
            wall_seconds=wall_seconds,
        )
        self.writer.finish_generation(record, self._died_out(ranked))
        self.story.end_generation(record)
        log.generation_ranked(self.writer.path, record)
        self._first_child += len(children)
        self.spent += sum(child.training_cost for child in self.current)
        self.children, self.inserted = {}, {}
        if self.replayer is not None:
            self.replayer.follow(self)

    def _died_out(self, ranked: Mapping[int, Individual]) -> dict[int, bytes]:
        """The encoded topologies of those that were ranked whose weights nobody needs any more, by id."""
        if self.config.keep != "needed" or not isinstance(self.space, DropsWeights):
            return {}
        needed = {one.id for one in (*self.evolution.population, *self.evolution.archive)}
        return {
            id: self.space.encode(self.space.without_weights(one.genome))
            for id, one in ranked.items()
            if id not in needed and not is_by_hand(id) and one.genome is not None
        }

    def follow(self, events: Sequence[Event], guest: Callable[[int], Individual], last: int) -> None:
        """Let the events of a stored run happen again, up to generation `last`; see `EventReplayer`."""
        self.config = replace(self.config, generations=last)
        self.given_up = {event.from_child: event.values["reason"] for event in events if event.kind in GIVEN_UP_KINDS}
        self.replayer = EventReplayer(events, self.timeline.latest, self.space, guest)
        self.timeline = Timeline(self.replayer.start, self.space)
        self.target, self.evolution = self.replayer.start, evolution_of(self.replayer.start)
        self.replayer.follow(self)

    def restore(self, run: Run, data: Dataset) -> None:
        """Take up a run where its file ends.

        Raises:
            RunError: if it was made with other settings, data or space.
        """
        check_same(run, self.config, self.space, data)
        machine.warn_of_difference(run)
        memory = run.load(self.space.decode)
        check_can_go_on(run, memory)
        self.timeline = Timeline(self.timeline.latest, self.space, memory.events)
        self.target = self.timeline.latest
        self.given_up = {
            event.from_child: event.values["reason"] for event in memory.events if event.kind in GIVEN_UP_KINDS
        }
        self.story = History.of(memory)
        by_id = {individual.id: individual for individual in memory.individuals}
        if memory.generations:
            last = memory.generations[-1]
            known = [individual for individual in by_id.values() if individual.generation <= last.generation]
            self.evolution.restore(last.generation, [by_id[id] for id in last.population], known)
            self.credits = Credits.of(known, self.evolution.objectives)
        current = {
            id: individual for id, individual in by_id.items() if individual.generation == self.evolution.generation
        }
        self.children = {id: individual for id, individual in current.items() if not is_by_hand(id)}
        self.inserted = {id: individual for id, individual in current.items() if is_by_hand(id)}
        self._by_hand = sum(map(is_by_hand, by_id))
        self.total = len(by_id) - self._by_hand
        self.failed = sum(not individual.ok for individual in by_id.values())
        self._first_child = self.total - len(self.children)
        self.spent = sum((one.training_cost for id, one in by_id.items() if id not in current), 0.0)
        if self.config.generations != (length := length_of(run)):
            change = {"generations": self.config.generations, "before": length}
            self.log(LENGTH_EVENT, self.total, change)
