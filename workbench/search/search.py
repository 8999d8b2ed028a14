"""A search: the evolution loop on workers, written to a run file, driven by a thread that a person can steer."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.executors import Progress, TaskPool, check_executor
from workbench.search.by_hand import individual_by_hand
from workbench.search.config import SearchConfig
from workbench.search.fork import fork_run, plan_fork
from workbench.search.loop import Loop
from workbench.search.resuming import data_of, length_of
from workbench.search.state import SearchState
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.spaces import NeuronSpace, make_space
from workbench.store import create_run, open_run, values_of

_LIVE: weakref.WeakValueDictionary[Path, Search] = weakref.WeakValueDictionary()


class Search(Loop):
    """One search, recorded in one file.

    Args:
        data: the data set.
        config: the settings.
        path: the run file.
        space: what is searched; the neuron-level space of the data if None.
        executor: where children are trained: "threads" (also if None), "processes", or any
            `concurrent.futures.Executor`, such as `client.get_executor()` of a Dask cluster; it is never shut down.
        if_exists: what to do if the file exists: "error", "resume" (go on where it ends; all settings but
            `config.FREE_SETTINGS` must be as in the file), or "new" (a free name beside it).

    Raises:
        RunError: if the file exists, cannot be written, or (resuming) belongs to other data or settings.
    """

    def __init__(
        self,
        data: Dataset,
        config: SearchConfig | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | str | None = None,
        if_exists: str = "error",
    ) -> None:
        check_executor(executor)
        self.data = data
        self.space: SearchSpace = space or NeuronSpace.for_data(data)
        self._known = SearchState(config or SearchConfig(), self.space)
        self._writer = create_run(path, self._known.describe(data), if_exists=if_exists)
        self._known.writer = self._writer
        self.path = self._writer.path
        self._executor = executor
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._state, self._credits, self._step_ends_generation = "idle", 0, False
        self._error: BaseException | None = None
        self._pending: set[int] = set()
        self._pool: TaskPool | None = None
        self._working: dict[int, Progress] = {}
        self._ticks, self._version = itertools.count(1), 0
        self._started, self._worked_seconds, self._made_here = 0.0, 0.0, 0
        self._idle_since = 0.0
        if self._writer.resumed:
            try:
                with values_of(self.path):
                    self._known.restore(open_run(self.path), data)
            except BaseException:
                self._writer.close()
                raise
            if self._known.is_finished:
                self._state = "finished"
        _LIVE[self.path] = self

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        data: Dataset | None = None,
        executor: Executor | str | None = None,
        root: str | os.PathLike[str] | None = None,
        **changes: Any,
    ) -> Search:
        """Go on with the run in `path`, with its own settings.

        Args:
            path: the run file.
            data: needed only if the run's data set was made from arrays.
            executor: where children are trained.
            root: where the data lie, as for `load_dataset`.
            changes: `generations` (to make the run longer), or others of `FREE_SETTINGS`.
        """
        run = open_run(path)
        data = data_of(run, data, root)
        with values_of(run.path):
            config = from_values(SearchConfig, {**run.config, "generations": length_of(run), **changes})
            space = make_space(run.space_name, run.space_config)
        return cls(data, config, path, space, executor, "resume")

    @classmethod
    def open(
        cls,
        data: Dataset,
        config: SearchConfig | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | str | None = None,
    ) -> Search:
        """What the first cell of a notebook wants, however often it is run.

        The search that is live in this process if one writes `path`; else the one in the file, to go on with; else a
        new one. Arguments and errors are those of `Search`.
        """
        live = _LIVE.get(_real(path))
        return live if live is not None else cls(data, config, path, space, executor, "resume")

    @classmethod
    def fork(
        cls,
        path: str | os.PathLike[str],
        generation: int,
        to: str | os.PathLike[str],
        data: Dataset | None = None,
        executor: Executor | str | None = None,
        root: str | os.PathLike[str] | None = None,
        **changes: Any,
    ) -> Search:
        """Branch a past state of a run off into a run of its own, with other settings.

        Where weights were dropped since, individuals are trained again first; `plan_fork(...).cost` says beforehand
        what that takes.

        Args:
            path: the run file.
            generation: the finished generation after which the fork goes its own way.
            to: the file of the fork.
            data: needed only if the run's data set was made from arrays.
            executor: where its children are trained.
            root: where the data lie, as for `load_dataset`.
            changes: any settings: `Search.fork(path, 12, "b.sqlite", seed=7, rates={"add_edges": 0.5})`.
        """
        return cls.resume(fork_run(plan_fork(path, generation, changes), to, data, root=root), data, executor, root)

    # ------------------------------------------------------------------ steering
    @property
    def rates(self) -> Any:
        """The mutation rates; assigning new ones takes effect with the next child and is logged in the run."""
        return self._known.target.rates

    @rates.setter
    def rates(self, rates: Any) -> None:
        self.update(rates=rates)

    def update(self, **changes: Any) -> None:
        """Change live settings from the next child on: any of `LIVE_SETTINGS`, `children` from the next generation on.

        Values may be records or mappings of what changes: `search.update(rates={"add_edges": 0.5}, tournament=5)`.

        Raises:
            ConfigError: if a setting is unknown or out of range; nothing changes then.
        """
        with self._wake:
            self._known.target = self._known.target.changed(self.space, changes)
            self._changed()

    def insert(
        self,
        genome: Any,
        *,
        parent: int | None = None,
        record: Mapping[str, Any] | None = None,
        history: Sequence[Mapping[str, float]] = (),
    ) -> int:
        """Put a genome made by hand into the population, with origin "by hand".

        It is measured on the validation split and stored at once, ranked with the children of the generation in
        progress (so the population's oldest makes room for it), and may be a parent from the next generation on.

        Args:
            genome: trained: with a weight on every edge.
            parent: id of the individual that it was made from.
            record: what was done to the parent, JSON-ready; its `kind` names it ("by hand" if it has none).
            history: one mapping per epoch that it was trained, as in `TrainResult.history`.

        Returns:
            Its id, from `workbench.individuals.BY_HAND` up.

        Raises:
            WorkbenchError: if the genome is not trained or does not fit, there is no such parent, or the search is
                finished, failed or closed.
        """
        self._check_open()
        if parent is not None:
            self.results.mutation(parent)  # which says what ids there are
        made = individual_by_hand(self.space, self.data, genome, parent=parent, record=record, history=history)
        with self._wake:
            self._check_open()  # measuring took its time
            id = self._known.insert(made)
            self._changed()
        return id

    def _check_open(self) -> None:
        if self._known.is_finished or self._state in ("finished", "failed"):
            raise RunError(
                f"the search in {self.path} is {self._state}, so nothing can join it; go on with it first, for example "
                "with Search.resume(path, generations=...)"
            )

    # ------------------------------------------------------------------ control
    def run(self, progress: bool = True) -> Search:
        """Search to the end, with a progress line; Ctrl-C stops after storing what is in training."""
        from workbench.search.progress import watch

        self.start()
        watch(self, show=progress)
        self.join()
        return self

    def start(self) -> None:
        """Start or go on, in a thread of its own."""
        self._go("running", 0, False)

    def pause(self) -> None:
        """Start no further child; those in training finish and are stored."""
        self._go("paused", 0, False)

    def step(self, children: int = 1, *, generation: bool = False) -> None:
        """Make `children` children (or all that are missing of the generation), then pause."""
        self._go("paused", 0 if generation else children, generation)

    def stop(self, *, now: bool = False) -> None:
        """End the thread; the run can be resumed.

        Args:
            now: leave the children in training, which a resumed run makes again; else they are waited for, and stored.
        """
        with self._wake:
            if self._state in ("running", "paused"):
                self._set_state("stopped")
            if now and self._pool is not None:
                self._pool.dismiss()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; returns whether it has. Raises what made the search fail, if it did."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def close(self, *, now: bool = False) -> None:
        """Stop (`now` as in `stop`), wait, and give the file free."""
        self.stop(now=now)
        self.join()
        self._writer.close()
        if _LIVE.get(self.path) is self:
            del _LIVE[self.path]

    def _go(self, state: str, credits: int, to_the_end: bool) -> None:
        if self._state == "stopped":
            self.join()
        with self._wake:
            if self._state in ("finished", "failed"):
                return
            self._credits, self._step_ends_generation = credits, to_the_end
            self._set_state(state)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="workbench-search", daemon=True)
                self._thread.start()


def attach(path: str | os.PathLike[str]) -> Search:
    """The search that writes `path` in this process, from another cell or a reopened notebook.

    Raises:
        RunError: if there is none.
    """
    search = _LIVE.get(_real(path))
    if search is None:
        raise RunError(f"no search in this process writes {path}; read it with open_run, or go on with Search.resume")
    return search


def _real(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(Path(path).expanduser()))
