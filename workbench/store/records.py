"""The records of a run besides its individuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.individuals import Individual
from workbench.store.checked import BadValueError


@dataclass(frozen=True)
class RunDescription:
    """What a run is of: all that is needed to reopen, resume or fork it.

    All mappings hold JSON-ready values; tuples in them come back as lists.

    Attributes:
        space_name: name of the search space, as in `workbench.space.MAKERS`.
        space_config: its settings.
        search_config: the settings of the search when it began; later changes are events.
        dataset: `name`, `fingerprint` and `root` (a path, or None if the data came as arrays).
        seed: root of every random choice, of any size.
        versions: of python, numpy, torch and the workbench; bit-equality is promised for one set of them.
        cpu: the processor, for the same reason.
        origin: of a fork, which run and generation it came from; None otherwise.
    """

    space_name: str
    space_config: Mapping[str, Any]
    search_config: Mapping[str, Any]
    dataset: Mapping[str, Any]
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict)
    cpu: str = ""
    origin: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class GenerationRecord:
    """The state of the evolution at the end of one generation.

    Attributes:
        generation: 0 for the initial population.
        population: ids alive after this generation's ranking, in the order of the loop.
        front: ids of the archive: the all-time Pareto front.
        hypervolume: of the front, within the bounds of the data set.
        best_accuracy: highest validation accuracy of the front.
        n_evaluated: individuals of this generation, failed ones included.
        n_failed: how many of them failed.
        epochs: epochs trained in this generation, over all its individuals.
        wall_seconds: from the generation's first proposal to its ranking.
    """

    generation: int
    population: tuple[int, ...]
    front: tuple[int, ...]
    hypervolume: float
    best_accuracy: float
    n_evaluated: int
    n_failed: int
    epochs: int
    wall_seconds: float


@dataclass(frozen=True)
class Event:
    """A change from outside the loop that a replay must repeat, such as a slider that was moved.

    Attributes:
        sequence: counts up from 1; replay goes in this order.
        kind: "rates", "settings", "fork", "by hand", …
        from_child: id of the first individual it affects.
        generation: the generation in which it came, or None.
        values: what changed.
        time: when it came, ISO 8601, UTC.
    """

    sequence: int
    kind: str
    from_child: int
    generation: int | None
    values: Mapping[str, Any]
    time: str


@dataclass(frozen=True)
class Memory:
    """What a search needs to go on where the file ends; all parts are of the same instant.

    Attributes:
        individuals: all of them, ordered by id. Those in `genomes` carry their genome if a decoder was given.
        genomes: encoded trained genomes of the individuals alive, on the front, or not yet ranked.
        generations: the finished ones, in order.
        events: all, in order.
    """

    individuals: tuple[Individual, ...]
    genomes: Mapping[int, bytes]
    generations: tuple[GenerationRecord, ...]
    events: tuple[Event, ...]


def check_consistent(individuals: Sequence[Individual], generations: Sequence[GenerationRecord]) -> None:
    """Raise `BadValueError` unless generations are numbered without gaps and name only individuals that there are."""
    by_id = {individual.id: individual for individual in individuals}
    for number, record in enumerate(generations):
        if record.generation != number:
            raise BadValueError("generations", f"number {number}", record.generation)
        for id in (*record.population, *record.front):
            member = by_id.get(id)
            if member is None or not member.ok:
                raise BadValueError(f"generation {number}", "ids of trained individuals", id)
