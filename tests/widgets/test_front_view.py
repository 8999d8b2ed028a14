"""The live front: who is where, what a click does, what is laid over it."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from search.search_samples import NumberSpace, finish, step
from widget_samples import number_search, watched_post

from workbench.errors import WorkbenchError
from workbench.views.base.plot import Plot
from workbench.views.base.poller import POLLER
from workbench.views.front.traces import SELECTED_ARROWS, STYLES
from workbench.views.front.widget import OVERLAYS, RELATIVES, RING
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


def ids(view, name):
    """Of the individuals of a group."""
    return view.known.rows["id"][view.places[name]].tolist()


def overlays(view):
    return [view.figure.data[number] for number in OVERLAYS]


def test_each_individual_is_drawn_once(search, view):
    assert not any(len(places) for places in view.places.values())
    assert all(trace(view, name).x.tolist() == pytest.approx([np.nan], nan_ok=True) for name in STYLES)
    assert view.figure.layout.annotations[0].visible is not False
    step(search, 20)
    POLLER.poll_once()
    assert sorted(id for name in STYLES for id in ids(view, name)) == list(range(20))
    (hint,) = json.loads(view.plot.frame)["annotations"]
    assert (hint["visible"], hint["text"]) == (False, "No network is trained yet")
    front = [one.id for one in search.archive]
    assert ids(view, "all-time front") == front
    assert list(trace(view, "all-time front").x) == [one.flops for one in search.archive]
    assert numbers(on_page(view, "all-time front")["x"]) == [one.flops for one in search.archive]
    assert numbers(on_page(view, "all-time front")["customdata"]) == front
    assert f"individual {front[0]} · generation" in on_page(view, "all-time front")["text"][0]
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


def test_arrows_lead_from_the_parent_and_to_the_children(search, view):
    step(search, 20)
    POLLER.poll_once()
    table = search.results.individuals
    child = int(table["id"][table["parent"].notna()].iloc[0])
    parent = int(table["parent"][child])
    view.selection.individual = parent
    children = table["id"][table["parent"] == parent].tolist()
    arrows = trace(view, SELECTED_ARROWS["name"])
    known = {int(id): flops for id, flops in zip(table["id"], table["flops"], strict=True)}
    assert list(arrows.x[1::3]) == [known[id] for id in children]
    assert set(arrows.x[0::3]) == {known[parent]}
    view.selection.individual = child
    assert (arrows.x[-3], arrows.x[-2]) == (known[parent], known[child])
    view.arrows.value = True
    latest = table[table["generation"] == table["generation"].max()]
    assert sorted(view.figure.data[0].x[1::3]) == sorted(latest["flops"])


def test_the_past_is_replayed(search, view):
    """A generation shows who was alive, on the front, or made in it; the present comes back with −1."""
    step(search, 20)
    POLLER.poll_once()
    present = {name: ids(view, name) for name in STYLES}
    run = search.results
    record = run.generations.iloc[1]
    view.timeline.value = 1
    assert view.timeline.shown == 1
    assert sorted(ids(view, "all-time front")) == sorted(record["front"])
    others = set(record["population"]) - set(record["front"])
    assert {*ids(view, "alive"), *ids(view, "new")} == others
    born = run.individuals.set_index("id")["generation"]
    assert all(born[id] == 1 for id in ids(view, "new"))
    assert all(born[id] < 1 for id in ids(view, "alive"))
    assert len([id for name in STYLES for id in ids(view, name)]) == (born <= 1).sum()
    view.selection.individual = 19  # not born yet
    assert len(trace(view, "selected").x) == 0
    step(search, 2)
    POLLER.poll_once()
    assert view.generation == 1  # it does not follow
    view.timeline.value = -1
    assert {*present["dead"]} <= {*ids(view, "dead")}
    assert len(trace(view, "selected").x) == 1


def test_the_strip_shows_hypervolume_and_live_changes(search, view):
    step(search, 8)
    search.update(tournament=5)
    step(search, 2)
    POLLER.poll_once()
    volumes = np.frombuffer(view.timeline.volumes, np.float32)
    np.testing.assert_allclose(volumes, search.results.generations["hypervolume"], rtol=1e-6)
    assert view.timeline.marks == [[0.5, "from child 8: tournament size 3 → 5"]]


def test_another_axis(search, view):
    step(search, 12)
    POLLER.poll_once()
    view.x.value, view.y.value = "parameters", "error"
    front = trace(view, "all-time front")
    assert list(front.x) == [one.parameters for one in search.archive]
    np.testing.assert_allclose(front.y, [1 - one.val_accuracy for one in search.archive])
    axis = view.figure.layout.yaxis
    assert axis.type == "log"
    assert axis.range[0] > axis.range[1]  # better is up
    view.everything.value = True
    assert view.figure.layout.yaxis.autorange == "reversed"


def test_what_a_space_counts_is_an_axis_and_a_colour(tmp_path):
    space = NumberSpace()
    space.size_fact, space.describe = "digits of it", lambda genome: {"digits of it": len(str(genome[0]))}
    search = number_search(tmp_path / "counted.sqlite", space)
    step(search, 5)
    view = FrontView(search)
    assert ("digits of it", "size") in view.x.options
    view.x.value = view.color.value = "size"
    assert set(view.known.rows["size"].tolist()) <= {2, 3, 4}
    view.close()
    search.close()


def test_a_space_that_counts_nothing_has_no_such_axis(view):
    assert "size" not in [name for _, name in (*view.x.options, *view.color.options)]


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
    alive, rows = trace(view, "alive").marker, view.known.rows[view.places["alive"]]
    expected = {
        "generation": rows["generation"].tolist(),
        "age": (search.snapshot().generation - rows["generation"]).tolist(),
        "mutation": rows["made"].tolist(),
        "status": STYLES["alive"]["marker"]["color"],
    }[by]
    assert (alive.color if by == "status" else list(alive.color)) == expected
    assert view.figure.layout.coloraxis.showscale is (by != "status")


def test_other_runs_and_baselines_lie_over_it(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    other = number_search(tmp_path / "other.sqlite", seed=9)
    finish(other)
    (tmp_path / "broken.sqlite").write_text("nothing")
    search = number_search(tmp_path / "run.sqlite")
    view = FrontView(search, others={"<i>mine</i>": other.results})
    assert view.figure.data[OVERLAYS[0]].name == "&lt;i&gt;mine&lt;/i&gt;"
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
    view.close()
    search.close()


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
    assert [set(state) for state in post.states] == [{f"trace_{RELATIVES}", f"trace_{RING}"}]


def test_a_click_on_an_overlay_selects_nothing(search, view):
    """Whatever it is called."""
    step(search, 12)
    POLLER.poll_once()
    view.compare("dead", search.results)
    view.plot.click(OVERLAYS[0], (0,))
    assert view.selection.individual is None
