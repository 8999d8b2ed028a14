"""Maps: the neurons of a network that share weights or biases, as the places of a convolution's output channel do."""

from __future__ import annotations

import numpy as np

from workbench.genome.genome import Genome


def maps_of(genome: Genome) -> np.ndarray:
    """The map of every neuron, int64 [neurons], numbered from 0 in no particular order.

    Neurons are in one map if an edge into each has the same shared weight, or if they share their bias, directly or
    through others. A neuron that shares nothing is a map of its own.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    neurons = np.concatenate([genome.targets, np.arange(genome.n_inputs, genome.n_neurons)])
    groups = np.concatenate([genome.shared, ~genome.shared_biases])  # of weights from 0 up, of biases from -1 down
    members = np.concatenate([genome.shared, genome.shared_biases]) >= 0
    _, groups = np.unique(groups[members], return_inverse=True)
    size = genome.n_neurons + int(groups.max(initial=-1)) + 1
    links = neurons[members], genome.n_neurons + groups
    graph = coo_array((np.ones(len(groups), bool), links), shape=(size, size))
    return connected_components(graph, directed=False)[1][: genome.n_neurons].astype(np.int64)
