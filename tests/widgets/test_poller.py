"""The one task that tells the views."""

from __future__ import annotations

import asyncio
import logging

import pytest
from search.search_samples import finish, step
from widget_samples import number_search

from workbench.errors import WorkbenchError
from workbench.views.base import poller
from workbench.views.base.poller import follow, poll_once
from workbench.views.base.source import Source


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    assert poller._following == []


def test_it_tells_what_changed_and_nothing_else(search):
    told = []
    following = follow(Source(search), told.append, interval=0)
    assert [one.total for one in told] == [0]  # at once
    poll_once()
    assert len(told) == 1
    step(search, 2)
    poll_once()
    poll_once()
    assert [one.total for one in told] == [0, 2]
    search.update(tournament=5)
    poll_once()
    assert len(told) == 3
    following.close()
    following.close()  # twice does no harm
    step(search, 1)
    poll_once()
    assert len(told) == 3


def test_no_more_often_than_asked_for(search):
    told = []
    following = follow(Source(search), told.append, interval=3600)
    step(search, 2)
    poll_once()
    assert len(told) == 1
    following._due = 0  # an hour later
    poll_once()
    assert told[-1].total == 2
    following.close()


def test_what_is_on_no_page_is_told_rarely(search, monkeypatch):
    monkeypatch.setattr(poller, "HIDDEN_SECONDS", 3600)
    told = []
    following = follow(Source(search), told.append, interval=0)
    following.hidden = True
    for _ in range(3):
        step(search, 1)
        poll_once()
    assert len(told) == 2
    following.close()


def test_one_picture_for_all(search, monkeypatch):
    taken = []
    snapshot = search.snapshot
    monkeypatch.setattr(search, "snapshot", lambda: taken.append(1) or snapshot())
    told = []
    both = [follow(Source(search), told.append, interval=0) for _ in range(2)]
    taken.clear()
    step(search, 1)
    taken.clear()
    poll_once()
    assert len(taken) == 1
    assert told[-1] is told[-2]
    for one in both:
        one.close()


def test_an_error_in_one_view_does_not_stop_the_others(search, caplog):
    told = []
    fails = [False]

    def failing(snapshot):
        if fails[0]:
            raise RuntimeError("broken view")

    both = [follow(Source(search), failing, 0), follow(Source(search), told.append, 0)]
    fails[0] = True
    step(search, 1)
    with caplog.at_level(logging.ERROR):
        poll_once()
    assert "broken view" in caplog.text
    assert told[-1].total == 1
    for one in both:
        one.close()


def test_the_task_lives_as_long_as_somebody_follows(search, monkeypatch):
    monkeypatch.setattr(poller, "POLL_SECONDS", 0.001)

    async def watch():
        told = []
        first = follow(Source(search), told.append, 0)
        task = poller._task
        second = follow(Source(search), told.append, 0)
        assert poller._task is task  # one for all
        search.update(tournament=7)
        while len(told) < 4:
            await asyncio.sleep(0.001)
        first.close()
        second.close()
        await asyncio.wait_for(task, 60)
        third = follow(Source(search), told.append, 0)
        assert poller._task is not task
        third.close()
        await poller._task

    asyncio.run(watch())


def test_a_run_in_a_file_is_followed_too(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    from search.search_samples import NumberSpace

    search = number_search(tmp_path / "run.sqlite")
    step(search, 8)
    told = []
    following = follow(Source(search.results), told.append, 0)
    assert (told[-1].total, told[-1].generation, len(told[-1].archive)) == (8, 1, len(search.archive))
    finish(search)
    poll_once()
    assert told[-1].total == 26
    live = search.snapshot()
    for name in (
        "generation",
        "generations",
        "total",
        "archive",
        "failed",
        "hypervolume",
        "finished_generations",
        "recent",
    ):
        mine, theirs = getattr(told[-1], name), getattr(live, name)
        if name == "archive":
            mine, theirs = [one.id for one in mine], [one.id for one in theirs]
        assert mine == theirs, name
    following.close()


def test_neither_search_nor_run():
    with pytest.raises(WorkbenchError, match="expected a Search, or a run"):
        Source("run.sqlite")
