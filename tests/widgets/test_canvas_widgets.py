from __future__ import annotations

import numpy as np
import pytest

from workbench.datasets import Dataset, load_dataset
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.plots import activations, dag_layout, edge_density, neuron_density, receptive_field
from workbench.spatial import SpatialLaw
from workbench.widgets.canvas import STATIC
from workbench.widgets.dag_view import DagView
from workbench.widgets.selection import Selection
from workbench.widgets.spatial_view import SHOW, SpatialView, to_rgba

DIGITS = load_dataset("digits")


@pytest.fixture
def genome(rng):
    return random_genome(DIGITS.shape, DIGITS.n_classes, rng)


@pytest.fixture
def other():
    return windowed(DIGITS.shape, DIGITS.n_classes, np.random.default_rng(1), windows=CONVOLUTION)


def test_dag_view_sends_the_layout_as_bytes(genome):
    view, info = DagView(genome, class_names=DIGITS.class_names), dag_layout(genome)
    for name in ("x", "y", "positions", "biases", "weight"):
        np.testing.assert_array_equal(np.frombuffer(view.scene[name], np.float32), getattr(info, name).ravel())
    for name in ("layers", "source", "target"):
        np.testing.assert_array_equal(np.frombuffer(view.scene[name], np.int32), getattr(info, name))
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
    selection.neuron = 70
    assert view.neuron == 70
    view.neuron = 3  # what a click does
    assert selection.neuron == 3
    view.close()
    selection.neuron = 5
    assert view.neuron == 3


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
    first.neuron = 1
    assert view.neuron is None
    second.neuron = 2
    assert view.neuron == 2


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_a_neuron_that_the_next_genome_lacks_is_forgotten(kind, genome):
    view = kind(genome)
    view.neuron = genome.n_neurons - 1
    view.genome = random_genome(DIGITS.shape, 2, np.random.default_rng(3), hidden_layers=(1, 1), layer_size=(0.1, 0.1))
    assert view.neuron is None
    assert view.selection.neuron is None


@pytest.mark.parametrize("kind", [DagView, SpatialView])
def test_unknown_keywords_are_refused(kind):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kind(colour="red")


def test_spatial_view_shows_image_and_activations(genome):
    view = SpatialView(genome, DIGITS)
    view.index = 5
    values = np.frombuffer(view.picture["values"], np.float32)
    np.testing.assert_array_equal(values, activations(genome, DIGITS, "test", 5))
    assert view.picture["label"] == DIGITS.class_names[DIGITS.labels("test")[5]]
    outputs = values[genome.n_inputs :][: genome.n_outputs]
    assert view.picture["predicted"] == DIGITS.class_names[outputs.argmax()]
    first = view.picture["rgba"]
    view.split = "train"
    assert view.picture["rgba"] != first
    assert len(first) == 4 * 8 * 8


def test_an_image_out_of_range_becomes_the_last_one(genome):
    view = SpatialView(genome, DIGITS)
    view.index = 10**6
    assert view.index == DIGITS.size("test") - 1
    view.split = "validation"
    assert view.index == min(DIGITS.size("validation"), DIGITS.size("test")) - 1
    view.index = -3
    assert view.index == 0


def test_images_of_another_shape_are_not_shown(genome):
    wrong = Dataset.from_arrays(np.zeros((40, 3, 3)), np.arange(40) % 2, np.zeros((4, 3, 3)), np.arange(4) % 2)
    view = SpatialView(genome, wrong)
    assert view.picture == {}
    assert view.scene["class_names"] == []
    view.data = DIGITS
    assert view.picture["size"] == DIGITS.size("test")
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
    for path in STATIC.glob("*.*s"):
        assert "http" not in path.read_text(), path
