"""Children in threads of this process: the default, since compiled training releases the interpreter's lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from weakref import WeakKeyDictionary

from workbench.errors import ConfigError
from workbench.executors.child import Progress, Task, make_child
from workbench.executors.shared import Shared
from workbench.executors.workers import Workers
from workbench.individuals import Individual

CHILD_THREAD = "workbench-child"
"""Prefix of the names of threads that train children."""

Report = Callable[[Progress], None]


class CancelToken:
    """Tells one child in training to stop.

    Attributes:
        began: when it started (`time.monotonic`), or None.
        kill: called on `cancel`, if somebody can do more than ask.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.kill: Callable[[], None] | None = None
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the child should stop."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Tell the child to stop."""
        self._cancelled.set()
        if self.kill is not None:
            self.kill()


class ThreadWorkers:
    """A thread for each child, which shares the data with all others.

    A child that is abandoned stops after its epoch. If it never gets there its thread is left behind, and keeps neither
    other children nor the end of the process waiting.
    """

    isolates = True
    elastic = False
    reports = True

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

    def after(self, error: BaseException) -> Workers:
        """The same: a new child gets a new thread."""
        return self

    def losses(self, error: BaseException) -> int:
        """One: each child has its own."""
        return 1

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
