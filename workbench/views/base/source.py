"""What views look at: a live search, or a run in a file, which look the same from there on; and what is selected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any

import traitlets

from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import DataError, RunError, WeightsError, WorkbenchError
from workbench.individuals import Individual
from workbench.registry import UnknownSpace
from workbench.search import Search, SearchConfig, Snapshot, snapshot_of
from workbench.search.again import AgainPlan, plan_again, train_again
from workbench.search.config import Settings, Timeline
from workbench.search.stored import RunHistory, data_of
from workbench.search.watch import version_of
from workbench.settings import from_values
from workbench.space import DropsWeights, SearchSpace
from workbench.store import Run

REMEMBERED = 4
"""Individuals that a source keeps at hand: the selected one, its parent, and those that they are compared with."""


class Selection(traitlets.HasTraits):
    """Views observe it and set it; a click anywhere selects everywhere.

    Attributes:
        individual: id in the run, or None.
        part: of that individual's network: the id of a neuron (int), or the key of a part of its picture (str); or
            None.
        pinned: id of another individual, which the first is compared with, or None.
    """

    individual = traitlets.Int(None, allow_none=True)
    part = traitlets.Any(None)
    pinned = traitlets.Int(None, allow_none=True)

    @traitlets.observe("individual")
    def _forget_part(self, change: traitlets.Bunch) -> None:
        if change["new"] != change["old"]:
            self.part = None

    def toggle_pin(self) -> None:
        """Pin the selected individual, or unpin the pinned one."""
        self.pinned = self.individual if self.pinned is None else None

    def look_again(self) -> None:
        """Have every view look anew at the individuals: a network has its weights again."""
        for name in ("individual", "pinned"):
            same = getattr(self, name)
            self.notify_change(traitlets.Bunch(name=name, old=same, new=same, owner=self, type="change"))


def source_of(watched: Search | Run | Source, data: Dataset | None = None) -> Source:
    """The source for a search or run; a source is returned as it is unless there are `data`, so that views share it."""
    if isinstance(watched, Source):
        return watched if data is None else Source(watched.watched, data)
    return Source(watched, data)


class Source:
    """A search, or a run to read, which views follow.

    Args:
        watched: a `Search`, or a run from `open_run`.
        data: the data set that it was made with. None takes the search's; that of a stored run is looked for (without a
            download) in $WORKBENCH_DATA, in "data", and in the folders above the run file. One that was made from
            arrays can only be given.

    Raises:
        RunError: if the run was made with other data.
    """

    def __init__(self, watched: Search | Run, data: Dataset | None = None) -> None:
        if not isinstance(watched, Search | Run):
            raise WorkbenchError(f"expected a Search, or a run from open_run(path), got {watched!r}")
        self.watched = watched
        self.search = watched if isinstance(watched, Search) else None  # None if a run is only read
        self.run: Run = watched.results if isinstance(watched, Search) else watched
        self.path = self.run.path
        self.dataset = str(self.run.dataset.get("name", ""))
        self.latest: Snapshot | None = None  # the snapshot taken last
        self._given = None if data is None else data_of(self.run, data)
        self._individuals: dict[int, Individual] = {}  # those looked at last, at most `REMEMBERED`
        self._settings: tuple[int, Settings] | None = None
        self._parents: dict[int, int | None] = {}
        self._history: RunHistory | None = None
        self._reading = Lock()  # of the history

    @property
    def version(self) -> object:
        """Changes when something has changed."""
        return self.search.version if self.search is not None else version_of(self.run.path)

    def snapshot(self) -> Snapshot:
        """What it looks like now."""
        self.latest = self.search.snapshot() if self.search is not None else snapshot_of(self.run)
        return self.latest

    @cached_property
    def space(self) -> SearchSpace:
        """What is searched."""
        if self.search is not None:
            return self.search.space
        return self.run.space

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
    def data(self) -> Dataset | None:
        """The data set that the run was made with; None if it is not there."""
        return self._found[0]

    @property
    def missing_data(self) -> str:
        """Why there is no data set, and the way out; "" if there is one."""
        return self._found[1]

    def needed_data(self) -> Dataset:
        """The data set; `DataError` if it is not there."""
        if self.data is None:
            raise DataError(self.missing_data)
        return self.data

    @cached_property
    def _found(self) -> tuple[Dataset | None, str]:
        if self._given is not None:
            return self._given, ""
        if self.search is not None:
            return self.search.data, ""
        name, way_out = self.dataset, "pass the same as data=..., as in Dashboard(run, data=data)"
        if "source" in self.run.dataset:
            try:
                return data_of(self.run), ""
            except WorkbenchError as error:
                return None, str(error)
        if name not in dataset_names():
            return None, f"The images of the run are not in its file: it searched {name!r}, made from arrays; {way_out}"
        other = False
        for root in (None, *self.path.resolve().parents[:3]):
            try:
                data = load_dataset(name, root, download=False)
            except WorkbenchError:
                continue
            if data.fingerprint == self.run.dataset.get("fingerprint"):
                return data, ""
            other = True
        if other:
            return None, f"The data set {name!r} that was found is not the one of the run (other splits?); {way_out}"
        way_out = (
            f"set $WORKBENCH_DATA to its folder, or download it with wb.load_dataset({name!r}), and open the run again"
        )
        return None, f"The data set {name!r} of the run was not found: {way_out}"

    def individual(self, id: int) -> Individual:
        """An individual, from memory if it is alive, new or on the front; else from the run file.

        Its network is the one that `train_again` made, if it did.

        Raises:
            WorkbenchError: if there is no such individual, or it cannot be read.
        """
        if id not in self._individuals:
            snapshot = self.latest or self.snapshot()
            kept = (one for one in (*snapshot.population, *snapshot.archive, *snapshot.current) if one.id == id)
            found = next(kept, None)
            if found is None or found.result is None or found.result.genome is None:
                found = self.run.individual(id)
            again = self._history.again.get(id) if self._history is not None else None
            if again is not None and found.result is not None:
                found = replace(found, result=replace(found.result, genome=again.genome))
            self._individuals[id] = found
            if len(self._individuals) > REMEMBERED:
                del self._individuals[next(iter(self._individuals))]
        return self._individuals[id]

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

    def network(self, id: int) -> Any:
        """The genome of an individual, of the space's kind; it may lack its weights.

        Raises:
            WeightsError: if it was not kept.
            WorkbenchError: if there is no such individual, it failed, or it cannot be read.
        """
        genome = self.genome(id)
        if genome is None:
            if failure := self.individual(id).failure:
                raise RunError(f"individual {id} failed, so it has no network: {failure}")
            if isinstance(self.space, UnknownSpace):
                raise self.space.error
            raise WeightsError(f"the network of individual {id} was not kept, only its record")
        return genome

    def trained_genome(self, id: int) -> Any:
        """The genome of an individual with its weights, as all that predicts needs it.

        Raises:
            WeightsError: if they were not kept.
            WorkbenchError: if there is no such individual, it failed, or it cannot be read.
        """
        genome = self.network(id)
        if isinstance(self.space, DropsWeights) and not self.space.has_weights(genome):
            raise WeightsError(f"the weights of individual {id} were not kept, so it predicts nothing")
        return genome

    def lacks_weights(self, id: int) -> bool:
        """Whether an individual has (or had) a network whose weights were not kept."""
        try:
            self.trained_genome(id)
        except WeightsError:
            return True
        except WorkbenchError:
            return False
        return False

    def plan_again(self, id: int) -> AgainPlan:
        """What training an individual again will take; reads the run, so it belongs into a thread.

        Raises:
            WorkbenchError: if it cannot be trained again, or the data set is missing.
        """
        self.needed_data()
        with self._reading:
            if self._history is None or id not in self._history.individuals:
                known = self._history.again if self._history is not None else {}
                self._history = RunHistory(self.run, self.space)
                self._history.again.update(known)
            return plan_again(self._history, id)

    def trained_again(self, id: int) -> tuple[Individual, Individual] | None:
        """What training individual `id` again gave, and the stored record of the first time; None if it was not."""
        history = self._history
        return None if history is None or id not in history.again else (history.again[id], history.individuals[id])

    def train_again(self, plan: AgainPlan, on_child: Callable[[Individual], None] | None = None) -> Individual:
        """Train an individual again, for all views of this source and in memory only.

        Raises:
            RunError: if it cannot be trained again.
        """
        made = train_again(plan, self.needed_data(), on_child)
        self._individuals.clear()
        return made
