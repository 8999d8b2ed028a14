"""Whether the tables of a run fit together; each by itself is checked as it is read."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.individuals import Individual
from workbench.store.checked import BadValueError
from workbench.store.records import GenerationRecord


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
