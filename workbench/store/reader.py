"""A run as others see it: read-only, also while a search is writing it."""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunError
from workbench.individuals import Individual
from workbench.store import frames, rows
from workbench.store.records import Event, GenerationRecord, Memory, RunDescription
from workbench.store.schema import reading

if TYPE_CHECKING:
    import pandas as pd

_FRAME_QUERY = """
    SELECT id, parent, generation, mutation_kind, origin, val_accuracy, initial_val_accuracy, flops,
        flops_total, parameters, epochs, seed, wall_seconds, status, failure, form, finished_at
    FROM individuals LEFT JOIN genomes ON genomes.individual = individuals.id
    ORDER BY id"""


def open_run(path: str | os.PathLike[str]) -> Run:
    """The run in the file at `path`, to read; a search may be writing it.

    Raises:
        RunError: if the file is missing, no run file, damaged, locked, or written by a newer workbench.
    """
    return Run(path)


class Run:
    """One run, read from its file anew each time something is asked for, so that a running search shows.

    No connection is kept, so there is nothing to close, and any thread may ask. Every method raises
    `RunError` if the file has become unreadable, or has no individual or generation of the number asked for.

    Attributes:
        path: the file.
        description: what the run is of.
        created_at: when it began, ISO 8601, UTC.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        with reading(self.path) as connection:
            entries = _read_entries(connection, self.path)
        self.description: RunDescription = rows.description_from_rows(entries)
        self.created_at: str = entries.get("created_at", "")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def space_name(self) -> str:
        """Name of the search space."""
        return self.description.space_name

    @property
    def space_config(self) -> dict[str, Any]:
        """Settings of the search space."""
        return dict(self.description.space_config)

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the search when it began; later changes are `events`."""
        return dict(self.description.search_config)

    @property
    def dataset(self) -> dict[str, Any]:
        """`name`, `fingerprint` and `root` of the data."""
        return dict(self.description.dataset)

    @property
    def seed(self) -> int:
        """Root of every random choice."""
        return self.description.seed

    @property
    def versions(self) -> dict[str, str]:
        """Versions of python and the packages that the run began with."""
        return dict(self.description.versions)

    @property
    def origin(self) -> dict[str, Any] | None:
        """Of a fork, where it came from; None otherwise."""
        return None if self.description.origin is None else dict(self.description.origin)

    @property
    def state(self) -> str:
        """What the search last said that it does, such as "running" (or it was killed while it ran)."""
        with reading(self.path) as connection:
            return _read_entries(connection, self.path)["state"]

    @property
    def individuals(self) -> pd.DataFrame:
        """All individuals by id; failed ones included.

        `mutation` is its kind (None for an initial one), `genome` which form is stored: "trained", "topology"
        (weights dropped) or None. `alive`: in the population of the last finished generation. `on_front`: on
        the front as of now, see `front`.
        """
        with reading(self.path) as connection:
            records = connection.execute(_FRAME_QUERY).fetchall()
            generations = _read_generations(connection, "ORDER BY generation DESC LIMIT 1")
        return frames.individuals_frame(records, generations[0].population if generations else ())

    @property
    def generations(self) -> pd.DataFrame:
        """All finished generations: the fields of `GenerationRecord`, and `finished_at`."""
        with reading(self.path) as connection:
            records = _read_generations(connection, "ORDER BY generation")
            times = connection.execute("SELECT finished_at FROM generations ORDER BY generation").fetchall()
        return frames.generations_frame(records, [time for (time,) in times])

    @property
    def events(self) -> pd.DataFrame:
        """All events in the order of replay: the fields of `Event`, `values` as dictionaries."""
        with reading(self.path) as connection:
            return frames.events_frame(_read_events(connection))

    def front(self) -> pd.DataFrame:
        """The all-time Pareto front over all individuals (validation accuracy up, FLOPs down), by FLOPs."""
        return frames.front_frame(self.individuals)

    def population(self, generation: int | None = None) -> list[int]:
        """Ids alive at the end of a generation, by default of the last finished one (none yet: empty)."""
        with reading(self.path) as connection:
            records = _read_generations(connection, "ORDER BY generation")
        if generation is None:
            return list(records[-1].population) if records else []
        for record in records:
            if record.generation == generation:
                return list(record.population)
        finished = f"{records[0].generation} to {records[-1].generation}" if records else "none"
        raise RunError(
            f"run file {self.path}: expected a finished generation ({finished}), got {generation}; choose one of these"
        )

    def individual(self, id: int) -> Individual:
        """Everything about one individual; its genome is None if there is none or it was dropped."""
        with reading(self.path) as connection:
            row = self._row(connection, rows.INDIVIDUAL_COLUMNS, id)
            blob = _read_genome(connection, id)
        return rows.individual_from_row(row, None if blob is None else self._space.decode(blob))

    def mutation(self, id: int) -> dict[str, Any]:
        """The record of the mutation that made it; empty for an initial individual."""
        return self._decoded("mutation", id)

    def history(self, id: int) -> list[dict[str, float]]:
        """One dictionary per epoch trained."""
        return self._decoded("history", id)

    def facts(self, id: int) -> dict[str, Any]:
        """What the space's `describe` said of it, such as neurons, edges and layers."""
        return self._decoded("description", id)

    def genome_bytes(self, id: int) -> bytes | None:
        """The genome as the space encoded it; None if there is none or it was dropped."""
        with reading(self.path) as connection:
            self._row(connection, "id", id)
            return _read_genome(connection, id)

    def genome(self, id: int) -> Any:
        """The genome, decoded by the run's search space.

        Raises:
            RunError: also if none is stored, because the individual failed or its genome was dropped.
        """
        blob = self.genome_bytes(id)
        if blob is None:
            raise RunError(
                f"run file {self.path}: expected a genome of individual {id}, got none: it failed before "
                f"there was one, or it was dropped to save space; in `individuals`, the column `genome` "
                f"tells which ones are kept"
            )
        return self._space.decode(blob)

    def lineage(self, id: int) -> pd.DataFrame:
        """Rows of `individuals` from the first ancestor (in this file) down to `id`."""
        frame = self.individuals
        position = {int(each): index for index, each in enumerate(frame["id"])}
        if id not in position:
            with reading(self.path) as connection:
                raise self._unknown(connection, id)
        path: list[int] = []
        index: int | None = position[id]
        while index is not None and index not in path:
            path.append(index)
            parent = frame["parent"].iloc[index]
            index = position.get(parent)
        return frame.iloc[path[::-1]].reset_index(drop=True)

    def load(self, decode: Callable[[bytes], Any] | None = None) -> Memory:
        """What a search needs to go on where this file ends, read in one instant.

        Args:
            decode: makes a genome of its bytes, for the individuals alive, on the front, or not yet ranked;
                without it individuals carry no genome, and only the bytes are returned.
        """
        with reading(self.path) as connection:
            generations = _read_generations(connection, "ORDER BY generation")
            events = _read_events(connection)
            records = connection.execute(_FRAME_QUERY).fetchall()
            needed = _needed_genomes(frames.individuals_frame(records, ()), generations)
            query = "SELECT blob FROM genomes WHERE individual = ? AND form = 'trained'"
            found = {id: connection.execute(query, (id,)).fetchone() for id in needed}
            query = f"SELECT {rows.INDIVIDUAL_COLUMNS} FROM individuals ORDER BY id"
            records = connection.execute(query).fetchall()
        blobs: dict[int, bytes] = {id: row[0] for id, row in found.items() if row}
        genomes = {id: decode(blob) for id, blob in blobs.items()} if decode else {}
        individuals = tuple(rows.individual_from_row(row, genomes.get(row[0])) for row in records)
        return Memory(individuals, blobs, tuple(generations), tuple(events))

    @functools.cached_property
    def _space(self) -> Any:
        from workbench.spaces import make_space

        return make_space(self.space_name, self.space_config)

    def _decoded(self, column: str, id: int) -> Any:
        with reading(self.path) as connection:
            (text,) = self._row(connection, column, id)
        return rows.from_json(text, f"run file {self.path}: {column} of individual {id}")

    def _row(self, connection: sqlite3.Connection, columns: str, id: int) -> tuple[Any, ...]:
        row = connection.execute(f"SELECT {columns} FROM individuals WHERE id = ?", (int(id),)).fetchone()
        if row is None:
            raise self._unknown(connection, id)
        return row

    def _unknown(self, connection: sqlite3.Connection, id: int) -> RunError:
        n, first, last = connection.execute("SELECT count(*), min(id), max(id) FROM individuals").fetchone()
        held = f"{n} individuals with ids from {first} to {last}" if n else "no individuals yet"
        return RunError(f"run file {self.path}: there is no individual {id}; it holds {held}")


