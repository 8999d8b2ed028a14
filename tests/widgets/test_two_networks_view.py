"""The selected network beside a pinned one."""

from __future__ import annotations

import pytest
from search.search_samples import finish, tiny_data
from test_understand import network_search

from workbench.widgets import Selection, TwoNetworksView

DATA = tiny_data()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finish(network_search(tmp_path_factory.mktemp("versus") / "run.sqlite")).results


@pytest.fixture
def pair(run) -> tuple[int, int]:
    """Two individuals whose weights were kept."""
    table = run.individuals
    kept = table["id"][table["genome"] == "trained"].tolist()
    return kept[0], kept[-1]


def test_a_network_is_pinned_and_others_are_compared_with_it(run, pair):
    first, second = pair
    view = TwoNetworksView(run, Selection(individual=first), DATA)
    assert f"Pin individual {first}" in view.message.value
    view.pin.click()
    assert view.selection.pinned == first
    view.selection.individual = second
    assert f"<th>pinned: {first}</th><th>{second}</th>" in view.table.value
    assert "points</td>" in view.table.value
    view.swap.click()
    assert (view.selection.pinned, view.selection.individual) == (second, first)
    assert f"<th>pinned: {second}</th><th>{first}</th>" in view.table.value
    view.pin.click()
    assert view.selection.pinned is None
    assert view.table.value == ""
    view.close()


def test_errors_are_those_of_both(run, pair):
    view = TwoNetworksView(run, Selection(pinned=pair[0], individual=pair[1]), DATA)
    view.what.value = "errors"
    view.wait()
    assert "validation image" in view.message.value
    assert f"{pair[1]} against {pair[0]} on" in view.message.value
    assert len(view.plot.shown.data) == 4
    view.split.value = "selection"
    view.wait()
    assert "selection image" in view.message.value
    assert "test" not in view.split.options
    view.close()


def test_receptive_fields_follow_the_selected_neuron(run, pair):
    view = TwoNetworksView(run, Selection(pinned=pair[0], individual=pair[1]), DATA)
    view.what.value = "receptive fields"
    assert view.neuron.value == 0  # a class
    assert len(view.plot.shown.data) == 2
    genome = run.genome(pair[1])
    view.selection.part = genome.n_neurons - 1
    name = f"neuron {genome.n_neurons - 1}" if genome.n_hidden else f"output {genome.n_outputs - 1}"
    assert f"{pair[1]}, {name} (±" in view.plot.shown.layout.annotations[1].text
    view.close()


def test_without_weights_there_are_numbers_only(run, pair):
    table = run.individuals
    dropped = int(table["id"][table["genome"] == "topology"].iloc[-1])
    view = TwoNetworksView(run, Selection(pinned=dropped, individual=pair[1]), DATA)
    assert "FLOPs" in view.table.value
    for what in ("errors", "receptive fields"):
        view.what.value = what
        assert view.plot.shown is None
    pinned, selected = view.again
    assert f"weights of {dropped} were not kept" in pinned.note.value
    assert (pinned.layout.display, selected.layout.display) == (None, "none")
    pinned.wait()
    pinned.train.click()
    pinned.wait()
    view.wait()
    assert view.plot.shown is not None
    view.close()
