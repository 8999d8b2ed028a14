"""The past of a run, copied into a new one: what a fork begins with, or a copy that is to be given away."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from workbench.store import rows
from workbench.store.connections import Reading, reading

Genomes = Mapping[int, tuple[str, bytes] | None]
"""By id of the individual: "trained" or "topology", and the encoded genome; None to leave it out."""


def copy_past(
    connection: sqlite3.Connection,
    source: str | os.PathLike[str],
    generation: int,
    genomes: Genomes,
    skipped_events: Collection[str],
) -> None:
    """Copy what the run `source` held at the end of a generation; see `RunWriter.copy_past`."""
    with reading(Path(source)) as file:
        _copy(file, connection, "individuals", rows.INDIVIDUAL_COLUMNS + ", description", generation)
        _copy(file, connection, "generations", rows.GENERATION_COLUMNS + ", finished_at", generation)
        marks = ", ".join("?" * len(rows.EVENT_COLUMNS.split(",")))
        query = f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE generation <= {int(generation)} ORDER BY sequence"
        kept = (row for row in file.rows(query) if row[1] not in skipped_events)
        connection.executemany(f"INSERT INTO events ({rows.EVENT_COLUMNS}) VALUES ({marks})", kept)
        _copy_genomes(file, connection, generation, genomes)


def copy_about(connection: sqlite3.Connection, source: str | os.PathLike[str]) -> None:
    """Copy what the run `source` says of itself: when and where it was made, its settings, its state."""
    with reading(Path(source)) as file:
        connection.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", file.rows("SELECT key, value FROM run"))


def _copy(file: Reading, connection: sqlite3.Connection, table: str, columns: str, generation: int) -> None:
    first, marks = columns.split(",")[0], ", ".join("?" * len(columns.split(",")))
    query = f"SELECT {columns} FROM {table} WHERE generation <= {int(generation)} ORDER BY {first}"
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", file.rows(query))


def _copy_genomes(file: Reading, connection: sqlite3.Connection, generation: int, genomes: Genomes) -> None:
    query = (
        "SELECT id, form, blob FROM individuals LEFT JOIN genomes ON individuals.id = genomes.individual "
        f"WHERE generation <= {int(generation)} ORDER BY id"
    )
    for id, form, blob in file.rows(query):
        kept = genomes.get(id, (form, blob) if blob is not None else None)
        if kept:
            connection.execute("INSERT INTO genomes (individual, form, blob) VALUES (?, ?, ?)", (id, *kept))
