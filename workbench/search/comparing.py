"""Two runs compared in everything that must not depend on timing, workers or interruptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.individuals import Individual
from workbench.space import DropsWeights, SearchSpace
from workbench.store import Event, GenerationRecord, Memory, Run

CLOCKS = ("seconds", "wall_seconds", "images_per_second")
"""What a clock says: never compared."""


@dataclass(frozen=True)
class RunComparison:
    """What was compared, and where it differs.

    Attributes:
        individuals: compared, failed ones included.
        genomes: compared bit by bit.
        generations: compared.
        events: compared.
        difference: the first difference in words; None if there is none.
    """

    individuals: int
    genomes: int
    generations: int
    events: int
    difference: str | None


def compare_runs(stored: Run, again: Run, space: SearchSpace) -> RunComparison:
    """Compare all that `stored` holds with `again`, which may hold more.

    Where one has dropped the weights of an individual, topologies are compared.
    """
    one, other = stored.load(), again.load()
    counts = {"individuals": 0, "genomes": 0, "generations": 0, "events": 0}
    difference = None
    for part, found in _parts(stored, again, one, other, space):
        if found is not None:
            difference = found
            break
        counts[part] += 1
    return RunComparison(**counts, difference=difference)


def _parts(stored: Run, again: Run, one: Memory, other: Memory, space: SearchSpace) -> Iterator[tuple[str, str | None]]:
    """What is compared, thing by thing: its kind, and how it differs or None."""
    made = {individual.id: individual for individual in other.individuals}
    ordered = sorted(one.individuals, key=lambda individual: (individual.generation, individual.id))
    for individual in ordered:  # by generation, so that the first difference is a cause and no consequence
        name = f"individual {individual.id}"
        twin = made.get(individual.id)
        if twin is None:
            yield "individuals", f"{name} is in {stored.path}, and not in the replay"
            continue
        yield "individuals", _difference(name, _individual(individual), _individual(twin))
        if individual.result is not None:
            yield "genomes", _genomes(name, stored, again, individual.id, space)
    for record, its in zip(one.generations, other.generations, strict=False):
        yield "generations", _difference(f"generation {record.generation}", _generation(record), _generation(its))
    for number, event in enumerate(one.events):
        if number >= len(other.events):
            yield "events", f"event {number + 1} ({event.kind}) is missing in the replay"
            continue
        yield "events", _difference(f"event {number + 1}", _event(event), _event(other.events[number]))


def _difference(name: str, stored: Mapping[str, Any], again: Mapping[str, Any]) -> str | None:
    """How two records differ first, in words; None if they do not."""
    for place, here, there in _differences("", stored, again):
        return f"{name}: its {place} was {_text(here):.200}, and is {_text(there):.200} in the replay"
    return None


def _differences(place: str, here: Any, there: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place and both values wherever two values of JSON differ; NaN equals NaN."""
    if isinstance(here, Mapping) and isinstance(there, Mapping) and here.keys() == there.keys():
        for key in here:
            yield from _differences(f"{place}.{key}" if place else key, here[key], there[key])
    elif isinstance(here, list | tuple) and isinstance(there, list | tuple) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif _text(here) != _text(there):
        yield place, here, there


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _individual(individual: Individual) -> dict[str, Any]:
    result, cost = individual.result, individual.cost
    return {
        "generation": individual.generation,
        "parent": individual.parent,
        "origin": individual.origin,
        "seed": individual.seed,
        "mutation": dict(individual.mutation),
        "status": individual.status,
        "failure": individual.failure,
        "cost": None if cost is None else [cost.flops, cost.flops_total, cost.parameters, cost.latency_us],
        "history": [] if result is None else _without_clocks(result.history),
        "val_accuracy": individual.val_accuracy,
        "initial_val_accuracy": result.initial_val_accuracy if result else None,
        "epochs": result.epochs if result else None,
    }


def _without_clocks(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name not in CLOCKS} for row in history]


def _generation(record: GenerationRecord) -> dict[str, Any]:
    names = (name for name in GenerationRecord.__dataclass_fields__ if name not in CLOCKS)
    return {name: getattr(record, name) for name in names}


def _event(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("kind", "from_child", "generation", "values")}


def _genomes(name: str, stored: Run, again: Run, id: int, space: SearchSpace) -> str | None:
    here, there = stored.genome_bytes(id), again.genome_bytes(id)
    if here == there:
        return None
    if here is not None and there is not None and isinstance(space, DropsWeights):
        bare = [space.encode(space.without_weights(space.decode(blob))) for blob in (here, there)]
        if bare[0] != bare[1]:
            return f"{name}: its topology is another in the replay"
        if here in bare or there in bare:  # one of them keeps no weights
            return None
    return f"{name}: its weights are others in the replay"
