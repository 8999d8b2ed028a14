"""The layout of a run file, and how connections to one are opened and checked."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from workbench.errors import RunError

APPLICATION_ID = 0x4E575242  # "NWRB", neuron workbench run, in bytes 68–71 of the file
SCHEMA_VERSION = 1
BUSY_SECONDS = 10.0  # how long to wait for a lock that somebody else holds on the file

# Parents are no foreign keys: a fork may hold individuals whose ancestors stayed in the run it came from.
# `epochs` is null exactly if training gave no outcome, `flops` exactly if there is no cost. NaN is null.
# Long columns come last, so that tables of numbers are read without touching their overflow pages.
TABLES = (
    "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE individuals (
        id INTEGER PRIMARY KEY,
        parent INTEGER,
        generation INTEGER NOT NULL,
        origin TEXT NOT NULL,
        mutation_kind TEXT,
        seed TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('ok', 'failed')),
        failure TEXT,
        val_accuracy REAL,
        initial_val_accuracy REAL,
        flops INTEGER,
        flops_total INTEGER,
        parameters INTEGER,
        epochs INTEGER,
        wall_seconds REAL,
        finished_at TEXT NOT NULL,
        outcome_failure TEXT,
        mutation TEXT NOT NULL,
        history TEXT NOT NULL,
        description TEXT NOT NULL,
        CHECK ((flops IS NULL) = (flops_total IS NULL) AND (flops IS NULL) = (parameters IS NULL))
    )""",
    """CREATE TABLE genomes (
        individual INTEGER PRIMARY KEY REFERENCES individuals (id),
        form TEXT NOT NULL CHECK (form IN ('trained', 'topology')),
        blob BLOB NOT NULL
    )""",
    """CREATE TABLE generations (
        generation INTEGER PRIMARY KEY,
        population TEXT NOT NULL,
        front TEXT NOT NULL,
        hypervolume REAL,
        best_accuracy REAL,
        n_evaluated INTEGER NOT NULL,
        n_failed INTEGER NOT NULL,
        epochs INTEGER NOT NULL,
        wall_seconds REAL,
        finished_at TEXT NOT NULL
    )""",
    """CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        from_child INTEGER NOT NULL,
        generation INTEGER,
        "values" TEXT NOT NULL,
        time TEXT NOT NULL
    )""",
)

_EXPLANATIONS = {
    sqlite3.SQLITE_BUSY: "another program holds a lock on it; close that program, or try again",
    sqlite3.SQLITE_LOCKED: "another program holds a lock on it; close that program, or try again",
    sqlite3.SQLITE_READONLY: "it may not be written; check its permissions and those of its folder",
    sqlite3.SQLITE_CORRUPT: "it is damaged or cut off; restore a copy of it (together with its -wal file, "
    "if there is one), or save what is left with: sqlite3 FILE .recover",
    sqlite3.SQLITE_FULL: "the disk is full; what was committed before is safe: free some space, then resume",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the permissions of the file and its folder. A run "
    "that was killed is read only from a folder that may be written: copy it there with its -wal file",
    sqlite3.SQLITE_NOTADB: "it is not a run file: expected an SQLite file written by the workbench, got "
    "something else; check the path",
    sqlite3.SQLITE_CONSTRAINT: "a record of that number is in it already, or its values are not "
    "allowed; what was committed before is safe",
}


def explain(error: Exception, path: Path) -> RunError:
    """The `RunError` that tells a user what an error of sqlite means for the run at `path`."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = _EXPLANATIONS.get(code & 0xFF) if code is not None else None
    return RunError(f"run file {path}: {reason} ({error})" if reason else f"run file {path}: {error}")


def create_file(path: Path, rows: dict[str, str]) -> None:
    """Write a new, closed run file at `path` (which must not exist) with `rows` in its table `run`."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only possible before the first table
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES:
            connection.execute(statement)
        connection.executemany("INSERT INTO run VALUES (?, ?)", rows.items())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def connect(path: Path, mode: Literal["read", "write"]) -> sqlite3.Connection:
    """An autocommitting connection to the existing run file at `path`, checked.

    The file is never touched but through SQLite: opening and closing it otherwise would drop the POSIX locks
    that SQLite holds on it in this process.

    Raises:
        RunError: if it is missing, no run file, damaged, locked, read-only (for "write") or too new.
    """
    _check_exists(path)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if mode == 'read' else 'rw'}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        _check_format(connection, path)
        if mode == "write":
            _prepare_writing(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise explain(error, path) from error
        raise
    return connection


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read transaction on the run at `path`: everything read within it is of one instant."""
    with contextlib.closing(connect(path, "read")) as connection:
        try:
            connection.execute("BEGIN")
            yield connection
        except sqlite3.Error as error:
            raise explain(error, path) from error


def _check_exists(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"run file {path}: there is no such file; check the path, or start a search that makes it"
        ) from None
    except OSError as error:
        raise RunError(f"run file {path}: it cannot be opened ({error.strerror}); check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise RunError(f"run file {path}: expected a file, got a folder; give the path of a file within it")
    if status.st_size == 0:
        raise RunError(f"run file {path}: it is empty, so it is not a run file; delete it or check the path")


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise RunError(
            f"run file {path}: it is not a run file: expected an SQLite file written by the workbench "
            f"(application id {APPLICATION_ID}), got another program's (id {application_id}); check the path"
        )
    if version > SCHEMA_VERSION:
        raise RunError(
            f"run file {path}: it was written by a newer workbench: expected file version "
            f"{SCHEMA_VERSION} or older, got {version}; upgrade with: pip install -U neuron-workbench"
        )
    if version < 1:
        raise RunError(f"run file {path}: it is damaged: expected a file version from 1, got {version}")
    _check_whole(connection, path)


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Notice a file that is cut off within its last page; SQLite sees only whole pages that are missing."""
    connection.execute("BEGIN")  # so that no writer moves pages from its log to the file meanwhile
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    log = Path(f"{path.resolve()}-wal")  # SQLite, too, puts it beside the file that a link points to
    expected, got = pages * page_bytes, path.stat().st_size
    if got < expected and not (log.exists() and log.stat().st_size):  # a log may hold what the file lacks
        raise RunError(
            f"run file {path}: it is damaged: expected {expected} bytes, got {got}; restore a copy of it, or "
            f"save what is left with: sqlite3 FILE .recover"
        )
    connection.execute("ROLLBACK")


def _prepare_writing(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what is committed survives even a loss of power
    connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    # SQLite falls back to reading without a word if the file is write-protected: notice it now.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
