"""What a search tells the standard library's `logging`, quiet unless somebody listens: logger "workbench.search".

Every record carries `record.facts`, a dictionary of JSON-ready values with at least `run` (its file) and `event`
("child", "failure", "event", "generation" or "state"); `log_to` writes them as lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import RunError
from workbench.individuals import Individual
from workbench.store import Event, GenerationRecord

LOGGER = logging.getLogger("workbench.search")
LOGGER.addHandler(logging.NullHandler())


def child_done(run: Path, individual: Individual) -> None:
    """An individual is stored, failed ones included (as a warning)."""
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
        _tell(logging.INFO, run, "child", words, facts)
    else:
        words = f"individual {individual.id} failed: {individual.failure}"
        _tell(logging.WARNING, run, "failure", words, {**facts, "failure": individual.failure})


def event_stored(run: Path, event: Event) -> None:
    """Something from outside was stored, such as a live change."""
    facts = {"kind": event.kind, "from_child": event.from_child, "values": dict(event.values)}
    _tell(logging.INFO, run, "event", f"{event.kind} from individual {event.from_child} on", facts)


def generation_ranked(run: Path, record: GenerationRecord) -> None:
    """A generation is ranked and stored."""
    names = ("generation", "hypervolume", "best_accuracy", "n_evaluated", "n_failed", "epochs", "wall_seconds")
    facts = {**{name: getattr(record, name) for name in names}, "front": len(record.front)}
    words = f"generation {record.generation}: hypervolume {record.hypervolume:.4f}, best {record.best_accuracy:.4f}"
    _tell(logging.INFO, run, "generation", words, facts)


def state_changed(run: Path, state: str, error: BaseException | None = None) -> None:
    """A search is running, stopped, finished or failed (as an error)."""
    reason = None if error is None else f"{type(error).__name__}: {error}"
    words = f"{state}: {reason}" if reason else state
    _tell(logging.ERROR if reason else logging.INFO, run, "state", words, {"state": state, "error": reason})


def _tell(level: int, run: Path, event: str, words: str, facts: dict[str, Any]) -> None:
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
    """Append what searches tell to a file of JSON lines, for as long as the context lasts.

    Args:
        path: the file; None writes none.
        run: only of the search that writes this run file; None for all of this process.

    Raises:
        RunError: if the file cannot be written.
    """
    if path is None:
        yield
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write the log {path}: {error.strerror or error}; choose another file") from error
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
