"""Records to rows of the tables and back, with every value checked both ways, and tables for pandas; reads no file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigError
from workbench.individuals import FAILED, OK, Cost, Individual, TrainResult
from workbench.objectives import LATENCY, TWO, Objective, stored_objectives, undominated
from workbench.store import checked
from workbench.store.checked import CUT_MESSAGE, BadValueError, Check, to_json
from workbench.store.records import GenerationRecord, RunDescription
from workbench.store.schema import SCHEMA_VERSION, columns_in

if TYPE_CHECKING:
    import pandas as pd

STATES = ("running", "paused", "stopped", "finished", "failed")


class Table:
    """The columns of a table in order, each with its check and its type in pandas; `of` names what a row is."""

    def __init__(self, of: str, source: str, **columns: tuple[Check, str]) -> None:
        self.of, self.source, self.columns = of, source, columns  # `source` and `names` as in SQL
        self.names = ", ".join(columns)

    def select(self, version: int, where: str = "", more: str = "") -> str:
        """The query for its rows (with `more` columns), in the order of the first column, in a file of a version."""
        first, names = next(iter(self.columns)), columns_in(version, self.names + more)
        return f"SELECT {names} FROM {self.source} {where} ORDER BY {first}"

    def checked(self, row: Sequence[Any]) -> dict[str, Any]:
        """The values of a row by column, each checked."""
        try:
            pairs = zip(self.columns.items(), row, strict=True)
            return {name: check(value, name) for (name, (check, _)), value in pairs}
        except BadValueError as error:
            raise BadValueError(f"{error.what} of {self.of} {row[0]!r:.40}", error.expected, error.value) from None

    def frame(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """Checked rows as a pandas table."""
        import pandas as pd

        typed = {name: pd.Series([row[name] for row in rows], dtype=kind) for name, (_, kind) in self.columns.items()}
        frame = pd.DataFrame(typed)
        for name in {"finished_at", "time"}.intersection(frame.columns):
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
        return frame.rename(columns={"mutation_kind": "mutation", "form": "genome", '"values"': "values"})


_count = checked.integer()
_generation = checked.integer(checked.MAX_GENERATION)
_seconds = checked.number(checked.MAX_SECONDS)

TABLE = Table(
    "individual",
    "individuals LEFT JOIN genomes ON genomes.individual = individuals.id",
    id=(_count, "int64"),
    parent=(checked.optional(_count), "Int64"),
    generation=(_generation, "int64"),
    mutation_kind=(checked.optional(checked.word), "object"),
    origin=(checked.word, "object"),
    val_accuracy=(checked.number(), "float64"),
    initial_val_accuracy=(checked.number(), "float64"),
    flops=(checked.optional(_count), "Int64"),
    flops_total=(checked.optional(_count), "Int64"),
    parameters=(checked.optional(_count), "Int64"),
    epochs=(checked.optional(checked.integer(checked.MAX_EPOCHS)), "Int64"),
    seed=(checked.whole, "object"),
    wall_seconds=(_seconds, "float64"),
    status=(checked.one_of(OK, FAILED), "object"),
    failure=(checked.message, "object"),
    form=(checked.optional(checked.one_of("trained", "topology")), "object"),
    finished_at=(checked.time, "object"),
    latency_us=(checked.optional(checked.number(checked.MAX_LATENCY_US)), "float64"),
)
"""Individuals joined with the form of their genome, as `Run.individuals` shows them."""

INDIVIDUALS = Table(
    "individual",
    "individuals",
    **{name: column for name, column in TABLE.columns.items() if name != "form"},
    outcome_failure=(checked.message, "object"),
    mutation=(checked.json_object, "object"),
    history=(checked.json_history, "object"),
)
DETAILS = Table(
    "individual",
    "individuals",
    **{name: column for name, column in INDIVIDUALS.columns.items() if name not in ("outcome_failure", "history")},
    description=(checked.json_object, "object"),
)
"""Individuals without their epochs, with what the space says of them."""

GENERATIONS = Table(
    "generation",
    "generations",
    generation=(_generation, "int64"),
    population=(checked.json_ids, "object"),
    front=(checked.json_ids, "object"),
    hypervolume=(checked.number(), "float64"),
    best_accuracy=(checked.number(), "float64"),
    n_evaluated=(_count, "int64"),
    n_failed=(_count, "int64"),
    epochs=(_count, "int64"),
    wall_seconds=(_seconds, "float64"),
    finished_at=(checked.time, "object"),
)
EVENTS = Table(
    "event",
    "events",
    sequence=(_count, "int64"),
    kind=(checked.word, "object"),
    from_child=(_count, "int64"),
    generation=(checked.optional(_generation), "Int64"),
    **{'"values"': (checked.json_object, "object")},
    time=(checked.time, "object"),
)


def now() -> str:
    """The time, ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _search_config(value: Any, what: str) -> Any:
    try:
        stored_objectives(checked.mapping(value, what))
    except ConfigError as error:
        raise BadValueError("the run", str(error), value["objectives"]) from None
    return value


