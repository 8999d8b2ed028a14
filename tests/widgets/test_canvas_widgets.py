from __future__ import annotations

import numpy as np
import pytest

from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, GenomeError
from workbench.initial import CONVOLUTION, initialise, random_genome, windowed
from workbench.mutations import add_edges, remove_edges
from workbench.plots import activations, dag_layout, edge_density, neuron_density, receptive_field
from workbench.spatial import SpatialLaw
from workbench.surgery import Region
from workbench.views.base.canvas import VIEWS
from workbench.views.base.source import Selection
from workbench.views.modules.widget import ModulesView
from workbench.views.network.data import ADDED, KEPT, REMOVED, genome_difference
from workbench.views.network.layout import blocks_of, drawing_order
from workbench.views.network.maps import to_rgba
from workbench.views.network.widget import SHOW, DagView, SpatialView

DIGITS = load_dataset("digits")


@pytest.fixture
def genome(rng):
    return random_genome(DIGITS.shape, DIGITS.n_classes, rng)


@pytest.fixture
def other():
    return windowed(DIGITS.shape, DIGITS.n_classes, np.random.default_rng(1), windows=CONVOLUTION)


def test_dag_view_sends_the_layout_as_bytes(genome):
    view, info = DagView(genome, class_names=DIGITS.class_names), dag_layout(genome)
    for name in ("x", "y", "positions", "biases"):
        np.testing.assert_array_equal(np.frombuffer(view.scene[name], np.float32), getattr(info, name).ravel())
    np.testing.assert_array_equal(np.frombuffer(view.scene["layers"], np.int32), info.layers)
    order = drawing_order(info)
    np.testing.assert_array_equal(np.frombuffer(view.scene["weight"], np.float32), info.weight[order])
    for name in ("source", "target"):
        np.testing.assert_array_equal(np.frombuffer(view.scene[name], np.int32), getattr(info, name)[order])
    np.testing.assert_array_equal(np.frombuffer(view.scene["block"], np.int32), blocks_of(info))
    assert view.scene["layer_sizes"] == np.bincount(genome.layers).tolist()
    assert view.scene["class_names"] == list(DIGITS.class_names)
    assert not any(isinstance(value, list) and len(value) > 100 for value in view.scene.values())


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_views_without_a_genome_are_empty(kind, genome):
    view = kind()
    assert view.scene == {}
    view.genome = genome
    assert view.scene["version"] == view.version
    view.genome = None
    assert view.scene == {}


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_another_genome_updates_in_place(kind, genome, other):
    view = kind(genome)
    before = view.scene
    view.genome = other
    assert view.scene["version"] > before["version"]
    assert view.scene["layers"] != before["layers"]


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_selection_goes_both_ways(kind, genome):
    selection = Selection()
    view = kind(genome, selection=selection)
    selection.part = 70
    assert view.neuron == 70
    view.neuron = 3  # what a click does
    assert selection.part == 3
    view.close()
    selection.part = 5
    assert view.neuron == 3


def test_a_part_that_is_no_neuron_selects_none(genome):
    selection = Selection(part=3)
    view = DagView(genome, selection)
    assert view.neuron == 3
    selection.part = "cell 2"
    assert view.neuron is None
    assert selection.part == "cell 2"
    view.close()


def test_two_views_share_one_selection(genome):
    selection = Selection()
    dag, space = DagView(genome, selection), SpatialView(genome, selection=selection)
    dag.neuron = 80
    assert space.neuron == 80
    assert space.field["neuron"] == 80
    selection.individual = 4  # another network: its neurons are others
    assert dag.neuron is None
    assert space.field == {}


def test_another_selection_may_be_set(genome):
    view, second = DagView(genome), Selection()
    first = view.selection
    view.selection = second
    first.part = 1
    assert view.neuron is None
    second.part = 2
    assert view.neuron == 2


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_a_neuron_that_the_next_genome_lacks_is_forgotten(kind, genome):
    view = kind(genome)
    view.neuron = genome.n_neurons - 1
    view.genome = random_genome(DIGITS.shape, 2, np.random.default_rng(3), hidden_layers=(1, 1), layer_size=(0.1, 0.1))
    assert view.neuron is None
    assert view.selection.part is None


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_unknown_keywords_are_refused(kind):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kind(colour="red")


