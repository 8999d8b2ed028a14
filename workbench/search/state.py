"""What is known of a search: population, children, the settings over time, and history.

Not thread-safe by itself; `Runner` guards it. Each fact is committed to the run file before anything follows from it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError, RunError
from workbench.evolution import Credits, Evolution, front_of, hypervolume, most_accurate
from workbench.executors import Task, failed_child
from workbench.individuals import BY_HAND, FAILED, Individual, is_by_hand
from workbench.search.config import (
    FORK_EVENT,
    INSERTED_EVENT,
    LENGTH_EVENT,
    SETTINGS_EVENT,
    SearchConfig,
    Settings,
    Timeline,
    failure_reasons,
    plain_values,
    starts_of,
)
from workbench.search.history import History, log_child, log_event, log_generation
from workbench.search.stored import (
    check_can_go_on,
    check_same,
    length_of,
    predicted_latencies,
    reopened,
    warn_of_difference,
)
from workbench.space import DropsWeights, SearchSpace, cost_of
from workbench.store import Event, GenerationRecord, Memory, Run, RunWriter, open_run


class SearchState:
    """State of one search, between and within generations."""

    def __init__(self, start: Settings, space: SearchSpace, writer: RunWriter) -> None:
        self.config, self.space, self.writer = start.config, space, writer  # settings at the start of the run
        self.evolution = _evolution(start.config)  # population and archive as of the last ranking
        self.children: dict[int, Individual] = {}  # finished in this generation, by id
        self.inserted: dict[int, Individual] = {}  # by hand, to be ranked with them, by id
        self.credits = Credits()  # what mutations earned, for rates that adapt
        self.timeline = Timeline(start, space)
        self.target = start  # the settings from the next child on
        self.total, self.failed = 0, 0  # individuals over the whole run, without those inserted by hand
        self.spent = 0.0  # `Individual.training_cost` of all ranked individuals
        self.earlier_seconds = 0.0  # that its ranked generations took before this process
        self.failure_reasons: dict[int, str] = {}  # from outside, by id
        self.history = History()
        self._replayed: deque[Event] = deque()  # events of a stored run that are still to be repeated
        self._starts: Iterator[Settings] = iter(())  # the settings after each of its forks
        self._remake: Callable[[int], Individual] | None = None  # makes one inserted by hand again, by its id
        self.first_child, self._n_inserted = 0, 0

    # ------------------------------------------------------------------ what is known
    @property
    def is_finished(self) -> bool:
        """Whether all generations are ranked, or the budget is spent."""
        end = self.config.generations
        return self.is_spent or (end is not None and self.evolution.generation > end)

    @property
    def is_spent(self) -> bool:
        """Whether the budget is spent."""
        return self.config.budget is not None and self.spent >= self.config.budget

    @property
    def generation(self) -> int:
        """The generation in progress; the last one if the run is finished."""
        end = self.config.generations
        return self.evolution.generation if end is None else min(self.evolution.generation, end)

    @property
    def expected(self) -> int:
        """Individuals of the generation in progress, by the settings at its start."""
        if self.evolution.generation == 0:
            return self.timeline.at(0).config.population
        return self.timeline.at(self.first_child).config.children

    @property
    def total_expected(self) -> int | None:
        """Individuals of the whole run, if nothing changes; None if there is no end to be seen."""
        if self.is_finished:
            return self.total
        limits = []
        if self.config.generations is not None:
            left = self.config.generations - self.evolution.generation
            limits.append(self.total + self.expected - len(self.children) + left * self.target.config.children)
        if self.config.budget is not None and self.spent:  # assuming that the others cost what the ranked ones did
            limits.append(math.ceil(self.config.budget / self.spent * self.first_child))
        return max(min(limits), self.total) if limits else None

    @property
    def current(self) -> tuple[Individual, ...]:
        """All that are ranked next: finished children, and individuals inserted by hand."""
        return *self.children.values(), *self.inserted.values()

    @property
    def archive(self) -> tuple[Individual, ...]:
        """The all-time front, individuals of the generation in progress included, by rising FLOPs."""
        return tuple(front_of([*self.evolution.archive, *self.current], self.evolution.objectives))

    def missing(self) -> list[int]:
        """Ids of this generation that are not finished; how many there are may change with its first proposal."""
        last = max(self.children, default=-1)  # a resumed generation has no gaps, even if it became smaller
        ids = range(self.first_child, max(self.first_child + self.expected, last + 1))
        return [child for child in ids if child not in self.children]

    # ------------------------------------------------------------------ proposing
    def propose(self, child: int) -> Task:
        """The task for `child`; a live change since the last one is stored first."""
        self._replay(child)
        changes = self.target.difference(self.timeline.latest)
        if changes and child > max(self.children, default=-1):  # those left out by a kill keep their settings
            self._add_event(SETTINGS_EVENT, child, plain_values(self.space, changes))
            self.timeline.add(child, self.target)
        settings = self.timeline.at(child)
        proposal, archive = self.evolution.ask(child, settings.config.tournament), self.evolution.archive
        parent, best = proposal.parent, most_accurate(archive).genome if archive else None
        id, genome = (None, None) if parent is None else (parent.id, parent.genome)
        rates = settings.adapted_rates(self.space, self.credits)
        task = settings.task(child, proposal.generation, id, genome, proposal.seed, rates, best)
        if settings.config.stop_hopeless:
            task = replace(task, early_stopping=self.evolution.early_stopping(task.train.epochs))
        return task

    def _add_event(self, kind: str, child: int, values: dict[str, Any]) -> None:
        """Store an event from `child` on."""
        self._remember(self.writer.add_event(kind, child, self.evolution.generation, values), kind, child, values)

    def _remember(self, sequence: int, kind: str, child: int, values: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        event = Event(sequence, kind, child, self.evolution.generation, values, now)
        self.history.events.append(event)
        log_event(self.writer.path, event)

    # ------------------------------------------------------------------ storing
    def add(self, individual: Individual) -> None:
        """Store a finished child."""
        individual = self._with_probabilities(individual)
        blob, facts = None, None
        if individual.genome is not None:
            try:
                blob, facts = self.space.encode(individual.genome), self.space.describe(individual.genome)
            except Exception as error:  # a space that cannot encode a genome costs the child, not the search
                reason = f"it cannot be stored: {type(error).__name__}: {error}"
                individual = replace(individual, status=FAILED, failure=reason, result=None)
        self.writer.add_individual(individual, blob, facts)
        self.children[individual.id] = individual
        self.history.add(individual)
        log_child(self.writer.path, individual)
        self.total += 1
        self.failed += not individual.ok

    def insert(self, individual: Individual) -> int:
        """Store an individual made by hand, to be ranked with the children in progress; returns its id."""
        generation, first = self.evolution.generation, self.first_child + self.expected
        cost = cost_of(self.space, individual.genome, self.timeline.latest.config.latency)
        individual = replace(individual, id=BY_HAND + self._n_inserted, generation=generation, cost=cost)
        blob, facts = self.space.encode(individual.genome), self.space.describe(individual.genome)
        values = {"id": individual.id}
        sequence = self.writer.add_individual(individual, blob, facts, event=(INSERTED_EVENT, first, values))
        self.inserted[individual.id] = individual
        self._n_inserted += 1
        self.history.add(individual)
        log_child(self.writer.path, individual)
        self._remember(sequence or 0, INSERTED_EVENT, first, values)
        return individual.id

    def add_failed(self, child: int, kind: str, reason: str) -> None:
        """Record a child as failed for a reason from outside; first as an event, which a replay repeats."""
        self._add_event(kind, child, {"reason": reason})
        self.failure_reasons[child] = reason
        self.add_if_failed(self.propose(child))

    def add_if_failed(self, task: Task) -> bool:
        """Record a child as failed if an event says so; returns whether one does."""
        if (reason := self.failure_reasons.get(task.id)) is None:
            return False
        self.add(failed_child(task, reason))
        return True

    def _with_probabilities(self, individual: Individual) -> Individual:
        """With adaptive rates, the record of the mutation holds the probabilities at that time."""
        settings = self.timeline.at(individual.id)
        if settings.config.adapt is None or not individual.mutation:
            return individual
        held = settings.probabilities(self.space, self.credits)
        rounded = {kind: round(value, 4) for kind, value in held.items()}
        return replace(individual, mutation={**individual.mutation, "probabilities": rounded})

    # ------------------------------------------------------------------ ranking
    def end_generation(self, wall_seconds: float) -> None:
        """Rank, and store the generation; `RunError` if every initial individual failed."""
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
        self.writer.finish_generation(record, self._topologies(ranked))
        self.history.end_generation(record)
        log_generation(self.writer.path, record)
        self.first_child += len(children)
        self.spent += sum(child.training_cost for child in self.current)
        self.children, self.inserted = {}, {}
        self._replay()

    def _topologies(self, ranked: Mapping[int, Individual]) -> dict[int, bytes]:
        """The encoded topologies of the ranked individuals whose weights are no longer needed, by id."""
        if self.config.keep != "needed" or not isinstance(self.space, DropsWeights):
            return {}
        needed = {one.id for one in (*self.evolution.population, *self.evolution.archive)}
        return {
            id: self.space.encode(self.space.without_weights(one.genome))
            for id, one in ranked.items()
            if id not in needed and not is_by_hand(id) and one.genome is not None
        }

    # ------------------------------------------------------------------ its length
    def extend(self, generations: int | None) -> None:
        """Make the run longer, by so many generations or (None) without end; see `Search.extend`."""
        before = self.config.generations
        if generations is not None and generations < 1:
            raise ConfigError(f"a run can become longer by 1 generation or more, got {generations}")
        if before is None:
            raise RunError(f"the run in {self.writer.path} has no end, so it cannot become longer")
        if self.is_spent:
            raise RunError(f"the run in {self.writer.path} has spent its budget; a fork may have another one")
        longer = replace(self.config, generations=None if generations is None else before + generations)
        if self.writer.is_closed:
            self.writer = reopened(self.writer, self.history)
            self.writer.set_state("stopped")
        self._add_event(LENGTH_EVENT, self.total, {"generations": longer.generations, "before": before})
        self.config = longer

    # ------------------------------------------------------------------ stored runs
    def replay(self, events: Sequence[Event], remake: Callable[[int], Individual], last: int) -> None:
        """Repeat the events of a stored run from now on, up to generation `last`.

        `remake` makes an individual that was inserted by hand again, by its id.
        """
        self.config = replace(self.config, generations=last)
        self.failure_reasons = failure_reasons(events)
        self._replayed, self._remake = deque(events), remake
        self._starts = starts_of(self.timeline.latest, self.space, events)
        start = next(self._starts)
        self.timeline, self.target = Timeline(start, self.space), start
        self.evolution = _evolution(start.config)
        self._replay()

    def _replay(self, child: int | None = None) -> None:
        """Repeat the events that are due before `child` is proposed, or (None) between generations."""
        while self._replayed and (self.is_finished or self._is_due(self._replayed[0], child)):
            event = self._replayed.popleft()
            if event.kind == INSERTED_EVENT:
                assert self._remake is not None
                self.insert(self._remake(int(event.values["id"])))
                continue
            self._add_event(event.kind, event.from_child, dict(event.values))
            if event.kind == SETTINGS_EVENT:
                self.timeline.add(event.from_child, self.timeline.latest.changed(self.space, event.values))
                self.target = self.timeline.latest
            elif event.kind == FORK_EVENT:
                self._branch_off(event.from_child, next(self._starts))

    def _is_due(self, event: Event, child: int | None) -> bool:
        if event.kind in (INSERTED_EVENT, FORK_EVENT, LENGTH_EVENT):  # these come with a generation
            return event.generation is None or event.generation <= self.evolution.generation
        return child is not None and event.from_child <= child

    def _branch_off(self, child: int, settings: Settings) -> None:
        """Become the fork that the run was from here on: its settings hold, and all that is ranked is ranked anew."""
        before, model = self.timeline.latest.config.latency, settings.config.latency
        self.timeline.add(child, settings)
        self.target = settings
        run = open_run(self.writer.path)
        if model is not None and model != before:
            ids = [*range(self.first_child), *range(BY_HAND, BY_HAND + self._n_inserted)]
            self.writer.set_latencies(predicted_latencies(run, self.space, model, ids))
        self._rank_anew(run.load(self.space.decode, settings.config.ranked_by))

    def _rank_anew(self, memory: Memory) -> None:
        """Take the loop's state from what is stored of the finished generations, by the objectives that hold now."""
        last = memory.generations[-1]
        known = {one.id: one for one in memory.individuals if one.generation <= last.generation}
        self.evolution = _evolution(self.target.config)
        self.evolution.restore(last.generation, [known[id] for id in last.population], known.values())
        self.credits = Credits.of(known.values(), self.evolution.objectives)

    def restore(self, run: Run, data: Dataset) -> None:
        """Continue a run where its file ends; `RunError` if it was made with other settings, data or space."""
        check_same(run, self.config, self.space, data)
        memory = run.load(self.space.decode)
        check_can_go_on(run, memory)
        warn_of_difference(run)
        self.timeline = Timeline(self.timeline.latest, self.space, memory.events)
        self.target = self.timeline.latest
        self.failure_reasons = failure_reasons(memory.events)
        self.history = History.of(memory)
        self.earlier_seconds = sum(record.wall_seconds for record in memory.generations)
        by_id = {individual.id: individual for individual in memory.individuals}
        if memory.generations:
            self._rank_anew(memory)
        current = {id: one for id, one in by_id.items() if one.generation == self.evolution.generation}
        self.children = {id: one for id, one in current.items() if not is_by_hand(id)}
        self.inserted = {id: one for id, one in current.items() if is_by_hand(id)}
        self._n_inserted = sum(map(is_by_hand, by_id))
        self.total = len(by_id) - self._n_inserted
        self.failed = sum(not individual.ok for individual in by_id.values())
        self.first_child = self.total - len(self.children)
        self.spent = sum((one.training_cost for id, one in by_id.items() if id not in current), 0.0)
        if self.config.generations != (length := length_of(run)):
            self._add_event(LENGTH_EVENT, self.total, {"generations": self.config.generations, "before": length})
            self.writer.set_state("finished" if self.is_finished else "stopped")


def _evolution(config: SearchConfig) -> Evolution:
    """The loop with these settings, before the first generation."""
    return Evolution(config.population, config.seed, config.selection, config.survival, config.ranked_by)
