"""The children in training: sent again when their worker is lost, given up when they take too long."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass

from workbench.executors.tasks import Task
from workbench.executors.workers import NoWorkerError, Workers
from workbench.individuals import Individual

LOOK_SECONDS = 1.0
"""How often workers that come and go are counted."""

TIME_OUT = "time-out"
LOST_WORKER = "lost worker"


@dataclass(frozen=True)
class GivenUp:
    """A child that nobody waits for any more.

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
    """One child: how often its worker was lost through it, and since when it may be training."""

    task: Task
    losses: int = 0
    since: float = 0.0


class TaskPool:
    """Children on workers; used by one thread, but for `dismiss`.

    A child is a pure function of its task, so one whose worker was lost is simply made again. Where several children
    are lost together, it cannot be told which of them was to blame: they are suspects, and made again one at a time.

    Args:
        workers: who make the children.
        attempts: workers that a child may take down before it is given up.
        child_seconds: how long a child may take; None for as long as it likes.
    """

    def __init__(self, workers: Workers, attempts: int = 3, child_seconds: float | None = None) -> None:
        self._workers, self._attempts, self._child_seconds = workers, attempts, child_seconds
        self._jobs: dict[Future[Individual], _Job] = {}
        self._suspects: deque[_Job] = deque()
        self._alarm: Future[Individual] = Future()

    @property
    def room(self) -> int:
        """How many more children may start now."""
        return 0 if self._suspects else max(0, self._workers.capacity - len(self._jobs))

    @property
    def tells(self) -> bool:
        """Whether children report how far they are."""
        return self._workers.tells

    def start(self, task: Task) -> None:
        """Have a child made."""
        self._submit(_Job(task))

    def wait(self) -> list[Individual | GivenUp]:
        """Wait until something has happened; returns the children that are made or given up, perhaps none.

        Raises:
            RunError: if there are no workers to go on with.
        """
        if self._suspects and not self._jobs:
            self._submit(self._suspects.popleft())
        done, _ = wait([*self._jobs, self._alarm], self._patience(), FIRST_COMPLETED)
        together = len(self._jobs) > 1 and not self._workers.isolates
        finished = sorted(done - {self._alarm}, key=lambda future: self._jobs[future].task.id)
        ended = [self._end(future, together) for future in finished]
        return [each for each in [*ended, *self._overdue()] if each is not None]

    def dismiss(self) -> None:
        """From any thread: wake up who waits, for there will be no more of it."""
        if not self.dismissed:
            self._alarm.set_exception(CancelledError())

    @property
    def dismissed(self) -> bool:
        """Whether `dismiss` was called."""
        return self._alarm.done()

    def close(self) -> None:
        """Abandon the children in training and give the workers free; waits for none of them."""
        for future in self._jobs:
            self._workers.abandon(future)
        self._workers.close()

    def _submit(self, job: _Job) -> None:
        job.since = time.monotonic()
        self._jobs[self._workers.submit(job.task)] = job

    def _end(self, future: Future[Individual], together: bool) -> Individual | GivenUp | None:
        """The child that is made, or given up; None if it is to be made again."""
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
            return GivenUp(job.task.id, LOST_WORKER, _in_words(job.losses, error))
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
            if future.done() or time.monotonic() - job.since < self._child_seconds:
                continue
            began = self._workers.began(future)
            job.since = time.monotonic() if began is None else max(job.since, began)  # waiting for a worker is no work
            if time.monotonic() - job.since >= self._child_seconds:
                del self._jobs[future]
                self._workers.abandon(future)
                given_up.append(GivenUp(job.task.id, TIME_OUT, f"took longer than {self._child_seconds:g} s"))
        return given_up

    def _patience(self) -> float | None:
        """Seconds until there is something to look at, whatever the children do."""
        waits = [LOOK_SECONDS] if self._workers.elastic else []
        if self._child_seconds is not None and self._jobs:
            first = min(job.since for job in self._jobs.values())
            waits.append(max(0.0, first + self._child_seconds - time.monotonic()))
        return min(waits, default=None)


def _in_words(losses: int, error: BaseException) -> str:
    times = "" if losses == 1 else f" {losses} times, the last time"
    return f"its worker was lost{times}: {type(error).__name__}: {error}"