def test_spatial_view_shows_image_and_activations(genome):
    view = SpatialView(genome, DIGITS)
    view.index = 5
    values = np.frombuffer(view.picture["values"], np.float32)
    np.testing.assert_array_equal(values, activations(genome, DIGITS, "validation", 5))
    assert view.picture["label"] == DIGITS.class_names[DIGITS.labels("validation")[5]]
    outputs = values[genome.n_inputs :][: genome.n_outputs]
    assert view.picture["predicted"] == DIGITS.class_names[outputs.argmax()]
    first = view.picture["rgba"]
    view.split = "train"
    assert view.picture["rgba"] != first
    assert len(first) == 4 * 8 * 8


def test_without_weights_nothing_is_predicted(genome):
    view = SpatialView(genome.with_parameters(None, genome.biases), DIGITS)
    view.neuron = genome.n_neurons - 1
    assert view.scene["has_weights"] is False
    assert view.picture.keys() == {"rgba", "label", "size"}
    assert view.field["map"] == b""


def test_an_image_out_of_range_becomes_the_last_one(genome):
    view = SpatialView(genome, DIGITS)
    view.index = 10**6
    assert view.index == DIGITS.size("validation") - 1
    view.split = "test"
    assert view.index == min(DIGITS.size("validation"), DIGITS.size("test")) - 1
    view.index = -3
    assert view.index == 0


def test_images_of_another_shape_are_not_shown(genome):
    wrong = Dataset.from_arrays(np.zeros((40, 3, 3)), np.arange(40) % 2, np.zeros((4, 3, 3)), np.arange(4) % 2)
    view = SpatialView(genome, wrong)
    assert view.picture == {}
    assert view.scene["class_names"] == []
    view.data = DIGITS
    assert view.picture["size"] == DIGITS.size("validation")
    assert view.scene["class_names"] == list(DIGITS.class_names)


def test_receptive_field_of_the_selected_neuron(genome):
    view = SpatialView(genome, DIGITS)
    neuron = genome.n_neurons - 1
    view.neuron = neuron
    np.testing.assert_array_equal(np.frombuffer(view.field["map"], np.float32), receptive_field(genome, neuron).ravel())
    assert view.field["in_degree"] == genome.in_degrees[neuron]
    assert len(view.field["weights"]) == 4 * (view.field["in_degree"] + view.field["out_degree"])
    view.neuron = 0
    assert view.field["bias"] is None
    view.neuron = None
    assert view.field == {}


@pytest.mark.parametrize(("show", "oracle"), [("neuron density", neuron_density), ("edge density", edge_density)])
def test_densities_by_layer(genome, show, oracle):
    view = SpatialView(genome)
    assert view.density == {}
    view.show = show
    maps = np.frombuffer(view.density["maps"], np.float32).reshape(genome.n_layers - 1, 8, 8)
    np.testing.assert_array_equal(maps[1], oracle(genome, 1))
    assert (maps[0] == 0).all()
    view.show = SHOW[0]
    assert view.density == {}


def test_the_layer_shown_exists_in_the_next_genome(other, rng):
    view = SpatialView(other)
    view.layer = 3
    view.genome = random_genome(DIGITS.shape, 10, rng, hidden_layers=(1, 1))
    assert view.layer == 1


def test_the_histogram_follows_the_law(genome):
    view = SpatialView(genome, law=SpatialLaw(1, 0))
    before = view.scene["lengths"]
    view.law = SpatialLaw(9, 0)
    assert view.scene["lengths"]["counts"] == before["counts"]
    assert view.scene["lengths"]["expected_mean"] > before["expected_mean"]


def test_images_as_colours():
    grey = to_rgba(np.array([[[0.0, 8.0, 16.0]]]))
    np.testing.assert_array_equal(grey[0, :, 0], [0, 128, 255])
    assert (grey[..., 3] == 255).all()
    colour = to_rgba(np.stack([np.full((2, 2), v) for v in (0.0, 100.0, 200.0)]))
    np.testing.assert_array_equal(colour[0, 0], [0, 128, 255, 255])


