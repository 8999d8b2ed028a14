"""The layout of a run file: its tables, how a new one is made, checked, and brought up from an older version."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from workbench.errors import ConfigError, RunError
from workbench.objectives import stored_objectives
from workbench.store.checked import BadValueError, json_object, to_json

APPLICATION_ID = 0x4E575242  # "NWRB", neuron workbench run, in bytes 68–71 of the file
SCHEMA_VERSION = 2

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
        latency_us REAL,
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

# The tables of each version. In version 1, `description` also held the predicted latency, if it was an objective.
TABLES_OF = {1: tuple(statement.replace("        latency_us REAL,\n", "") for statement in TABLES), 2: TABLES}


def columns_in(version: int, names: str) -> str:
    """What to select of a file of a version for `names`, columns of the newest one."""
    in_1 = {"latency_us": "latency_of(description)", "description": "without_latency(description)"}
    return ", ".join(in_1.get(name, name) for name in names.split(", ")) if version == 1 else names


# By version: the statements that make the next version of it.
UPGRADES = {
    1: (
        "ALTER TABLE individuals RENAME TO individuals_1",
        TABLES[1],
        f"INSERT INTO individuals SELECT "
        f"{columns_in(1, ', '.join(line.split()[0] for line in TABLES[1].splitlines()[1:-2]))} "
        "FROM individuals_1 ORDER BY id",
        "DROP TABLE individuals_1",
        "UPDATE run SET value = with_objectives(value) WHERE key = 'search_config'",
        "UPDATE run SET value = '2' WHERE key = 'format_version'",
        "PRAGMA user_version = 2",
    )
}

# Tables that SQLite makes itself; the last holds what `sqlite3 FILE .recover` could not place.
_HARMLESS = ("sqlite_sequence", "sqlite_stat1", "lost_and_found")


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


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions by which files of version 1 are read and upgraded."""
    for function in (latency_of, without_latency, with_objectives):
        connection.create_function(function.__name__, 1, function, deterministic=True)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file of an older version to the newest in one transaction: a kill in between leaves the old one whole.

    If it fails, `connect` closes the connection, which rolls it back.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")  # tables that refer to a renamed one keep its old name
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number in range(version, SCHEMA_VERSION):
        for statement in UPGRADES[number]:
            connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA legacy_alter_table = OFF")
    connection.execute("PRAGMA foreign_keys = ON")


def latency_of(description: Any) -> Any:
    """The predicted latency in a description of version 1; None if there is none."""
    value = _mapping(description).get("latency_us")
    return value if isinstance(value, str | float) else float(value) if type(value) is int else None


def without_latency(description: Any) -> Any:
    """A description of version 1 as version 2 has it."""
    facts = _mapping(description)
    if "latency_us" not in facts:
        return description
    return to_json({name: value for name, value in facts.items() if name != "latency_us"}, "a description")


def with_objectives(config: Any) -> Any:
    """The settings of a search as version 2 has them: with the names of the objectives."""
    values = _mapping(config)
    try:
        names = [one.name for one in stored_objectives(values)]
    except ConfigError:
        return config
    return to_json({**values, "objectives": names}, "the settings") if values else config


def _mapping(text: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else, which is noticed when it is read."""
    try:
        return json_object(text, "")
    except BadValueError:
        return {}


def check_format(connection: sqlite3.Connection) -> None:
    """Raise `RunError` unless this is a run file of a known version with exactly the tables of one.

    Triggers, views, virtual tables and generated columns would run what a stranger wrote into the file, so it may hold
    nothing besides.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise RunError(
            "it is not a run file: expected an SQLite file written by the workbench "
            f"(application id {APPLICATION_ID}), got another program's (id {application_id}); check the path"
        )
    if version > SCHEMA_VERSION:
        raise RunError(
            f"it was written by a newer workbench: expected file version "
            f"{SCHEMA_VERSION} or older, got {version}; upgrade with: pip install -U neuron-workbench"
        )
    if version < 1:
        raise RunError(f"it is damaged: expected a file version from 1, got {version}")
    missing = {_plain(statement) for statement in TABLES_OF[version]}
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
