"""The way of a network from its first ancestor, and the file that shows its growth."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from plots.picture_samples import DrawnSpace, ListedSpace
from search.search_samples import NumberSpace, finish, tiny_data
from synthetic_runs import member, record, write_run
from widgets.widget_samples import number_search

from workbench.errors import ExportError, RunError
from workbench.genome import Genome
from workbench.pictures import Line
from workbench.plots import lineage_animation, lineage_figure, lineage_info, save_lineage_animation
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.lineage.animation import Frame, kept_networks, neurons_frames
from workbench.views.lineage.data import Step
from workbench.views.lineage.figure import path_figure
from workbench.views.lineage.listing import ROWS, ListingFrame
from workbench.views.modules.data import picture_changes_in_words, picture_difference


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A small search of networks."""
    data = tiny_data()
    initial = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))
    config = SearchConfig(
        population=3, children=3, generations=4, workers=1, train=TrainConfig(epochs=1, batch_size=32)
    )
    space = NeuronSpace.for_data(data, initial, backend="csr")
    path = tmp_path_factory.mktemp("lineage") / "run.sqlite"
    return finish(Search(data, config, path, space)).results


def longest(run) -> int:
    """Who has most ancestors."""
    return max((len(run.lineage(id)), id) for id in run.individuals["id"].tolist())[1]


def test_steps_are_the_lineage(networks):
    id = longest(networks)
    info, table = lineage_info(networks, id), networks.lineage(id)
    assert len(table) > 2
    assert [step.id for step in info.steps] == table["id"].tolist()
    assert [step.kind for step in info.steps] == ["initial", *table["mutation"][1:]]
    assert [step.flops for step in info.steps] == table["flops"].tolist()
    assert info.steps[-1].record == networks.mutation(id)


def test_the_tree_is_the_family_of_the_front(networks):
    info = lineage_info(networks, 0)
    expected = {each for id in networks.front()["id"] for each in networks.lineage(id)["id"]}
    assert set(info.relatives["id"]) == expected


def test_the_figure(networks):
    id = longest(networks)
    figure = lineage_figure(networks, id)
    accuracy, flops = [trace for trace in figure.data if trace.name == "path"]
    assert list(accuracy.y) == networks.lineage(id)["val_accuracy"].tolist()
    assert list(flops.y) == networks.lineage(id)["flops"].tolist()
    assert list(accuracy.customdata) == networks.lineage(id)["id"].tolist()


def test_those_made_by_hand_are_called_so(tmp_path):
    data = tiny_data()
    training = TrainConfig(epochs=1, batch_size=32)
    config = SearchConfig(population=2, children=3, generations=2, workers=1, train=training)
    space = NeuronSpace.for_data(data, InitialConfig(layer_size=(0.2, 0.5), edges_per_neuron=(2, 4)), backend="csr")
    mine = space.train(space.sample(0, np.random.default_rng(0)), data, training, seed=0, stream=(0,)).genome
    run = finish(Search(data, config, tmp_path / "run.sqlite", space, networks=[mine, mine])).results
    figure = lineage_figure(run, longest(run))
    assert figure.layout.title.text.endswith("since one made by hand")
    assert all(trace.text[0] == "by hand" for trace in figure.data if trace.name == "path")


def test_nobody(networks):
    with pytest.raises(RunError, match="no individual 777"):
        lineage_info(networks, 777)


