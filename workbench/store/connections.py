"""Connections to untrusted run files: bounded, checked, and with errors that say what to do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from workbench.errors import RunError
from workbench.store import schema
from workbench.store.checked import MAX_BLOB, STEPS_AT_LEAST, STEPS_PER_BYTE, BadValueError

BUSY_SECONDS = 10.0  # how long to wait for a lock that somebody else holds on the file

_DAMAGED = (
    "it is damaged or cut off; restore a copy of it (together with its -wal file, if there is one), or save "
    "what is left with: sqlite3 FILE .recover"
)
_LOCKED = "another program holds a lock on it; close that program, or try again"
_EXPLANATIONS = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "it may not be written; check its permissions and those of its folder",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_TOOBIG: "it is damaged, or a record is too large: a value is longer than the file, or than the "
    f"{MAX_BLOB:,} bytes that a genome may take",
    sqlite3.SQLITE_INTERRUPT: "it is damaged: reading it takes far more steps than a run of its size needs",
    sqlite3.SQLITE_FULL: "the disk is full; what was committed before is safe: free some space, then resume",
    sqlite3.SQLITE_IOERR: "the disk or the system refused to read or write (a quota, a limit on file sizes, a folder "
    "that is gone?); what was committed before is safe: mend that, then resume",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the permissions of the file and its folder. A run "
    "that was killed is read only from a folder that may be written: copy it there with its -wal file",
    sqlite3.SQLITE_NOTADB: "it is not a run file: expected an SQLite file written by the workbench, got "
    "something else; check the path",
    sqlite3.SQLITE_CONSTRAINT: "a record of that number is in it already, or its values are not "
    "allowed; what was committed before is safe",
}

FAULTS = (sqlite3.Error, UnicodeError)  # what SQLite raises on a file that is damaged, locked or cannot be written

# What a rollback journal ends in if it names another file, which SQLite would then perhaps delete.
_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")


def explain(error: Exception, path: Path) -> RunError:
    """The `RunError` that tells a user what an error of sqlite, or a bad value, means for the run at `path`."""
    if isinstance(error, BadValueError):
        return RunError(f"run file {path}: it is damaged: {error}; restore a copy of it")
    code = getattr(error, "sqlite_errorcode", None)
    undecoded = code is None and isinstance(error, sqlite3.OperationalError)  # text that is no UTF-8, in a column …
    if undecoded or isinstance(error, UnicodeError):  # … or in what SQLite says of it
        return RunError(f"run file {path}: {_DAMAGED} ({str(error)[:100]!r})")
    reason = _EXPLANATIONS.get(code & 0xFF) if code is not None else None
    return RunError(f"run file {path}: {reason} ({error})" if reason else f"run file {path}: {error}")


def connect(path: Path, mode: Literal["read", "write"]) -> sqlite3.Connection:
    """An autocommitting connection to the existing run file at `path`, checked; `RunError` if it is no sound run file.

    The file is never touched but through SQLite: opening and closing it otherwise would drop the POSIX locks
    that SQLite holds on it in this process.
    """
    _check_exists(path)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if mode == 'read' else 'rw'}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        _restrict(connection, path, mode)
        schema.check_format(connection)
        _check_whole(connection, path)
        if mode == "write":
            _prepare_writing(connection)
            schema.upgrade(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, (*FAULTS, RunError)):
            raise explain(error, path) from error
        raise
    return connection


class Reading:
    """One read transaction: all that is read within it is of one instant."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        connection.execute("SELECT count(*) FROM sqlite_master")  # the instant; later its bytes only become more
        (self.version,) = connection.execute("PRAGMA user_version").fetchone()
        self._bytes = _bytes_of(path)

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query of which the first column must rise.

        Pages of a damaged file may lead in circles or be used many times over: then numbers come back, or more text
        comes out than the file has bytes.
        """
        last, taken = None, 0
        for row in self.connection.execute(query):
            if last is not None and not (type(row[0]) is type(last) and row[0] > last):
                raise BadValueError("order of the rows", f"a number after {last!r:.40}", row[0])
            last = row[0]
            taken += sum(len(value) for value in row if isinstance(value, str | bytes))
            if taken > self._bytes:
                raise BadValueError("a table", f"less text than the {self._bytes:,} bytes of the file", taken)
            yield row

    def one(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, if there is one."""
        return self.connection.execute(query, values).fetchone()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Reading]:
    """A read transaction on the run at `path`; `RunError` says which file a fault within it is of."""
    with contextlib.closing(connect(path, "read")) as connection:
        try:
            connection.execute("BEGIN")
            yield Reading(connection, path)
        except (*FAULTS, BadValueError) as error:
            raise explain(error, path) from error


@contextlib.contextmanager
def values_of(path: Path) -> Iterator[None]:
    """Convert unexpected exceptions from untrusted run files into `RunError`.

    The store checks every value by itself; what an event or a setting means, only the search knows.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise RunError(
            f"run file {path}: it is damaged, or was not written by a search: its values make no sense "
            f"({type(error).__name__}: {error!s:.200}); restore a copy of it"
        ) from error


def _check_exists(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"run file {path}: there is no such file; check the path, or start a search that makes it"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"run file {path}: it cannot be opened ({reason}); check the path") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise RunError(f"run file {path}: expected a file, got {kind}; check the path")
    if status.st_size == 0:
        raise RunError(f"run file {path}: it is empty, so it is not a run file; delete it or check the path")
    journal = _beside(path, "-journal")
    with contextlib.suppress(OSError), open(journal, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_SUPER_JOURNAL)))
        if file.read() == _SUPER_JOURNAL:
            raise RunError(f"{journal} names other files, as no journal of a run does; delete it, or do not trust it")


def _restrict(connection: sqlite3.Connection, path: Path, mode: Literal["read", "write"]) -> None:
    """Limit what a file may make SQLite do."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA mmap_size = 0")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BLOB + 2**20)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 0 if mode == "read" else 1)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 2**16)
    connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50)
    schema.add_functions(connection)
    if mode == "read":
        connection.execute("PRAGMA query_only = ON")
        each = 100_000
        left = iter(range((STEPS_AT_LEAST + STEPS_PER_BYTE * _bytes_of(path)) // each))
        connection.set_progress_handler(lambda: next(left, None) is None, each)


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Notice a file that is cut off within its last page; SQLite sees only whole pages that are missing."""
    connection.execute("BEGIN")  # so that no writer moves pages from its log to the file meanwhile
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    log = _beside(path, "-wal")
    expected, got = pages * page_bytes, path.stat().st_size
    if got < expected and not (log.exists() and log.stat().st_size):  # a log may hold what the file lacks
        raise RunError(
            f"it is damaged: expected {expected} bytes, got {got}; restore a copy of it, or "
            f"save what is left with: sqlite3 FILE .recover"
        )
    connection.execute("ROLLBACK")


def _prepare_writing(connection: sqlite3.Connection) -> None:
    (fault,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if fault != "ok":  # nothing is added to what is broken already
        raise RunError(f"{_DAMAGED} ({fault!s:.200})")
    connection.execute("PRAGMA synchronous = FULL")  # what is committed survives even a loss of power
    connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    # SQLite falls back to reading without a word if the file is write-protected: notice it now.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _bytes_of(path: Path) -> int:
    """Bytes of the file and its log, which bound everything that can be read from them."""
    total = 0
    for part in (path, _beside(path, "-wal")):
        with contextlib.suppress(FileNotFoundError):
            total += part.stat().st_size
    return total


def _beside(path: Path, suffix: str) -> Path:
    """SQLite puts its files beside the file that a link points to."""
    return Path(f"{path.resolve()}{suffix}")
