"""All views together, of a live search and of a stored run."""

from __future__ import annotations

import sqlite3

import pytest
from ipywidgets.widgets.widget import _instances
from search.search_samples import finish, step, tiny_data

import workbench as wb
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.poller import POLLER
from workbench.views.base.words import mutation_in_words
from workbench.views.dashboard import cells
from workbench.views.network.pictures import GRAPH, OVER_THE_IMAGE

DATA = tiny_data()
CONFIG = SearchConfig(population=4, children=2, generations=3, workers=1, train=TrainConfig(epochs=1, batch_size=32))
INITIAL = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))


@pytest.fixture
def search(tmp_path):
    space = NeuronSpace.for_data(DATA, INITIAL, backend="csr")
    search = Search(DATA, CONFIG, tmp_path / "run.sqlite", space)
    yield search
    search.close()


def test_a_selection_opens_the_network_everywhere(search):
    dashboard = wb.widgets.Dashboard(search)
    step(search, 6)
    dashboard.network.head.show(search.snapshot())
    dashboard.network.head.best.click()
    chosen = search.archive[-1]
    assert dashboard.selection.individual == chosen.id
    assert f'data-individual="{chosen.id}"' in dashboard.network.head.facts.value
    assert f"{chosen.val_accuracy:.2%}" in dashboard.network.head.facts.value
    assert dashboard.network.pictures[GRAPH].genome.to_bytes() == chosen.genome.to_bytes()
    assert dashboard.network.show_tab("Image").genome.to_bytes() == chosen.genome.to_bytes()
    assert dashboard.network.pictures[OVER_THE_IMAGE].law == search.rates.law
    dashboard.selection.individual = 5
    buttons = [each for each in dashboard.network.head.ancestors if each.layout.display != "none"]
    lineage = search.results.lineage(5)["id"].tolist()
    assert [int(each.description.split()[-1]) for each in buttons] == lineage[-2::-1]
    buttons[0].click()
    assert dashboard.selection.individual == lineage[-2]
    dashboard.close()


def opened_files(monkeypatch) -> list[str]:
    """Notes every SQLite file that is opened."""
    opened, connect = [], sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: opened.append(given[0]) or connect(*given, **more))
    return opened


def test_a_click_reads_memory_and_the_file_at_most_once(search, monkeypatch):
    step(search, 8)
    live, stored = wb.widgets.Dashboard(search), wb.widgets.Dashboard(wb.open_run(search.path))
    opened = opened_files(monkeypatch)
    for individual in search.archive:
        live.selection.individual = individual.id
        assert live.network.pictures[GRAPH].genome is individual.genome
    assert opened == []
    seen = set()
    for individual in search.archive:
        stored.selection.individual = individual.id
        seen |= {individual.id, individual.parent} - {None}
        assert len(opened) <= len(seen)
    live.close()
    stored.close()


def test_walking_along_the_front(search):
    step(search, 8)
    dashboard = wb.widgets.Dashboard(search)
    card, front = dashboard.network.head, [one.id for one in search.archive]
    card.next.click()
    assert dashboard.selection.individual == front[0]
    for id in (*front[1:], front[-1]):
        card.next.click()
        assert dashboard.selection.individual == id
    for id in (*front[-2::-1], front[0]):
        card.previous.click()
        assert dashboard.selection.individual == id
    dashboard.close()


def test_somebody_who_is_not_there(search):
    step(search, 2)
    dashboard = wb.widgets.Dashboard(search)
    dashboard.selection.individual = 77
    assert "there is no individual 77" in dashboard.network.head.facts.value
    assert dashboard.network.pictures[GRAPH].genome is None
    dashboard.close()


def test_two_dashboards_agree(search):
    both = [wb.widgets.Dashboard(search) for _ in range(2)]
    for dashboard in both:
        dashboard.folds["Changes and failures"].opened = True
    for subscription in POLLER.subscriptions:
        subscription.interval = 0
    both[0].steering.controls["add_edges"].value = 0.9
    both[1].run_control.step_generation.click()
    finish(search)
    POLLER.poll_once()
    for part in ("progress", "state", "working"):
        assert len({getattr(each.run_control, part).value for each in both}) == 1
    one, other = (dashboard.front.places for dashboard in both)
    assert {name: ids.tolist() for name, ids in one.items()} == {name: ids.tolist() for name, ids in other.items()}
    assert both[1].steering.controls["add_edges"].value == 0.9
    assert "add edges 0.2 → 0.9" in both[1].folds["Changes and failures"].content.changes.value
    for dashboard in both:
        dashboard.close()


