"""Graph algorithms on edge arrays: pruning, layers and positions, vectorised level by level.

Neuron ids: inputs first, then outputs, then hidden neurons. `sources` and `targets` are int arrays [edges].
Every function visits each edge a constant number of times, and the cost of a level depends on its edges only, so that
deep networks take no longer than flat ones.
"""

from __future__ import annotations

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.validation import MAX_LAYERS
from workbench.sorting import stable_order


class Adjacency:
    """Edges grouped by the neuron at one of their ends: those of neuron `i` are `order[starts[i]:starts[i + 1]]`."""

    def __init__(self, ends: np.ndarray, n_neurons: int) -> None:
        self.order = stable_order(ends)
        self.starts = np.zeros(n_neurons + 1, np.int64)
        np.cumsum(np.bincount(ends, minlength=n_neurons), out=self.starts[1:])

    def edges_of(self, neurons: np.ndarray) -> np.ndarray:
        """Ids of all edges grouped under `neurons`, in no particular order within one of them."""
        first, counts = self.starts[neurons], self.starts[neurons + 1] - self.starts[neurons]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.order[np.repeat(first, counts) + within]


def reachable(start: np.ndarray, leaving: Adjacency, targets: np.ndarray) -> np.ndarray:
    """Which neurons can be reached from those marked in `start` (bool [neurons]).

    `leaving` groups the edges by the end at which they are entered, `targets` is the other end of each.
    """
    seen = start.copy()
    once = _Once(len(start))
    frontier, level = np.flatnonzero(start), 0
    while len(frontier):
        _check_depth(level)
        reached = targets[leaving.edges_of(frontier)]
        frontier = once(reached[~seen[reached]])
        seen[frontier] = True
        level += 1
    return seen


class _Once:
    """Removes duplicates from neuron ids, in time that does not depend on the size of the network."""

    def __init__(self, n_neurons: int) -> None:
        self._last = np.zeros(n_neurons, np.int64)

    def __call__(self, neurons: np.ndarray) -> np.ndarray:
        places = np.arange(len(neurons))
        self._last[neurons] = places
        return neurons[self._last[neurons] == places]


def _check_depth(level: int) -> None:
    if level > MAX_LAYERS:
        raise GenomeError(f"expected at most {MAX_LAYERS:,} layers, got more")


def alive(
    n_inputs: int, n_outputs: int, n_neurons: int, sources: np.ndarray, targets: np.ndarray, leaving: Adjacency
) -> np.ndarray:
    """Which neurons to keep, bool [neurons]: inputs, outputs, and hidden ones on a path from input to output.

    Where every hidden neuron has edges in and out, as in most children, no search is needed: without cycles, which
    `longest_paths` finds, all paths begin at inputs and end at outputs.
    """
    n_fixed = n_inputs + n_outputs
    enters, leaves = np.bincount(targets, minlength=n_neurons), np.diff(leaving.starts)
    if (enters[n_fixed:] > 0).all() and (leaves[n_fixed:] > 0).all():
        return np.ones(n_neurons, bool)
    ids = np.arange(n_neurons)
    is_input, is_output = ids < n_inputs, (ids >= n_inputs) & (ids < n_fixed)
    fed = reachable(is_input, leaving, targets)
    used = reachable(is_output, Adjacency(targets, n_neurons), sources)
    return is_input | is_output | (fed & used)


def longest_paths(n_neurons: int, sources: np.ndarray, targets: np.ndarray, leaving: Adjacency) -> np.ndarray:
    """Length of the longest path that ends at each neuron, int [neurons] (Kahn's algorithm, a level at a time).

    Raises:
        GenomeError: if the edges form a cycle; the message names an edge on it.
    """
    depth = np.zeros(n_neurons, np.int32)
    once = _Once(n_neurons)
    waiting = np.bincount(targets, minlength=n_neurons)
    frontier, level, done = np.flatnonzero(waiting == 0), 0, 0
    while len(frontier):
        _check_depth(level)
        depth[frontier] = level
        done += len(frontier)
        arrived = targets[leaving.edges_of(frontier)]
        np.subtract.at(waiting, arrived, 1)
        frontier = once(arrived[waiting[arrived] == 0])
        level += 1
    if done < n_neurons:
        raise GenomeError(_describe_cycle(waiting > 0, sources, targets))
    return depth


def _describe_cycle(stuck: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> str:
    """Name one edge of a cycle among the neurons that never became free."""
    inner = np.flatnonzero(stuck[sources] & stuck[targets])
    edge_into = np.zeros(len(stuck), np.int64)
    edge_into[targets[inner]] = inner  # every stuck neuron has a stuck predecessor
    neuron, seen = int(targets[inner[0]]), set[int]()
    while neuron not in seen:  # walking backwards must come round
        seen.add(neuron)
        neuron = int(sources[edge_into[neuron]])
    edge = edge_into[neuron]
    return (
        f"expected an acyclic graph, but edge {edge} ({sources[edge]} -> {targets[edge]}) lies on a cycle; "
        "remove or redirect an edge of it"
    )


def layers_of(
    n_inputs: int, n_outputs: int, n_neurons: int, sources: np.ndarray, targets: np.ndarray, leaving: Adjacency
) -> np.ndarray:
    """Layer of every neuron, int [neurons]: 0 for inputs, the longest path for hidden, outputs all last."""
    layers = longest_paths(n_neurons, sources, targets, leaving)
    layers[:n_inputs] = 0
    hidden = layers[n_inputs + n_outputs :]
    layers[n_inputs : n_inputs + n_outputs] = (hidden.max() if len(hidden) else 0) + 1
    return layers


def positions_of(
    input_shape: tuple[int, int, int], layers: np.ndarray, sources: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Position (row, column) of every neuron in pixels, float64 [neurons, 2], NaN for outputs.

    An input sits at its pixel (channels share positions); a hidden neuron at the mean of its predecessors'
    positions, computed layer by layer.
    """
    channels, height, width = input_shape
    n_inputs = channels * height * width
    rows, columns = np.divmod(np.arange(height * width), width)
    positions = np.full((len(layers), 2), np.nan)
    positions[:n_inputs] = np.tile(np.stack([rows, columns], axis=1), (channels, 1))
    neurons, edges = stable_order(layers), stable_order(layers[targets])
    place = np.empty(len(layers), np.int64)
    place[neurons] = np.arange(len(neurons))
    sources, places = sources[edges], place[targets[edges]]  # edges by the layer of their target
    starts = np.concatenate([[0], np.cumsum(np.bincount(layers))])
    bounds = np.searchsorted(places, starts)
    for layer in range(1, len(starts) - 2):
        members, into = neurons[starts[layer] : starts[layer + 1]], slice(bounds[layer], bounds[layer + 1])
        which = places[into] - starts[layer]
        degree = np.bincount(which)
        for axis in (0, 1):
            total = np.bincount(which, weights=positions[sources[into], axis])
            positions[members, axis] = total / degree
    return positions
