"""The one task that tells the views."""

from __future__ import annotations

import asyncio
import logging

import pytest
from search.search_samples import NumberSpace, finish, step
from widget_samples import number_search

from workbench.errors import WorkbenchError
from workbench.views.base.poller import HIDDEN_SECONDS, Poller
from workbench.views.base.source import Source


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


@pytest.fixture
def poller() -> Poller:
    """One with a clock that stands still until it is set."""
    made = Poller(clock=lambda: made.now)
    made.now = 0.0
    return made


def test_it_tells_what_changed_and_nothing_else(search, poller):
    told = []
    subscription = poller.subscribe(Source(search), told.append, interval=0)
    assert [one.total for one in told] == [0]  # at once
    poller.poll_once()
    assert len(told) == 1
    step(search, 2)
    poller.poll_once()
    poller.poll_once()
    assert [one.total for one in told] == [0, 2]
    search.update(tournament=5)
    poller.poll_once()
    assert len(told) == 3
    subscription.close()
    subscription.close()  # twice does no harm
    step(search, 1)
    poller.poll_once()
    assert len(told) == 3


def test_no_more_often_than_asked_for(search, poller):
    told = []
    poller.subscribe(Source(search), told.append, interval=3600)
    step(search, 2)
    for now, known in ((3599, 0), (3600, 2)):
        poller.now = now
        poller.poll_once()
        assert told[-1].total == known


def test_what_is_on_no_page_is_told_rarely(search, poller):
    told = []
    subscription = poller.subscribe(Source(search), told.append, interval=0)
    subscription.hidden = True
    for now, known in ((1, 0), (HIDDEN_SECONDS - 0.1, 0), (HIDDEN_SECONDS, 3), (HIDDEN_SECONDS + 1, 3)):
        step(search, 1)
        poller.now = now
        poller.poll_once()
        assert told[-1].total == known


def test_one_snapshot_for_all(search, poller, monkeypatch):
    taken = []
    snapshot = search.snapshot
    monkeypatch.setattr(search, "snapshot", lambda: taken.append(1) or snapshot())
    told = []
    for _ in range(2):
        poller.subscribe(Source(search), told.append, interval=0)
    step(search, 1)
    taken.clear()
    poller.poll_once()
    assert len(taken) == 1
    assert told[-1] is told[-2]


def test_an_error_in_one_view_does_not_stop_the_others(search, poller, caplog):
    told = []
    fails = [False]

    def failing(snapshot):
        if fails[0]:
            raise RuntimeError("broken view")

    poller.subscribe(Source(search), failing, 0)
    poller.subscribe(Source(search), told.append, 0)
    fails[0] = True
    step(search, 1)
    with caplog.at_level(logging.ERROR):
        poller.poll_once()
    assert "broken view" in caplog.text
    assert told[-1].total == 1


def test_the_task_lives_as_long_as_there_are_subscriptions(search):
    poller = Poller(sleep=lambda seconds: asyncio.sleep(0))

    async def watch():
        told = []
        first = poller.subscribe(Source(search), told.append, 0)
        task = poller.task
        second = poller.subscribe(Source(search), told.append, 0)
        assert poller.task is task  # one for all
        search.update(tournament=7)
        while len(told) < 4:
            await asyncio.sleep(0)
        first.close()
        second.close()
        await asyncio.wait_for(task, 60)
        third = poller.subscribe(Source(search), told.append, 0)
        assert poller.task is not task
        third.close()
        await poller.task

    asyncio.run(watch())


def test_a_run_in_a_file_is_followed_too(tmp_path, poller, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    search = number_search(tmp_path / "run.sqlite")
    step(search, 8)
    told = []
    poller.subscribe(Source(search.results), told.append, 0)
    assert (told[-1].total, told[-1].generation, len(told[-1].archive)) == (8, 1, len(search.archive))
    finish(search)
    poller.poll_once()
    assert told[-1].total == 26
    live = search.snapshot()
    assert [one.id for one in told[-1].archive] == [one.id for one in live.archive]
    for name in ("generation", "generations", "total", "failed", "hypervolume", "finished_generations", "recent"):
        assert getattr(told[-1], name) == getattr(live, name), name


def test_neither_search_nor_run():
    with pytest.raises(WorkbenchError, match="expected a Search, or a run"):
        Source("run.sqlite")
