"""A run to read, also while a search is writing it."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunError
from workbench.individuals import Individual, training_flops
from workbench.objectives import Objective, stored_objectives, undominated
from workbench.registry import UnknownSpace, is_known, make_space
from workbench.space import SearchSpace
from workbench.store import checked, rows
from workbench.store.connections import Reading, reading
from workbench.store.lock import is_being_written
from workbench.store.records import Event, GenerationRecord, Memory, RunDescription, check_consistent
from workbench.store.schema import columns_in

if TYPE_CHECKING:
    import pandas as pd


def open_run(path: str | os.PathLike[str], space: SearchSpace | None = None) -> Run:
    """The run in the file at `path`, to read; a search may be writing it.

    Args:
        path: the run file.
        space: decodes its genomes; needed only if it is not known by its name; see `workbench.spaces.register`.

    Raises:
        RunError: if the file is missing, no run file, damaged, locked, or written by a newer workbench.
    """
    return Run(path, space)


class Run:
    """One run, read from its file anew each time something is asked for, so that a running search shows.

    No connection is kept, so there is nothing to close, and any thread may ask. Every method raises
    `RunError` if the file has become unreadable, or has no individual or generation of the number asked for.

    Attributes:
        path: the file.
        description: what the run is of.
        created_at: when it began, ISO 8601, UTC.
        space_name: name of the search space.
        space_config: settings of the search space.
        config: settings of the search when it began; later changes are `events`.
        dataset: `name`, `fingerprint` and `root` of the data.
        seed: root of every random choice.
        versions: of python and the packages that the run began with.
        origin: of a fork, where it came from; None otherwise.
        objectives: what the search trades off, accuracy first.
    """

    def __init__(self, path: str | os.PathLike[str], space: SearchSpace | None = None) -> None:
        self.path = Path(os.path.expanduser(path))
        self._given_space = space
        with reading(self.path) as file:
            entries = _read_entries(file)
            self.description: RunDescription = rows.description_from_rows(entries)
            self.created_at: str = checked.time(entries.get("created_at"), "created_at of the run")
        about = self.description
        self.space_name, self.seed = about.space_name, about.seed
        self.space_config: dict[str, Any] = dict(about.space_config)
        self.config: dict[str, Any] = dict(about.search_config)
        self.dataset: dict[str, Any] = dict(about.dataset)
        self.versions: dict[str, str] = dict(about.versions)
        self.origin: dict[str, Any] | None = None if about.origin is None else dict(about.origin)
        self.objectives: tuple[Objective, ...] = stored_objectives(about.search_config)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def state(self) -> str:
        """What its search does: "running", "paused", "stopped", "finished", "failed", or "interrupted" (was killed)."""
        with reading(self.path) as file:
            told = checked.one_of(*rows.STATES)(_read_entries(file).get("state"), "state of the run")
        at_work = told in ("running", "paused")  # as last reported: what was killed reports nothing more
        return told if not at_work or is_being_written(self.path) else "interrupted"

    @property
    def individuals(self) -> pd.DataFrame:
        """All individuals by id; failed ones included.

        `mutation` is its kind (None for an initial one), `genome` which form is stored: "trained", "topology"
        (weights dropped) or None. `alive`: in the population of the last finished generation. `on_front`: on
        the front as of now, see `front`. `latency_us`, only if latency is an objective: predicted microseconds of one
        answer.
        """
        with reading(self.path) as file:
            table = _read(file, rows.TABLE)
            latest = _read(file, rows.GENERATIONS, "WHERE generation = (SELECT max(generation) FROM generations)")
            return rows.individuals_frame(table, latest[0]["population"] if latest else (), self.objectives)

    @property
    def generations(self) -> pd.DataFrame:
        """All finished generations: the fields of `GenerationRecord`, and `finished_at`."""
        with reading(self.path) as file:
            return rows.GENERATIONS.frame(_read(file, rows.GENERATIONS))

    @property
    def events(self) -> pd.DataFrame:
        """All events in the order of replay: the fields of `Event`, `values` as dictionaries."""
        with reading(self.path) as file:
            return rows.EVENTS.frame(_read(file, rows.EVENTS))

    def news(self, id: int = -1, generation: int = -1) -> tuple[list[dict[str, Any]], list[GenerationRecord]]:
        """What came after individual `id` and after `generation`, read in one instant, for those who follow a run.

        Individuals as dictionaries with the columns of `individuals` but `genome`, `alive` and `on_front`; there
        `mutation` is the whole record, `mutation_kind` its kind, and `description` what `facts` returns.
        """
        with reading(self.path) as file:
            individuals = _read(file, rows.DETAILS, f"WHERE id > {_small(id)}")
            records = _read(file, rows.GENERATIONS, f"WHERE generation > {_small(generation)}")
            return individuals, [rows.generation_from(record) for record in records]

    def front(self) -> pd.DataFrame:
        """The all-time Pareto front over all individuals, by rising FLOPs.

        With more objectives than accuracy and FLOPs, a member may be less accurate than a smaller one, if it is better
        in another.
        """
        return rows.front_frame(self.individuals, self.objectives)

    def population(self, generation: int | None = None) -> list[int]:
        """Ids alive at the end of a generation, by default of the last finished one (none yet: empty)."""
        with reading(self.path) as file:
            alive = {row["generation"]: row["population"] for row in _read(file, rows.GENERATIONS)}
        if generation is None:
            return alive[max(alive)] if alive else []
        if generation in alive:
            return alive[generation]
        finished = f"{min(alive)} to {max(alive)}" if alive else "none"
        raise RunError(
            f"run file {self.path}: expected a finished generation ({finished}), got {generation}; choose one of these"
        )

    def individual(self, id: int) -> Individual:
        """Everything about one individual; its genome is None if there is none, or it was dropped or cannot be read.

        It cannot be read if the run's search space is not known here.
        """
        with reading(self.path) as file:
            row = rows.INDIVIDUALS.checked(self._row(file, rows.INDIVIDUALS.names, id))
            blob = _read_genome(file, id)
            individual = rows.individual_from(row, self.objectives)
        if blob is None or isinstance(self.space, UnknownSpace):
            return individual
        return _with_genome(individual, self.space.decode(blob))

    def mutation(self, id: int) -> dict[str, Any]:
        """The record of the mutation that made it; empty for an initial individual."""
        return self._value(id, "mutation", checked.json_object)

    def mutations(self) -> dict[int, dict[str, Any]]:
        """The records of all mutations by id of the child, read in one instant."""
        with reading(self.path) as file:
            return {
                checked.integer()(id, "id of an individual"): checked.json_object(text, f"mutation of individual {id}")
                for id, text in file.rows("SELECT id, mutation FROM individuals ORDER BY id")
            }

    def history(self, id: int) -> list[dict[str, float]]:
        """One dictionary per epoch trained."""
        return self._value(id, "history", checked.json_history)

    def spent(self) -> pd.DataFrame:
        """What the training of each individual cost, by rising id.

        Columns id, training_flops (as the function of that name in `workbench.individuals` counts: usually epochs ×
        FLOPs) and processor_seconds, NaN where the file does not say.
        """
        import pandas as pd

        with reading(self.path) as file:
            costs = []
            for id, flops, text in file.rows("SELECT id, flops, history FROM individuals ORDER BY id"):
                history = checked.json_history(text, f"history of individual {id}")
                flops = checked.optional(checked.integer())(flops, f"flops of individual {id}") or 0
                seconds = float(sum(row.get("processor_seconds", math.nan) for row in history))
                costs.append((checked.integer()(id, "id of an individual"), training_flops(flops, history), seconds))
        return pd.DataFrame(costs, columns=["id", "training_flops", "processor_seconds"])

    def processor_seconds(self) -> dict[int, float]:
        """Processor seconds of the training of each individual, by id; NaN where the file does not say."""
        table = self.spent()
        return dict(zip(table["id"].tolist(), table["processor_seconds"].tolist(), strict=True))

    def facts(self, id: int) -> dict[str, Any]:
        """What the space's `describe` said of it, such as `summary` and edges."""
        return self._value(id, "description", checked.json_object)

    def genome_bytes(self, id: int) -> bytes | None:
        """The genome as the space encoded it; None if there is none or it was dropped."""
        with reading(self.path) as file:
            self._row(file, "id", id)
            return _read_genome(file, id)

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
        return self.space.decode(blob)

    def lineage(self, id: int) -> pd.DataFrame:
        """Rows of `individuals` from the first ancestor (in this file) down to `id`."""
        frame = self.individuals
        position = {int(each): index for index, each in enumerate(frame["id"])}
        if id not in position:
            with reading(self.path) as file:
                raise self._unknown(file, id)
        parents = frame["parent"].tolist()
        path: dict[int, None] = {}  # in order; a damaged file may name parents in a circle
        index: int | None = position[id]
        while index is not None and index not in path:
            path[index] = None
            index = position.get(parents[index])
        return frame.iloc[list(path)[::-1]].reset_index(drop=True)

    def load(
        self, decode: Callable[[bytes], Any] | None = None, objectives: Sequence[Objective] | None = None
    ) -> Memory:
        """What a search needs to go on where this file ends, read in one instant.

        `decode` makes the genomes of the individuals alive, on the front (by `objectives`, or those of the run), or not
        yet ranked; without it only their bytes are returned.
        """
        objectives = self.objectives if objectives is None else objectives
        with reading(self.path) as file:
            generations = [rows.generation_from(row) for row in _read(file, rows.GENERATIONS)]
            events = [Event(*row.values()) for row in _read(file, rows.EVENTS)]
            individuals = [rows.individual_from(row, objectives) for row in _read(file, rows.INDIVIDUALS)]
            check_consistent(individuals, generations)
            query = "SELECT blob FROM genomes WHERE individual = ? AND form = 'trained'"
            found = {id: file.one(query, (id,)) for id in _needed_genomes(individuals, generations, objectives)}
            blobs = {id: checked.blob(row[0], f"genome of individual {id}") for id, row in found.items() if row}
        genomes = {id: decode(blob) for id, blob in blobs.items()} if decode else {}
        loaded = tuple(_with_genome(individual, genomes.get(individual.id)) for individual in individuals)
        return Memory(loaded, blobs, tuple(generations), tuple(events))

    @functools.cached_property
    def space(self) -> Any:
        """What was searched; an `UnknownSpace`, which makes no networks, if this is not known here."""
        if self._given_space is not None:
            return self._given_space
        if is_known(self.space_name):
            return make_space(self.space_name, self.space_config)
        applied = frozenset(str(record.get("kind")) for record in self.mutations().values())
        rates = self.config.get("rates") or {}
        return UnknownSpace(self.space_name, self.space_config, rates, applied, f"run file {self.path}: ")

    def _value(self, id: int, column: str, check: checked.Check) -> Any:
        with reading(self.path) as file:
            (value,) = self._row(file, column, id)
            return check(value, f"{column} of individual {id}")

    def _row(self, file: Reading, columns: str, id: int) -> tuple[Any, ...]:
        row = file.one(f"SELECT {columns_in(file.version, columns)} FROM individuals WHERE id = ?", (_small(id),))
        if row is None:
            raise self._unknown(file, id)
        return row

    def _unknown(self, file: Reading, id: int) -> RunError:
        n, first, last = file.one("SELECT count(id), min(id), max(id) FROM individuals") or (0, 0, 0)
        held = f"{n} individuals with ids from {first} to {last}" if n else "no individuals yet"
        return RunError(f"run file {self.path}: there is no individual {id}; it holds {held}")


