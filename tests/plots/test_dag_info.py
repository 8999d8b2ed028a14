from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from strategies import genomes

from workbench.genome import Genome
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.plots import dag_figure, dag_layout
from workbench.views.network.figure import MOST_EDGES_DRAWN
from workbench.views.network.layout import BANDS, STRIP_WIDTH, blocks_of, drawing_order


@given(genomes(blank=0.2))
def test_layout_says_what_the_genome_says(genome):
    info = dag_layout(genome)
    np.testing.assert_array_equal(info.source, genome.sources)
    np.testing.assert_array_equal(info.target, genome.targets)
    np.testing.assert_array_equal(info.weight, genome.weights)
    np.testing.assert_array_equal(info.layers, genome.layers)
    np.testing.assert_array_equal(info.shared, genome.shared >= 0)
    np.testing.assert_array_equal(info.skip, genome.layers[genome.targets] - genome.layers[genome.sources] > 1)
    assert np.isnan(info.biases[: genome.n_inputs]).all()
    np.testing.assert_array_equal(info.biases[genome.n_inputs :], genome.biases)
    assert sum(info.layer_sizes) == genome.n_neurons
    assert (info.x.dtype, info.weight.dtype, info.source.dtype, info.skip.dtype) == ("f4", "f4", "i4", "u1")


@given(genomes())
def test_layers_stand_apart_and_neurons_have_places_of_their_own(genome):
    info = dag_layout(genome)
    assert np.abs(info.x - info.layers).max() <= STRIP_WIDTH / 2 + 1e-6
    assert info.y.min() >= 0
    assert info.y.max() <= 1
    places = np.stack([info.x, info.y], axis=1)
    assert len(np.unique(places, axis=0)) == genome.n_neurons
    assert (info.x[info.source] < info.x[info.target]).all()  # edges run from left to right


def test_large_layers_keep_their_order_by_position(rng):
    genome = random_genome((3, 16, 16), 10, rng, hidden_layers=(3, 3))
    info = dag_layout(genome)
    assert len(np.unique(np.stack([info.x, info.y], axis=1), axis=0)) == genome.n_neurons
    for layer in (1, 2):
        members = np.flatnonzero(genome.layers == layer)
        rows = genome.positions[members, 0]
        by_height = members[np.argsort(info.y[members], kind="stable")]
        lines = [genome.positions[by_height[info.y[by_height] == y], 0] for y in np.unique(info.y[by_height])]
        assert all(above.max() <= below.min() for above, below in pairwise(lines))
        assert len(lines) < len(rows)  # a strip of several columns


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16)])
def test_neurons_stand_near_their_rows(shape, rng):
    genome = random_genome(shape, 10, rng, hidden_layers=(3, 3))
    info = dag_layout(genome)
    hidden = slice(genome.n_inputs + genome.n_outputs, None)
    rows = genome.positions[hidden, 0] / (shape[1] - 1)
    assert np.abs(info.y[hidden] - rows).mean() < 0.08  # ranks are 0.2 away


@given(genomes(blank=0.2))
def test_of_many_edges_those_come_first_that_tell_most(genome):
    info = dag_layout(genome)
    order = drawing_order(info)
    assert sorted(order) == list(range(genome.n_edges))
    place = np.argsort(order)
    strength = np.nan_to_num(np.abs(info.weight))
    for neuron in np.unique(info.target):
        into = np.flatnonzero(info.target == neuron)
        by_place = into[np.argsort(place[into])]
        assert (np.diff(strength[by_place]) <= 0).all()
    first = order[: len(np.unique(info.target))]
    assert len(set(info.target[first].tolist())) == len(first)  # one edge of each neuron


@given(genomes())
def test_blocks_are_bands_of_a_layer_and_single_outputs(genome):
    info = dag_layout(genome)
    block = blocks_of(info)
    for one in np.unique(block):
        members = np.flatnonzero(block == one)
        assert len(np.unique(info.layers[members])) == 1
        assert np.ptp(info.y[members]) <= 1 / BANDS + 1e-6
    outputs = block[genome.n_inputs : genome.n_inputs + genome.n_outputs]
    assert len(np.unique(outputs)) == genome.n_outputs


def test_inputs_look_like_the_image(rng):
    info = dag_layout(random_genome((3, 8, 8), 4, rng))
    x, y = info.x[:192].reshape(3, 8, 8), info.y[:192].reshape(3, 8, 8)
    assert (np.diff(y, axis=1) > 0).all()
    assert (np.diff(y, axis=2) == 0).all()
    assert (np.diff(x, axis=2) > 0).all()
    assert x[0].max() < x[1].min()


def test_figure_of_a_small_network_shows_every_kind_of_edge():
    genome = Genome.from_edges(
        (1, 1, 2),
        2,
        [0, 1, 0, 4, 4, 5, 0],
        [4, 4, 2, 5, 2, 3, 5],
        [1, -1, 0.5, 0.5, -2, np.nan, 1],
        shared=[-1, -1, 0, 0, -1, -1, -1],
    )
    figure = dag_figure(genome)
    names = {trace.name for trace in figure.data}
    expected = {"neurons", "positive", "negative", "positive, shared", "positive, shared, skip", "no weight yet"}
    assert expected <= names
    assert sum(np.isnan(np.array(trace.x, float)).sum() for trace in figure.data[:-1]) == genome.n_edges
    assert len(figure.data[-1].x) == genome.n_neurons
    assert "drawn" not in figure.layout.title.text


def test_figure_of_a_large_network_says_that_it_leaves_edges_out(rng):
    genome = windowed((1, 28, 28), 10, rng, windows=CONVOLUTION)
    assert genome.n_edges > MOST_EDGES_DRAWN
    figure = dag_figure(genome)
    assert "5,000 drawn, each neuron's strongest first" in figure.layout.title.text
    drawn = sum(np.isnan(np.array(trace.x, float)).sum() for trace in figure.data[:-1])
    assert drawn == MOST_EDGES_DRAWN


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1)])
def test_a_genome_without_edges_has_a_layout(shape):
    info = dag_layout(Genome.from_edges(shape, 1, [], []))
    assert len(info.weight) == 0
    assert np.isfinite(info.x).all()
    assert len(dag_figure(Genome.from_edges(shape, 1, [], [])).data) == 1