def _dataset(value: Any, what: str) -> Any:
    for name in ("name", "fingerprint"):
        checked.text(checked.mapping(value, what)[name], f"{name} of the data set")
    if "source" in value:
        source = checked.mapping(value["source"], "the source of the data set")
        checked.text(source["path"], "path of the data set")
    return value


def _versions(value: Any, what: str) -> Any:
    for name, version in checked.mapping(value, what).items():
        checked.text(version, f"version of {name:.40}")
    return value


_RUN: dict[str, Check] = {
    "space_name": checked.word,
    "space_config": checked.mapping,
    "search_config": _search_config,
    "dataset": _dataset,
    "seed": checked.whole,
    "versions": _versions,
    "cpu": checked.text,
    "origin": checked.optional(checked.mapping),
}


def description_rows(description: RunDescription) -> dict[str, str]:
    """Keys and values of the table `run` for a new run."""
    values = {name: getattr(description, name) for name in _RUN}
    values["seed"] = str(int(description.seed))  # other readers of JSON would round a large one
    values |= {"format_version": SCHEMA_VERSION, "created_at": now(), "state": "running"}
    texts = {key: to_json(value, f"{key} of the run") for key, value in values.items()}
    description_from_rows({key: checked.decoded(text) for key, text in texts.items()})
    return texts


def description_from_rows(rows: Mapping[str, Any]) -> RunDescription:
    """The description back from the decoded table `run`."""
    try:
        return RunDescription(**{name: check(rows[name], f"{name} of the run") for name, check in _RUN.items()})
    except KeyError as error:
        raise BadValueError("the run", f"an entry {error}", None) from None


def individual_row(individual: Individual) -> tuple[Any, ...]:
    """Values for `INDIVIDUALS`."""
    cost, result, name = individual.cost, individual.result, f"individual {individual.id}"
    kind = individual.mutation.get("kind")
    values = {
        "id": int(individual.id),
        "parent": None if individual.parent is None else int(individual.parent),
        "generation": int(individual.generation),
        "mutation_kind": None if kind is None else str(kind),
        "origin": individual.origin,
        "val_accuracy": _null(result.val_accuracy) if result else None,
        "initial_val_accuracy": _null(result.initial_val_accuracy) if result else None,
        "flops": int(cost.flops) if cost else None,
        "flops_total": int(cost.flops_total) if cost else None,
        "parameters": int(cost.parameters) if cost else None,
        "epochs": int(result.epochs) if result else None,
        "seed": str(int(individual.seed)),
        "wall_seconds": _null(individual.wall_seconds),
        "status": individual.status,
        "failure": _clean(individual.failure),
        "finished_at": now(),
        "latency_us": None if individual.latency_us is None else float(individual.latency_us),
        "outcome_failure": _clean(result.failure) if result else None,
        "mutation": to_json(individual.mutation, f"the mutation record of {name}"),
        "history": to_json(result.history if result else (), f"the history of {name}"),
    }
    row = tuple(values[column] for column in INDIVIDUALS.columns)
    individual_from(INDIVIDUALS.checked(row))  # nothing is written that could not be read
    return row


