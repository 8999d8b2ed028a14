"""Records to rows of the tables and back, with every value checked both ways; touches no file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from workbench.errors import ConfigError
from workbench.individuals import FAILED, OK, Cost, Individual, TrainResult
from workbench.objectives import LATENCY, Objective, stored_objectives
from workbench.store import checked
from workbench.store.checked import (
    CUT_MESSAGE,
    MAX_EPOCHS,
    MAX_GENERATION,
    MAX_LATENCY_US,
    MAX_SECONDS,
    BadValueError,
    to_json,
)
from workbench.store.records import Event, GenerationRecord, RunDescription
from workbench.store.schema import SCHEMA_VERSION

STATES = ("running", "paused", "stopped", "finished", "failed")
FORMS = ("trained", "topology")

_Check = Callable[[Any, str], Any]
_count: _Check = checked.integer
_count_or_none: _Check = checked.optional_integer
_generation: _Check = partial(checked.integer, most=MAX_GENERATION)
_seconds: _Check = partial(checked.number, most=MAX_SECONDS)
_epochs: _Check = partial(checked.optional_integer, most=MAX_EPOCHS)


def _latency(value: Any, what: str) -> float | None:
    return None if value is None else checked.number(value, what, MAX_LATENCY_US)


def _form(value: Any, what: str) -> str | None:
    return None if value is None else checked.one_of(value, what, FORMS)


_INDIVIDUAL: dict[str, _Check] = {
    "id": _count,
    "parent": _count_or_none,
    "generation": _generation,
    "origin": checked.word,
    "mutation_kind": checked.optional_word,
    "seed": checked.whole,
    "status": partial(checked.one_of, choices=(OK, FAILED)),
    "failure": checked.message,
    "val_accuracy": checked.number,
    "initial_val_accuracy": checked.number,
    "flops": _count_or_none,
    "flops_total": _count_or_none,
    "parameters": _count_or_none,
    "latency_us": _latency,
    "epochs": _epochs,
    "wall_seconds": _seconds,
    "finished_at": checked.time,
    "outcome_failure": checked.message,
    "mutation": lambda value, what: checked.mapping(checked.json(value, what), what),
    "history": checked.json_history,
}
INDIVIDUAL_COLUMNS = ", ".join(_INDIVIDUAL)

_TABLE: dict[str, _Check] = {
    **{
        name: _INDIVIDUAL[name]
        for name in (
            *("id", "parent", "generation", "mutation_kind", "origin", "val_accuracy", "initial_val_accuracy"),
            *("flops", "flops_total", "parameters", "epochs", "seed", "wall_seconds", "status", "failure"),
        )
    },
    "form": _form,
    "finished_at": checked.time,
    "latency_us": _latency,
}
TABLE_COLUMNS = ", ".join(_TABLE)
"""Of individuals and genomes, in the order of `frames.INDIVIDUAL_TYPES`."""

_GENERATION: dict[str, _Check] = {
    "generation": _generation,
    "population": checked.json_ids,
    "front": checked.json_ids,
    "hypervolume": checked.number,
    "best_accuracy": checked.number,
    "n_evaluated": _count,
    "n_failed": _count,
    "epochs": _count,
    "wall_seconds": _seconds,
}
GENERATION_COLUMNS = ", ".join(_GENERATION)

_EVENT: dict[str, _Check] = {
    "sequence": _count,
    "kind": checked.word,
    "from_child": _count,
    "generation": partial(checked.optional_integer, most=MAX_GENERATION),
    '"values"': _INDIVIDUAL["mutation"],
    "time": checked.time,
}
EVENT_COLUMNS = ", ".join(_EVENT)


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
    texts = {key: to_json(value, f"{key} of the run") for key, value in values.items()}
    description_from_rows({key: checked.json(text, key) for key, text in texts.items()})
    return texts


def description_from_rows(rows: Mapping[str, Any]) -> RunDescription:
    """The description back from the decoded table `run`."""
    try:
        dataset = checked.mapping(rows["dataset"], "dataset of the run")
        versions = checked.mapping(rows["versions"], "versions of the run")
        for name in ("name", "fingerprint"):
            checked.text(dataset[name], f"{name} of the data set")
        for name, version in versions.items():
            checked.text(version, f"version of {name:.40}")
        config = checked.mapping(rows["search_config"], "search_config of the run")
        try:
            stored_objectives(config)
        except ConfigError as error:
            raise BadValueError("the run", str(error), config["objectives"]) from None
        return RunDescription(
            space_name=checked.word(rows["space_name"], "space_name of the run"),
            space_config=checked.mapping(rows["space_config"], "space_config of the run"),
            search_config=config,
            dataset=dataset,
            seed=checked.whole(rows["seed"], "seed of the run"),
            versions=versions,
            cpu=checked.text(rows["cpu"], "cpu of the run"),
            origin=None if rows["origin"] is None else checked.mapping(rows["origin"], "origin of the run"),
        )
    except KeyError as error:
        raise BadValueError("the run", f"an entry {error}", None) from None


def individual_row(individual: Individual) -> tuple[Any, ...]:
    """Values for `INDIVIDUAL_COLUMNS`."""
    cost, result, name = individual.cost, individual.result, f"individual {individual.id}"
    kind = individual.mutation.get("kind")
    row = (
        int(individual.id),
        None if individual.parent is None else int(individual.parent),
        int(individual.generation),
        individual.origin,
        None if kind is None else str(kind),
        str(int(individual.seed)),
        individual.status,
        _clean(individual.failure),
        _null(result.val_accuracy) if result else None,
        _null(result.initial_val_accuracy) if result else None,
        int(cost.flops) if cost else None,
        int(cost.flops_total) if cost else None,
        int(cost.parameters) if cost else None,
        None if cost is None or cost.latency_us is None else float(cost.latency_us),
        int(result.epochs) if result else None,
        _null(individual.wall_seconds),
        now(),
        _clean(result.failure) if result else None,
        to_json(individual.mutation, f"the mutation record of {name}"),
        to_json(result.history if result else (), f"the history of {name}"),
    )
    individual_from_row(row)  # what nobody could read is not written
    return row


def individual_from_row(row: Sequence[Any], genome: Any = None, objectives: Sequence[Objective] = ()) -> Individual:
    """The individual back from `INDIVIDUAL_COLUMNS`, with `genome` in its result; one that is ok has all objectives."""
    of = dict(zip(_INDIVIDUAL, checked.row(_INDIVIDUAL, row, "individual"), strict=True))
    _check_whole(of, objectives)
    id, mutation, epochs, history = of["id"], of["mutation"], of["epochs"], of["history"]
    if mutation.get("kind") != of["mutation_kind"]:
        raise BadValueError(f"mutation of individual {id}", f"the kind {of['mutation_kind']!r}", mutation.get("kind"))
    result = None
    if epochs is not None:
        if len(history) != epochs:
            raise BadValueError(f"history of individual {id}", f"{epochs} rows, one an epoch", len(history))
        accuracies = of["val_accuracy"], of["initial_val_accuracy"]
        result = TrainResult(genome, *accuracies, tuple(history), of["outcome_failure"])
    cost = of["flops"], of["flops_total"], of["parameters"], of["latency_us"]
    return Individual(
        id=id,
        parent=of["parent"],
        generation=of["generation"],
        origin=of["origin"],
        mutation=mutation,
        seed=of["seed"],
        status=of["status"],
        failure=of["failure"],
        cost=None if of["flops"] is None else Cost(*cost),
        result=result,
        wall_seconds=of["wall_seconds"],
    )


def table_row(row: Sequence[Any], objectives: Sequence[Objective] = ()) -> list[Any]:
    """A row of `TABLE_COLUMNS`, checked; one that is ok has all objectives."""
    values = checked.row(_TABLE, row, "individual")
    _check_whole(dict(zip(_TABLE, values, strict=True)), objectives)
    return values


def _check_whole(of: Mapping[str, Any], objectives: Sequence[Objective]) -> None:
    """Raise `BadValueError` unless an individual has all of its cost or none, and a result if it is ok."""
    name, cost = f"individual {of['id']}", (of["flops"], of["flops_total"], of["parameters"])
    if len({part is None for part in cost}) > 1:
        raise BadValueError(f"cost of {name}", "all of flops, flops_total and parameters, or none", cost)
    if of["status"] != OK:
        return
    accuracy, epochs = of["val_accuracy"], of["epochs"]
    if cost[0] is None or epochs is None or math.isnan(accuracy):
        raise BadValueError(name, "flops, epochs and an accuracy, as it is ok", (cost, epochs, accuracy))
    if LATENCY in objectives and of["latency_us"] is None:
        raise BadValueError(name, "latency_us, as latency is an objective and it is ok", None)


def generation_row(record: GenerationRecord) -> tuple[Any, ...]:
    """Values for `GENERATION_COLUMNS`."""
    name = f"generation {record.generation}"
    row = (
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
    generation_from_row(row)
    return row


def generation_from_row(row: Sequence[Any]) -> GenerationRecord:
    """The record back from `GENERATION_COLUMNS`."""
    return GenerationRecord(*checked.row(_GENERATION, row, "generation"))


def event_row(kind: str, from_child: int, generation: int | None, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Values for `EVENT_COLUMNS` but the first, which the file counts."""
    row = (kind, int(from_child), generation, to_json(values, f"the event {kind!r}"), now())
    event_from_row((0, *row))
    return row


def event_from_row(row: Sequence[Any]) -> Event:
    """The event back from `EVENT_COLUMNS`."""
    return Event(*checked.row(_EVENT, row, "event"))


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _clean(text: str | None) -> str | None:
    """Text that UTF-8 can hold, and not too much: a failure may quote a file name of any bytes."""
    return None if text is None else text.encode(errors="backslashreplace").decode()[:CUT_MESSAGE]
