"""The selected network against its parent."""

from __future__ import annotations

import ipywidgets as ipw
import pytest
from plots.picture_samples import DrawnSpace, ListedSpace
from search.search_samples import finish, step, tiny_data
from widget_samples import number_search

import workbench as wb
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.layout import Part
from workbench.views.base.source import Selection
from workbench.views.modules.data import picture_changes_in_words, picture_difference
from workbench.views.network.data import changes_in_words, genome_difference
from workbench.views.network.panel import NOTHING, PARENT, PINNED, look_at
from workbench.views.network.pictures import GRAPH, OVER_THE_IMAGE, TEXT
from workbench.widgets import NetworkPanel

DATA = tiny_data()
CONFIG = SearchConfig(population=4, children=2, generations=3, workers=1, train=TrainConfig(epochs=1, batch_size=32))
INITIAL = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))


@pytest.fixture
def search(tmp_path):
    space = NeuronSpace.for_data(DATA, INITIAL, backend="csr")
    search = Search(DATA, CONFIG, tmp_path / "run.sqlite", space)
    yield search
    search.close()


@pytest.fixture
def panel(search):
    step(search, 8)
    panel = NetworkPanel(search)
    yield panel
    panel.close()


def test_a_child_is_shown_against_its_parent_at_once(search, panel):
    panel.selection.individual = 5
    child, parent = search.results.genome(5), search.results.genome(search.results.individual(5).parent)
    counts = genome_difference(parent, child).counts
    assert panel.pictures[GRAPH].scene["changes"] == counts
    assert f"{changes_in_words(counts)} against parent {search.results.individual(5).parent}" in panel.note.value
    panel.against.value = NOTHING
    assert "changes" not in panel.pictures[GRAPH].scene
    assert panel.pictures[GRAPH].genome.to_bytes() == child.to_bytes()


def test_the_pinned_network_may_take_the_parents_place(search, panel):
    panel.selection.individual = 5
    panel.against.value = PINNED
    assert "None is pinned to compare it with" in panel.note.value
    panel.selection.pinned = 0
    assert " against pinned 0" in panel.note.value
    pinned, shown = search.results.genome(0), search.results.genome(5)
    assert panel.pictures[GRAPH].scene["changes"] == genome_difference(pinned, shown).counts


def test_only_the_picture_in_front_is_fed(panel):
    panel.selection.individual = 5
    assert panel.pictures[OVER_THE_IMAGE].scene == {}
    panel.show_tab(OVER_THE_IMAGE)
    assert panel.pictures[OVER_THE_IMAGE].scene["changes"] == panel.pictures[GRAPH].scene["changes"]
    panel.selection.individual = 4
    assert panel.pictures[GRAPH].version == 1
    panel.show_tab(GRAPH)
    assert panel.pictures[GRAPH].version == 2


def test_initial_individuals_have_no_parent(panel):
    panel.selection.individual = 0
    assert "it has no parent" in panel.note.value
    assert "changes" not in panel.pictures[GRAPH].scene
    assert panel.pictures[GRAPH].genome is not None


def test_a_parent_that_was_not_kept_is_said_to_be_missing(search, panel, monkeypatch):
    child = search.results.individual(5)
    genome = panel.source.genome
    monkeypatch.setattr(panel.source, "genome", lambda id: None if id == child.parent else genome(id))
    selection = Selection(individual=5)
    look = look_at(panel.source, selection, PARENT)
    assert look.before is None
    assert look.genome.to_bytes() == child.genome.to_bytes()
    assert f"the network of individual {child.parent} was not kept" in look.note
    monkeypatch.setattr(panel.source, "genome", lambda id: None)
    look = look_at(panel.source, selection, PARENT)
    assert look.genome is None
    assert "the network of individual 5 was not kept" in look.note


def test_missing_weights_are_said_and_can_be_trained_again(panel):
    again = panel.again
    panel.selection.individual = 7
    assert panel.pictures[GRAPH].scene["has_weights"] is (again.layout.display == "none")
    lost = next(id for id in range(7) if not panel.source.genome(id).has_weights)
    panel.selection.individual = lost
    assert again.layout.display != "none"
    assert panel.pictures[GRAPH].scene["has_weights"] is False
    again.wait()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "no neuron or edge differs"),
        ({"edges_added": 5919}, "5,919 edges added"),
        ({"neurons_added": 1, "edges_added": 20, "edges_removed": 3}, "1 neuron and 20 edges added, 3 edges removed"),
        ({"edges_now_shared": 25}, "25 edges now share weights"),
    ],
)
def test_changes_in_words(counts, words):
    names = [f"{thing}s_{state}" for thing in ("neuron", "edge") for state in ("added", "removed")]
    assert changes_in_words(dict.fromkeys([*names, "edges_now_shared"], 0) | counts) == words


