"""What a view looks at: a live search, or a run in a file. Both look the same from there on."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import WorkbenchError
from workbench.search import Search, SearchConfig, Snapshot, snapshot_of
from workbench.search.settings import Settings, Timeline
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.store import Run, open_run


class Source:
    """A search or a run.

    Args:
        watched: a `Search`, a `Run`, or another source.

    Attributes:
        watched: the search or run.
        search: the search, None if a run is only read.
        run: the run file, to read.
    """

    def __init__(self, watched: Search | Run | Source) -> None:
        if isinstance(watched, Source):
            watched = watched.watched
        if not isinstance(watched, Search | Run):
            raise WorkbenchError(f"expected a Search, or a run from open_run(path), got {watched!r}")
        self.watched: Search | Run = watched
        self.search = watched if isinstance(watched, Search) else None
        self.run: Run = watched.results if isinstance(watched, Search) else watched

    @property
    def version(self) -> object:
        """Changes when something has changed."""
        if self.search is not None:
            return self.search.version
        return tuple(_written_at(Path(f"{self.run.path}{end}")) for end in ("", "-wal"))

    def snapshot(self) -> Snapshot:
        """What it looks like now."""
        return self.search.snapshot() if self.search is not None else snapshot_of(self.run)

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
        start = Settings.at_start(from_values(SearchConfig, self.run.config), self.space)
        return Timeline(start, self.space, self.run.events.itertuples()).latest  # type: ignore[arg-type]

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

    def neuron_genome(self, id: int) -> Any:
        """The genome of an individual if it is one of neurons, else None."""
        from workbench.genome import Genome

        genome = self.run.genome(id)
        return genome if isinstance(genome, Genome) else None


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
