"""Threads that work for a widget."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

TICK_SECONDS = 0.2
"""Between two looks at what the threads have done."""


class Background:
    """Threads that work for a widget; results are handed over in the kernel's event loop, by one writer.

    While any thread works, `live` is called there a few times a second.
    """

    def __init__(self, live: Callable[[], None]) -> None:
        self._live = live
        self._jobs: list[tuple[Future[Any], Callable[[Any], None], Callable[[Exception], None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def hands_over(self) -> bool:
        """Whether results are handed over by themselves, in a running event loop."""
        return self._task is not None

    @property
    def is_busy(self) -> bool:
        """Whether there is work to be done or handed over."""
        return bool(self._jobs)

    def start(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Do `work` in a thread; then call `done` with its result, or `failed`, in the kernel's loop.

        Without a running loop (a plain script) `wait` calls them.
        """
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # shown to the person who asked for the work
                future.set_exception(error)

        self._jobs.append((future, done, failed))
        threading.Thread(target=run, name="workbench-background", daemon=True).start()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._watch(), name="workbench-background")

    def tick(self) -> None:
        """Hand over what is finished, in the order in which it was started."""
        ended = [job for job in self._jobs if job[0].done()]
        self._jobs = [job for job in self._jobs if job not in ended]
        for future, done, failed in ended:
            if isinstance(error := future.exception(), Exception):
                failed(error)
            else:
                done(future.result())
        self._live()

    def wait(self) -> None:
        """Block until all work is done and handed over; for scripts and tests."""
        while self._jobs:
            self._jobs[0][0].exception()  # waits
            self.tick()

    async def _watch(self) -> None:
        while self._jobs:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()
