"""Children in processes of our own: a child cannot harm the search, and each can be killed on its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from workbench.executors.child import Progress, Task, make_child, one_thread_for_good
from workbench.executors.shared import Shared, load_shared
from workbench.executors.task_pool import CancelToken, LostWorkerError, NoWorkerError, Report, ThreadWorkers
from workbench.individuals import Individual

GUARD = 'A script that searches in processes must do so under `if __name__ == "__main__":`'

CLOSE_SECONDS = 5.0
"""How long an idle process may take to end before it is killed."""


class ProcessWorkers(ThreadWorkers):
    """Up to `capacity` processes, each with one child at a time and a thread here that waits for it."""

    def __init__(
        self, shared: Shared, capacity: int, report: Report | None = None, context: BaseContext | None = None
    ) -> None:
        super().__init__(shared, capacity, report)
        self._context = context or multiprocessing.get_context("spawn")  # forking would copy locks that threads hold
        self._folder = Path(tempfile.mkdtemp(prefix="workbench-"))
        self._guard = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        try:
            shared.save(self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def close(self) -> None:
        """End all processes."""
        with self._guard:
            idle, everybody = set(self._idle), set(self._all)
            self._idle.clear()
            self._all.clear()
        for process in everybody - idle:
            process.kill()  # the thread that waits for it cleans up
        for process in idle:
            process.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, task: Task, token: CancelToken) -> Individual:
        """Have a process make the child, and wait for it in this thread."""
        process = self._borrow()
        token.kill = process.kill
        if token.cancelled:  # before there was a process to kill
            process.kill()
        try:
            process.wait_until_ready()
            token.began = time.monotonic()
            child = process.make(task, lambda progress: self._report(progress, token))
        except BaseException:
            with self._guard:
                self._all.discard(process)
            process.kill()
            process.end()
            raise
        with self._guard:
            self._idle.append(process)
        return child

    def _borrow(self) -> WorkerProcess:
        with self._guard:
            if self._idle:
                return self._idle.pop()
            process = WorkerProcess(self._context, self._folder)
            self._all.add(process)
            return process


class WorkerProcess:
    """One worker process, as seen from the search."""

    def __init__(self, context: BaseContext, folder: Path) -> None:
        self._connection, theirs = context.Pipe()
        self._process: Any = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, str(folder)), name="workbench-worker", daemon=True
        )
        self._process.start()
        theirs.close()  # so that reading ends when the process does
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait until it has space and data; `NoWorkerError` if it ended before."""
        if self._ready:
            return
        try:
            self._connection.recv()
        except (EOFError, OSError):
            raise NoWorkerError(
                f"a worker process ended before it was ready ({self._end()}; it has written why to the standard error "
                f"stream). {GUARD}"
            ) from None
        self._ready = True

    def make(self, task: Task, report: Callable[[Progress], object]) -> Individual:
        """Make a child in the process; `LostWorkerError` if the process ended."""
        try:
            self._connection.send(replace(task, report=None))
            while True:
                message = self._connection.recv()
                if isinstance(message, Individual):
                    return message
                if isinstance(message, Progress):
                    report(message)
                else:
                    raise LostWorkerError(message)
        except (EOFError, OSError):
            raise LostWorkerError(f"its process ended with {self._end()}") from None

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def end(self) -> None:
        """Let it end, and release what it held."""
        self._connection.close()
        self._process.join(CLOSE_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()

    def _end(self) -> str:
        """How it ended, in words."""
        self._process.join(CLOSE_SECONDS)
        code = self._process.exitcode
        if code is None:
            return "a closed connection"
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"exit status {code}"


def serve(connection: Connection, folder: str) -> None:
    """Main function of a worker process: make one child after the other until the search ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the search, which waits for its children
    threading.Thread(target=_die_with_parent, args=(folder,), daemon=True).start()
    shared = load_shared(Path(folder))
    one_thread_for_good()
    with contextlib.suppress(EOFError, BrokenPipeError):
        connection.send("ready")
        while True:
            try:
                task = replace(connection.recv(), report=connection.send)
                answer: object = make_child(shared.space, shared.data, task)
                connection.send(answer)
            except (EOFError, OSError):
                raise
            except Exception as error:  # something that cannot be pickled
                connection.send(f"{type(error).__name__}: {error}")


def _die_with_parent(folder: str) -> None:
    """End this process and delete its files when the search is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
