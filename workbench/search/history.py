"""What a search remembers of its past for those who watch, and what it tells them through `logging`.

The logger "workbench.search" is quiet unless somebody listens. Every record carries `record.facts`, a dictionary of
JSON-ready values with at least `run` (its file) and `event` ("child", "failure", "event", "generation" or "state");
`log_to` writes them as lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from workbench.individuals import Individual
from workbench.outputs import check_output, writing
from workbench.store import Event, GenerationRecord, Memory

LOGGER = logging.getLogger("workbench.search")
LOGGER.addHandler(logging.NullHandler())

RECENT_INDIVIDUALS = 2000
"""Trained individuals remembered; population and archive are known besides."""

RECENT_FAILURES = 100


class IndividualSummary(NamedTuple):
    """A trained individual without its genome."""

    id: int
    parent: int | None  # None for an initial individual
    generation: int  # 0 for the initial population
    mutation: str | None  # its kind, None for an initial individual
    val_accuracy: float
    flops: int  # per sample
    parameters: int
    latency_us: float | None = None  # predicted; None if it is no objective

    @classmethod
    def of(cls, one: Individual) -> IndividualSummary:
        """Summarise an individual that was trained."""
        measured = one.val_accuracy, one.flops, one.parameters, one.latency_us
        return cls(one.id, one.parent, one.generation, one.mutation.get("kind"), *measured)


class FailureSummary(NamedTuple):
    """A child that failed."""

    id: int
    generation: int
    reason: str


class GenerationSummary(NamedTuple):
    """A finished generation."""

    generation: int
    total: int  # individuals finished by its end
    hypervolume: float  # of the front
    best_accuracy: float  # of the front, on the validation split


class History:
    """The past of one search: its latest individuals and failures, all generations and events; not thread-safe."""

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


# ---------------------------------------------------------------- logging
def log_child(run: Path, individual: Individual) -> None:
    """Log a stored individual, a failed one as a warning."""
    facts = {
        "id": individual.id,
        "parent": individual.parent,
        "generation": individual.generation,
        "origin": individual.origin,
        "mutation": individual.mutation.get("kind"),
        "val_accuracy": individual.val_accuracy if individual.ok else None,
        "flops": individual.flops or None,
        "wall_seconds": round(individual.wall_seconds, 4),
    }
    if individual.ok:
        words = f"individual {individual.id}: {individual.val_accuracy:.4f} at {individual.flops:,} FLOPs"
        _log(logging.INFO, run, "child", words, facts)
    else:
        words = f"individual {individual.id} failed: {individual.failure}"
        _log(logging.WARNING, run, "failure", words, {**facts, "failure": individual.failure})


def log_event(run: Path, event: Event) -> None:
    """Log a stored event, such as a live change."""
    facts = {"kind": event.kind, "from_child": event.from_child, "values": dict(event.values)}
    _log(logging.INFO, run, "event", f"{event.kind} from individual {event.from_child} on", facts)


def log_generation(run: Path, record: GenerationRecord) -> None:
    """Log a ranked generation."""
    names = ("generation", "hypervolume", "best_accuracy", "n_evaluated", "n_failed", "epochs", "wall_seconds")
    facts = {**{name: getattr(record, name) for name in names}, "front": len(record.front)}
    words = f"generation {record.generation}: hypervolume {record.hypervolume:.4f}, best {record.best_accuracy:.4f}"
    _log(logging.INFO, run, "generation", words, facts)


def log_state(run: Path, state: str, error: BaseException | None = None) -> None:
    """Log that a search is running, stopped, finished or failed, the last as an error."""
    reason = None if error is None else f"{type(error).__name__}: {error}"
    words = f"{state}: {reason}" if reason else state
    _log(logging.ERROR if reason else logging.INFO, run, "state", words, {"state": state, "error": reason})


def _log(level: int, run: Path, event: str, words: str, facts: dict[str, Any]) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s: %s", run.name, words, extra={"facts": {"run": str(run), "event": event, **facts}})


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (ISO 8601, UTC), level, message, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": time, "level": record.levelname.lower(), "message": record.getMessage()}
        return json.dumps({**head, **getattr(record, "facts", {})}, default=str, allow_nan=True)


@contextlib.contextmanager
def log_to(path: str | os.PathLike[str] | None, run: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Append what searches log to a file of JSON lines, if `path` is given, for as long as the context lasts.

    Only what the search logs that writes the run file `run`, if given, else all searches of this process.

    Raises:
        ExportError: if the file cannot be written, or is a run.
    """
    if path is None:
        yield
        return
    check_output(path)
    with writing(path):
        handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(JsonLines())
    if run is not None:
        only = os.path.realpath(run)
        handler.addFilter(lambda record: getattr(record, "facts", {}).get("run") == only)
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(min(LOGGER.getEffectiveLevel(), logging.INFO))
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
        handler.close()
