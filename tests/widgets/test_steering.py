"""Sliders, made from the space's schema, change the search; the log remembers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import ipywidgets as ipw
import pytest
from search.search_samples import NumberRates, NumberSpace, finish, step
from widget_samples import individual, number_search

from workbench.individuals import BY_HAND
from workbench.search import Search
from workbench.search.config import SearchConfig
from workbench.search.history import IndividualSummary
from workbench.settings import to_values
from workbench.spaces import MlpSpace, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig
from workbench.views.base import controls
from workbench.views.base.controls import REST_SECONDS, Debounce
from workbench.views.base.poller import POLLER
from workbench.views.steering.data import LATELY, lately
from workbench.views.steering.figure import mutation_rows
from workbench.widgets import LogView, Steering


class StubbornSpace(NumberSpace):
    """A space in which some settings have no effect."""

    ignores = ("children", "train.epochs", "rates.size")


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


def steering(search) -> Steering:
    view = Steering(search)
    view.subscription.interval = 0
    return view


def test_a_slider_changes_the_next_children_and_the_run_file(search):
    view, log = steering(search), LogView(search)
    log.subscription.interval = 0
    assert "Nothing was changed" in log.changes.value
    step(search, 7)
    view.controls["grow"].value = 1.0
    view.controls["shrink"].value = 0.0
    view.controls["tournament"].value = 5
    view.controls["epochs"].value = 4
    POLLER.poll_once()
    assert (
        "Waits for the next child: tournament size 3 → 5; epochs per child 2 → 4; grow 0.5 → 1; shrink 0.5 → 0"
        in view.note.value
    )
    step(search, 3)
    POLLER.poll_once()
    (event,) = search.snapshot().events
    assert (event.from_child, event.values["rates"]["grow"], event.values["tournament"]) == (7, 1.0, 5)
    assert open_run(search.path).events["values"].tolist() == [dict(event.values)]
    children = open_run(search.path).individuals.iloc[7:]
    assert set(children["mutation"]) == {"grow"}
    assert set(children["epochs"]) == {4}
    assert "Last change, from child 7 on" in view.note.value
    assert "<b>from child 7</b> tournament size 3 → 5" in log.changes.value
    view.close()
    log.close()


def test_a_drag_is_one_change(search, monkeypatch):
    """What is passed on the way is only previewed, however long the hand stays there."""
    monkeypatch.setattr(controls, "REST_SECONDS", 0.001)
    updates, update = [], search.update
    monkeypatch.setattr(search, "update", lambda **changes: updates.append(changes) or update(**changes))

    async def drag():
        view = steering(search)
        grow, shares = view.controls["grow"], []
        view.pointer.held = True
        for value in (0.6, 0.7, 0.0, 0.9):
            grow.value = value
            await asyncio.sleep(0)
            shares.append(view.rows.value)
            search.update(tournament=len(shares) + 3)  # another dashboard; the slider stays under the hand
            POLLER.poll_once()
            assert grow.value == value
        assert len(set(shares)) == 4
        assert "Counts when you let go: grow 0.5 → 0.9" in view.note.value
        assert [list(changes) for changes in updates] == [["tournament"]] * 4
        view.pointer.held = False
        while "rates" not in search.pending:
            await asyncio.sleep(0.001)
        view.close()

    asyncio.run(drag())
    assert updates[4:] == [{"rates": NumberRates(grow=0.9)}]
    step(search, 1)
    assert len(search.snapshot().events) == 1


class Timers:
    """Instead of a loop: notes what is to be called later."""

    def __init__(self) -> None:
        self.waiting = []

    def call_later(self, seconds, call):
        assert seconds == REST_SECONDS
        self.waiting.append(call)
        return SimpleNamespace(cancel=lambda: call in self.waiting and self.waiting.remove(call))


def test_changes_count_when_the_pointer_is_let_go_or_no_key_has_moved_them(monkeypatch):
    timers, applied = Timers(), []
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: timers)
    debounce = Debounce(applied.append)
    debounce.hold(True)
    debounce.put("grow", 0.6)
    debounce.put("grow", 0.7)
    assert (timers.waiting, applied) == ([], [])
    debounce.hold(False)
    assert applied == [{"grow": 0.7}]
    debounce.put("grow", 0.8)
    debounce.put("shrink", 0.2)
    assert len(timers.waiting) == 1  # counted from the last change
    timers.waiting.pop()()
    assert applied[1:] == [{"grow": 0.8, "shrink": 0.2}]
    debounce.put("grow", 0.1)
    debounce.drop("grow")
    debounce.hold(False)
    assert (timers.waiting, len(applied)) == ([], 2)


def test_a_drag_back_to_the_start_changes_nothing(search):

    async def drag():
        view = steering(search)
        shares, note = view.rows.value, view.note.value
        view.pointer.held = True
        for value in (0.9, 0.5):
            view.controls["grow"].value = value
        assert (view.rows.value, view.note.value) == (shares, note)
        view.pointer.held = False
        view.close()  # after which anything moved would count

    asyncio.run(drag())
    assert not search.pending


def test_what_was_moved_last_counts_when_the_view_closes(search):
    async def move_and_close():
        view = steering(search)
        view.controls["grow"].value = 0.9
        assert not search.pending
        view.close()

    asyncio.run(move_and_close())
    assert search.rates.grow == 0.9


def test_two_views_of_one_search_agree(search):
    views = [steering(search), steering(search)]
    views[0].controls["size"].value = (0.2, 0.4)
    views[1].controls["learning_rate"].value = 0.001
    search.update(rates={"grow": 0.75})
    POLLER.poll_once()
    for view in views:
        assert view.controls["size"].value == (0.2, 0.4)
        assert view.controls["learning_rate"].value == 0.001
        assert view.controls["grow"].value == 0.75
        view.close()
    assert search.rates.size == (0.2, 0.4)
    assert search.rates.grow == 0.75


def test_a_change_that_is_refused_is_said_and_taken_back(search):
    view = steering(search)
    view.controls["grow"].value = 0
    view.controls["shrink"].value = 0
    assert "Not changed" in view.refusal.value
    assert (search.rates.grow, search.rates.shrink) == (0, 0.5)
    assert view.controls["shrink"].value == 0.5
    view.close()


def test_showing_changes_nothing(search):
    """Also where a setting lies between two steps of its slider, or outside of it."""
    search.update(rates={"grow": 0.123456}, tournament=50, train={"epochs": 500, "learning_rate": 0.0123})
    wanted = search.target
    view = steering(search)
    assert search.target == wanted
    assert view.controls["tournament"].value == 50
    assert view.controls["epochs"].value == 500
    view.close()


def test_a_finished_search_can_be_steered_for_when_it_goes_on(search):
    view = steering(search)
    finish(search)
    POLLER.poll_once()
    assert "has finished; a change counts if it goes on" in view.note.value
    view.controls["shrink"].value = 0.0
    POLLER.poll_once()
    assert "Waits for the next child: shrink 0.5 → 0" in view.note.value
    search.extend(1)
    finish(search)
    run = open_run(search.path)
    assert run.events["kind"].tolist() == ["generations", "settings"]
    last = run.individuals[run.individuals["generation"] == search.config.generations]
    assert set(last["mutation"]) == {"grow"}
    view.close()


def test_a_failed_search_cannot_be_steered(search):
    view = steering(search)
    view.show(replace(search.snapshot(), state="failed"))
    assert all(control.disabled for control in view.controls.values())
    assert "failed" in view.note.value
    view.close()


def test_the_spatial_law_is_drawn(tmp_path):
    from search.search_samples import tiny_data

    data = tiny_data()
    search = Search(data, SearchConfig(), tmp_path / "run.sqlite", NeuronSpace.for_data(data))
    view = steering(search)
    assert view.curve.shown.layout.xaxis.title.text.endswith("exp(−dist / (4 + 1.5 · layer))")
    assert len(view.curve.shown.data) == 5
    view.controls["spatial_base"].value = 2.0
    view.controls["spatial_per_layer"].value = 0.0
    assert (search.rates.law.base, search.rates.law.per_layer) == (2.0, 0.0)
    POLLER.poll_once()
    assert view.curve.shown.layout.xaxis.title.text.endswith("exp(−dist / (2 + 0 · layer))")
    assert [trace.name for trace in view.curve.shown.data] == ["every"]
    view.close()
    search.close()


def test_a_stored_run_has_figures_instead_of_sliders(search):
    search.update(rates={"grow": 0.75, "size": (0.2, 0.25)})
    finish(search)
    view = Steering(open_run(search.path))
    assert {type(control) for control in view.controls.values()} == {ipw.HTML}
    shown = {name: control.value for name, control in view.controls.items()}
    assert shown["grow"] == "0.75"
    assert shown["size"] == "0.2–0.25"
    assert shown["adapt"] == "none"
    assert "stored run" in view.note.value
    view.close()


def test_rates_that_adapt_are_marked_beside_those_asked_for(search):
    view = steering(search)
    assert view.controls["adapt"].value == "none"
    assert "<u" not in view.rows.value
    view.controls["adapt"].value = "pursuit"
    step(search, 15)
    POLLER.poll_once()
    assert search.target.config.adapt == "pursuit"
    held = search.probabilities["grow"]
    assert held != 0.5
    assert f"asked for 50%, adapted to {held:.0%}" in view.rows.value
    search.update(adapt=None)
    POLLER.poll_once()
    assert view.controls["adapt"].value == "none"
    assert "<u" not in view.rows.value
    view.close()


def test_what_the_latest_children_of_each_mutation_did():
    kind = {"grow": {"kind": "grow"}, "shrink": {"kind": "shrink"}}
    first = individual(0, 0.5, 1000, parent=None, mutation={}, origin="initial")
    grown = [individual(1 + n, 0.6 + n / 100, 1200, parent=0, mutation=kind["grow"]) for n in range(45)]
    shrunk = individual(50, 0.45, 500, parent=0, mutation=kind["shrink"])
    orphan = individual(51, 0.4, 500, parent=49, mutation=kind["shrink"])  # its parent is forgotten
    by_hand = individual(BY_HAND + 1, 0.9, 500, parent=0, mutation=kind["grow"], origin="by hand")
    recent = [IndividualSummary.of(one) for one in (*grown, shrunk, orphan, by_hand)]
    snapshot = SimpleNamespace(
        recent=recent, population=(first, *grown[-5:]), archive=(first, grown[-1], shrunk), current=(orphan,)
    )
    grow, shrink, idle = lately(snapshot, ("grow", "shrink", "idle"))
    assert (grow.children, grow.front, grow.alive) == (LATELY, 1, 5)
    assert grow.gains[-1] == (pytest.approx(0.54), True)
    assert (grow.accuracy.value, grow.accuracy.n) == (pytest.approx(0.345), LATELY)
    assert grow.flops.value == 1.2
    assert (shrink.children, shrink.front, shrink.alive) == (2, 1, 1)
    assert shrink.gains == ((pytest.approx(-0.05), True),)
    assert (idle.children, idle.gains, idle.accuracy.n) == (0, (), 0)
    rows = mutation_rows(
        dict.fromkeys(("grow", "shrink", "idle"), 1 / 3),
        dict.fromkeys(("grow", "shrink", "idle"), 0.5),
        (grow, shrink, idle),
    )
    assert "+34.50 points" in rows
    assert "+20%" in rows
    assert "−50%" in rows


@pytest.mark.parametrize("space", [NeuronSpace, MlpSpace, NumberSpace])
def test_every_setting_of_a_space_has_a_labelled_control(tmp_path, space):
    from search.search_samples import tiny_data

    data = tiny_data()
    made = space() if space is NumberSpace else space.for_data(data)
    search = Search(data, SearchConfig(), tmp_path / "run.sqlite", made)
    view = steering(search)
    own = {"tournament", "children", "adapt", "epochs", "learning_rate"}
    assert set(view.controls) == {setting.name for setting in made.settings} | own
    for setting in made.settings:
        control = view.controls[setting.name]
        assert control.description
        assert "_" not in control.description
        assert control.tooltip
        assert control.value == getattr(search.rates, setting.name)
    view.close()
    search.close()


def test_what_has_no_effect_in_a_space_has_no_slider(tmp_path):
    search = number_search(tmp_path / "stubborn.sqlite", StubbornSpace())
    view = steering(search)
    assert set(view.controls) == {"grow", "shrink", "tournament", "adapt", "learning_rate"}
    assert set(view.panels) == {"Mutations", "Search and training"}
    view.close()
    search.close()


def test_what_a_browser_rounds_to_a_step_is_no_change(tmp_path):
    search = number_search(tmp_path / "rounded.sqlite", train=TrainConfig(epochs=2, learning_rate=0.02))
    view = steering(search)
    rate = view.controls["learning_rate"]
    rate.value = 10**-1.7  # the step next to 0.02, which a browser sends back as soon as it shows the slider
    POLLER.poll_once()
    assert not search.pending
    assert search.target.config.train.learning_rate == 0.02
    assert rate.value == 10**-1.7  # nor is it sent to and fro
    rate.value = 10**-1.65
    assert search.pending == {"train": {**to_values(search.config.train), "learning_rate": 10**-1.65}}
    view.close()
    search.close()


def test_a_browser_rounds_what_lies_half_way_up(search):
    search.update(rates={"grow": 0.225})
    wanted, view = search.target, steering(search)
    grow = view.controls["grow"]
    grow.value = 0.23  # as a browser sends it back
    POLLER.poll_once()
    assert search.target == wanted
    assert grow.value == 0.23  # nor is it sent to and fro
    grow.value = 0.22  # a person moves it
    assert search.target.rates.grow == 0.22
    view.close()
