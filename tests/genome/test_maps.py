"""Maps of neurons that share weights or biases."""

import numpy as np
from hypothesis import given
from strategies import genomes

import workbench as wb
from workbench.genome.maps import maps_of
from workbench.initial import CONVOLUTION, windowed


def test_a_convolution_has_a_map_for_each_output_channel():
    genome = windowed((1, 8, 8), 3, np.random.default_rng(0), windows=CONVOLUTION)
    maps = maps_of(genome)
    first = maps[genome.layers == 1].reshape(3, 36)
    assert (first == first[:, :1]).all()
    assert len(np.unique(first)) == 3


def test_maps_are_joined_through_others():
    sources, targets = [0, 1, 2, 3, 3], [5, 6, 6, 7, 8]
    genome = wb.Genome.from_edges(
        (1, 1, 4), 1, [*sources, 5, 6, 7, 8], [*targets, 4, 4, 4, 4], shared=[0, 0, 1, 1, *[-1] * 5]
    )
    maps = maps_of(genome)
    assert maps[5] == maps[6] == maps[7]
    assert len({int(each) for each in maps[[0, 4, 5, 8]]}) == 4
    by_bias = maps_of(genome.with_parameters(None, shared_biases=[0, 1, 0, 1, -1]))  # of neurons 4 to 8
    assert by_bias[4] == by_bias[5] == by_bias[6] == by_bias[7]
    assert len({int(each) for each in by_bias[[0, 4, 8]]}) == 3


@given(genomes())
def test_edges_of_one_weight_end_in_one_map_and_so_do_neurons_of_one_bias(genome):
    maps = maps_of(genome)
    assert maps.shape == (genome.n_neurons,)
    for group in np.unique(genome.shared[genome.shared >= 0]):
        assert len(np.unique(maps[genome.targets[genome.shared == group]])) == 1
    for group in np.unique(genome.shared_biases[genome.shared_biases >= 0]):
        assert len(np.unique(maps[genome.n_inputs :][genome.shared_biases == group])) == 1
    if (genome.shared < 0).all() and (genome.shared_biases < 0).all():
        assert len(np.unique(maps)) == genome.n_neurons
