"""The children in training, and the workers that train them.

A child whose worker is lost is trained again; one that takes too long is given up.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from workbench.errors import ConfigError
from workbench.executors.child import Task
from workbench.executors.dask import DaskWorkers, count_threads, is_dask
from workbench.executors.foreign import ExecutorWorkers
from workbench.executors.processes import ProcessWorkers
from workbench.executors.shared import Shared
from workbench.executors.threads import Report, ThreadWorkers
from workbench.executors.workers import NoWorkerError, Workers
from workbench.individuals import Individual

THREADS, PROCESSES = "threads", "processes"
EXECUTORS = (THREADS, PROCESSES)
"""Executors by name."""

LOOK_SECONDS = 1.0
"""How often elastic workers are counted."""

TIME_OUT = "time-out"
LOST_WORKER = "lost worker"


@dataclass(frozen=True)
class GivenUp:
    """A child that is no longer waited for.

    Attributes:
        child: its id.
        kind: `TIME_OUT` or `LOST_WORKER`.
        reason: for its record.
    """

    child: int
    kind: str
    reason: str


@dataclass
class _Job:
    """One child in training.

    Attributes:
        task: of the child.
        losses: workers that it has crashed.
        since: when it was submitted or began, as far as is known (`clock`).
    """

    task: Task
    losses: int = 0
    since: float = 0.0


class TaskPool:
    """Children in training on workers; used by one thread, except for `dismiss`.

    A child is a pure function of its task, so one whose worker was lost is simply made again. If several children are
    lost together, nobody knows which of them crashed the worker: they are suspects, and made again one at a time.

    Args:
        workers: where children are made.
        attempts: workers that a child may crash before it is given up.
        child_seconds: how long a child may take; None for no limit.
        clock: seconds, as `time.monotonic`.
    """

    def __init__(
        self,
        workers: Workers,
        attempts: int = 3,
        child_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers, self._attempts, self._child_seconds, self._clock = workers, attempts, child_seconds, clock
        self._jobs: dict[Future[Individual], _Job] = {}
        self._suspects: deque[_Job] = deque()
        self._alarm: Future[Individual] = Future()

    @property
    def room(self) -> int:
        """How many more children may start now."""
        return 0 if self._suspects else max(0, self._workers.capacity - len(self._jobs))

    @property
    def reports(self) -> bool:
        """Whether children report their progress."""
        return self._workers.reports

    def start(self, task: Task) -> None:
        """Submit a child."""
        self._submit(_Job(task))

    def wait(self) -> list[Individual | GivenUp]:
        """Wait until something has happened; returns the children that are done or given up, perhaps none.

        Raises:
            RunError: if there are no workers to go on with.
        """
        if self._suspects and not self._jobs:
            self._submit(self._suspects.popleft())
        done, _ = wait([*self._jobs, self._alarm], self._timeout(), FIRST_COMPLETED)
        together = len(self._jobs) > 1 and not self._workers.isolates
        finished = sorted(done - {self._alarm}, key=lambda future: self._jobs[future].task.id)
        ended = [self._end(future, together) for future in finished]
        return [each for each in [*ended, *self._overdue()] if each is not None]

    def dismiss(self) -> None:
        """Wake up `wait`, from any thread; the children in training will be abandoned."""
        if not self.dismissed:
            self._alarm.set_exception(CancelledError())

    @property
    def dismissed(self) -> bool:
        """Whether `dismiss` was called."""
        return self._alarm.done()

    def close(self) -> None:
        """Abandon the children in training and release the workers, without waiting for any of them."""
        for future in self._jobs:
            self._workers.abandon(future)
        self._workers.close()

    def _submit(self, job: _Job) -> None:
        job.since = self._clock()
        self._jobs[self._workers.submit(job.task)] = job

    def _end(self, future: Future[Individual], together: bool) -> Individual | GivenUp | None:
        """The child that is done or given up; None if it is made again."""
        job = self._jobs.pop(future)
        error = CancelledError("cancelled") if future.cancelled() else future.exception()
        if error is None:
            return future.result()
        if not together:
            job.losses += self._workers.losses(error)
        self._workers = self._workers.after(error)
        if job.losses >= self._attempts:
            if isinstance(error, NoWorkerError):
                raise error
            return GivenUp(job.task.id, LOST_WORKER, _loss_reason(job.losses, error))
        if self._workers.isolates:
            self._submit(job)
        else:
            self._suspects.append(job)
        return None

    def _overdue(self) -> list[GivenUp]:
        """Give up the children that take too long."""
        given_up: list[GivenUp] = []
        if self._child_seconds is None:
            return given_up
        for future, job in list(self._jobs.items()):
            if future.done() or self._clock() - job.since < self._child_seconds:
                continue
            began = self._workers.began(future)
            job.since = self._clock() if began is None else max(job.since, began)  # waiting for a worker does not count
            if self._clock() - job.since >= self._child_seconds:
                del self._jobs[future]
                self._workers.abandon(future)
                given_up.append(GivenUp(job.task.id, TIME_OUT, f"took longer than {self._child_seconds:g} s"))
        return given_up

    def _timeout(self) -> float | None:
        """Seconds after which to look at workers or time limits even if no child has finished; None for no limit."""
        waits = [LOOK_SECONDS] if self._workers.elastic else []
        if self._child_seconds is not None and self._jobs:
            first = min(job.since for job in self._jobs.values())
            waits.append(max(0.0, first + self._child_seconds - self._clock()))
        return min(waits, default=None)


def _loss_reason(losses: int, error: BaseException) -> str:
    times = "" if losses == 1 else f" {losses} times, the last time"
    return f"its worker was lost{times}: {type(error).__name__}: {error}"


def check_executor(executor: Executor | str | None) -> None:
    """Raise `ConfigError` unless children can be made with it."""
    if executor is not None and executor not in EXECUTORS and not isinstance(executor, Executor):
        raise ConfigError(
            f"executor expects {' or '.join(map(repr, EXECUTORS))} or a concurrent.futures.Executor (of Dask: "
            f"client.get_executor()), got {executor!r}"
        )


def start_workers(executor: Executor | str | None, shared: Shared, limit: int | None, report: Report) -> Workers:
    """The workers of a search.

    Args:
        executor: "threads" (also if None), "processes", or any `concurrent.futures.Executor`.
        shared: the search's space and data.
        limit: children trained at once; None for as many as there is room for.
        report: called with the progress of children, by threads and processes of our own.

    Raises:
        ConfigError: if `executor` is none of these.
        RunError: if they cannot be started.
    """
    check_executor(executor)
    if executor is None or executor == THREADS:
        return ThreadWorkers(shared, capacity_of(executor, limit), report)
    if executor == PROCESSES:
        return ProcessWorkers(shared, capacity_of(executor, limit), report)
    assert isinstance(executor, Executor)
    if is_dask(executor):
        return DaskWorkers(executor, shared, limit)
    return ExecutorWorkers(executor, shared, capacity_of(executor, limit))


def capacity_of(executor: Executor | str | None, limit: int | None) -> int:
    """Children trained at once: the limit, else what the executor has room for, else one per core."""
    if limit is not None:
        return limit
    if is_dask(executor):
        client: Any = getattr(executor, "_client")  # noqa: B009 - Dask gives no other way to it
        return max(1, count_threads(client))
    own = getattr(executor, "_max_workers", None)  # of the executors of the standard library
    return own if isinstance(own, int) and own > 0 else available_cores()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
