"""What a crew asks of those who make the children, wherever they are."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Future
from typing import Protocol

from workbench.errors import RunError
from workbench.executors.tasks import Task
from workbench.individuals import Individual


class LostWorkerError(Exception):
    """A worker ended before its child was made. Becomes part of a record; never raised to users."""


class NotTakenError(BrokenExecutor):
    """A child was not even begun, so the loss is not its fault."""


class NoWorkerError(RunError):
    """No worker can be had at all."""


class Workers(Protocol):
    """Threads, processes, an executor or a cluster; used by one thread.

    Attributes:
        isolates: whether a worker has one child at a time, so that its loss tells which child was to blame.
        elastic: whether `capacity` may change by itself.
        tells: whether children report how far they are.
    """

    isolates: bool
    elastic: bool
    tells: bool

    @property
    def capacity(self) -> int:
        """Children that can be in training at once, now. `RunError` if there will never be room again."""
        ...

    def submit(self, task: Task) -> Future[Individual]:
        """Have a child made; an exception in the future means that its worker was lost."""
        ...

    def began(self, future: Future[Individual]) -> float | None:
        """From when its time counts at the earliest (`time.monotonic`); None if it still waits for a worker."""
        ...

    def abandon(self, future: Future[Individual]) -> None:
        """Nobody waits for this child any more: stop it if that can be done, and see that its place gets free."""
        ...

    def after(self, error: BaseException) -> Workers:
        """Those to go on with after a loss: mostly these, or others in their place.

        Raises:
            RunError: if it is impossible to go on.
        """
        ...

    def losses(self, error: BaseException) -> int:
        """How many workers were lost until this error came."""
        ...

    def close(self) -> None:
        """Children in training were abandoned or are done: give everything free, without waiting for any of them."""
        ...
