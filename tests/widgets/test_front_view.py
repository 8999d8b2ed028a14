"""The live front: who is where, what a click does, what is laid over it."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import numpy as np
import pytest
from search.search_samples import NumberSpace, finish, step
from widget_samples import individual, number_search, watched_post

from workbench.errors import WorkbenchError
from workbench.search.history import IndividualSummary
from workbench.views.base.plot import Plot
from workbench.views.base.poller import POLLER
from workbench.views.front.figure import STYLES
from workbench.views.front.widget import OVERLAYS, RING, sort_points
from workbench.widgets import FrontView, Selection


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


@pytest.fixture
def view(search):
    view = FrontView(search)
    view.subscription.interval = 0
    yield view
    view.close()


def trace(view, name):
    return next(each for each in view.figure.data if each.name == name)


def click(view, name, index):
    """As the page tells of a click."""
    number = [each.name for each in view.figure.data].index(name)
    view.plot.click(number, (index,))


def on_page(view, name):
    """A trace as the page has it."""
    number = [each.name for each in view.figure.data].index(name)
    return json.loads(view.plot.get_state()[f"trace_{number}"])


def numbers(array):
    """Of an array as it is sent."""
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


def overlays(view):
    return [view.figure.data[number] for number in OVERLAYS]


def test_each_individual_is_drawn_once(search, view):
    assert all(len(each.x) == 0 for each in view.figure.data[: len(STYLES)])
    assert view.figure.layout.annotations[0].visible is not False
    step(search, 20)
    POLLER.poll_once()
    ids = [point.id for points in view.points.values() for point in points]
    assert sorted(ids) == list(range(20))
    (hint,) = json.loads(view.plot.frame)["annotations"]
    assert (hint["visible"], hint["text"]) == (False, "No network is trained yet")
    assert [point.id for point in view.points["all-time front"]] == [one.id for one in search.archive]
    assert list(trace(view, "all-time front").x) == [one.flops for one in search.archive]
    assert numbers(on_page(view, "all-time front")["x"]) == [one.flops for one in search.archive]
    assert [told[0] for told in on_page(view, "all-time front")["customdata"]] == [one.id for one in search.archive]
    assert list(trace(view, "hypervolume").x) == [6, 10, 14, 18, 20]
    assert view.figure.layout.xaxis.type == "log"


def test_a_click_selects_and_the_selection_is_marked(search, view):
    step(search, 10)
    POLLER.poll_once()
    click(view, "all-time front", 0)
    chosen = search.archive[0]
    assert view.selection.individual == chosen.id
    assert (list(trace(view, "selected").x), list(trace(view, "selected").y)) == ([chosen.flops], [chosen.val_accuracy])
    view.selection.individual = None
    assert len(trace(view, "selected").x) == 0
    click(view, "alive", 999)  # of a point that is gone by now
    assert view.selection.individual is None


def test_one_selection_for_two_views(search):
    selection = Selection()
    views = [FrontView(search, selection) for _ in range(2)]
    step(search, 6)
    for view in views:
        view.show(search.snapshot())
    click(views[0], "all-time front", 0)
    assert list(trace(views[1], "selected").x) == [search.archive[0].flops]
    for view in views:
        view.close()
        view.close()  # twice does no harm


@pytest.mark.parametrize("by", ["generation", "age", "mutation", "status"])
def test_colours(search, view, by):
    step(search, 16)
    POLLER.poll_once()
    view.color.value = "mutation" if by == "status" else "status"
    view.color.value = by
    alive = trace(view, "alive").marker
    points = view.points["alive"]
    expected = {
        "generation": [point.generation for point in points],
        "age": [search.snapshot().generation - point.generation for point in points],
        "mutation": [{None: 0, "grow": 1, "shrink": 2}[point.mutation] for point in points],
        "status": STYLES["alive"]["marker"]["color"],
    }[by]
    assert (alive.color if by == "status" else list(alive.color)) == expected
    assert view.figure.layout.coloraxis.showscale is (by != "status")


def test_live_changes_are_marked(search, view):
    step(search, 8)
    search.update(tournament=5)
    step(search, 2)
    POLLER.poll_once()
    marks = trace(view, "live change")
    assert list(marks.x) == [8]
    assert list(marks.text) == ["tournament 3 → 5"]


def test_other_runs_and_baselines_lie_over_it(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    other = number_search(tmp_path / "other.sqlite", seed=9)
    finish(other)
    (tmp_path / "broken.sqlite").write_text("nothing")
    search = number_search(tmp_path / "run.sqlite")
    view = FrontView(search, others={"<i>mine</i>": other.results})
    assert view.figure.data[len(STYLES) + 1].name == "&lt;i&gt;mine&lt;/i&gt;"
    assert view.other.options[1:] == (("broken.sqlite", "broken.sqlite"), ("other.sqlite", "other.sqlite"))
    view.other.value = "other.sqlite"
    shown = [each for each in overlays(view) if each.visible]
    assert [each.name for each in shown] == ["other.sqlite"]
    assert list(shown[0].x) == [one.flops for one in other.archive]
    view.other.value = "broken.sqlite"
    assert 'role="alert"' in view.message.value
    view.other.value = ""
    assert not any(each.visible for each in overlays(view))
    assert view.message.value == ""
    for number in range(4):
        view.compare(str(number), other.results)
    with pytest.raises(WorkbenchError, match="at most 4"):
        view.compare("one too many", other.results)
    view.baselines.value = True
    assert view.figure.data[len(STYLES)].visible
    view.close()
    search.close()


def test_sorting():
    one = [individual(id, accuracy=0.1 * id, flops=100 * (9 - id)) for id in range(6)]
    failed = individual(7, status="failed", result=None)
    snapshot = SimpleNamespace(
        archive=(one[5],),
        population=(one[3], one[5]),
        current=(one[4], failed),
        recent=tuple(map(IndividualSummary.of, one)),
    )
    groups = sort_points(snapshot)
    assert {name: [point.id for point in points] for name, points in groups.items()} == {
        "dead": [0, 1, 2],
        "alive": [3],
        "new": [4],
        "all-time front": [5],
    }


def test_a_page_that_opens_late_gets_what_others_were_sent_in_pieces(search, view):
    step(search, 12)
    POLLER.poll_once()
    late = Plot()
    late.show(view.figure)
    state, other = view.plot.get_state(), late.get_state()
    names = ["frame", "length", *(f"trace_{number}" for number in range(len(view.figure.data)))]
    assert [state[name] for name in names] == [other[name] for name in names]
    late.close()


def test_only_what_differs_is_sent(search, view):
    step(search, 12)
    POLLER.poll_once()
    with watched_post() as post:
        view.selection.individual = search.archive[0].id
    assert [set(state) for state in post.states] == [{f"trace_{RING}"}]


def test_a_click_on_an_overlay_selects_nothing(search, view):
    """Whatever it is called."""
    step(search, 12)
    POLLER.poll_once()
    view.compare("dead", search.results)
    view.plot.click(OVERLAYS[0], (0,))
    assert view.selection.individual is None
