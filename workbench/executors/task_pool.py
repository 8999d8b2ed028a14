"""The children in training, and the workers that train them: by default threads of this process.

A child whose worker is lost is trained again; one that takes too long is given up.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from workbench.errors import ConfigError, RunError
from workbench.executors.child import Progress, Task, make_child
from workbench.executors.shared import Shared
from workbench.individuals import Individual

LOGGER = logging.getLogger(__name__)

CHILD_THREAD = "workbench-child"
"""Prefix of the names of threads that train children."""

LOOK_SECONDS = 1.0
"""How often elastic workers are counted."""

TIME_OUT = "time-out"
LOST_WORKER = "lost worker"

Report = Callable[[Progress], None]


class LostWorkerError(Exception):
    """A worker ended before its child was done; part of a record, never raised to users."""


class NotTakenError(BrokenExecutor):
    """A child was not even started, so the loss is not its fault."""


class NoWorkerError(RunError):
    """No worker is available at all."""


class Workers(ABC):
    """Threads, processes, an executor or a cluster; used by one thread."""

    isolates = False  # whether a worker has one child at a time, so that its loss shows which child crashed it
    elastic = False  # whether `capacity` may change by itself
    reports = False  # whether children report their progress

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Children that can be in training at once, now; `RunError` if there will never be room again."""

    @abstractmethod
    def submit(self, task: Task) -> Future[Individual]:
        """Submit a child; an exception in the future means that its worker was lost."""

    @abstractmethod
    def began(self, future: Future[Individual]) -> float | None:
        """From when its time counts at the earliest (`time.monotonic`); None if it still waits for a worker."""

    @abstractmethod
    def abandon(self, future: Future[Individual]) -> None:
        """Stop a child that is no longer waited for, if possible, and free its place."""

    def after(self, error: BaseException) -> Workers:
        """The workers to use after a loss: these, or others that replace them; `RunError` if there are none."""
        return self

    def losses(self, error: BaseException) -> int:
        """Number of workers that were lost until this error came."""
        return 1

    @abstractmethod
    def close(self) -> None:
        """Release everything once all children are done or abandoned, without waiting for any of them."""


@dataclass(eq=False)
class CancelToken:
    """Tells one child in training to stop."""

    began: float | None = None  # when it started (`time.monotonic`)
    cancelled: bool = False
    kill: Callable[[], None] | None = None  # called on `cancel`, if somebody can do more than ask

    def cancel(self) -> None:
        """Tell the child to stop."""
        self.cancelled = True
        if self.kill is not None:
            self.kill()


class ThreadWorkers(Workers):
    """A thread for each child: the default, since compiled training releases the interpreter's lock.

    A child that is abandoned stops after its epoch. If it never gets there its thread is left behind, and keeps neither
    other children nor the end of the process waiting.
    """

    isolates = True
    reports = True
    capacity = 0  # set by each

    def __init__(self, shared: Shared, capacity: int, report: Report | None = None) -> None:
        if capacity < 1:
            raise ConfigError(f"workers expects at least 1, got {capacity}")
        self.shared, self.capacity, self.report = shared, capacity, report
        self._tokens: WeakKeyDictionary[Future[Individual], CancelToken] = WeakKeyDictionary()

    def submit(self, task: Task) -> Future[Individual]:
        """Start a thread."""
        future: Future[Individual] = Future()
        token = self._tokens[future] = CancelToken()
        name = f"{CHILD_THREAD}-{task.id}"
        threading.Thread(target=self._run, args=(future, task, token), name=name, daemon=True).start()
        return future

    def began(self, future: Future[Individual]) -> float | None:
        """When the child started."""
        token = self._tokens.get(future)
        return token.began if token else 0.0

    def abandon(self, future: Future[Individual]) -> None:
        """Cancel it."""
        if token := self._tokens.get(future):
            token.cancel()

    def close(self) -> None:
        """Nothing to do."""

    def _run(self, future: Future[Individual], task: Task, token: CancelToken) -> None:
        try:
            child = self._make(task, token)
        except BaseException as error:  # even SystemExit goes to whoever waits for the child
            future.set_exception(error)
        else:
            future.set_result(child)

    def _make(self, task: Task, token: CancelToken) -> Individual:
        """Make the child, in its thread."""
        token.began = time.monotonic()
        watched = replace(task, report=lambda progress: self._report(progress, token))
        return make_child(self.shared.space, self.shared.data, watched)

    def _report(self, progress: Progress, token: CancelToken) -> bool:
        """Report progress, and return whether the child should stop."""
        if self.report is not None and not token.cancelled:
            self.report(progress)
        return token.cancelled


@dataclass(frozen=True)
class GivenUp:
    """A child that is no longer waited for."""

    child: int
    kind: str  # `TIME_OUT` or `LOST_WORKER`
    reason: str  # for its record


@dataclass
class _Job:
    """One child in training."""

    task: Task
    losses: int = 0  # workers that it has crashed
    since: float = 0.0  # when it was submitted or began, as far as is known (`clock`)


class TaskPool:
    """Children in training on workers; used by one thread, except for `dismiss`.

    A child is a pure function of its task, so one whose worker was lost is simply made again. If several children are
    lost together, nobody knows which of them crashed the worker: they are suspects, and made again one at a time.
    A child is given up once it has crashed `attempts` workers, or has taken `child_seconds`.
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
        LOGGER.warning("child %d lost its worker and is made again: %s", job.task.id, " ".join(str(error).split()))
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