def _read_entries(file: Reading) -> dict[str, Any]:
    as_json = checked.json(lambda value, what: value)
    entries = file.rows("SELECT key, value FROM run ORDER BY key")
    return {key: as_json(value, f"entry {key!r:.40} of the run") for key, value in entries}


def _read(file: Reading, table: rows.Table, where: str = "") -> list[dict[str, Any]]:
    return [table.checked(row) for row in file.rows(table.select(file.version, where))]


def _read_genome(file: Reading, id: int) -> bytes | None:
    row = file.one("SELECT blob FROM genomes WHERE individual = ?", (_small(id),))
    return checked.blob(row[0], f"genome of individual {id}") if row else None


def _with_genome(individual: Individual, genome: Any) -> Individual:
    if genome is None or individual.result is None:
        return individual
    return replace(individual, result=replace(individual.result, genome=genome))


def _small(id: int) -> int:
    """An id that SQLite takes; there is no individual of those beyond."""
    return int(id) if abs(int(id)) <= checked.MAX_NUMBER else -1


def _needed_genomes(
    individuals: Sequence[Individual], generations: Sequence[GenerationRecord], objectives: Sequence[Objective]
) -> list[int]:
    """Ids alive, on the front (the archive's and that of all individuals), or finished since the last ranking."""
    ok = [one for one in individuals if one.ok]
    values = [[objective.of(one) for one in ok] for objective in objectives]
    needed = {ok[place].id for place in undominated(values, [one.id for one in ok], objectives)}
    last = generations[-1] if generations else None
    needed.update(one.id for one in individuals if last is None or one.generation > last.generation)
    return sorted(needed.union(last.population, last.front) if last else needed)