def test_a_stored_run_can_be_explored(search):
    finish(search)
    dashboard = wb.widgets.Dashboard(wb.open_run(search.path))
    dashboard.network.head.best.click()
    assert dashboard.network.pictures[GRAPH].genome is not None
    assert dashboard.steering.controls["add_edges"].value == "0.2"  # a figure; there is nothing to drag
    assert "10 / 10" in dashboard.run_control.progress.value
    dashboard.close()


def test_another_space_has_no_neurons_to_show(tmp_path):
    search = Search(DATA, CONFIG, tmp_path / "run.sqlite", MlpSpace.for_data(DATA))
    step(search, 5)
    dashboard = wb.widgets.Dashboard(search)
    assert OVER_THE_IMAGE not in dashboard.network.pictures
    dashboard.selection.individual = 4
    assert 'data-individual="4"' in dashboard.network.head.facts.value
    dashboard.close()
    search.close()


def test_closing_leaves_nobody_behind_and_the_search_alone(search):
    before = len(POLLER.subscriptions)
    dashboard = wb.widgets.Dashboard(search)
    assert len(POLLER.subscriptions) > before
    dashboard.close()
    dashboard.close()  # twice does no harm
    assert len(POLLER.subscriptions) == before
    finish(search)


def test_closing_closes_all_widgets(search):
    """ipywidgets keeps those that are not closed; also what was only made when it was opened."""
    step(search, 6)
    before = set(_instances)
    dashboard = wb.widgets.Dashboard(search)
    assert len(_instances) > len(before) + 100
    for fold in dashboard.folds.values():
        fold.opened = True
    for each in (dashboard.network.tabs, dashboard.more):
        for part in each.parts:
            each.show_tab(part.title)
    dashboard.close()
    left = [repr(_instances[id]) for id in set(_instances) - before]
    assert left == []


def test_a_cell_that_is_run_again_makes_its_dashboard_anew(search, monkeypatch):
    """Other cells, the same execution, and what is shown a second time are left alone."""
    here = ["cell", "first"]
    monkeypatch.setattr(cells, "_here", lambda: tuple(here))
    before = set(_instances)
    first, same = wb.widgets.Dashboard(search), wb.widgets.Dashboard(search)
    here[:] = "other cell", "second"
    other = wb.widgets.Dashboard(search)
    assert all(each.comm is not None for each in (first, same, other))
    here[:] = "cell", "third"
    third = wb.widgets.Dashboard(search)
    assert same.comm is None
    assert all(each.comm is not None for each in (first, other, third))
    third._view_count = 2
    here[1] = "fourth"
    fourth = wb.widgets.Dashboard(search)
    assert third.comm is not None
    for each in (first, other, third, fourth):
        each.close()
    assert set(_instances) == before


def test_the_first_cell_again_finds_the_live_search(tmp_path):
    space = MlpSpace.for_data(DATA)
    search = Search.open(DATA, CONFIG, tmp_path / "run.sqlite", space)
    step(search, 2)
    assert Search.open(DATA, CONFIG, tmp_path / "run.sqlite", space) is search
    search.close()
    resumed = Search.open(DATA, CONFIG, tmp_path / "run.sqlite", space)
    assert resumed is not search
    assert resumed.snapshot().total == 2
    resumed.close()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({}, ""),
        ({"kind": "add_edges", "edges_added": 1200, "edges_pruned": 0}, "add edges: 1,200 edges added"),
        ({"kind": "add_neurons", "layer": 2, "new_layer": True}, "add neurons: layer 2, new layer"),
        ({"kind": "grow", "change": 0.123456}, "grow: change 0.1235"),
    ],
)
def test_mutations_in_words(record, text):
    assert mutation_in_words(record) == text
