"""The layout of a run file: its tables, how a new one is made, and whether one that is there has them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from workbench.errors import RunError

APPLICATION_ID = 0x4E575242  # "NWRB", neuron workbench run, in bytes 68–71 of the file
SCHEMA_VERSION = 1

# Parents are no foreign keys: a fork may hold individuals whose ancestors stayed in the run it came from.
# `epochs` is null exactly if training gave no result, `flops` exactly if there is no cost. NaN is null.
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

_HARMLESS = ("sqlite_sequence", "sqlite_stat1", "lost_and_found")
"""Tables that SQLite makes itself; the last holds what `sqlite3 FILE .recover` could not place."""


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


def check_format(connection: sqlite3.Connection) -> None:
    """Raise `RunError` unless this is a run file of a known version with exactly the tables of one.

    Triggers, views, virtual tables and generated columns would run what a stranger wrote into the file, so it may hold
    nothing besides.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise RunError(
            f"it is not a run file: expected an SQLite file written by the workbench "
            f"(application id {APPLICATION_ID}), got another program's (id {application_id}); check the path"
        )
    if version > SCHEMA_VERSION:
        raise RunError(
            f"it was written by a newer workbench: expected file version "
            f"{SCHEMA_VERSION} or older, got {version}; upgrade with: pip install -U neuron-workbench"
        )
    if version < 1:
        raise RunError(f"it is damaged: expected a file version from 1, got {version}")
    _check_tables(connection)


def _check_tables(connection: sqlite3.Connection) -> None:
    missing = {_plain(statement) for statement in TABLES}
    for kind, name, statement in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        is_table = kind == "table" and isinstance(statement, str) and statement.startswith("CREATE TABLE")
        if is_table and _plain(statement) in missing:
            missing.remove(_plain(statement))
        elif not (is_table and str(name).startswith(_HARMLESS)):
            raise RunError(
                f"it is damaged, or not as the workbench writes it: expected its tables and nothing else, got the "
                f"{kind!r:.40} {name!r:.40}; do not trust it, or restore a copy"
            )
    if missing:
        raise RunError(
            f"it is damaged, or not as the workbench writes it: of its {len(TABLES)} tables {len(missing)} are "
            f"missing or different; restore a copy of it"
        )


def _plain(statement: str) -> str:
    return " ".join(statement.split())
