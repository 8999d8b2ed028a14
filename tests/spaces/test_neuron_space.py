"""The neuron-level space's initial population."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import ConfigError
from workbench.spaces import InitialConfig, NeuronSpace, make_space
from workbench.spaces.neuron import MOST_WINDOW_EDGES

SHAPE = (1, 8, 8)


def genomes(n: int = 12, **settings):
    space = NeuronSpace(SHAPE, 3, InitialConfig(**settings))
    return [space.sample(index, np.random.default_rng(index)) for index in range(n)]


def test_random_ones_keep_to_their_ranges():
    for genome in genomes(hidden_layers=(2, 3), layer_size=(0.2, 0.4), edges_per_neuron=(3, 4)):
        sizes = np.bincount(genome.layers)
        assert 3 <= len(sizes) - 1 <= 4
        assert genome.flops == 2 * genome.n_edges
        assert not np.isnan(genome.weights).any()


def test_dense_ones_are_fully_connected():
    for genome in genomes(random=0, dense=1, dense_widths=(3, 6)):
        sizes = np.bincount(genome.layers)
        assert genome.n_edges == (sizes[1:] * sizes[:-1]).sum()
        assert all(3 <= size <= 6 for size in sizes[1:-1])


def test_local_ones_share_nothing_and_convolutions_do():
    assert all((genome.shared < 0).all() for genome in genomes(random=0, local=1))
    assert all((genome.shared >= 0).any() for genome in genomes(random=0, convolution=1))


@pytest.mark.parametrize("share", ["local", "convolution"])
def test_no_windows_of_monstrous_size(share):
    """Some of these draws would have tens of millions of edges, and take gigabytes."""
    space = NeuronSpace((1, 28, 28), 10, InitialConfig(random=0, maps=(1, 10), **{share: 1.0}))
    sizes = [space.sample(index, np.random.default_rng(index)).n_edges for index in range(40)]
    assert max(sizes) <= MOST_WINDOW_EDGES


def test_normalization_reaches_the_genome():
    mixed = {"random": 1, "dense": 1, "local": 1, "convolution": 1}
    assert {genome.normalization for genome in genomes(normalization="none", **mixed)} == {"none"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"random": 0}, "needs a share above 0"),
        ({"dense": -1}, r"InitialConfig\.dense expects a number from 0 up"),
        ({"local": float("nan")}, r"InitialConfig\.local expects a number from 0 up"),
        ({"convolution": float("inf")}, r"InitialConfig\.convolution expects a number from 0 up"),
        ({"hidden_layers": (3, 2)}, "hidden_layers"),
        ({"hidden_layers": (0, 2)}, "hidden_layers"),
        ({"layer_size": (0, 1)}, "layer_size"),
        ({"edges_per_neuron": (1, float("inf"))}, "edges_per_neuron"),
        ({"dense_widths": (0, 4)}, "dense_widths"),
        ({"maps": (0, 4)}, "maps"),
        ({"normalization": "group"}, "normalization"),
        ({"spatial_base": -1}, "spatial|base"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        InitialConfig(**settings)


@pytest.mark.parametrize("initial", [3, None, {"random": 0}, {"shape": 1}])
def test_damaged_initial_settings(initial):
    config = {**NeuronSpace(SHAPE, 3).config(), "initial": initial}
    with pytest.raises(ConfigError):
        make_space("neurons", config)