def test_nothing_is_fetched_from_elsewhere():
    for path in VIEWS.rglob("*.*s"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")  # the name of a namespace
        assert "http" not in text, path


@pytest.fixture
def child(genome):
    """`genome` without some of its edges, with others in their place."""
    fewer, _ = remove_edges(genome, np.random.default_rng(2))
    return add_edges(fewer, np.random.default_rng(3))[0]


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_views_show_what_changed(kind, genome, child):
    view, difference = kind(), genome_difference(genome, child)
    view.show_change(genome, child)
    assert view.version == 1
    assert view.scene["changes"] == difference.counts
    states = np.frombuffer(view.scene["neuron_state"], np.uint8)
    np.testing.assert_array_equal(states, difference.neuron_state)
    np.testing.assert_array_equal(np.frombuffer(view.scene["layers"], np.int32), difference.layers)
    view.before = None
    assert "changes" not in view.scene
    assert view.genome is child
    with pytest.raises(GenomeError, match="same inputs and outputs"):
        view.before = random_genome((1, 3, 3), 10, np.random.default_rng(0))


def test_dag_view_marks_every_edge_of_the_union(genome, child):
    view, difference = DagView(), genome_difference(genome, child)
    view.show_change(genome, child)
    order = drawing_order(dag_layout(child, genome))
    states = np.frombuffer(view.scene["kind"], np.uint8)
    np.testing.assert_array_equal(states, difference.edge_state[order])
    assert (np.diff(states == KEPT) >= 0).all()  # changed ones first
    np.testing.assert_array_equal(np.frombuffer(view.scene["source"], np.int32), difference.sources[order])


def test_colours_by_activation_are_of_one_network(genome, child):
    child = initialise(child, np.random.default_rng(0))
    view = DagView(data=DIGITS)
    view.show_change(genome, child)
    assert view.picture == {}
    view.colors = "activation"
    assert "changes" not in view.scene
    values = np.frombuffer(view.picture["values"], np.float32)
    np.testing.assert_array_equal(values, activations(child, DIGITS, "validation", 0))
    assert view.scene["class_names"] == list(DIGITS.class_names)
    view.colors = "plain"
    assert "changes" in view.scene


def test_spatial_view_sends_a_sample_of_many_changed_edges(monkeypatch, genome, child):
    view, difference = SpatialView(), genome_difference(genome, child)
    view.show_change(genome, child)
    sent = np.frombuffer(view.scene["change_state"], np.uint8)
    assert len(sent) == (difference.edge_state != KEPT).sum()
    assert set(sent) == {ADDED, REMOVED}
    monkeypatch.setattr("workbench.views.network.widget.MOST_CHANGES", 10)
    view.before = None
    view.before = genome
    sent = np.frombuffer(view.scene["change_state"], np.uint8)
    assert len(sent) == 10
    assert set(sent) == {ADDED, REMOVED}


def test_a_brushed_region_holds_the_neurons_of_the_layer_that_is_shown(genome, child):
    view = SpatialView(genome)
    assert view.brushed() is None
    assert len(view.brushed_neurons()) == 0
    view.region = {"top": 1.0, "left": 2.0, "bottom": 5.0, "right": 6.0}
    assert view.brushed() == Region(1, 2, 5, 6)
    np.testing.assert_array_equal(view.brushed_neurons(), Region(1, 2, 5, 6).neurons(genome))
    view.layer = 1
    np.testing.assert_array_equal(view.brushed_neurons(), Region(1, 2, 5, 6, layer=1).neurons(genome))
    view.show_change(genome, child)
    assert view.brushed_neurons().max(initial=0) < child.n_neurons  # those that are gone cannot be chosen


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: DagView(3), r"DagView expects a network of neurons .*ModulesView\(space.picture.*got int"),
        (lambda: SpatialView().show_change("parent", None), r"SpatialView expects a network of neurons .*got str"),
        (lambda: DagView(data=3), "DagView expects a Dataset.*got int"),
        (lambda: ModulesView("picture"), r"ModulesView expects a Picture.*got str"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(make, expected):
    with pytest.raises(ConfigError, match=expected):
        make()
