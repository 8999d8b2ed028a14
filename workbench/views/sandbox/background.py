"""Work off the kernel's main thread; what comes of it is handed over in the kernel's loop, by one writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

TICK_SECONDS = 0.2
"""Between two looks at what the threads have done."""


class _Job:
    """One piece of work in a thread of its own."""

    def __init__(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        self._work, self._done, self._failed = work, done, failed
        self._result: Any = None
        self._error: Exception | None = None
        self.thread = threading.Thread(target=self._run, name="workbench-sandbox", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # shown to the person who asked for the work
            self._error = error

    def hand_over(self) -> None:
        if self._error is not None:
            self._failed(self._error)
        else:
            self._done(self._result)


class Background:
    """Threads that work for a widget.

    Args:
        live: called a few times a second, in the kernel's loop, as long as anything is being done.
    """

    def __init__(self, live: Callable[[], None]) -> None:
        self._live = live
        self._jobs: list[_Job] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether anything is being done, or waits to be handed over."""
        return bool(self._jobs)

    def start(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Do `work` in a thread; then call `done` with what it returned, or `failed`, in the kernel's loop.

        Without a running loop (a plain script) `wait` calls them.
        """
        self._jobs.append(_Job(work, done, failed))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._watch(), name="workbench-sandbox")

    def tick(self) -> None:
        """Hand over what is finished, in the order in which it was begun."""
        ended = [job for job in self._jobs if not job.thread.is_alive()]
        self._jobs = [job for job in self._jobs if job not in ended]
        for job in ended:
            job.hand_over()
        self._live()

    def wait(self) -> None:
        """Wait until nothing is being done, and hand over; for scripts and tests, as it blocks."""
        while self._jobs:
            self._jobs[0].thread.join()
            self.tick()

    async def _watch(self) -> None:
        while self._jobs:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()
