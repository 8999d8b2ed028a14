"""Writes a run: each call is one transaction, so a kill at any instant loses nothing that was committed."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from workbench.errors import ConfigError, RunError
from workbench.individuals import Individual
from workbench.store import checked, rows, schema
from workbench.store.checked import BadValueError
from workbench.store.connections import FAULTS, connect, explain, reading
from workbench.store.lock import TakenError, WriterLock
from workbench.store.records import GenerationRecord, RunDescription

IF_EXISTS = ("error", "resume", "new")


def create_run(path: str | os.PathLike[str], description: RunDescription, *, if_exists: str = "error") -> RunWriter:
    """Start a run in a new file, or continue one.

    If `path` exists, "error" raises, "resume" appends to it (and ignores `description`), and "new" takes a free name
    beside it: run-2.sqlite, run-3.sqlite, …
    """
    if if_exists not in IF_EXISTS:
        raise ConfigError(f"if_exists: expected one of {', '.join(IF_EXISTS)}, got {if_exists!r}")
    path = Path(os.path.realpath(os.path.expanduser(path)))  # so that two names of one file share its lock
    if path.is_dir():
        raise RunError(f"run file {path}: it is a folder; give a file in it, such as {path / 'run.sqlite'}")
    if not path.parent.is_dir():
        raise RunError(f"run file {path}: there is no folder {path.parent}; create it, or choose another")
    if if_exists != "new":
        return _open(path, description, resume=if_exists == "resume")
    for number in itertools.count(1):
        candidate = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not _has_orphan(candidate):
            with contextlib.suppress(TakenError):
                return _open(candidate, description, resume=False)
    raise AssertionError("unreachable")


def _open(path: Path, description: RunDescription, *, resume: bool) -> RunWriter:
    """Create the file, or open it to resume, and hold its lock."""
    _check_free(path, resume)  # first without the lock, to create no lock file in vain
    lock = WriterLock(path)
    try:
        _check_free(path, resume)
        resumed = path.exists()
        if not resumed:
            _create_file(path, description)
        return RunWriter(path, connect(path, "write"), lock, resumed=resumed)
    except BaseException:
        lock.release()
        raise


def _check_free(path: Path, resume: bool) -> None:
    if path.exists() and not resume:
        raise TakenError(
            f"run file {path}: it exists already; go on with it (if_exists='resume'), or start a new one "
            f"beside it (if_exists='new')"
        )


def _has_orphan(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _create_file(path: Path, description: RunDescription) -> None:
    """Create the file under another name, then rename it: `path` is always a whole run or missing."""
    if _has_orphan(path):  # SQLite would take its pages for those of the new file
        raise RunError(
            f"run file {path}: it does not exist, but {path.name}-wal does, the latest part of a run of that "
            f"name; bring {path.name} back, or delete {path.name}-wal"
        )
    try:
        values = rows.description_rows(description)
    except BadValueError as error:
        raise _unstorable(error, path) from error
    draft = path.with_name(path.name + ".draft")
    try:
        for leftover in (draft, Path(f"{draft}-journal"), Path(f"{path}-wal"), Path(f"{path}-shm")):
            leftover.unlink(missing_ok=True)
        schema.create_file(draft, values)
        os.rename(draft, path)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise explain(error, path) from error
    with contextlib.suppress(OSError):  # flush the renaming to disk, where folders can be synchronised
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class RunWriter:
    """Appends to one run; made by `create_run`. Its methods may be called from any thread.

    Every method raises `RunError` if the file cannot take the record (full disk, closed, an id twice); then
    nothing of that call is in the file, and all earlier calls are.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: WriterLock, *, resumed: bool) -> None:
        self.path = path  # with `if_exists="new"` perhaps another than was asked for
        self.resumed = resumed  # whether the file existed before
        self._connection = connection
        self._guard = threading.RLock()
        # Also run when the writer is forgotten or the interpreter ends, so that no lock outlives its use.
        self._finish = weakref.finalize(self, _close, connection, self._guard, lock, os.getpid())

    def add_individual(
        self,
        individual: Individual,
        genome_bytes: bytes | None,
        description: Mapping[str, Any] | None = None,
        *,
        event: tuple[str, int, Mapping[str, Any]] | None = None,
    ) -> int | None:
        """Record a finished individual, failed ones included.

        `genome_bytes` is the trained genome as the space encodes it, `description` the space's JSON-ready facts of it.
        An event of the same instant, such as "by hand", is given by kind, first child affected and values; its number
        in the order of replay is returned.
        """
        with self._transaction() as connection:
            row = rows.individual_row(individual)
            blob = checked.optional(checked.blob)(genome_bytes, f"genome of individual {individual.id}")
            facts = rows.to_json(description or {}, f"the description of individual {individual.id}")
            _insert(connection, "individuals", rows.INDIVIDUALS.names + ", description", (*row, facts))
            if blob is not None:
                _insert(connection, "genomes", "individual, form, blob", (row[0], "trained", blob))
            if event is None:
                return None
            kind, from_child, values = event
            return _insert_event(connection, kind, from_child, individual.generation, values)

    def add_event(self, kind: str, from_child: int, generation: int | None, values: Mapping[str, Any]) -> int:
        """Record an event before the first child it affects; returns its number in the order of replay."""
        with self._transaction() as connection:
            return _insert_event(connection, kind, from_child, generation, values)

    def finish_generation(self, record: GenerationRecord, topologies: Mapping[int, bytes] | None = None) -> None:
        """Record that a generation was ranked.

        `topologies` are encoded genomes without weights, to keep in place of the trained ones of individuals that are
        now neither alive nor on the front.
        """
        drop_weights = "UPDATE genomes SET form = 'topology', blob = ? WHERE individual = ?"
        with self._transaction() as connection:
            _insert(connection, "generations", rows.GENERATIONS.names, rows.generation_row(record))
            connection.executemany(drop_weights, [(blob, int(id)) for id, blob in (topologies or {}).items()])

    def copy_past(
        self,
        source: str | os.PathLike[str],
        generation: int,
        genomes: Mapping[int, tuple[str, bytes] | None],
        skipped_events: Collection[str] = (),
    ) -> None:
        """Take over what another run held at the end of a generation; this one must be empty.

        Individuals, generations and events up to it come with their numbers and times, but for the kinds
        `skipped_events`. `genomes` are kept in place of those that the other run has, by id: "trained" or "topology",
        and the encoded genome, or None to leave it out.
        """
        past = f"WHERE generation <= {int(generation)}"
        with self._transaction() as connection, reading(Path(source)) as file:
            for table, more in ((rows.INDIVIDUALS, ", description"), (rows.GENERATIONS, ""), (rows.EVENTS, "")):
                for row in file.rows(table.select(file.version, past, more)):
                    if table is not rows.EVENTS or row[1] not in skipped_events:
                        _insert(connection, table.source, table.names + more, row)
            for id, form, blob in file.rows(f"SELECT id, form, blob FROM {rows.TABLE.source} {past} ORDER BY id"):
                kept = genomes.get(id, None if blob is None else (form, blob))
                if kept:
                    _insert(connection, "genomes", "individual, form, blob", (id, *kept))

    def copy_about(self, source: str | os.PathLike[str]) -> None:
        """Become the same run as another file: its time of creation, settings and state are taken over.

        What it says of its data stays.
        """
        with self._transaction() as connection, reading(Path(source)) as file:
            entries = file.rows(
                "SELECT key, value FROM run WHERE key NOT IN ('format_version', 'dataset') ORDER BY key"
            )
            connection.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", entries)
            connection.execute("UPDATE run SET value = with_objectives(value) WHERE key = 'search_config'")

    def set_latencies(self, latencies: Mapping[int, float]) -> None:
        """Set the predicted latencies of individuals, microseconds by id, where a fork made latency an objective."""
        with self._transaction() as connection:
            values = [(float(latency), int(id)) for id, latency in latencies.items()]
            connection.executemany("UPDATE individuals SET latency_us = ? WHERE id = ?", values)

    def set_state(self, state: str) -> None:
        """Record what the search is doing: "running", "paused", "stopped", "finished" or "failed"."""
        if state not in rows.STATES:
            raise RunError(f"state of a run: expected one of {', '.join(rows.STATES)}, got {state!r}")
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO run VALUES ('state', ?)", (rows.to_json(state, "the state"),))

    @property
    def is_closed(self) -> bool:
        """Whether the file was released."""
        return not self._finish.alive

    def close(self) -> None:
        """Release the file; it then stands alone, unless someone is reading it at this moment."""
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the statements within as one transaction, flushed to disk at the end."""
        with self._guard:
            if self.is_closed:
                raise RunError(f"run file {self.path}: this writer is closed; open the run again to go on writing")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                if isinstance(error, (BadValueError, OverflowError)):
                    raise _unstorable(error, self.path) from error
                if isinstance(error, FAULTS):
                    raise explain(error, self.path) from error
                raise


def _unstorable(error: Exception, path: Path) -> RunError:
    return RunError(f"run file {path}: a record cannot be stored, and nothing of it is: {error}")


def _insert(connection: sqlite3.Connection, table: str, columns: str, values: tuple[Any, ...]) -> int:
    marks = ", ".join("?" * len(values))
    return connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values).lastrowid or 0


def _insert_event(
    connection: sqlite3.Connection, kind: str, from_child: int, generation: int | None, values: Mapping[str, Any]
) -> int:
    columns = rows.EVENTS.names.removeprefix("sequence, ")
    return _insert(connection, "events", columns, rows.event_row(kind, from_child, generation, values))


def _close(
    connection: sqlite3.Connection, guard: contextlib.AbstractContextManager[Any], lock: WriterLock, pid: int
) -> None:
    """Merge the log into the file if nobody is reading it; what is committed is safe either way."""
    if os.getpid() != pid:  # a forked child must not close what its parent uses
        return
    with guard:
        with contextlib.suppress(sqlite3.Error):
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page only
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
        lock.release()
