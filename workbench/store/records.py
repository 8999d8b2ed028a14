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
    """

    space_name: str  # as it is registered; see `workbench.registry`
    space_config: Mapping[str, Any]  # settings of the space
    search_config: Mapping[str, Any]  # settings of the search when it began; later changes are events
    dataset: Mapping[str, Any]  # `name`, `fingerprint`, `root` (None) and of a person's own, `source`
    seed: int  # root of every random choice, of any size
    versions: Mapping[str, str] = field(default_factory=dict)  # of python and packages: others may change results
    cpu: str = ""  # the processor, for the same reason
    origin: Mapping[str, Any] | None = None  # of a fork, which run and generation it came from


@dataclass(frozen=True)
class GenerationRecord:
    """The state of the evolution at the end of one generation."""

    generation: int  # 0 for the initial population
    population: tuple[int, ...]  # ids alive after this generation's ranking, in the order of the loop
    front: tuple[int, ...]  # ids of the archive: the all-time Pareto front
    hypervolume: float  # of the front, within the bounds of the data set
    best_accuracy: float  # highest validation accuracy of the front
    n_evaluated: int  # individuals of this generation, failed ones included
    n_failed: int  # how many of them failed
    epochs: int  # trained in this generation, over all its individuals
    wall_seconds: float  # from the generation's first proposal to its ranking


@dataclass(frozen=True)
class Event:
    """A change from outside the loop that a replay must repeat, such as a slider that was moved."""

    sequence: int  # counts up from 1; replay goes in this order
    kind: str  # "rates", "settings", "fork", "by hand", …
    from_child: int  # id of the first individual it affects
    generation: int | None  # in which it came
    values: Mapping[str, Any]  # what changed
    time: str  # when it came, ISO 8601, UTC


@dataclass(frozen=True)
class Memory:
    """What a search needs to go on where the file ends; all parts are of the same instant."""

    individuals: tuple[Individual, ...]  # by id; those in `genomes` carry their genome if a decoder was given
    genomes: Mapping[int, bytes]  # encoded trained genomes of the individuals alive, on the front, or not yet ranked
    generations: tuple[GenerationRecord, ...]  # the finished ones, in order
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
