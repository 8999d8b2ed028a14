"""The one task in the kernel's loop that looks at searches and tells the views.

Searches run in threads of their own and never touch a widget: a single writer keeps figures whole. The task sleeps
longer when telling the views has cost more, so that it takes about `SHARE` of the main thread whatever is watched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from workbench.search import Snapshot
from workbench.views.base.source import Source

POLL_SECONDS = 0.25
"""Between two looks, at least."""

HIDDEN_SECONDS = 5.0
"""Between two updates of a view that is on no page."""

SHARE = 0.015
"""Of the main thread's time."""

LONGEST_SLEEP = 2.0
"""Seconds: one costly update, such as the first of many views, must not leave the page without news."""

_log = logging.getLogger(__name__)


class Following:
    """One view's wish to be told; ends with `close`.

    Attributes:
        interval: seconds between two updates, at least.
        hidden: whether the view is on no page.
    """

    def __init__(self, source: Source, callback: Callable[[Snapshot], None], interval: float = POLL_SECONDS) -> None:
        self.source, self.interval, self.hidden = source, interval, False
        self._callback = callback
        self._seen: object = None
        self._due = 0.0

    def tell(self, snapshots: dict[int, Snapshot]) -> bool:
        """Call back if something has changed since the last time and it is time; returns whether it did.

        Args:
            snapshots: those taken in this round, by identity of their source; one is added if need be.
        """
        now = time.monotonic()
        version = self.source.version
        if version == self._seen or now < self._due:
            return False
        key = id(self.source.watched)
        if key not in snapshots:
            snapshots[key] = self.source.snapshot()
        self._seen = version
        self._due = now + (HIDDEN_SECONDS if self.hidden else self.interval)
        self._callback(snapshots[key])
        return True

    def close(self) -> None:
        """Be told no more."""
        if self in _following:
            _following.remove(self)


_following: list[Following] = []
_task: asyncio.Task[None] | None = None


def follow(source: Source, callback: Callable[[Snapshot], None], interval: float = POLL_SECONDS) -> Following:
    """Have `callback` called in the kernel's loop with each new snapshot, at most every `interval` seconds.

    The callback is called once at once. Without a running loop (a plain script) that is all.
    """
    global _task
    following = Following(source, callback, interval)
    following.tell({})
    _following.append(following)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return following
    if _task is None or _task.done() or _task.get_loop() is not loop:
        _task = loop.create_task(_poll(), name="workbench-poller")
    return following


def poll_once() -> float:
    """Tell all views what is new; returns the seconds of this thread that it cost."""
    started, snapshots = time.thread_time(), dict[int, Snapshot]()
    for following in tuple(_following):
        try:
            following.tell(snapshots)
        except Exception:  # one view's error must not stop the others
            _log.exception("a view could not be updated")
    return time.thread_time() - started


async def _poll() -> None:
    while _following:
        await asyncio.sleep(min(max(POLL_SECONDS, poll_once() / SHARE), LONGEST_SLEEP))
