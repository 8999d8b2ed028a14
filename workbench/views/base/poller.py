"""The one task in the kernel's loop that looks at searches and updates the views.

Searches run in threads of their own and never touch a widget: a single writer keeps figures whole. The task sleeps
longer when updates cost more, so that it takes about `SHARE` of the main thread whatever is watched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from workbench.search import Snapshot
from workbench.views.base.source import Source

POLL_SECONDS = 0.25
"""Shortest time between two looks."""

HIDDEN_SECONDS = 5.0
"""Shortest time between two updates of a view that is on no page."""

SHARE = 0.015
"""Of the main thread's time."""

LONGEST_SLEEP = 2.0
"""Seconds: one costly update, such as the first of many views, must not leave the page without news."""

_log = logging.getLogger(__name__)


class Subscription:
    """A view's subscription to updates: `callback` gets each new snapshot, at most every `interval` seconds."""

    def __init__(self, poller: Poller, source: Source, callback: Callable[[Snapshot], None], interval: float) -> None:
        self.source, self.interval = source, interval
        self.hidden = False  # whether the view is on no page
        self._poller, self._callback = poller, callback
        self._seen: object = None
        self._updated = float("-inf")

    def update(self, snapshots: dict[int, Snapshot]) -> None:
        """Call back if it is time and something has changed; `snapshots` of this round, by identity of the watched."""
        now, version = self._poller.clock(), self.source.version
        if version == self._seen or now < self._updated + (HIDDEN_SECONDS if self.hidden else self.interval):
            return
        key = id(self.source.watched)
        if key not in snapshots:
            snapshots[key] = self.source.snapshot()
        self._seen, self._updated, self.source.latest = version, now, snapshots[key]
        self._callback(snapshots[key])

    def close(self) -> None:
        """End the subscription."""
        if self in self._poller.subscriptions:
            self._poller.subscriptions.remove(self)


class Poller:
    """Updates all subscriptions from one asyncio task, which ends with the last of them."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock, self._sleep = clock, sleep
        self.subscriptions: list[Subscription] = []
        self.task: asyncio.Task[None] | None = None

    def subscribe(
        self, source: Source, callback: Callable[[Snapshot], None], interval: float = POLL_SECONDS
    ) -> Subscription:
        """Have `callback` called at once, and later in the kernel's loop if one is running."""
        subscription = Subscription(self, source, callback, interval)
        subscription.update({})
        self.subscriptions.append(subscription)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return subscription
        if self.task is None or self.task.done() or self.task.get_loop() is not loop:
            self.task = loop.create_task(self.run(), name="workbench-poller")
        return subscription

    def poll_once(self) -> float:
        """Update all views; returns the seconds of this thread that it cost."""
        started, snapshots = time.thread_time(), dict[int, Snapshot]()
        for subscription in tuple(self.subscriptions):
            try:
                subscription.update(snapshots)
            except Exception:  # one view's error must not stop the others
                _log.exception("a view could not be updated")
        return time.thread_time() - started

    async def run(self) -> None:
        """Poll until the last subscription is closed."""
        while self.subscriptions:
            await self._sleep(min(max(POLL_SECONDS, self.poll_once() / SHARE), LONGEST_SLEEP))


POLLER = Poller()
"""That of all views in this kernel."""