def individual_from(of: Mapping[str, Any], objectives: Sequence[Objective] = ()) -> Individual:
    """The individual back from a checked row, without its genome; one that is ok has all objectives."""
    _check_whole(of, objectives)
    id, mutation, epochs, history = of["id"], of["mutation"], of["epochs"], of["history"]
    if mutation.get("kind") != of["mutation_kind"]:
        raise BadValueError(f"mutation of individual {id}", f"the kind {of['mutation_kind']!r}", mutation.get("kind"))
    result = None
    if epochs is not None:
        if len(history) != epochs:
            raise BadValueError(f"history of individual {id}", f"{epochs} rows, one an epoch", len(history))
        accuracies = of["val_accuracy"], of["initial_val_accuracy"]
        result = TrainResult(None, *accuracies, tuple(history), of["outcome_failure"])
    cost = None if of["flops"] is None else Cost(*(of[name] for name in Cost.__dataclass_fields__))
    same = {name: of[name] for name in Individual.__dataclass_fields__ if name not in ("cost", "result")}
    return Individual(**same, cost=cost, result=result)


def _check_whole(of: Mapping[str, Any], objectives: Sequence[Objective]) -> None:
    """Raise `BadValueError` unless an individual has all of its cost or none, and all that an ok one must have."""
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


def individuals_frame(
    rows: Sequence[Mapping[str, Any]], alive: Collection[int], objectives: Sequence[Objective] = TWO
) -> pd.DataFrame:
    """The table of individuals from checked rows of `TABLE`; latency is left out if it is no objective."""
    for row in rows:
        _check_whole(row, objectives)
    frame = TABLE.frame(rows)
    if LATENCY not in objectives:
        frame = frame.drop(columns=LATENCY.column)
    frame["alive"] = frame["id"].isin(list(alive))
    frame["on_front"] = frame["id"].isin(front_frame(frame, objectives)["id"])
    return frame


def front_frame(individuals: pd.DataFrame, objectives: Sequence[Objective] = TWO) -> pd.DataFrame:
    """The Pareto front of the table of individuals, by rising FLOPs; of those equal in all objectives the lowest id."""
    usable = (individuals["status"] == OK) & individuals["val_accuracy"].notna() & individuals["flops"].notna()
    frame = individuals[usable].astype({"flops": "int64", "flops_total": "int64", "parameters": "int64"})
    values = [frame[objective.column].tolist() for objective in objectives]
    front = frame.iloc[undominated(values, frame["id"].tolist(), objectives)]
    return front.sort_values("flops", kind="stable").reset_index(drop=True)


def generation_row(record: GenerationRecord) -> tuple[Any, ...]:
    """Values for `GENERATIONS`."""
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
        now(),
    )
    GENERATIONS.checked(row)
    return row


def generation_from(of: Mapping[str, Any]) -> GenerationRecord:
    """The record back from a checked row."""
    values = {name: of[name] for name in GenerationRecord.__dataclass_fields__}
    return GenerationRecord(**values | {"population": tuple(of["population"]), "front": tuple(of["front"])})


def event_row(kind: str, from_child: int, generation: int | None, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Values for `EVENTS` but the first, which the file counts."""
    row = (kind, int(from_child), generation, to_json(values, f"the event {kind!r}"), now())
    EVENTS.checked((0, *row))
    return row


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _clean(text: str | None) -> str | None:
    """Text that UTF-8 can hold, and not too much: a failure may quote a file name of any bytes."""
    return None if text is None else text.encode(errors="backslashreplace").decode()[:CUT_MESSAGE]
