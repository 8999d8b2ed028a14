"""A search: the evolution loop on workers, written to a run file, in a thread that a person can steer."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.executors import capacity_of, check_executor, measure_inserted, measure_networks
from workbench.individuals import Individual
from workbench.search.config import SearchConfig, Settings, check_teacher, plain_values
from workbench.search.fork import fork_run, plan_fork
from workbench.search.presets import Preset, settings_and_space
from workbench.search.runner import Runner
from workbench.search.snapshot import Snapshot
from workbench.search.state import SearchState
from workbench.search.stored import data_of, describe_run, length_of
from workbench.search.watch import run_to_the_end
from workbench.settings import from_values, to_values
from workbench.space import SearchSpace, check_predicts
from workbench.spaces import make_space
from workbench.store import Event, Run, create_run, open_run, values_of
from workbench.training import compiling

_LIVE: weakref.WeakValueDictionary[Path, Search] = weakref.WeakValueDictionary()


class Search:
    """One search, recorded in one file; all methods may be called from any thread.

    Args:
        data: the data set.
        config: the settings, or a preset, which also brings the space.
        path: the run file.
        space: what is searched; the neuron-level space of the data if None.
        executor: where children are trained: "threads" (also if None), "processes", or any
            `concurrent.futures.Executor`, such as `client.get_executor()` of a Dask cluster; it is never shut down.
        if_exists: what to do if the file exists: "error", "resume" (continue where it ends; all settings but
            `config.FREE_SETTINGS` must be as in the file), or "new" (a free name beside it).
        networks: trained genomes that join the initial population as they are, as `insert` puts them in; a run that
            is resumed has them already.

    Attributes:
        data, space, executor: as given.
        path: the run file.

    Raises:
        RunError: if the file exists, cannot be written, or (resuming) belongs to other data or settings.
        WorkbenchError: if one of the networks is not trained, does not fit, or has too few or too many FLOPs.
    """

    def __init__(
        self,
        data: Dataset,
        config: SearchConfig | Preset | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | str | None = None,
        if_exists: str = "error",
        networks: Sequence[Any] = (),
    ) -> None:
        config, self.space = settings_and_space(data, config, space)
        check_executor(executor, self.space)
        self.data = data
        check_predicts(self.space, config.latency)
        check_teacher(self.space, config.teacher)
        rates = Settings.at_start(config, self.space).rates
        config = replace(config, rates=to_values(rates))  # in full: defaults may change, a run must not
        measured = measure_networks(self.space, data, networks, config.flops_bounds)
        writer = create_run(path, describe_run(config, self.space, data), if_exists=if_exists)
        self.path, self.executor = writer.path, executor
        self._state = SearchState(Settings(config, rates), self.space, writer)
        if writer.resumed:
            try:
                with values_of(self.path):
                    self._state.restore(open_run(self.path), data)
            except BaseException:
                writer.close()
                raise
        if not self._state.total:  # new, or killed before it had any
            for one in measured[len(self._state.inserted) :]:
                self._state.insert(one)
        self._runner = Runner(self._state, data, executor)
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
        """Continue the run in `path`, with its own settings.

        Args:
            path: the run file.
            data: needed only if the run's data set was made from arrays.
            executor: where children are trained.
            root: where the data lie, as for `load_dataset`.
            changes: `generations` (in all, to make the run longer; None for no end), or others of `FREE_SETTINGS`.
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
        config: SearchConfig | Preset | None = None,
        path: str | os.PathLike[str] = "run.sqlite",
        space: SearchSpace | None = None,
        executor: Executor | str | None = None,
        networks: Sequence[Any] = (),
    ) -> Search:
        """The search for the first cell of a notebook, however often it is run.

        The search in this process that writes `path` if there is one; else the one in the file, resumed; else a new
        one. Arguments and errors are those of `Search`.
        """
        return _live(path) or cls(data, config, path, space, executor, "resume", networks)

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

        Individuals whose weights were dropped since are trained again first; `plan_fork(...).cost` says beforehand
        what that takes.

        Args:
            path: the run file.
            generation: the finished generation after which the fork branches off.
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
        return self._state.target.rates

    @rates.setter
    def rates(self, rates: Any) -> None:
        self.update(rates=rates)

    @property
    def target(self) -> Settings:
        """The live settings from the next child on."""
        return self._state.target

    def update(self, **changes: Any) -> None:
        """Change live settings from the next child on: any of `LIVE_SETTINGS`, `children` from the next generation on.

        Values may be records or mappings of what changes: `search.update(rates={"add_edges": 0.5}, tournament=5)`.

        Raises:
            ConfigError: if a setting is unknown or out of range; nothing changes then.
        """
        with self._runner.lock:
            self._state.target = self._state.target.changed(self.space, changes)
            self._runner.mark_changed()

    def insert(
        self,
        genome: Any,
        *,
        parent: int | None = None,
        record: Mapping[str, Any] | None = None,
        history: Sequence[Mapping[str, float]] = (),
    ) -> int:
        """Insert a genome made by hand into the population, with origin "by hand".

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
            self.results.mutation(parent)  # raises an error that lists the ids there are
        measured = measure_inserted(self.space, self.data, genome, parent=parent, record=record, history=history)
        with self._runner.lock:
            self._check_open()  # measuring took its time
            id = self._state.insert(measured)
            self._runner.mark_changed()
        return id

    def _check_open(self) -> None:
        status = self._runner.status
        if self._state.is_finished or status in ("finished", "failed"):
            way_out = "make it longer first, with search.extend(20)" if status == "finished" else "resume it first"
            raise RunError(f"the search in {self.path} is {status}, so nothing can join it; {way_out}")

    def replay_events(self, events: Sequence[Event], remake: Callable[[int], Individual], last: int) -> None:
        """For `replay`: repeat a stored run's events up to generation `last`; `remake` makes one by hand again."""
        with self._runner.lock:
            self._state.replay(events, remake, last)

    # ------------------------------------------------------------------ control
    def run(self, progress: bool = True, minutes: float | None = None) -> Search:
        """Search to the end, or for so many minutes; Ctrl-C (or SIGTERM) stops after storing the children in training.

        Raises:
            KeyboardInterrupt: after a second Ctrl-C, which abandons the children in training.
        """
        run_to_the_end(self, show=progress, minutes=minutes)
        return self

    def start(self) -> None:
        """Start or go on, in a thread of its own."""
        self._runner.go("running", self)

    def pause(self) -> None:
        """Start no further child; those in training finish and are stored."""
        self._runner.go("paused", self)

    def step(self, children: int = 1, *, generation: bool = False) -> None:
        """Make `children` children (or all that are missing of the generation), then pause."""
        self._runner.go("paused", self, math.inf if generation else children)

    def extend(self, generations: int | None) -> None:
        """Make the run `generations` longer, or (None) without end; a finished one then goes on with `start`.

        It becomes, bit for bit, the run that would have had this length from the start; the change is logged in it.

        Raises:
            ConfigError: if `generations` is below 1.
            RunError: if the search failed, has no end, or has spent its budget; if it was finished also if its file is
                gone, or somebody else writes it or has written it since.
        """
        self._runner.extend(generations)
        _LIVE[self.path] = self

    def stop(self, *, now: bool = False) -> None:
        """End the thread once the children in training are stored, or `now`: a resumed run makes them again."""
        self._runner.stop(now=now)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; returns whether it has. Raises the error that made the search fail."""
        return self._runner.join(timeout)

    def close(self, *, now: bool = False) -> None:
        """Stop (`now` as in `stop`), wait, and release the file."""
        self.stop(now=now)
        self.join()
        self._state.writer.close()
        if _LIVE.get(self.path) is self:
            del _LIVE[self.path]

    # ------------------------------------------------------------------ what it looks like now
    @property
    def config(self) -> SearchConfig:
        """The settings at the start of the run."""
        return self._state.config

    @property
    def workers(self) -> int:
        """Children trained at once."""
        return capacity_of(self.executor, self.config.workers, self.space)

    @property
    def archive(self) -> tuple[Individual, ...]:
        """The all-time front, children of the generation in progress included, by rising FLOPs."""
        with self._runner.lock:
            return self._state.archive

    def snapshot(self) -> Snapshot:
        """The search as it looks now."""
        return self._runner.snapshot()

    @property
    def version(self) -> object:
        """Differs whenever anything has changed; cheap to ask for."""
        return self._runner.version, compiling.progress()

    @property
    def pending(self) -> dict[str, Any]:
        """JSON-ready live settings that were changed and wait for the next child, whole (all of `rates`, say)."""
        with self._runner.lock:
            return plain_values(self.space, self._state.target.difference(self._state.timeline.latest))

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each mutation for the next child: as set, or as adapted to recent success."""
        with self._runner.lock:
            return self._state.target.probabilities(self.space, self._state.credits)

    @property
    def results(self) -> Run:
        """The run file, to read."""
        return open_run(self.path)


def attach(path: str | os.PathLike[str]) -> Search:
    """The search that writes `path` in this process, from another cell or a reopened notebook.

    Raises:
        RunError: if there is none.
    """
    search = _live(path)
    if search is None:
        raise RunError(f"no search in this process writes {path}; read it with open_run, or go on with Search.resume")
    return search


def live_searches() -> list[Search]:
    """All searches of this process that are not closed."""
    return list(_LIVE.values())


def _live(path: str | os.PathLike[str]) -> Search | None:
    return _LIVE.get(Path(os.path.realpath(os.path.expanduser(path))))
