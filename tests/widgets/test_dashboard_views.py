"""All views together, of a live search and of a stored run."""

from __future__ import annotations

import sqlite3

import pytest
from search.search_samples import finish, step, tiny_data

import workbench as wb
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.poller import POLLER
from workbench.views.base.words import mutation_in_words

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
    dashboard.card.show(search.snapshot())
    dashboard.card.best.click()
    chosen = search.archive[-1]
    assert dashboard.selection.individual == chosen.id
    assert f'data-individual="{chosen.id}"' in dashboard.card.facts.value
    assert f"{chosen.val_accuracy:.2%}" in dashboard.card.facts.value
    assert dashboard.dag.genome.to_bytes() == dashboard.spatial.genome.to_bytes() == chosen.genome.to_bytes()
    assert dashboard.spatial.law == search.rates.law
    dashboard.selection.individual = 5
    buttons = [each for each in dashboard.card.ancestors if each.layout.display != "none"]
    lineage = search.results.lineage(5)["id"].tolist()
    assert [each.description for each in buttons] == [f"# {id}" for id in lineage[:-1]]
    buttons[-1].click()
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
        assert live.dag.genome is individual.genome
    assert opened == []
    for number, individual in enumerate(search.archive, 1):
        stored.selection.individual = individual.id
        assert len(opened) == number
    live.close()
    stored.close()


def test_walking_along_the_front(search):
    step(search, 8)
    dashboard = wb.widgets.Dashboard(search)
    card, front = dashboard.card, [one.id for one in search.archive]
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
    assert "there is no individual 77" in dashboard.card.facts.value
    assert dashboard.dag.genome is None
    dashboard.close()


def test_two_dashboards_agree(search):
    both = [wb.widgets.Dashboard(search) for _ in range(2)]
    for dashboard in both:
        for view in (dashboard.run_control, dashboard.front, dashboard.steering, dashboard.history):
            view.subscription.interval = 0
    both[0].steering.controls["add_edges"].value = 0.9
    both[1].run_control.step_generation.click()
    finish(search)
    POLLER.poll_once()
    for part in ("progress", "state", "working"):
        assert len({getattr(each.run_control, part).value for each in both}) == 1
    assert both[0].front.points == both[1].front.points
    assert both[1].steering.controls["add_edges"].value == 0.9
    assert "add edges 0.2 → 0.9" in both[1].history.changes.value
    for dashboard in both:
        dashboard.close()


def test_a_stored_run_can_be_explored(search):
    finish(search)
    dashboard = wb.widgets.Dashboard(wb.open_run(search.path))
    dashboard.card.best.click()
    assert dashboard.dag.genome is not None
    assert dashboard.steering.controls["add_edges"].value == "0.2"  # a figure; there is nothing to drag
    assert "10 / 10" in dashboard.run_control.progress.value
    dashboard.close()


def test_another_space_has_no_neurons_to_show(tmp_path):
    search = Search(DATA, CONFIG, tmp_path / "run.sqlite", MlpSpace.for_data(DATA))
    step(search, 5)
    dashboard = wb.widgets.Dashboard(search)
    assert dashboard.dag is None
    dashboard.selection.individual = 4
    assert 'data-individual="4"' in dashboard.card.facts.value
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
