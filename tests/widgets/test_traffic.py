"""An hour of a quick search: what is remembered and sent stays bounded."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hour_samples import Hour, Replayed
from widget_samples import number_search, watched_post

from workbench.search.history import RECENT_FAILURES, RECENT_INDIVIDUALS
from workbench.views.base.poller import LONGEST_SLEEP, Poller
from workbench.views.base.source import Source
from workbench.widgets import FrontView, LogView, RunControl, Steering

UPDATES = 200
"""At which half a child is finished each, after as many children as are remembered."""

MOST_BYTES, MOST_MESSAGES = 400_000, 60
"""Of one update of all views."""

MOST_GROWTH = 700
"""Bytes an update: a finished generation and a live change are remembered, by the search and for those who watch."""

LOOKS = 7
"""At the memory: what leaks grows between all of them, a table of the interpreter doubles once."""

LAST = 4
"""Updates before each look of which the least counts: what was sent last is kept until the next."""


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


def used_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_an_hour_is_flat(search):
    """Once as much is remembered as ever will be, an update costs no memory and never sends more."""
    ends = time.monotonic() + 10
    for thread in threading.enumerate():  # of other tests; some of them sleep for good, and take no memory
        if thread.name.startswith("workbench"):
            thread.join(max(0.0, ends - time.monotonic()))
    tracemalloc.start(1)
    try:
        replayed, sizes, used, lately = Replayed(search, 2 * RECENT_INDIVIDUALS), [], [], []
        for number in range(UPDATES):
            with watched_post() as post:
                replayed.update()
            sizes.append(sum(post.sizes))
            assert len(post.sizes) <= MOST_MESSAGES
            since = number % (UPDATES // LOOKS)
            if since >= UPDATES // LOOKS - LAST:
                lately = [*lately[1 - LAST :], used_bytes()]
            if since == UPDATES // LOOKS - 1:
                used.append(min(lately))
    finally:
        tracemalloc.stop()
    history = replayed.hour.history
    assert (len(history.individuals), len(history.failures)) == (RECENT_INDIVIDUALS, RECENT_FAILURES)
    assert 0 < max(sizes) < MOST_BYTES
    assert max(sizes[-UPDATES // 4 :]) < 1.1 * max(sizes[: UPDATES // 4])
    assert np.median(np.diff(used)[1:]) < MOST_GROWTH * (UPDATES // LOOKS)
    replayed.dashboard.close()


def test_nothing_new_sends_nothing(search):
    views = [view(search) for view in (RunControl, FrontView, Steering, LogView)]
    hour = Hour(search.snapshot())
    hour.make(500)
    snapshot = hour.snapshot()
    for view in views:
        view.show(snapshot)
    with watched_post() as post:
        for view in views:
            view.show(snapshot)
    assert sum(post.sizes) < 2000
    for view in views:
        view.close()


def test_a_poller_that_looks_often_tells_rarely(search):
    """However quickly a search changes, a view is told at most once in its interval."""
    told, poller = [], Poller(clock=lambda: 5.0)
    poller.subscribe(_Hasty(search), told.append, interval=3600)
    for _ in range(UPDATES):
        poller.poll_once()
    assert len(told) == 1


class _Hasty(Source):
    """A source that is new at every look."""

    looks = 0

    @property
    def version(self) -> int:
        self.looks += 1
        return self.looks


def test_one_costly_update_does_not_silence_the_page(search, monkeypatch):
    """However long an update took, the next comes soon."""
    naps = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        subscription.close()

    poller = Poller(sleep=nap)
    subscription = poller.subscribe(Source(search), lambda snapshot: None)
    monkeypatch.setattr(poller, "poll_once", lambda: 60.0)
    asyncio.run(poller.run())
    assert naps == [LONGEST_SLEEP]
