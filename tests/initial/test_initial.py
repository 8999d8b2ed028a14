from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import genomes, seeds

from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, Windows, dense_mlp, initialise, random_genome, windowed, windowed_edges
from workbench.mutations import MutationRates, mutate


@given(seeds())
def test_random_genomes_are_as_designed(seed):
    genome = random_genome((1, 9, 9), 4, np.random.default_rng(seed))
    assert 3 <= genome.n_layers <= 6
    assert not np.isnan(genome.weights).any()
    first = np.bincount(genome.layers)[1]
    assert 81 * 0.4 - 1 <= first <= 81 * 2 + 1
    neurons = genome.n_inputs + genome.n_hidden
    assert 5 * neurons - 1 <= genome.n_edges <= 20 * neurons + 1
    assert len(np.unique(genome.neuron_keys)) == genome.n_hidden


def test_random_genomes_have_skip_edges_sometimes(rng):
    gaps = []
    for _ in range(10):
        genome = random_genome((1, 8, 8), 4, rng, hidden_layers=(3, 3))
        gaps.append((genome.layers[genome.targets] - genome.layers[genome.sources]).max())
    assert max(gaps) > 1


def test_equal_seeds_equal_genomes():
    one, two = (random_genome((3, 8, 8), 10, np.random.default_rng(3)) for _ in "ab")
    assert one.to_bytes() == two.to_bytes()
    assert random_genome((3, 8, 8), 10, np.random.default_rng(4)) != one


def test_bad_ranges(rng):
    with pytest.raises(ConfigError, match="hidden_layers expects a range"):
        random_genome((1, 4, 4), 2, rng, hidden_layers=(3, 1))


def test_dense_mlp(rng):
    genome = dense_mlp((1, 28, 28), 10, rng, widths=(300, 100))
    assert genome.flops == 2 * (784 * 300 + 300 * 100 + 100 * 10) == 532_400
    assert genome.n_parameters == 266_610
    assert np.bincount(genome.layers).tolist() == [784, 300, 100, 10]


def test_local_windows_sit_over_their_pixels(rng):
    genome = windowed((1, 6, 6), 3, rng, windows=[Windows(3, 1, 2)])
    assert genome.n_hidden == 2 * 4 * 4
    assert (genome.in_degrees[39:] == 9).all()
    assert genome.n_parameters == genome.n_edges + 3 + 32
    assert genome.positions[39:43].tolist() == [[1, 1], [1, 2], [1, 3], [1, 4]]


def test_convolutions_share_weights_and_count_as_convolutions(rng):
    genome = windowed((3, 8, 8), 10, rng, windows=[Windows(3, 1, 4, shared=True), Windows(2, 2, pooling=True)])
    assert np.bincount(genome.layers).tolist() == [192, 4 * 36, 4 * 9, 10]
    convolution, pooling, dense = 4 * 36 * 27, 4 * 9 * 4, 36 * 10
    assert genome.n_edges == convolution + pooling + dense
    assert genome.n_parameters == 4 * 27 + 4 + dense + 4 * 36 + 4 * 9 + 10  # weights once, a bias per neuron
    assert len(np.unique(genome.shared[genome.shared >= 0])) == 4 * 27 + 4


def test_a_convolution_equals_torchs(rng):
    import torch

    from workbench.compiler.network import NeuronNetwork

    genome = windowed((2, 7, 7), 3, rng, windows=[Windows(3, 2, 5, shared=True)], normalization="none")
    first = (genome.layers[genome.targets] == 1).nonzero()[0]
    kernel = genome.weights[first].reshape(5, 2, 3, 3, 3, 3)[:, :, 0, 0]  # maps, channels, row, column, window
    images = torch.randn(4, 2, 7, 7)
    hidden = torch.relu(torch.nn.functional.conv2d(images, torch.from_numpy(kernel.copy()), stride=2)).flatten(1)
    dense = torch.from_numpy(genome.weights[len(first) :].reshape(45, 3).copy())
    torch.testing.assert_close(NeuronNetwork(genome)(images), hidden @ dense)


def test_windows_larger_than_the_map_shrink(rng):
    genome = windowed((1, 4, 4), 2, rng, windows=CONVOLUTION)
    assert genome.n_edges > 0


@pytest.mark.parametrize("windows", [CONVOLUTION, [Windows(3, 2, 2), Windows(5, 1, 3)], [Windows(9), Windows(2, 3)]])
def test_edges_of_windows_are_known_beforehand(windows, rng):
    def edges(shape):
        return windowed_edges(shape, 4, windows), windowed(shape, 4, rng, windows=windows).n_edges

    counted, made = edges((2, 13, 13))
    assert counted >= made > 0.5 * counted  # neurons that no later window looks at are pruned
    counted, made = edges((3, 4, 4))
    assert counted >= made > 0


def test_edges_of_windows_that_leave_nothing_out(rng):
    windows = [Windows(3, 1, 4, shared=True), Windows(2, 2, pooling=True), Windows(3, 1, 2)]
    assert windowed_edges((3, 8, 8), 10, windows) == windowed((3, 8, 8), 10, rng, windows=windows).n_edges


@given(genomes(blank=0.3), seeds())
def test_initialise_fills_only_what_is_missing(genome, seed):
    done = initialise(genome, np.random.default_rng(seed))
    known = ~np.isnan(genome.weights)
    assert not np.isnan(done.weights).any()
    np.testing.assert_array_equal(done.weights[known], genome.weights[known])
    np.testing.assert_array_equal(done.shared, genome.shared)
    assert initialise(done, np.random.default_rng(0)) is done


def test_deviation_is_that_of_the_neurons_own_in_degree(rng):
    sources, targets = list(range(1000)), [1001] * 1000
    genome = Genome.from_edges((1, 1, 1000), 1, [*sources, 1001], [*targets, 1000])
    weights = initialise(genome, rng).weights
    assert weights[:1000].std() == pytest.approx(np.sqrt(2 / 1000), rel=0.1)


def test_new_edges_into_trained_neurons_start_small(rng):
    genome = initialise(Genome.from_edges((1, 1, 1001), 1, [0, 1002], [1002, 1001]), rng)
    grown = Genome.from_edges(
        (1, 1, 1001), 1, np.r_[0, 1002, np.arange(1, 1001)], np.r_[1002, 1001, np.full(1000, 1002)],
        np.r_[genome.weights, np.full(1000, np.nan)],
    )  # fmt: skip
    small = initialise(grown, rng, new_edge_scale=0.1).weights[2:].std()
    assert small == pytest.approx(0.1 * np.sqrt(2 / 1001), rel=0.1)
    assert (initialise(grown, rng, new_edge_scale=0.0).weights[2:] == 0).all()


def test_uninitialised_shared_edges_get_one_weight(rng):
    genome = Genome.from_edges((1, 1, 4), 1, [0, 1, 2, 3], [4] * 4, shared=[0, 0, 1, 1])
    weights = initialise(genome, rng).weights
    assert weights[0] == weights[1] != weights[2] == weights[3]


def test_long_lineages_stay_valid(rng):
    genome = random_genome((1, 8, 8), 4, rng, edges_per_neuron=(3, 5))
    for _ in range(40):
        genome, _ = mutate(genome, MutationRates(bridge=0.5, removed_edges=(0.3, 0.4)), rng)
        genome = initialise(genome, rng)
    assert genome.n_edges > 0
    assert Genome.from_bytes(genome.to_bytes()) == genome
