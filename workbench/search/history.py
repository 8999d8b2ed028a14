"""What a search remembers of its past for those who watch: small records, bounded in number where there may be many."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from workbench.individuals import Individual
from workbench.store import Event, GenerationRecord, Memory

RECENT_INDIVIDUALS = 2000
"""Trained individuals remembered; population and archive are known besides."""

RECENT_FAILURES = 100


class IndividualSummary(NamedTuple):
    """A trained individual without its genome.

    Attributes:
        id: in the run.
        parent: its id, None for an initial individual.
        generation: 0 for the initial population.
        mutation: kind of mutation, None for an initial individual.
        val_accuracy: validation accuracy.
        flops: per sample.
        parameters: trainable numbers.
        latency_us: predicted latency; None if that is no objective.
    """

    id: int
    parent: int | None
    generation: int
    mutation: str | None
    val_accuracy: float
    flops: int
    parameters: int
    latency_us: float | None = None

    @classmethod
    def of(cls, one: Individual) -> IndividualSummary:
        """Summarise an individual that was trained."""
        parameters, kind = one.cost.parameters if one.cost else 0, one.mutation.get("kind")
        measured = one.val_accuracy, one.flops, parameters, one.latency_us
        return cls(one.id, one.parent, one.generation, kind, *measured)


class FailureSummary(NamedTuple):
    """A child that failed.

    Attributes:
        id: of the child.
        generation: of the child.
        reason: why.
    """

    id: int
    generation: int
    reason: str


class GenerationSummary(NamedTuple):
    """A finished generation.

    Attributes:
        generation: its number.
        total: individuals finished by its end.
        hypervolume: of the front.
        best_accuracy: highest validation accuracy of the front.
    """

    generation: int
    total: int
    hypervolume: float
    best_accuracy: float


class History:
    """The past of one search; not thread-safe by itself.

    Attributes:
        individuals: those trained last.
        failures: the latest.
        finished_generations: all.
        events: all.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.individuals: deque[IndividualSummary] = deque(maxlen=RECENT_INDIVIDUALS)
        self.failures: deque[FailureSummary] = deque(maxlen=RECENT_FAILURES)
        self.finished_generations: list[GenerationSummary] = []
        self.events = list(events)
        self._ranked = 0

    @classmethod
    def of(cls, memory: Memory) -> History:
        """The history that a run file holds."""
        history = cls(memory.events)
        for individual in memory.individuals:
            history.add(individual)
        for record in memory.generations:
            history.end_generation(record)
        return history

    def add(self, individual: Individual) -> None:
        """Add a finished child."""
        if individual.ok:
            self.individuals.append(IndividualSummary.of(individual))
        else:
            reason = individual.failure or "unknown reason"
            self.failures.append(FailureSummary(individual.id, individual.generation, reason))

    def end_generation(self, record: GenerationRecord) -> None:
        """Add a ranked generation."""
        self._ranked += record.n_evaluated
        self.finished_generations.append(
            GenerationSummary(record.generation, self._ranked, record.hypervolume, record.best_accuracy)
        )
