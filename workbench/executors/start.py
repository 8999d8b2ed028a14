"""Threads, processes, and the executors and clusters of others as workers of a search."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import Any

from workbench.errors import ConfigError
from workbench.executors.dask import DaskWorkers, count_threads, is_dask
from workbench.executors.foreign import ExecutorWorkers
from workbench.executors.processes import ProcessWorkers
from workbench.executors.shared import Shared
from workbench.executors.task_pool import Report, ThreadWorkers, Workers

THREADS, PROCESSES = "threads", "processes"
EXECUTORS = (THREADS, PROCESSES)
"""Executors by name."""


def check_executor(executor: Executor | str | None) -> None:
    """Raise `ConfigError` unless children can be made with it."""
    if executor is not None and executor not in EXECUTORS and not isinstance(executor, Executor):
        raise ConfigError(
            f"executor expects {' or '.join(map(repr, EXECUTORS))} or a concurrent.futures.Executor (of Dask: "
            f"client.get_executor()), got {executor!r}"
        )


def start_workers(executor: Executor | str | None, shared: Shared, limit: int | None, report: Report) -> Workers:
    """The workers of a search: at most `limit`, which report progress if they are threads or processes of our own."""
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
