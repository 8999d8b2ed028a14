"""A search: the evolution loop on workers, written to a run file, driven by a thread that a person can steer."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
import weakref
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.config_codec import from_values
from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import RunError
from workbench.executors import Progress, Task, make_child, one_thread_each, thread_executor
from workbench.individuals import Individual
from workbench.search.config import SearchConfig
from workbench.search.ledger import Ledger, length_of
from workbench.search.observed import Observed
from workbench.space import SearchSpace
from workbench.spaces import NeuronSpace, make_space
from workbench.store import create_run, open_run

_LIVE: weakref.WeakValueDictionary[Path, Search] = weakref.WeakValueDictionary()


class Search(Observed):
    """One search, recorded in one file.

    Args:
        data: the data set.
        config: the settings.
        path: the run file.
        space: what is searched; the neuron-level space of the data if None.
        executor: where children are trained; threads if None.
        if_exists: what to do if the file exists: "error", "resume" (go on where it ends; all but `generations` and
            `workers` must be as in the file), or "new" (a free name beside it).

    Raises:
        RunError: if the file exists, cannot be written, or (resuming) belongs to other data or settings.
    """

    def __init__(
        self,
        data: Dataset,
        config: SearchConfig | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | None = None,
        if_exists: str = "error",
    ) -> None:
        self.data = data
        self.space: SearchSpace = space or NeuronSpace.for_data(data)
        self._ledger = Ledger(config or SearchConfig(), self.space)
        self._writer = create_run(path, self._ledger.describe(data), if_exists=if_exists)
        self._ledger.writer = self._writer
        self.path = self._writer.path
        self._executor = executor
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._state, self._credits, self._step_ends_generation = "idle", 0, False
        self._error: BaseException | None = None
        self._pending: dict[Future[Individual], int] = {}
        self._working: dict[int, Progress] = {}
        self._ticks, self._version = itertools.count(1), 0
        self._started, self._worked_seconds, self._made_here = 0.0, 0.0, 0
        self._idle_since = 0.0
        if self._writer.resumed:
            try:
                self._ledger.restore(open_run(self.path), data)
            except BaseException:
                self._writer.close()
                raise
            if self._ledger.is_finished:
                self._state = "finished"
        _LIVE[self.path] = self

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        data: Dataset | None = None,
        executor: Executor | None = None,
        root: str | os.PathLike[str] | None = None,
        **changes: Any,
    ) -> Search:
        """Go on with the run in `path`, with its own settings.

        Args:
            path: the run file.
            data: needed only if the run's data set was made from arrays.
            executor: where children are trained.
            root: where the data lie, as for `load_dataset`.
            changes: `generations` (to make the run longer) or `workers`.
        """
        run = open_run(path)
        if data is None:
            if run.dataset["name"] not in dataset_names():
                raise RunError(f"{path} searched {run.dataset['name']!r}, made from arrays; pass it as data=...")
            data = load_dataset(run.dataset["name"], root)
        config = from_values(SearchConfig, {**run.config, "generations": length_of(run), **changes})
        return cls(data, config, path, make_space(run.space_name, run.space_config), executor, "resume")

    @classmethod
    def open(
        cls,
        data: Dataset,
        config: SearchConfig | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | None = None,
    ) -> Search:
        """What the first cell of a notebook wants, however often it is run.

        The search that is live in this process if one writes `path`; else the one in the file, to go on with; else a
        new one. Arguments and errors are those of `Search`.
        """
        live = _LIVE.get(_real(path))
        return live if live is not None else cls(data, config, path, space, executor, "resume")

    # ------------------------------------------------------------------ steering
    @property
    def rates(self) -> Any:
        """The mutation rates; assigning new ones takes effect with the next child and is logged in the run."""
        return self._ledger.wanted.rates

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
            self._ledger.wanted = self._ledger.wanted.changed(self.space, changes)
            self._changed()

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

    def stop(self) -> None:
        """End the thread after the children in training; the run can be resumed."""
        with self._wake:
            if self._state in ("running", "paused"):
                self._set_state("stopped")

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; returns whether it has. Raises what made the search fail, if it did."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def close(self) -> None:
        """Stop, wait, and give the file free."""
        self.stop()
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

    def _set_state(self, state: str) -> None:
        self._state = state
        self._changed()
        self._wake.notify_all()

    def _changed(self) -> None:
        """Tell those who watch that something is new."""
        self._version = next(self._ticks)

    def _report(self, progress: Progress) -> None:
        """A child in training has come further; called in its thread."""
        self._working[progress.child] = progress
        self._changed()

    # ------------------------------------------------------------------ the thread
    def _work(self) -> None:
        executor = self._executor or thread_executor(self.workers)
        self._started = time.perf_counter()
        try:
            self._writer.set_state("running")
            with one_thread_each():
                while not self._ledger.is_finished and self._make_generation(executor):
                    pass
            with self._wake:
                self._set_state("finished" if self._ledger.is_finished else "stopped")
            self._writer.set_state(self._state)
        except BaseException as error:
            with contextlib.suppress(RunError):  # if the file is the reason
                self._writer.set_state("failed")
            with self._wake:
                self._error = error
                self._set_state("failed")
        finally:
            self._worked_seconds += time.perf_counter() - self._started
            self._started = 0.0
            if self._executor is None:
                executor.shutdown()
            if self._state in ("finished", "failed"):
                self._writer.close()

    def _make_generation(self, executor: Executor) -> bool:
        """Make the children that are missing of this generation, then rank; False if it was stopped."""
        started = time.perf_counter()
        while (todo := self._todo()) or self._pending:
            while todo and len(self._pending) < self.workers and self._may_start():
                with self._wake:
                    task = self._ledger.propose(todo[0])
                    self._pending[self._submit(executor, task)] = task.id
                    self._changed()
                todo = self._todo()
            if not self._pending:
                with self._wake:
                    if self._state == "stopped":
                        return False
                    self._idle_since = time.perf_counter()
                    self._wake.wait_for(lambda: self._state != "paused" or self._credits or self._step_ends_generation)
                    self._started += time.perf_counter() - self._idle_since  # pauses are no work
                    self._idle_since = 0.0
                continue
            for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
                self._take(future)
        with self._wake:  # nobody sees a generation half ended, or one that the file does not have
            self._ledger.end_generation(time.perf_counter() - started)
            self._step_ends_generation = False
            self._changed()
            self._wake.notify_all()
        return True

    def _submit(self, executor: Executor, task: Task) -> Future[Individual]:
        """Have a child made; only threads of this process can report how far they are."""
        if self._executor is not None:
            return executor.submit(make_child, self.space, self.data, task)
        self._working[task.id] = Progress.at_start(task)
        return executor.submit(make_child, self.space, self.data, replace(task, report=self._report))

    def _todo(self) -> list[int]:
        """Children of this generation still to be started."""
        return [child for child in self._ledger.missing() if child not in self._pending.values()]

    def _may_start(self) -> bool:
        """Whether another child may start now; spends a step if stepping."""
        with self._wake:
            if self._state == "running" or (self._state == "paused" and self._step_ends_generation):
                return True
            if self._state == "paused" and self._credits:
                self._credits -= 1
                return True
            return False

    def _take(self, future: Future[Individual]) -> None:
        """Store a finished child before anything is made of it."""
        try:
            individual = future.result()
        except Exception as error:  # the worker was lost
            individual = self._ledger.lost(self._pending[future], error)
        with self._wake:
            self._ledger.take(individual)
            self._working.pop(self._pending.pop(future), None)
            self._made_here += 1
            self._changed()
            self._wake.notify_all()


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
