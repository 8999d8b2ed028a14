"""The thread of a search: generation after generation, it proposes children, has them trained, stores and ranks them.

The initial population is generation 0; a child that fails is stored, not ranked:

    until all generations are ranked (or the budget is spent):
        for each child of the generation, as workers get free:
            propose   tournament -> parent, one task for a free worker, which mutates and trains
            store     the finished child, before anything follows from it
        rank          add the children, remove as many, rank again
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from workbench.errors import RunError
from workbench.executors import (
    GivenUp,
    Launch,
    Progress,
    Shared,
    Task,
    TaskPool,
    launch_size,
    one_thread_each,
    start_workers,
)
from workbench.individuals import Individual
from workbench.search.history import log_state
from workbench.search.snapshot import Snapshot, make_snapshot
from workbench.search.state import SearchState
from workbench.training import compiling


class Runner:
    """Runs a search in a thread of its own; all methods may be called from any thread."""

    def __init__(self, state: SearchState, data: Any, executor: Executor | str | None) -> None:
        # Guards all of this and `state`; notified when the search may go on, or something has been stored.
        self.lock = threading.Condition()
        self.status = "finished" if state.is_finished else "idle"  # a state of `Snapshot`
        self.error: BaseException | None = None  # why the search failed
        self.version = 0  # changes whenever anything has changed
        self._pending: set[int] = set()  # ids of the children in training
        self._working: dict[int, Progress] = {}  # how far they are, if the executor reports it
        self._finished_here = 0  # children finished in this process
        self._state, self._data, self._executor = state, data, executor
        self._ended = threading.Event()  # no thread is at work. `Thread.join` would not do: interrupted, it may
        self._ended.set()  # take a thread that goes on for one that has ended (Python 3.11 and 3.12)
        self._tasks: TaskPool | None = None
        self._steps = 0.0  # children that may start while paused
        self._versions = itertools.count(1)
        self._started = self._paused_at = self._worked_seconds = 0.0

    # ------------------------------------------------------------------ control
    def go(self, status: str, owner: object, steps: float = 0) -> None:
        """Be "running", or "paused" after `steps` children (inf: all of the generation); starts a thread if needed.

        `owner` is kept alive until the thread ends, so that a search goes on, and can be found, though nobody holds it.
        """
        if self.status == "stopped":
            self.join()
        with self.lock:
            if self.status in ("finished", "failed"):
                return
            self._steps = steps
            self._set_status(status)
            if self._ended.is_set():
                self._ended.clear()
                threading.Thread(target=self._search, args=(owner,), name="workbench-search", daemon=True).start()

    def stop(self, *, now: bool) -> None:
        """End the thread; `now`: without waiting for the children in training."""
        with self.lock:
            if self.status in ("running", "paused"):
                self._set_status("stopped")
            if now and self._tasks is not None:
                self._tasks.dismiss()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; returns whether it has. Raises the error that made the search fail."""
        if not self._ended.wait(timeout):
            return False
        if self.error is not None:
            raise self.error
        return True

    def extend(self, generations: int | None) -> None:
        """Make the run longer; one that was finished is then stopped, and may go on."""
        with self.lock:
            self.lock.wait_for(lambda: self.status != "finished" or self._ended.is_set())  # until its file is released
            if self.status == "failed":
                raise RunError(f"the search in {self._state.writer.path} has failed; go on with Search.resume(path)")
            self._state.extend(generations)
            if self.status == "finished":
                self._set_status("stopped")
            self.mark_changed()

    def mark_changed(self) -> None:
        """Give out a new version."""
        self.version = next(self._versions)

    def snapshot(self) -> Snapshot:
        """The search as it looks now."""
        state, config = self._state, self._state.config
        with self.lock:
            now = self._paused_at or time.perf_counter()
            here = self._worked_seconds + (now - self._started if self._started else 0.0)
            return make_snapshot(
                state.history,
                state.archive,
                config.hypervolume,
                state=self.status,
                generation=state.generation,
                generations=config.generations,
                finished=len(state.children),
                expected=0 if state.is_finished else state.expected,
                total=state.total,
                total_expected=state.total_expected,
                failed=state.failed,
                in_progress=tuple(sorted(self._pending)),
                population=state.evolution.population,
                elapsed_seconds=state.earlier_seconds + here,
                children_per_minute=60 * self._finished_here / here if self._finished_here else 0.0,
                version=self.version,
                working=tuple(self._working[child] for child in sorted(self._working)),
                current=state.current,
                compiling=compiling.progress(),
                error=None if self.error is None else f"{type(self.error).__name__}: {self.error}",
            )

    def _set_status(self, status: str) -> None:
        self.status = status
        log_state(self._state.writer.path, status, self.error)
        self.mark_changed()
        self.lock.notify_all()

    # ------------------------------------------------------------------ the thread
    def _search(self, owner: object) -> None:
        """What the thread does."""
        try:
            self._run()
        finally:
            with self.lock:
                self._ended.set()
                self.lock.notify_all()

    def _run(self) -> None:
        """Search until the end, or until told to stop; an error is kept for `join`."""
        writer = self._state.writer
        self._started = time.perf_counter()
        try:
            writer.set_state("running")
            while not self._is_over():
                with one_thread_each(), self._workers() as tasks:
                    while not self._state.is_finished and self._run_generation(tasks):
                        pass
            writer.set_state(self.status)
        except BaseException as error:
            with contextlib.suppress(RunError):  # if the file is the reason
                writer.set_state("failed")
            with self.lock:
                self.error = error
                self._set_status("failed")
        finally:
            self._worked_seconds += time.perf_counter() - self._started
            self._started = 0.0
            if self.status in ("finished", "failed"):
                writer.close()

    def _is_over(self) -> bool:
        """Whether the thread has nothing more to do: the run is finished (and not made longer since), or stopped."""
        with self.lock:
            if not self._state.is_finished and self.status != "stopped":
                return False
            self._set_status("finished" if self._state.is_finished else "stopped")
            return True

    @contextlib.contextmanager
    def _workers(self) -> Iterator[TaskPool]:
        """The workers, for as long as they are needed."""
        config, shared = self._state.config, Shared(self._state.space, self._data)
        workers = start_workers(self._executor, shared, config.workers, self._report)
        tasks = TaskPool(workers, config.attempts, config.child_seconds)
        with self.lock:
            self._tasks = tasks
        try:
            yield tasks
        finally:
            with self.lock:
                self._tasks = None
                self._pending.clear()
                self._working.clear()
            tasks.close()

    def _run_generation(self, tasks: TaskPool) -> bool:
        """Make the missing children of this generation, then rank; False if the search was stopped."""
        started = time.perf_counter()
        done: deque[Individual | GivenUp] = deque()
        while self._unstarted() or self._pending:
            try:
                self._propose(tasks)
            except BaseException:  # children that are done are not lost with it
                for result in done:
                    self._store(result)
                raise
            if done:  # stored while workers train the next
                self._store(done.popleft())
            elif self._pending and not tasks.dismissed:
                done.extend(tasks.wait())
            elif tasks.dismissed or (self._unstarted() and not self._wait_while_paused()):
                return False
        self._rank(time.perf_counter() - started)
        return True

    def _unstarted(self) -> list[int]:
        """Children of this generation still to be started."""
        return [child for child in self._state.missing() if child not in self._pending]

    def _propose(self, tasks: TaskPool) -> None:
        """Propose a child, with those that are trained together with it, for each free worker."""
        while (unstarted := self._unstarted()) and tasks.room and self._may_start():
            first = self._proposed(unstarted[0], tasks.reports)
            others = [self._proposed(child, tasks.reports) for child in self._companions(unstarted[0])]
            begun = [task for task in (first, *others) if task is not None]
            if len(begun) > 1:
                launch = Launch(self._state.space, [task.id for task in begun])
                begun = [replace(task, launch=launch) for task in begun]
            for task in begun:
                tasks.start(task)

    def _companions(self, child: int) -> list[int]:
        """The others of its launch, by their ids.

        Those that are stored already, when the search was interrupted meanwhile, are trained again, and not stored
        again: without them the last bits of the others would be different ones.
        """
        state, size = self._state, launch_size(self._state.space)
        place = (child - state.first_child) // size
        ids = sorted({*self._unstarted(), *state.children} - {child})
        return [id for id in ids if (id - state.first_child) // size == place and id not in state.failure_reasons]

    def _proposed(self, child: int, reports: bool) -> Task | None:
        """The task of a child to be started; None if it has failed before the search was interrupted."""
        with self.lock:
            task = self._state.propose(child)
            if child in self._state.children:
                return task
            if self._state.add_if_failed(task):
                self._count(child)
                return None
            self._pending.add(child)
            if reports:
                self._working[child] = Progress.at_start(task)
            self.mark_changed()
            return task

    def _may_start(self) -> bool:
        """Whether another child may start now; uses up a step while paused."""
        with self.lock:
            if self.status == "running":
                return True
            if self.status == "paused" and self._steps:
                self._steps -= 1
                return True
            return False

    def _wait_while_paused(self) -> bool:
        """Wait while paused; False if the search is to stop."""
        with self.lock:
            if self.status == "stopped":
                return False
            self._paused_at = time.perf_counter()
            self.lock.wait_for(lambda: self.status != "paused" or self._steps)
            self._started += time.perf_counter() - self._paused_at
            self._paused_at = 0.0
            return True

    def _report(self, progress: Progress) -> None:
        """Note the progress of a child in training; called from other threads."""
        with self.lock:
            if progress.child in self._pending:
                self._working[progress.child] = progress
                self.mark_changed()

    def _store(self, result: Individual | GivenUp) -> None:
        """Store a finished child, unless it was trained for the sake of others."""
        with self.lock:
            if isinstance(result, GivenUp):
                if result.child in self._pending:
                    self._state.add_failed(result.child, result.kind, result.reason)
                    self._count(result.child)
            elif result.id in self._pending:
                self._state.add(result)
                self._count(result.id)

    def _count(self, child: int) -> None:
        self._pending.discard(child)
        self._working.pop(child, None)
        self._finished_here += 1
        self.mark_changed()
        self.lock.notify_all()

    def _rank(self, wall_seconds: float) -> None:
        with self.lock:  # nobody sees a generation half ended, or one that the file does not have
            self._state.end_generation(wall_seconds)
            if self._steps == math.inf:
                self._steps = 0
            self.mark_changed()
            self.lock.notify_all()
