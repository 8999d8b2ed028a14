"""Records to rows of the tables and back; nothing here touches a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.errors import RunError
from workbench.individuals import Cost, Individual, Outcome
from workbench.store.records import Event, GenerationRecord, RunDescription
from workbench.store.schema import SCHEMA_VERSION

INDIVIDUAL_COLUMNS = (
    "id, parent, generation, origin, mutation_kind, seed, status, failure, val_accuracy, "
    "initial_val_accuracy, flops, flops_total, parameters, epochs, wall_seconds, finished_at, "
    "outcome_failure, mutation, history"
)
GENERATION_COLUMNS = (
    "generation, population, front, hypervolume, best_accuracy, n_evaluated, n_failed, epochs, wall_seconds"
)
EVENT_COLUMNS = 'sequence, kind, from_child, generation, "values", time'


def to_json(value: Any, what: str) -> str:
    """`value` as JSON text; NaN and infinities are spelt as in JSON5, so that floats come back exactly.

    Raises:
        RunError: if there is something in it that JSON has no form for; `what` names it.
    """
    try:
        return json.dumps(value, default=_plain, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise RunError(f"{what} cannot be stored: expected values that JSON can hold, got others ({error})") from error


def from_json(text: str, what: str) -> Any:
    """The value back from `to_json`; `RunError` if the text is damaged."""
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise RunError(f"{what} is damaged: expected JSON, got {text!r:.80}; restore a copy of the run") from error


def now() -> str:
    """The time, ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def description_rows(description: RunDescription) -> dict[str, str]:
    """Keys and values of the table `run` for a new run."""
    values = {
        "format_version": SCHEMA_VERSION,
        "created_at": now(),
        "space_name": description.space_name,
        "space_config": description.space_config,
        "search_config": description.search_config,
        "dataset": description.dataset,
        "seed": str(int(description.seed)),  # other readers of JSON would round a large one
        "versions": description.versions,
        "cpu": description.cpu,
        "origin": description.origin,
        "state": "running",
    }
    return {key: to_json(value, f"{key} of the run") for key, value in values.items()}


def description_from_rows(rows: Mapping[str, Any]) -> RunDescription:
    """The description back from the decoded table `run`."""
    try:
        return RunDescription(
            space_name=rows["space_name"],
            space_config=rows["space_config"],
            search_config=rows["search_config"],
            dataset=rows["dataset"],
            seed=int(rows["seed"]),
            versions=rows["versions"],
            cpu=rows["cpu"],
            origin=rows["origin"],
        )
    except KeyError as error:
        raise RunError(f"the run is damaged: its entry {error} is missing; restore a copy of it") from error


def individual_row(individual: Individual) -> tuple[Any, ...]:
    """Values for `INDIVIDUAL_COLUMNS`."""
    cost, outcome, name = individual.cost, individual.outcome, f"individual {individual.id}"
    kind = individual.mutation.get("kind")
    return (
        int(individual.id),
        None if individual.parent is None else int(individual.parent),
        int(individual.generation),
        individual.origin,
        None if kind is None else str(kind),
        str(int(individual.seed)),
        individual.status,
        _clean(individual.failure),
        _null(outcome.val_accuracy) if outcome else None,
        _null(outcome.initial_val_accuracy) if outcome else None,
        int(cost.flops) if cost else None,
        int(cost.flops_total) if cost else None,
        int(cost.parameters) if cost else None,
        int(outcome.epochs) if outcome else None,
        _null(individual.wall_seconds),
        now(),
        _clean(outcome.failure) if outcome else None,
        to_json(individual.mutation, f"the mutation record of {name}"),
        to_json(outcome.history if outcome else (), f"the history of {name}"),
    )


def individual_from_row(row: Sequence[Any], genome: Any = None) -> Individual:
    """The individual back from `INDIVIDUAL_COLUMNS`, with `genome` in its outcome."""
    (id, parent, generation, origin, _, seed, status, failure, accuracy, initial_accuracy) = row[:10]
    (flops, flops_total, parameters, epochs, wall_seconds, _, outcome_failure, mutation, history) = row[10:]
    name = f"individual {id}"
    outcome = None
    if epochs is not None:
        outcome = Outcome(
            genome=genome,
            val_accuracy=_nan(accuracy),
            initial_val_accuracy=_nan(initial_accuracy),
            epochs=epochs,
            history=tuple(from_json(history, f"the history of {name}")),
            failure=outcome_failure,
        )
    return Individual(
        id=id,
        parent=parent,
        generation=generation,
        origin=origin,
        mutation=from_json(mutation, f"the mutation record of {name}"),
        seed=int(seed),
        status=status,
        failure=failure,
        cost=None if flops is None else Cost(flops, flops_total, parameters),
        outcome=outcome,
        wall_seconds=_nan(wall_seconds),
    )


def generation_row(record: GenerationRecord) -> tuple[Any, ...]:
    """Values for `GENERATION_COLUMNS`."""
    name = f"generation {record.generation}"
    return (
        int(record.generation),
        to_json([int(id) for id in record.population], f"the population of {name}"),
        to_json([int(id) for id in record.front], f"the front of {name}"),
        _null(record.hypervolume),
        _null(record.best_accuracy),
        int(record.n_evaluated),
        int(record.n_failed),
        int(record.epochs),
        _null(record.wall_seconds),
    )


def generation_from_row(row: Sequence[Any]) -> GenerationRecord:
    """The record back from `GENERATION_COLUMNS`."""
    generation, population, front, hypervolume, best_accuracy, n_evaluated, n_failed, epochs, wall_seconds = row
    return GenerationRecord(
        generation=generation,
        population=tuple(from_json(population, f"the population of generation {generation}")),
        front=tuple(from_json(front, f"the front of generation {generation}")),
        hypervolume=_nan(hypervolume),
        best_accuracy=_nan(best_accuracy),
        n_evaluated=n_evaluated,
        n_failed=n_failed,
        epochs=epochs,
        wall_seconds=_nan(wall_seconds),
    )


def event_from_row(row: Sequence[Any]) -> Event:
    """The event back from `EVENT_COLUMNS`."""
    sequence, kind, from_child, generation, values, time = row
    return Event(sequence, kind, from_child, generation, from_json(values, f"event {sequence}"), time)


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _clean(text: str | None) -> str | None:
    """Text that UTF-8 can hold: a failure may quote a file name of any bytes."""
    return None if text is None else text.encode(errors="backslashreplace").decode()


def _plain(value: Any) -> Any:
    """What `json` does not know by itself: other mappings, numbers and arrays of numpy."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r:.80}")
