from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import genomes, seeds

from workbench.compiler.network import NeuronNetwork, interpret
from workbench.compiler.plan import neuron_values
from workbench.datasets import Dataset, load_dataset
from workbench.errors import DataError, GenomeError, WeightsError
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, Windows, random_genome, windowed
from workbench.plots import (
    activations,
    edge_density,
    edge_length_figure,
    edge_length_histogram,
    neuron_density,
    receptive_field,
    spatial_figure,
)
from workbench.spatial import SpatialLaw


def path_sums(genome: Genome, neuron: int) -> np.ndarray:
    """The definition, path by path (with sums of equal tails remembered)."""
    incoming: dict[int, list[tuple[int, float]]] = {}
    for source, target, weight in zip(genome.sources, genome.targets, genome.weights.astype(float), strict=True):
        incoming.setdefault(int(target), []).append((int(source), weight))
    known: dict[int, np.ndarray] = {}

    def seen_by(one: int) -> np.ndarray:
        if one < genome.n_inputs:
            return np.eye(genome.n_inputs)[one]
        if one not in known:
            paths = [weight * seen_by(source) for source, weight in incoming.get(one, [])]
            known[one] = np.sum(paths, axis=0) if paths else np.zeros(genome.n_inputs)
        return known[one]

    return seen_by(neuron).reshape(genome.input_shape)


@given(genomes(), st.data())
def test_receptive_field_is_the_sum_over_all_paths(genome, draw):
    neuron = draw.draw(st.integers(0, genome.n_neurons - 1))
    expected = path_sums(genome, neuron)
    field = receptive_field(genome, neuron)
    assert field.shape == genome.input_shape
    np.testing.assert_allclose(field, expected, rtol=1e-4, atol=1e-5 * (1 + np.abs(expected).max()))


def test_receptive_field_needs_weights():
    with pytest.raises(WeightsError, match="never trained, or they were not kept"):
        receptive_field(Genome.from_edges((1, 1, 2), 1, [0, 1], [2, 2], [1, np.nan]), 2)


def test_receptive_field_of_a_window_is_the_window(rng):
    genome = windowed((1, 8, 8), 2, rng, windows=[Windows(3), Windows(3)])
    second = np.flatnonzero(genome.layers == 2)
    corner = second[np.lexsort(genome.positions[second].T[::-1])[0]]
    field = receptive_field(genome, int(corner))[0]
    assert (field[:5, :5] != 0).all()  # two windows of 3 see 5 pixels
    assert np.count_nonzero(field) == 25


def test_receptive_field_needs_a_neuron_that_exists(rng):
    genome = random_genome((1, 4, 4), 2, rng)
    with pytest.raises(GenomeError, match="expected a neuron id in 0"):
        receptive_field(genome, genome.n_neurons)


@given(genomes(), seeds())
def test_values_equal_the_interpreter(genome, seed):
    image = np.random.default_rng(seed).standard_normal(genome.input_shape)
    network = NeuronNetwork(genome, dtype=torch.float64)
    flat = torch.from_numpy(image).reshape(1, -1)
    expected = interpret(network.genome, flat)[0]
    values = neuron_values(genome, image[None])[:, 0]
    outputs = values[genome.n_inputs : genome.n_inputs + genome.n_outputs]
    scale = 1 + expected.abs().max().item()
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5 * scale)
    np.testing.assert_allclose(network(flat)[0].detach(), outputs, rtol=1e-4, atol=1e-5 * scale)
    hidden = values[genome.n_inputs + genome.n_outputs :]
    assert (hidden >= 0).all()


def test_activations_equal_the_network_on_an_image(rng):
    data = load_dataset("digits")
    genome = random_genome(data.shape, data.n_classes, rng)
    values = activations(genome, data, "test", 3)
    x, _ = data.arrays("test")
    np.testing.assert_allclose(values[: genome.n_inputs], x[3].ravel(), rtol=1e-5, atol=1e-6)
    logits = NeuronNetwork(genome)(torch.from_numpy(x[3:4]))[0].detach().numpy()
    np.testing.assert_allclose(values[genome.n_inputs :][: genome.n_outputs], logits, rtol=1e-3, atol=1e-4)
    assert values.dtype == np.float32
    with pytest.raises(DataError, match="expected an index in"):
        activations(genome, data, "test", 10**6)
    with pytest.raises(WeightsError, match="never trained, or they were not kept"):
        activations(genome.with_parameters(None, genome.biases), data, "test", 3)
    other = Dataset.from_arrays(np.zeros((40, 3, 3)), np.arange(40) % 2, np.zeros((4, 3, 3)), np.arange(4) % 2)
    with pytest.raises(DataError, match="expected images of shape"):
        activations(genome, other, "test", 0)


