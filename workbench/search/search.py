"""A search: configuration, the evolution loop, workers and the run file, driven by a thread that a person can steer."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.config_codec import from_values, to_values
from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import RunError
from workbench.evolution import Evolution, front_of, hypervolume
from workbench.executors import Task, make_child, one_thread_each, thread_executor
from workbench.individuals import FAILED, Individual
from workbench.search import machine
from workbench.search.config import SearchConfig
from workbench.search.settings import EVENT_KIND, Settings, Timeline
from workbench.search.snapshot import Snapshot
from workbench.space import SearchSpace
from workbench.spaces import NeuronSpace, make_space
from workbench.store import GenerationRecord, Run, RunDescription, RunWriter, create_run, open_run

LENGTH_KIND = "generations"
"""Event: a resumed run was made longer, or shorter."""

_LIVE: weakref.WeakValueDictionary[Path, Search] = weakref.WeakValueDictionary()


class Search:
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
        config = config or SearchConfig()
        start = Settings.at_start(config, self.space)
        self.config = replace(config, rates=self.space.rates_values(start.rates))  # defaults may change, a run must not
        self._writer: RunWriter = create_run(path, self._description(), if_exists=if_exists)
        self.path = self._writer.path
        self._executor = executor
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._state, self._credits, self._step_ends_generation = "idle", 0, False
        self._error: BaseException | None = None
        self._pending: dict[Future[Individual], int] = {}
        self._children: dict[int, Individual] = {}
        self._started, self._worked_seconds, self._made_here = 0.0, 0.0, 0
        self._timeline = Timeline(start, self.space)
        self._wanted = start
        self.evolution = Evolution(self.config.population, self.config.seed, self.config.selection, self.config.survival)
        self._first_child, self._total, self._failed = 0, 0, 0
        if self._writer.resumed:
            try:
                self._restore(open_run(self.path))
            except BaseException:
                self._writer.close()
                raise
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
        config = from_values(SearchConfig, {**run.config, "generations": _length_of(run), **changes})
        return cls(data, config, path, make_space(run.space_name, run.space_config), executor, "resume")

    def _description(self) -> RunDescription:
        return RunDescription(
            space_name=self.space.name,
            space_config=self.space.config(),
            search_config=to_values(self.config),
            dataset={"name": self.data.name, "fingerprint": self.data.fingerprint, "root": None},
            seed=self.config.seed,
            versions=machine.versions(),
            cpu=machine.cpu(),
        )

    def _restore(self, run: Run) -> None:
        """Take up a run where its file ends."""
        stored = from_values(SearchConfig, run.config)
        same = replace(self.config, generations=stored.generations, workers=stored.workers)
        if stored != same:
            old, new = to_values(stored), to_values(same)
            differ = ", ".join(f"{name}: {old[name]} there, {new[name]} here" for name in old if old[name] != new[name])
            raise RunError(f"{self.path} was made with other settings ({differ}); resume it with these, or start a new run")
        if run.dataset["fingerprint"] != self.data.fingerprint:
            raise RunError(f"{self.path} was made with other data ({run.dataset['name']}); pass the same data set")
        if (run.space_name, run.space_config) != (self.space.name, self.space.config()):
            raise RunError(f"{self.path} was made with another search space ({run.space_name}); pass the same one")
        machine.warn_of_difference(run)
        memory = run.load(self.space.decode)
        self._timeline = Timeline(self._timeline.latest, self.space, memory.events)
        self._wanted = self._timeline.latest
        by_id = {individual.id: individual for individual in memory.individuals}
        if memory.generations:
            last = memory.generations[-1]
            known = [by_id[id] for id in by_id if by_id[id].generation <= last.generation]
            self.evolution.restore(last.generation, [by_id[id] for id in last.population], known)
        current = [individual for individual in by_id.values() if individual.generation == self.evolution.generation]
        self._children = {individual.id: individual for individual in current}
        self._first_child = len(by_id) - len(current)
        if self.config.generations != (length := _length_of(run)):
            change = {"generations": self.config.generations, "before": length}
            self._writer.add_event(LENGTH_KIND, self._first_child + len(current), self.evolution.generation, change)
        self._total, self._failed = len(by_id), sum(not individual.ok for individual in by_id.values())
        if self._is_finished:
            self._state = "finished"

    # ------------------------------------------------------------------ steering
    @property
    def rates(self) -> Any:
        """The mutation rates; assigning new ones takes effect with the next child and is logged in the run."""
        return self._wanted.rates

    @rates.setter
    def rates(self, rates: Any) -> None:
        self.update(rates=rates)

    def update(self, **changes: Any) -> None:
        """Change live settings (`children`, `tournament`, `train`, `rates`, `flops_min`, `flops_max`) from the next child on.

        Values may be records or mappings of what changes: `search.update(rates={"add_edges": 0.5}, tournament=5)`.

        Raises:
            ConfigError: if a setting is unknown or out of range; nothing changes then.
        """
        with self._wake:
            self._wanted = self._wanted.changed(self.space, changes)

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
        self._wake.notify_all()

    # ------------------------------------------------------------------ the thread
    @property
    def _is_finished(self) -> bool:
        return self.evolution.generation > self.config.generations

    def _work(self) -> None:
        executor = self._executor or thread_executor(self.workers)
        self._started = time.perf_counter()
        try:
            self._writer.set_state("running")
            with one_thread_each():
                while not self._is_finished and self._make_generation(executor):
                    pass
            with self._wake:
                self._set_state("finished" if self._is_finished else "stopped")
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
                task = self._propose(todo[0])
                with self._wake:
                    self._pending[executor.submit(make_child, self.space, self.data, task)] = task.id
                todo = self._todo()
            if not self._pending:
                with self._wake:
                    if self._state == "stopped":
                        return False
                    self._wake.wait_for(lambda: self._state != "paused" or self._credits or self._step_ends_generation)
                continue
            for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
                self._take(future)
        self._end_generation(time.perf_counter() - started)
        return True

    def _todo(self) -> list[int]:
        """Children of this generation still to be started; how many there are may change with its first proposal."""
        last = max(self._children, default=-1)  # a resumed generation has no gaps, even if it became smaller
        ids = range(self._first_child, max(self._first_child + self._expected, last + 1))
        return [child for child in ids if child not in self._children and child not in self._pending.values()]

    def _may_start(self) -> bool:
        """Whether another child may start now; spends a step if stepping."""
        with self._wake:
            if self._state == "running" or (self._state == "paused" and self._step_ends_generation):
                return True
            if self._state == "paused" and self._credits:
                self._credits -= 1
                return True
            return False

    def _propose(self, child: int) -> Task:
        """The task for `child`; a live change since the last one is stored first."""
        with self._wake:
            wanted, latest = self._wanted, self._timeline.latest
        if changes := wanted.difference(self.space, latest):
            self._writer.add_event(EVENT_KIND, child, self.evolution.generation, changes)
            self._timeline.add(child, wanted)
        settings = self._timeline.at(child)
        proposal = self.evolution.ask(child, settings.config.tournament)
        train = settings.config.train
        if proposal.parent is None and settings.config.initial_epochs is not None:
            train = replace(train, epochs=settings.config.initial_epochs)
        return Task(
            id=child,
            generation=proposal.generation,
            parent=None if proposal.parent is None else proposal.parent.id,
            parent_genome=None if proposal.parent is None else proposal.parent.genome,
            seed=proposal.seed,
            rates=settings.rates,
            train=train,
            stream=(self.config.seed, proposal.generation),
            flops_bounds=settings.config.flops_bounds,
        )

    def _take(self, future: Future[Individual]) -> None:
        """Store a finished child before anything is made of it."""
        child = self._pending[future]
        try:
            individual = future.result()
        except Exception as error:  # the worker was lost
            individual = self._lost(child, error)
        genome = individual.genome
        self._writer.add_individual(
            individual,
            None if genome is None else self.space.encode(genome),
            None if genome is None else self.space.describe(genome),
        )
        with self._wake:
            del self._pending[future]
            self._children[child] = individual
            self._total += 1
            self._made_here += 1
            self._failed += not individual.ok
            self._wake.notify_all()

    def _lost(self, child: int, error: Exception) -> Individual:
        proposal = self.evolution.ask(child, self._timeline.at(child).config.tournament)
        parent = None if proposal.parent is None else proposal.parent.id
        origin = "initial" if parent is None else "mutation"
        reason = f"its worker was lost: {type(error).__name__}: {error}"
        return Individual(
            child, parent, proposal.generation, origin, {}, proposal.seed, FAILED, reason, None, None, 0.0
        )

    def _end_generation(self, wall_seconds: float) -> None:
        generation, children = self.evolution.generation, list(self._children.values())
        if generation == 0 and not any(child.ok for child in children):
            reason = children[0].failure if children else "none"
            raise RunError(f"every initial individual failed, so there is nothing to evolve; the first because: {reason}")
        with self._wake:  # nobody sees a generation half ended, or one that the file does not have
            self.evolution.tell(children)
            archive = self.evolution.archive
            self._writer.finish_generation(
                GenerationRecord(
                    generation=generation,
                    population=tuple(individual.id for individual in self.evolution.population),
                    front=tuple(individual.id for individual in archive),
                    hypervolume=hypervolume(archive, self.config.hypervolume),
                    best_accuracy=archive[-1].val_accuracy,
                    n_evaluated=len(children),
                    n_failed=sum(not child.ok for child in children),
                    epochs=sum(child.outcome.epochs for child in children if child.outcome),
                    wall_seconds=wall_seconds,
                )
            )
            self._first_child += len(children)
            self._children = {}
            self._step_ends_generation = False
            self._wake.notify_all()

    # ------------------------------------------------------------------ looking
    @property
    def workers(self) -> int:
        """Children trained at once."""
        return self.config.workers or machine.available_cores()

    @property
    def _expected(self) -> int:
        """Individuals of the generation in progress, by the settings at its start."""
        if self.evolution.generation == 0:
            return self.config.population
        return self._timeline.at(self._first_child).config.children

    @property
    def archive(self) -> tuple[Individual, ...]:
        """The all-time front, children of the generation in progress included, by rising FLOPs."""
        with self._wake:
            return tuple(front_of([*self.evolution.archive, *self._children.values()]))

    def snapshot(self) -> Snapshot:
        """What the search looks like now."""
        archive = self.archive
        with self._wake:
            working = time.perf_counter() - self._started if self._started else 0.0
            elapsed = self._worked_seconds + working
            left = 0 if self._is_finished else self.config.generations - self.evolution.generation
            missing = 0 if self._is_finished else self._expected - len(self._children)
            return Snapshot(
                state=self._state,
                generation=min(self.evolution.generation, self.config.generations),
                generations=self.config.generations,
                finished=len(self._children),
                expected=0 if self._is_finished else self._expected,
                total=self._total,
                total_expected=self._total + missing + left * self._wanted.config.children,
                failed=self._failed,
                in_progress=tuple(self._pending.values()),
                population=self.evolution.population,
                archive=archive,
                hypervolume=hypervolume(archive, self.config.hypervolume),
                best_accuracy=archive[-1].val_accuracy if archive else float("nan"),
                elapsed_seconds=elapsed,
                children_per_minute=60 * self._made_here / elapsed if self._made_here else 0.0,
            )

    @property
    def results(self) -> Run:
        """The run file, to read."""
        return open_run(self.path)


def attach(path: str | os.PathLike[str]) -> Search:
    """The search that writes `path` in this process, from another cell or a reopened notebook.

    Raises:
        RunError: if there is none.
    """
    search = _LIVE.get(Path(os.path.realpath(Path(path).expanduser())))
    if search is None:
        raise RunError(f"no search in this process writes {path}; read it with open_run, or go on with Search.resume")
    return search


def _length_of(run: Run) -> int:
    """How many generations a run is to have, as last asked for."""
    events = run.events
    lengths = [values["generations"] for values in events["values"][events["kind"] == LENGTH_KIND]]
    return lengths[-1] if lengths else run.config["generations"]