def _read_entries(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    records = connection.execute("SELECT key, value FROM run").fetchall()
    return {key: rows.from_json(value, f"run file {path}: its entry {key!r}") for key, value in records}


def _read_generations(connection: sqlite3.Connection, order: str) -> list[GenerationRecord]:
    records = connection.execute(f"SELECT {rows.GENERATION_COLUMNS} FROM generations {order}").fetchall()
    return [rows.generation_from_row(row) for row in records]


def _read_events(connection: sqlite3.Connection) -> list[Event]:
    records = connection.execute(f"SELECT {rows.EVENT_COLUMNS} FROM events ORDER BY sequence").fetchall()
    return [rows.event_from_row(row) for row in records]


def _read_genome(connection: sqlite3.Connection, id: int) -> bytes | None:
    row = connection.execute("SELECT blob FROM genomes WHERE individual = ?", (int(id),)).fetchone()
    return row[0] if row else None


def _needed_genomes(individuals: pd.DataFrame, generations: list[GenerationRecord]) -> list[int]:
    """Ids alive, on the front (the archive's and the table's), or finished since the last ranking."""
    last = generations[-1] if generations else None
    unranked = individuals["generation"] > (last.generation if last else -1)
    needed = set(individuals["id"][unranked | individuals["on_front"]].tolist())
    return sorted(needed.union(last.population, last.front) if last else needed)
