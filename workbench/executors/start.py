"""The workers of a search: threads, processes, a cluster, or any `concurrent.futures.Executor` that a user passes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from workbench.errors import ConfigError
from workbench.executors.child import Task
from workbench.executors.dask import DaskWorkers, count_threads, is_dask
from workbench.executors.processes import GUARD, ProcessWorkers
from workbench.executors.shared import Shared, SharedMissingError, forget, keep, make_shared_child
from workbench.executors.task_pool import LostWorkerError, NotTakenError, NoWorkerError, Report, ThreadWorkers, Workers
from workbench.executors.together import launch_size
from workbench.individuals import Individual
from workbench.space import NeedsMachine

THREADS, PROCESSES = "threads", "processes"
EXECUTORS = (THREADS, PROCESSES)
"""Executors by name."""

START_SECONDS = 60.0
"""How long the workers of an executor may take to start."""


class ExecutorWorkers(Workers):
    """The workers of an executor, which is used but never shut down.

    An executor does not say when a child begins, so the first children get `START_SECONDS` more time.

    Space and data stay here until a worker reports that it lacks them. Then they are written to files, once, for all
    workers of this machine; a worker that cannot read these files gets them with its next child.

    A broken process pool cannot be repaired, so processes of our own replace it.
    """

    def __init__(self, executor: Executor, shared: Shared, capacity: int) -> None:
        self._executor, self.shared, self._capacity = executor, shared, capacity
        self._sent: WeakKeyDictionary[Future[Individual], Future[Individual]] = WeakKeyDictionary()
        self._stuck: list[Future[Individual]] = []
        self._first: WeakKeyDictionary[Future[Individual], float] = WeakKeyDictionary()
        self._submitted = 0
        self._files: tempfile.TemporaryDirectory[str] | None = None
        keep(shared)

    @property
    def capacity(self) -> int:
        """Workers that are not stuck with a child that was given up."""
        self._stuck = [future for future in self._stuck if not future.done()]
        free = self._capacity - len(self._stuck)
        if free < 1:
            raise NoWorkerError(
                f"all {self._capacity} workers of {type(self._executor).__name__} are stuck with children that took "
                "too long, and an executor cannot stop them; go on with executor='processes', which can"
            )
        return free

    def submit(self, task: Task) -> Future[Individual]:
        """Submit a child."""
        future: Future[Individual] = Future()
        if self._submitted < self._capacity:
            self._first[future] = time.monotonic() + START_SECONDS
        self._submitted += 1
        self._send(future, task, self._files.name if self._files else None)
        return future

    def began(self, future: Future[Individual]) -> float | None:
        """0 if it runs, since its start is unknown; for the first children a time in the future."""
        sent = self._sent.get(future)
        if sent is not None and not sent.running() and not sent.done():
            return None
        return self._first.get(future, 0.0)

    def abandon(self, future: Future[Individual]) -> None:
        """Cancel it if it waits; else kill the process pool, or count one worker of another executor as lost."""
        sent = self._sent.get(future)
        if sent is None or sent.cancel() or sent.done():
            return
        if isinstance(self._executor, ProcessPoolExecutor):
            for process in list((self._executor._processes or {}).values()):
                process.kill()
        else:
            self._stuck.append(sent)

    def after(self, error: BaseException) -> Workers:
        """Processes of our own to replace a broken process pool."""
        if not isinstance(error, BrokenExecutor):
            return self
        if not isinstance(self._executor, ProcessPoolExecutor):
            raise NoWorkerError(
                f"{type(self._executor).__name__} is broken ({error}); resume the run with a new executor"
            ) from error
        self.close()
        return ProcessWorkers(self.shared, self._capacity, context=getattr(self._executor, "_mp_context"))  # noqa: B009

    def losses(self, error: BaseException) -> int:
        """One, or none if the executor was broken before."""
        return 0 if isinstance(error, NotTakenError) else 1

    def close(self) -> None:
        """Forget space and data."""
        forget(self.shared.token)
        if self._files:
            with contextlib.suppress(OSError):
                self._files.cleanup()
            self._files = None

    def _send(self, future: Future[Individual], task: Task, source: str | bytes | None) -> None:
        """Submit the child with a source of space and data, as `make_shared_child` takes it."""
        try:
            sent = self._executor.submit(make_shared_child, self.shared.token, source, task)
        except BrokenExecutor as error:
            future.set_exception(NotTakenError(str(error)))
            return
        except RuntimeError as error:
            raise NoWorkerError(
                f"{type(self._executor).__name__} takes no children ({error}); resume the run with one that is open"
            ) from error
        self._sent[future] = sent
        sent.add_done_callback(partial(self._received, future, task, source))

    def _received(
        self, future: Future[Individual], task: Task, source: str | bytes | None, sent: Future[Individual]
    ) -> None:
        """Pass a result on, or submit the child again with what its worker lacks: first as files, then as bytes."""
        error = CancelledError() if sent.cancelled() else sent.exception()
        try:
            if isinstance(error, SharedMissingError):
                if isinstance(source, bytes):
                    raise LostWorkerError("its worker got space and data and reports that it has none")
                return self._send(future, task, self._written() if source is None else self.shared.to_bytes())
        except Exception as problem:  # cannot be sent, no room for files, ...
            error = problem
        if error is None:
            future.set_result(sent.result())
        else:
            future.set_exception(error)

    def _written(self) -> str:
        """The folder with space and data, written on the first call."""
        if self._files is None:
            files = tempfile.TemporaryDirectory(prefix="workbench-", ignore_cleanup_errors=True)
            self.shared.save(Path(files.name))
            self._files = files
        return self._files.name


def check_executor(executor: Executor | str | None, space: Any) -> None:
    """Raise `ConfigError` unless children of a search space can be made with it, in this process."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing itself finds out
        raise ConfigError(f"a worker process began a search while it imported the script that it belongs to. {GUARD}")
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if executor == PROCESSES and script is not None and not os.path.exists(script):
        raise ConfigError(
            f"executor='processes' expects a script that worker processes can import, got one from {script}; save it "
            "in a file, or use executor='threads'"
        )
    if executor == PROCESSES and script is None and type(space).__module__ == "__main__":
        raise ConfigError(
            "executor='processes' expects a search space that worker processes can import, got one whose class is "
            "defined in a notebook; put it into a module, or use executor='threads'"
        )
    if launch_size(space) > 1 and executor not in (None, THREADS):
        raise ConfigError(
            f"space.together={launch_size(space)} expects executor='threads', since children that are trained together "
            f"share a process, got {executor!r}; leave the executor out, or use space.together=1"
        )
    if isinstance(space, NeedsMachine) and not is_dask(executor):
        space.check_machine()
    if executor is not None and executor not in EXECUTORS and not isinstance(executor, Executor):
        raise ConfigError(
            f"executor expects {' or '.join(map(repr, EXECUTORS))} or a concurrent.futures.Executor (of Dask: "
            f"client.get_executor()), got {executor!r}"
        )


def start_workers(executor: Executor | str | None, shared: Shared, limit: int | None, report: Report) -> Workers:
    """The workers of a search: at most `limit`, which report progress if they are threads or processes of our own."""
    check_executor(executor, shared.space)
    if executor is None or executor == THREADS:
        return ThreadWorkers(shared, capacity_of(executor, limit, shared.space), report)
    if executor == PROCESSES:
        return ProcessWorkers(shared, capacity_of(executor, limit), report)
    assert isinstance(executor, Executor)
    if is_dask(executor):
        return DaskWorkers(executor, shared, limit)
    return ExecutorWorkers(executor, shared, capacity_of(executor, limit))


def capacity_of(executor: Executor | str | None, limit: int | None, space: object = None) -> int:
    """Children trained at once: those trained together, else the limit, else the executor's room, else one per core."""
    if (size := launch_size(space)) > 1:
        return size
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
