"""The thread of a search: generation after generation, children are proposed, made by a pool, stored and ranked."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from workbench.errors import RunError
from workbench.executors import GivenUp, Progress, Shared, TaskPool, one_thread_each, start_workers
from workbench.individuals import Individual
from workbench.search import log
from workbench.search.observed import Observed
from workbench.store import Event, RunWriter


class Loop(Observed):
    """The half of `Search` that works."""

    data: Any
    _ticks: Iterator[int]
    _writer: RunWriter
    _credits: int
    _step_ends_generation: bool
    _pool: TaskPool | None

    def follow(self, events: Sequence[Event], guest: Callable[[int], Individual], last: int) -> None:
        """Make a stored run again up to generation `last`, before anything is made; `replay` does all of it.

        Args:
            events: what happened to the run from outside.
            guest: makes an individual that was put in by hand again, by its id.
            last: the last generation.
        """
        with self._wake:
            self._known.follow(events, guest, last)

    def _work(self) -> None:
        """Search until the end, or until told to stop; what goes wrong is kept for `join`."""
        self._started = time.perf_counter()
        try:
            self._writer.set_state("running")
            with one_thread_each(), self._hired() as pool:
                while not self._known.is_finished and self._make_generation(pool):
                    pass
            with self._wake:
                self._set_state("finished" if self._known.is_finished else "stopped")
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
            if self._state in ("finished", "failed"):
                self._writer.close()

    @contextlib.contextmanager
    def _hired(self) -> Iterator[TaskPool]:
        """Those who make the children, for as long as they are needed."""
        workers = start_workers(self._executor, Shared.of(self.space, self.data), self.config.workers, self._report)
        pool = TaskPool(workers, self.config.attempts, self.config.child_seconds)
        with self._wake:
            self._pool = pool
        try:
            yield pool
        finally:
            with self._wake:
                self._pool = None
                self._pending.clear()
                self._working.clear()
            pool.close()

    def _make_generation(self, pool: TaskPool) -> bool:
        """Make the children that are missing of this generation, then rank; False if it was stopped."""
        started = time.perf_counter()
        made: deque[Individual | GivenUp] = deque()
        while self._todo() or self._pending:
            try:
                self._start_what_may(pool)
            except BaseException:  # what is made already is not lost with it
                for result in made:
                    self._take(result)
                raise
            if made:  # stored while workers are busy with the next
                self._take(made.popleft())
            elif self._pending and not pool.dismissed:
                made.extend(pool.wait())
            elif pool.dismissed or (self._todo() and not self._wait_for_leave()):
                return False
        with self._wake:  # nobody sees a generation half ended, or one that the file does not have
            self._known.end_generation(time.perf_counter() - started)
            self._step_ends_generation = False
            self._changed()
            self._wake.notify_all()
        return True

    def _start_what_may(self, pool: TaskPool) -> None:
        """Start children of this generation, as many as there are workers for."""
        while (todo := self._todo()) and pool.room and self._may_start():
            self._start(todo[0], pool)

    def _todo(self) -> list[int]:
        """Children of this generation still to be started."""
        return [child for child in self._known.missing() if child not in self._pending]

    def _may_start(self) -> bool:
        """Whether another child may start now; spends a step if stepping."""
        with self._wake:
            if self._state == "running" or (self._state == "paused" and self._step_ends_generation):
                return True
            if self._state == "paused" and self._credits:
                self._credits -= 1
                return True
            return False

    def _wait_for_leave(self) -> bool:
        """Wait while paused; False if the search is to stop."""
        with self._wake:
            if self._state == "stopped":
                return False
            self._idle_since = time.perf_counter()
            self._wake.wait_for(lambda: self._state != "paused" or self._credits or self._step_ends_generation)
            self._started += time.perf_counter() - self._idle_since  # pauses are no work
            self._idle_since = 0.0
            return True

    def _start(self, child: int, pool: TaskPool) -> None:
        """Have a child made, unless it was given up before the search was interrupted."""
        with self._wake:
            task = self._known.propose(child)
            if self._known.follow_event(task):
                self._count(child)
                return
            self._pending.add(child)
            if pool.tells:
                self._working[child] = Progress.at_start(task)
            self._changed()
        pool.start(task)

    def _report(self, progress: Progress) -> None:
        """A child in training has come further; called in a thread of its own."""
        with self._wake:
            if progress.child in self._pending:
                self._working[progress.child] = progress
                self._changed()

    def _take(self, result: Individual | GivenUp) -> None:
        """Store a finished child before anything is made of it."""
        with self._wake:
            if isinstance(result, GivenUp):
                self._known.give_up(result.child, result.kind, result.reason)
                self._count(result.child)
            else:
                self._known.take(result)
                self._count(result.id)

    def _count(self, child: int) -> None:
        """One child more is done."""
        self._pending.discard(child)
        self._working.pop(child, None)
        self._made_here += 1
        self._changed()
        self._wake.notify_all()

    def _set_state(self, state: str) -> None:
        self._state = state
        log.state_changed(self.path, state, self._error)
        self._changed()
        self._wake.notify_all()

    def _changed(self) -> None:
        """Tell those who watch that something is new."""
        self._version = next(self._ticks)
