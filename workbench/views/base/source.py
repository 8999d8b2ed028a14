"""What views look at: a live search, or a run in a file, which look the same from there on; and what is selected."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import traitlets

from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import RunError, WorkbenchError
from workbench.individuals import Individual
from workbench.search import Search, SearchConfig, Snapshot, snapshot_of
from workbench.search.config import Settings, Timeline
from workbench.search.snapshot import written_at
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.store import Run


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


def source_of(watched: Search | Run | Source) -> Source:
    """The source for a search or run; a source is returned as it is, so that views can share one."""
    return watched if isinstance(watched, Source) else Source(watched)


class Source:
    """A search, or a run to read, which views follow."""

    def __init__(self, watched: Search | Run) -> None:
        if not isinstance(watched, Search | Run):
            raise WorkbenchError(f"expected a Search, or a run from open_run(path), got {watched!r}")
        self.watched = watched
        self.search = watched if isinstance(watched, Search) else None  # None if a run is only read
        self.run: Run = watched.results if isinstance(watched, Search) else watched
        self.path = self.run.path
        self.dataset = str(self.run.dataset.get("name", ""))
        self.latest: Snapshot | None = None  # the snapshot taken last
        self._individual: Individual | None = None
        self._settings: tuple[int, Settings] | None = None
        self._parents: dict[int, int | None] = {}

    @property
    def version(self) -> object:
        """Changes when something has changed."""
        return self.search.version if self.search is not None else written_at(self.run.path)

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

    def individual(self, id: int) -> Individual:
        """An individual, from memory if it is alive, new or on the front; else from the run file.

        Raises:
            WorkbenchError: if there is no such individual, or it cannot be read.
        """
        if self._individual is None or self._individual.id != id:
            snapshot = self.latest or self.snapshot()
            kept = (one for one in (*snapshot.population, *snapshot.archive, *snapshot.current) if one.id == id)
            found = next(kept, None)
            if found is None or found.result is None or found.result.genome is None:
                found = self.run.individual(id)
            self._individual = found
        return self._individual

    def genome(self, id: int) -> Any:
        """The genome of an individual; None if it was not kept. Raises as `individual` does."""
        result = self.individual(id).result
        return result.genome if result is not None else None

    def ancestors(self, id: int) -> tuple[int, ...]:
        """Ids from the first ancestor of an individual down to its parent; the file is read for those from long ago.

        Raises:
            WorkbenchError: if they cannot be read.
        """
        snapshot = self.latest or self.snapshot()
        known: tuple[Any, ...] = (
            self.individual(id),
            *snapshot.recent,
            *snapshot.population,
            *snapshot.archive,
            *snapshot.current,
        )
        self._parents.update((one.id, one.parent) for one in known)
        line: dict[int, None] = {}  # in order; a damaged file may name parents in a circle
        parent = self._parents[id]
        while parent is not None and parent not in line:
            if parent not in self._parents:
                return tuple(int(each) for each in self.run.lineage(id)["id"])[:-1]
            line[parent] = None
            parent = self._parents[parent]
        return tuple(line)[::-1]

    def neuron_genome(self, id: int) -> Any:
        """The genome of an individual if it is one of neurons, else None.

        Raises:
            RunError: if it was not kept.
        """
        from workbench.genome import Genome

        genome = self.genome(id)
        if genome is None:
            raise RunError(f"the network of individual {id} was not kept: it failed, or was dropped to save space")
        return genome if isinstance(genome, Genome) else None