def test_the_head_tells_what_hovering_tells_and_walks(search, panel):
    head, front = panel.head, [one.id for one in search.archive]
    assert head.best.disabled is False
    head.best.click()
    chosen = search.archive[-1]
    assert panel.selection.individual == chosen.id
    assert f'data-individual="{chosen.id}"' in head.facts.value
    assert f"{chosen.val_accuracy:.2%}" in head.facts.value
    panel.selection.individual = None
    for id in (*front, front[-1]):
        head.next.click()
        assert panel.selection.individual == id
    for id in (*front[-2::-1], front[0]):
        head.previous.click()
        assert panel.selection.individual == id
    panel.selection.individual = 7
    line = search.results.lineage(7)["id"].tolist()[-2::-1]
    buttons = [each for each in head.ancestors if each.layout.display != "none"]
    assert [each.description.split()[-1] for each in buttons] == [str(id) for id in line[: len(buttons)]]
    buttons[0].click()
    assert panel.selection.individual == line[0]


def test_further_tabs_are_made_when_first_opened(search):
    made = []
    part = Part("Further", lambda source, selection: made.append(selection) or ipw.HTML("further"))
    panel = NetworkPanel(search, parts=[part])
    assert made == []
    assert panel.show_tab("Further").value == "further"
    panel.show_tab(GRAPH)
    panel.show_tab("Further")
    assert made == [panel.selection]
    panel.close()


def test_a_space_without_pictures_has_facts_and_says_so(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    step(search, 5)
    panel = NetworkPanel(search)
    assert panel.pictures == {}
    assert "The space &#x27;numbers&#x27; does not draw its networks." in panel.note.value
    panel.selection.individual = 4
    assert 'data-individual="4"' in panel.head.facts.value
    assert "does not draw" in panel.note.value
    panel.close()
    search.close()


def test_a_space_that_draws_has_a_graph_and_one_that_lists_a_text(tmp_path):
    search = number_search(tmp_path / "run.sqlite", DrawnSpace())
    step(search, 12)
    panel = NetworkPanel(search)
    assert list(panel.pictures) == [GRAPH, TEXT]
    graph, text = panel.pictures.values()
    child = next(one for one in search.snapshot().population if one.parent is not None)
    panel.selection.individual = child.id
    before = search.space.picture(search.results.genome(child.parent))
    difference = picture_difference(before, search.space.picture(child.genome))
    assert graph.scene["changes"] == difference.counts
    assert picture_changes_in_words(difference.counts) in panel.note.value
    assert f"against parent {child.parent}" in panel.note.value
    panel.show_tab(TEXT)
    assert "size = " in text.scene["html"]
    assert text.lines == search.space.listing(child.genome)
    assert "changed against parent" in panel.note.value
    panel.against.value = NOTHING
    assert panel.note.value == ""
    panel.show_tab(GRAPH)
    assert graph.scene["changes"] == {}
    panel.against.value = PINNED
    panel.selection.pinned = child.parent
    assert graph.before == before
    panel.close()
    search.close()


def test_a_space_read_as_text_has_it_in_front(tmp_path):
    search = number_search(tmp_path / "run.sqlite", ListedSpace())
    step(search, 6)
    panel = NetworkPanel(search)
    assert list(panel.pictures) == [TEXT, GRAPH]
    text, graph = panel.pictures.values()
    panel.selection.individual = search.snapshot().best
    panel.show_tab(GRAPH)
    graph.part = "0"  # a module, which has a line
    assert text.part == "0"
    panel.close()
    search.close()


def test_a_stored_run_shows_the_same(search):
    finish(search)
    panel = NetworkPanel(wb.open_run(search.path))
    panel.head.best.click()
    assert panel.pictures[GRAPH].genome is not None
    panel.selection.individual = 77
    assert "there is no individual 77" in panel.head.facts.value
    assert panel.pictures[GRAPH].genome is None
    panel.close()
