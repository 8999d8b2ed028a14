"""Children in threads of this process: the default, since compiled training lets go of the interpreter's lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from weakref import WeakKeyDictionary

from workbench.errors import ConfigError
from workbench.executors.child import make_child
from workbench.executors.shared import Shared
from workbench.executors.tasks import Progress, Task
from workbench.executors.workers import Workers
from workbench.individuals import Individual

CHILD_THREAD = "workbench-child"
"""What the names of the threads that train children begin with."""

Report = Callable[[Progress], None]


class CancelToken:
    """Tells one child in training to stop.

    Attributes:
        began: when it started (`time.monotonic`), or None.
        kill: called when it is told to stop, by whoever can do more than ask.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.kill: Callable[[], None] | None = None
        self._pulled = threading.Event()

    @property
    def pulled(self) -> bool:
        """Whether the child should stop."""
        return self._pulled.is_set()

    def pull(self) -> None:
        """Tell it."""
        self._pulled.set()
        if self.kill is not None:
            self.kill()


class ThreadWorkers:
    """A thread for each child, which shares the data with all others.

    A child that is abandoned stops after its epoch. If it never gets there its thread is left behind, and keeps neither
    other children nor the end of the process waiting.
    """

    isolates = True
    elastic = False
    tells = True

    def __init__(self, shared: Shared, capacity: int, report: Report | None = None) -> None:
        if capacity < 1:
            raise ConfigError(f"workers expects at least 1, got {capacity}")
        self.shared, self.capacity, self.report = shared, capacity, report
        self._reins: WeakKeyDictionary[Future[Individual], CancelToken] = WeakKeyDictionary()

    def submit(self, task: Task) -> Future[Individual]:
        """Start a thread."""
        future: Future[Individual] = Future()
        rein = self._reins[future] = CancelToken()
        name = f"{CHILD_THREAD}-{task.id}"
        threading.Thread(target=self._run, args=(future, task, rein), name=name, daemon=True).start()
        return future

    def began(self, future: Future[Individual]) -> float | None:
        """When the child started."""
        rein = self._reins.get(future)
        return rein.began if rein else 0.0

    def abandon(self, future: Future[Individual]) -> None:
        """Tell it to stop."""
        if rein := self._reins.get(future):
            rein.pull()

    def after(self, error: BaseException) -> Workers:
        """The same: a new child gets a new thread."""
        return self

    def losses(self, error: BaseException) -> int:
        """One: each child has its own."""
        return 1

    def close(self) -> None:
        """Nothing to do."""

    def _run(self, future: Future[Individual], task: Task, rein: CancelToken) -> None:
        try:
            child = self._make(task, rein)
        except BaseException as error:  # even SystemExit belongs to those who wait for the child
            future.set_exception(error)
        else:
            future.set_result(child)

    def _make(self, task: Task, rein: CancelToken) -> Individual:
        """In its thread: make the child."""
        rein.began = time.monotonic()
        watched = replace(task, report=lambda progress: self._tell(progress, rein))
        return make_child(self.shared.space, self.shared.data, watched)

    def _tell(self, progress: Progress, rein: CancelToken) -> bool:
        """Report progress, and answer whether the child should stop."""
        if self.report is not None and not rein.pulled:
            self.report(progress)
        return rein.pulled


def thread_executor(workers: int) -> Executor:
    """An executor of threads, to be shared by several searches."""
    if workers < 1:
        raise ConfigError(f"workers expects at least 1, got {workers}")
    return ThreadPoolExecutor(workers, thread_name_prefix=CHILD_THREAD)