def test_parents_in_a_circle_end(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    individuals = [member(0, 1, 0, "grow", 0.5, 10), member(1, 0, 0, "grow", 0.6, 20)]
    run = write_run(tmp_path / "run.sqlite", individuals, [record(0, [0, 1], [0, 1], 2)])
    assert [step.id for step in lineage_info(run, 1).steps] == [0, 1]


def test_frames_show_what_is_new(networks):
    id = longest(networks)
    frames = neurons_frames(kept_networks(networks, id))
    assert [frame.step.id for frame in frames] == networks.lineage(id)["id"].tolist()
    assert not frames[0].new_edges.any()
    for before, after in pairwise(frames):
        assert set(after.genome.neuron_keys) - set(before.genome.neuron_keys) == set(
            after.genome.neuron_keys[after.new_neurons[after.genome.n_inputs + after.genome.n_outputs :]]
        )
        assert _keyed(after, after.new_edges) == _keyed(after) - _keyed(before)


def _keyed(frame, some=slice(None)) -> set[tuple[int, int]]:
    """Edges by names that parent and child have in common."""
    genome = frame.genome
    fixed = genome.n_inputs + genome.n_outputs
    names = np.concatenate([-1 - np.arange(fixed), genome.neuron_keys])
    return set(zip(names[genome.sources[some]].tolist(), names[genome.targets[some]].tolist(), strict=True))


def test_a_topology_without_weights_can_be_shown(rng):
    genome = Genome.from_edges((1, 2, 2), 2, [0, 1, 6, 6], [6, 6, 4, 5])
    assert np.isnan(genome.weights).all()
    frame = Frame.of(Step(3, 1, "add_edges", 0.5, 0.4, 8, {}), genome, None)
    assert "4 edges" in frame.title


def test_the_animation_is_a_file_that_needs_nothing_else(networks, tmp_path):
    id = longest(networks)
    steps = len(networks.lineage(id))
    figure = lineage_animation(networks, id)
    assert len(figure.frames) == len(figure.layout.sliders[0].steps) == steps
    assert f"individual {id}</b>" in figure.frames[-1].layout.title.text
    path = save_lineage_animation(networks, id, tmp_path / "growth.html")
    text = path.read_text()
    assert f"individual {id}" in text
    assert not re.findall(r'<script[^>]+src="', text)
    assert json.dumps("Play") in text


def test_endings_and_folders(networks, tmp_path):
    with pytest.raises(ExportError, match=r"must end in \.html, got 'growth\.gif'"):
        save_lineage_animation(networks, 0, tmp_path / "growth.gif")
    with pytest.raises(ExportError, match="cannot write"):
        save_lineage_animation(networks, 0, tmp_path / "nowhere" / "growth.html")


def test_another_space_has_no_networks_to_animate(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    run = finish(number_search(tmp_path / "run.sqlite")).results
    assert lineage_info(run, 20).steps[-1].id == 20
    with pytest.raises(RunError, match="the space 'numbers' does not draw its networks"):
        lineage_animation(run, 20)


def test_networks_of_modules_grow_as_well(tmp_path):
    run = finish(number_search(tmp_path / "run.sqlite", DrawnSpace())).results
    id = longest(run)
    figure = lineage_animation(run, id)
    steps = run.lineage(id)["id"].tolist()
    assert len(figure.frames) == len(steps)
    last = DrawnSpace().picture(run.genome(id))
    assert list(figure.frames[-1].data[4].text) == [node.label for node in last.nodes]
    before = DrawnSpace().picture(run.genome(steps[-2]))
    assert picture_changes_in_words(picture_difference(before, last).counts) in figure.frames[-1].layout.title.text
    assert save_lineage_animation(run, id, tmp_path / "growth.html").stat().st_size > 1_000_000  # has plotly in it


def test_networks_read_as_text_grow_as_text(tmp_path):
    run = finish(number_search(tmp_path / "run.sqlite", ListedSpace())).results
    id = longest(run)
    figure = lineage_animation(run, id)
    steps = run.lineage(id)["id"].tolist()
    assert len(figure.frames) == len(steps)
    lines = ListedSpace().listing(run.genome(id))
    texts = [each.text for each in figure.frames[-1].layout.annotations]
    assert texts[2] == "<b>Numbers</b>"
    assert texts[3].startswith(lines[0].text)
    assert texts[4:] == ["<b>Steps</b>", *(line.text for line in lines[1:])]
    assert "1 line changed" in figure.frames[-1].layout.title.text


def test_of_a_long_text_what_changed_is_shown():
    lines = [Line(str(number), "Predict", f"s2 = {number}") for number in range(60)]
    step = Step(1, 1, "grow", 0.5, 0.4, 10, {})
    frame = ListingFrame(step, [*lines[:50], Line("50", "Predict", "s2 = 0.5"), *lines[51:]], lines)
    assert 50 - ROWS < frame.first_row <= 50
    assert ListingFrame(step, lines, None).first_row == 0
    assert "1 line changed" in frame.title


def test_a_lineage_of_programs_that_take_no_flops_has_a_path(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    people = [member(0, None, 0, None, 0.5, 0), member(1, 0, 1, "grow", 0.6, 300)]
    run = write_run(tmp_path / "run.sqlite", people, [record(0, [0], [0], 1), record(1, [1], [1], 1)])
    figure = lineage_figure(run, 1)
    paths = [trace for trace in figure.data if trace.name == "path"]
    assert list(paths[1].y) == [1, 300]
    assert "0 FLOPs" in paths[1].hovertext[0]
    assert list(path_figure(lineage_info(run, 1)).layout.yaxis2.ticktext) == ["0", "300"]
