"""What views look at: a live search, or a run in a file, which look the same from there on; and what is selected."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import traitlets

from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import RunError, WorkbenchError
from workbench.individuals import Individual
from workbench.search import Search, SearchConfig, Snapshot, snapshot_of
from workbench.search.config import Settings, Timeline
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.store import Run, open_run


class Selection(traitlets.HasTraits):
    """Views observe it and set it; a click anywhere selects everywhere.

    Attributes:
        individual: id in the run, or None.
        neuron: id in that individual's genome, or None.
    """

    individual = traitlets.Int(None, allow_none=True)
    neuron = traitlets.Int(None, allow_none=True)

    @traitlets.observe("individual")
    def _forget_neuron(self, change: traitlets.Bunch) -> None:
        self.neuron = None


class Details(NamedTuple):
    """What is known of one individual.

    Attributes:
        individual: what the run knows of it.
        genome: None if it was not kept.
        facts: what its search space says of the genome.
        ancestors: ids from the first one down to the parent.
    """

    individual: Individual
    genome: Any
    facts: Mapping[str, Any]
    ancestors: tuple[int, ...]


def source_of(watched: Search | Run | Source) -> Source:
    """The source for a search or run; a source is returned as it is, so that views can share one."""
    return watched if isinstance(watched, Source) else Source(watched)


class Source:
    """A search or a run.

    Args:
        watched: a `Search`, or a `Run` to read.

    Attributes:
        watched: the search or run.
        search: the search, None if a run is only read.
        run: the run file, to read.
        latest: the snapshot taken last.
    """

    def __init__(self, watched: Search | Run) -> None:
        if not isinstance(watched, Search | Run):
            raise WorkbenchError(f"expected a Search, or a run from open_run(path), got {watched!r}")
        self.watched = watched
        self.search = watched if isinstance(watched, Search) else None
        self.run: Run = watched.results if isinstance(watched, Search) else watched
        self.latest: Snapshot | None = None
        self._details: Details | None = None
        self._settings: tuple[int, Settings] | None = None
        self._parents: dict[int, int | None] = {}

    @property
    def version(self) -> object:
        """Changes when something has changed."""
        if self.search is not None:
            return self.search.version
        return tuple(_written_at(Path(f"{self.run.path}{end}")) for end in ("", "-wal"))

    def snapshot(self) -> Snapshot:
        """What it looks like now."""
        self.latest = self.search.snapshot() if self.search is not None else snapshot_of(self.run)
        return self.latest

    @cached_property
    def space(self) -> SearchSpace:
        """What is searched."""
        if self.search is not None:
            return self.search.space
        from workbench.spaces import make_space

        return make_space(self.run.space_name, self.run.space_config)

    @property
    def settings(self) -> Settings:
        """The live settings from the next child on."""
        if self.search is not None:
            return self.search.target
        events = (self.latest or self.snapshot()).events
        if self._settings is None or self._settings[0] != len(events):
            start = Settings.at_start(from_values(SearchConfig, self.run.config), self.space)
            self._settings = len(events), Timeline(start, self.space, events).latest
        return self._settings[1]

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.run.dataset.get("name", ""))

    @cached_property
    def data(self) -> Dataset | None:
        """The data that the run was made with, if they are there without a download; None otherwise."""
        if self.search is not None:
            return self.search.data
        if self.dataset not in dataset_names():
            return None
        try:
            data = load_dataset(self.dataset, download=False)
        except WorkbenchError:
            return None
        return data if data.fingerprint == self.run.dataset.get("fingerprint") else None

    @property
    def path(self) -> Path:
        """Of the run file."""
        return Path(self.run.path)

    def siblings(self) -> list[Path]:
        """Other run files in the same folder, to compare with."""
        return sorted(path for path in self.path.parent.glob("*.sqlite") if path.name != self.path.name)

    def open_sibling(self, name: str) -> Run:
        """The run file `name` in the same folder."""
        return open_run(self.path.parent / name)

    def details(self, id: int) -> Details:
        """An individual, from memory if it is alive, new or on the front; else from the run file.

        Raises:
            WorkbenchError: if there is no such individual, or it cannot be read.
        """
        if self._details is None or self._details.individual.id != id:
            snapshot = self.latest or self.snapshot()
            known = {one.id: one for one in (*snapshot.population, *snapshot.archive, *snapshot.current)}
            individual = known.get(id)
            if individual is None or individual.result is None or individual.result.genome is None:
                individual = self.run.individual(id)
            genome = individual.result.genome if individual.result else None
            facts = {} if genome is None else self.space.describe(genome)
            for some in (snapshot.recent, known.values()):
                self._parents.update((one.id, one.parent) for one in some)
            self._details = Details(individual, genome, facts, self._ancestors(id, individual.parent))
        return self._details

    def _ancestors(self, id: int, parent: int | None) -> tuple[int, ...]:
        """Ids from the first ancestor in the run down to the parent; the file is read for those from long ago."""
        line: dict[int, None] = {}  # in order; a damaged file may name parents in a circle
        while parent is not None and parent not in line:
            if parent not in self._parents:
                table = self.run.lineage(id)
                return tuple(int(each) for each in table["id"])[:-1]
            line[parent] = None
            parent = self._parents[parent]
        return tuple(line)[::-1]

    def neuron_genome(self, id: int) -> Any:
        """The genome of an individual if it is one of neurons, else None.

        Raises:
            RunError: if it was not kept.
        """
        from workbench.genome import Genome

        genome = self.details(id).genome
        if genome is None:
            raise RunError(f"the network of individual {id} was not kept: it failed, or was dropped to save space")
        return genome if isinstance(genome, Genome) else None


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
