"""What a task pool needs of workers, wherever they are."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Future
from typing import Protocol

from workbench.errors import RunError
from workbench.executors.child import Task
from workbench.individuals import Individual


class LostWorkerError(Exception):
    """A worker ended before its child was done; part of a record, never raised to users."""


class NotTakenError(BrokenExecutor):
    """A child was not even started, so the loss is not its fault."""


class NoWorkerError(RunError):
    """No worker is available at all."""


class Workers(Protocol):
    """Threads, processes, an executor or a cluster; used by one thread.

    Attributes:
        isolates: whether a worker has one child at a time, so that its loss shows which child crashed it.
        elastic: whether `capacity` may change by itself.
        reports: whether children report their progress.
    """

    isolates: bool
    elastic: bool
    reports: bool

    @property
    def capacity(self) -> int:
        """Children that can be in training at once, now; `RunError` if there will never be room again."""
        ...

    def submit(self, task: Task) -> Future[Individual]:
        """Submit a child; an exception in the future means that its worker was lost."""
        ...

    def began(self, future: Future[Individual]) -> float | None:
        """From when its time counts at the earliest (`time.monotonic`); None if it still waits for a worker."""
        ...

    def abandon(self, future: Future[Individual]) -> None:
        """Stop a child that is no longer waited for, if possible, and free its place."""
        ...

    def after(self, error: BaseException) -> Workers:
        """The workers to use after a loss: these, or others that replace them.

        Raises:
            RunError: if there are none.
        """
        ...

    def losses(self, error: BaseException) -> int:
        """Number of workers that were lost until this error came."""
        ...

    def close(self) -> None:
        """Release everything once all children are done or abandoned, without waiting for any of them."""
        ...
