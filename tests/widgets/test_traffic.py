"""An hour of a quick search: what is remembered and sent stays bounded."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from widget_samples import individual, number_search, watched_post

from workbench.evolution import front_of
from workbench.search.story import RECENT_FAILURES, RECENT_POINTS, Milestone, Story
from workbench.store import Event
from workbench.widgets import FrontView, LogView, RunControl, Steering
from workbench.widgets.poller import Following

INDIVIDUALS = 20_000
MOST_BYTES = 400_000
"""Of one update of all views."""


class Hour:
    """Snapshots of a search of 20,000 individuals."""

    def __init__(self, search) -> None:
        self.base, self.story, self.rng = search.snapshot(), Story(), np.random.default_rng(0)
        self.alive, self.archive = [], ()

    def go(self, ids: range):
        for id in ids:
            child = individual(id, float(self.rng.random()), int(10 ** self.rng.uniform(2, 5)))
            if id % 50 == 0:
                child = replace(child, status="failed", failure="no luck " * 20, outcome=None)
            self.story.add(child)
            self.alive = [*self.alive[-59:], child]
        self.archive = tuple(front_of([*self.archive, *self.alive]))
        self.story.milestones.append(Milestone(ids.stop // 8, ids.stop, ids.stop / INDIVIDUALS, 0.9))
        self.story.events.append(Event(1, "settings", ids.stop, 1, {"tournament": ids.stop % 20 + 1}, ""))
        return replace(
            self.base,
            version=ids.stop,
            total=ids.stop,
            generation=ids.stop // 8,
            population=tuple(self.alive),
            archive=self.archive,
            recent=tuple(self.story.points),
            milestones=tuple(self.story.milestones),
            events=tuple(self.story.events),
            failures=tuple(self.story.failures),
        )


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


def test_an_hour_is_flat(search):
    views = [view(search) for view in (RunControl, FrontView, Steering, LogView)]
    hour, objects, sizes = Hour(search), [], []
    steps = range(0, INDIVIDUALS, 100)
    for start in steps:
        snapshot = hour.go(range(start, start + 100))
        with watched_post() as post:
            for view in views:
                view.show(snapshot)
        sizes.append(sum(post.sizes))
        if start % 2000 == 0:
            gc.collect()
            objects.append(len(gc.get_objects()))
    assert len(hour.story.points) == RECENT_POINTS
    assert len(hour.story.failures) == RECENT_FAILURES
    assert 0 < max(sizes) < MOST_BYTES
    half = len(sizes) // 2
    assert max(sizes[-20:]) < 1.25 * max(sizes[half : half + 20])
    # what may grow is one small record for each generation and live change: 10 a step here
    assert objects[-1] - objects[len(objects) // 2] < 20 * len(steps)
    for view in views:
        view.close()


def test_nothing_new_sends_nothing(search):
    views = [view(search) for view in (RunControl, FrontView, Steering, LogView)]
    hour = Hour(search)
    snapshot = hour.go(range(500))
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
    told = []
    following = Following(_Hasty(search), told.append, interval=3600)
    for _ in range(INDIVIDUALS):
        following.tell({})
    assert len(told) == 1


class _Hasty:
    """A source that is new at every look."""

    def __init__(self, search) -> None:
        self.watched, self._looks = search, 0

    @property
    def version(self) -> int:
        self._looks += 1
        return self._looks

    def snapshot(self):
        return self.watched.snapshot()
