"""Children on a Dask cluster, whose workers may come and go."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from concurrent.futures import Future
from typing import Any
from weakref import WeakKeyDictionary

from workbench.errors import ConfigError, RunError
from workbench.executors.child import Task
from workbench.executors.shared import Shared, forget, keep, make_shared_child
from workbench.executors.task_pool import NoWorkerError, Workers
from workbench.individuals import Individual

LOGGER = logging.getLogger(__name__)

COUNT_SECONDS = 1.0
"""How old the number of workers may be."""

CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer at first."""

RESTART_SECONDS = 10.0
"""How long a worker that hangs may take to restart before it is left alone."""


def is_dask(executor: object) -> bool:
    """Whether this is what `client.get_executor()` gives."""
    return type(executor).__module__.partition(".")[0] == "distributed" and hasattr(executor, "_client")


def connect(address: str) -> Any:
    """A client of the cluster whose scheduler is at `address`; an error if there is none, or no Dask."""
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("Dask is not installed; pip install 'neuron-workbench[dask]'") from None
    try:
        return Client(address, set_as_default=False, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise RunError(
            f"no Dask scheduler answers at {address!r} ({error}); start one with `dask scheduler`, and workers with "
            "`dask worker ADDRESS`"
        ) from error


def count_threads(client: Any) -> int:
    """Threads of all workers; `RunError` if the scheduler does not answer."""
    try:
        return sum(client.nthreads().values())
    except Exception as error:  # closed, timed out, disconnected: each raises another type
        raise NoWorkerError(
            f"the Dask scheduler does not answer ({type(error).__name__}: {error}); resume the run when it does"
        ) from error


class DaskWorkers(Workers):
    """The workers of a cluster; as many children are in training as they have threads, at any time.

    Dask itself retries a child whose worker is lost, and reports only a child that crashed several workers.
    """

    elastic = True

    def __init__(self, executor: Any, shared: Shared, limit: int | None = None) -> None:
        self._executor = executor
        self._client: Any = executor._client
        self._token, self._limit, self._numbers = shared.token, limit, itertools.count()
        self._keys: WeakKeyDictionary[Future[Individual], str] = WeakKeyDictionary()
        self._threads, self._counted = 1, float("-inf")
        if self._client.asynchronous:
            raise ConfigError("expected the executor of a Dask client that waits, got one with asynchronous=True")
        count_threads(self._client)  # fail now if there is no scheduler
        self._client.register_plugin(_shared_plugin(shared), name=self._token)

    @property
    def capacity(self) -> int:
        """Threads of the cluster, within the limit; at least 1, which then waits for a worker to come."""
        now = time.monotonic()
        if now - self._counted > COUNT_SECONDS:
            before, self._threads, self._counted = self._threads, count_threads(self._client), now
            if before and not self._threads:
                LOGGER.warning("the Dask cluster has no workers any more; waiting for some to come")
        return max(1, min(self._threads, self._limit or self._threads))

    def submit(self, task: Task) -> Future[Individual]:
        """Submit a child."""
        key = f"workbench-{self._token}-{task.id}-{next(self._numbers)}"
        try:
            future = self._executor.submit(make_shared_child, self._token, None, task, key=key, pure=False)
        except Exception as error:  # the client was closed, or the executor
            raise NoWorkerError(
                f"the Dask cluster takes no children ({type(error).__name__}: {error}); resume the run when it does"
            ) from error
        self._keys[future] = key
        return future

    def began(self, future: Future[Individual]) -> float | None:
        """0 if a worker has it, since its start is unknown."""
        return 0.0 if self._place(future) else None

    def abandon(self, future: Future[Individual]) -> None:
        """Cancel it, and restart the worker that has it, since a thread cannot be stopped."""
        place = self._place(future)
        future.cancel()
        if place is not None:
            with contextlib.suppress(Exception):  # a worker without a nanny cannot restart
                self._client.restart_workers([place], timeout=RESTART_SECONDS, raise_for_error=False)

    def after(self, error: BaseException) -> Workers:
        """The same, as long as the scheduler answers."""
        count_threads(self._client)
        return self

    def losses(self, error: BaseException) -> int:
        """Dask reports only the last of several."""
        return 1 + int(getattr(error, "allowed_failures", 0))  # of distributed.KilledWorker

    def close(self) -> None:
        """Let the cluster forget space and data."""
        with contextlib.suppress(Exception):  # a cluster that is gone has forgotten them
            self._client.unregister_worker_plugin(self._token)

    def _place(self, future: Future[Individual]) -> str | None:
        """Address of the worker that has a child."""
        key = self._keys.get(future)
        with contextlib.suppress(Exception):  # the scheduler is gone; the next loss tells
            return next((place for place, keys in self._client.processing().items() if key in keys), None)
        return None


def _shared_plugin(shared: Shared) -> Any:
    """Brings space and data to each worker of a cluster once, also to those that join later."""
    from distributed import WorkerPlugin

    class SharedPlugin(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            keep(shared)

        def teardown(self, worker: Any) -> None:
            forget(shared.token)

    return SharedPlugin()