@given(genomes())
def test_densities_add_up(genome):
    assert neuron_density(genome).sum() == pytest.approx(genome.n_hidden, rel=1e-4)
    each = [neuron_density(genome, layer) for layer in range(1, genome.n_layers - 1)]
    np.testing.assert_allclose(np.sum(each, axis=0) if each else 0.0, neuron_density(genome), atol=1e-4)
    inner = genome.targets >= genome.n_inputs + genome.n_outputs
    ends = genome.positions[genome.sources[inner]] - genome.positions[genome.targets[inner]]
    assert edge_density(genome).sum() == pytest.approx(np.hypot(*ends.T).sum(), rel=1e-4, abs=1e-4)


def test_edge_density_lies_on_the_edge():
    genome = Genome.from_edges((1, 5, 5), 1, [0, 4, 26], [26, 26, 25])  # a neuron between two corners of the top row
    density = edge_density(genome)
    np.testing.assert_allclose(density[0].sum(), 4.0)
    assert (density[0] > 0.4).all()
    assert (density[1:] == 0).all()


@given(genomes())
def test_edge_lengths_are_all_counted(genome):
    inner = int((genome.targets >= genome.n_inputs + genome.n_outputs).sum())
    info = edge_length_histogram(genome, SpatialLaw(1.0, 0.5))
    assert info.counts.sum() == inner
    assert info.expected.sum() == pytest.approx(inner)
    assert info.without_length == genome.n_edges - inner
    assert len(info.bins) == len(info.counts) + 1 == len(info.expected) + 1


def test_expected_lengths_are_the_law_over_all_pairs():
    genome = Genome.from_edges((1, 1, 3), 1, [0, 4], [4, 3])  # a neuron on pixel 0: pairs of length 0, 1 and 2
    info = edge_length_histogram(genome, SpatialLaw(1.0, 1.0))
    weights = np.exp(-np.arange(3) / 2.0)
    expected = np.histogram([0, 1, 2], info.bins, weights=weights / weights.sum())[0]
    np.testing.assert_allclose(info.expected, expected)


def test_edges_drawn_by_a_tighter_law_are_shorter(rng):
    tight, wide = SpatialLaw(1.0, 0.0), SpatialLaw(8.0, 0.0)
    genome = random_genome((1, 16, 16), 4, rng, hidden_layers=(1, 1), law=tight)
    assert edge_length_histogram(genome, tight).expected_mean < edge_length_histogram(genome, wide).expected_mean
    info = edge_length_histogram(genome, tight)
    assert info.mean < edge_length_histogram(genome, wide).expected_mean
    assert edge_length_histogram(genome).bins[-1] == pytest.approx(15 * np.sqrt(2))


def test_many_pairs_are_sampled_without_bias(rng, monkeypatch):
    genome = random_genome((1, 28, 28), 10, rng, hidden_layers=(1, 1))
    whole = edge_length_histogram(genome)
    monkeypatch.setattr("workbench.views.network.maps.MOST_PAIRS", 40_000)
    assert edge_length_histogram(genome).expected_mean == pytest.approx(whole.expected_mean, rel=0.1)


def test_figures(rng):
    genome = windowed((1, 8, 8), 4, rng, windows=CONVOLUTION)
    figure = spatial_figure(genome, np.zeros((8, 8)))
    assert len(figure.data) == 1 + genome.n_layers - 2
    assert sum(len(trace.x) for trace in figure.data[1:]) == genome.n_hidden
    assert len(spatial_figure(genome).data) == genome.n_layers - 2
    with pytest.raises(DataError, match="expected an image of 8×8"):
        spatial_figure(genome, np.zeros((9, 9)))
    lengths = edge_length_figure(genome, SpatialLaw(2.0, 1.0))
    assert lengths.data[1].name == "spatial law exp(−d / (2 + 1·layer))"
    assert sum(lengths.data[0].y) == edge_length_histogram(genome).counts.sum()
