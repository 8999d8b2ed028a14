"""Edge arrays: checks that name the offending edge, pruning, layers and positions, vectorised level by level.

Neuron ids: inputs first, then outputs, then hidden neurons. `sources` and `targets` are int arrays [edges].
Every function visits each edge a constant number of times, and the cost of a level depends on its edges only, so that
deep networks take no longer than flat ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import GenomeError

NORMALIZATIONS = ("layer", "none", "batch")
MAX_NEURONS, MAX_EDGES, MAX_LAYERS = 2**20, 10_000_000, 10_000
"""Bounds of every genome, checked before anything of that size is made: the largest takes about 1 GB to build."""

MAX_GROUPS = 2**31 - 1
MAX_KEY = 2**62


def check_shape(input_shape: Any, n_outputs: Any) -> tuple[tuple[int, int, int], int]:
    """The input shape and number of outputs as plain ints; `GenomeError` unless all are positive."""
    try:
        shape = tuple(int(size) for size in input_shape)
        outputs = int(n_outputs)
    except (TypeError, ValueError, OverflowError):
        raise GenomeError(
            f"expected input_shape=(channels, height, width) and n_outputs as whole numbers, "
            f"got {input_shape!r:.80} and {n_outputs!r:.80}"
        ) from None
    if len(shape) != 3 or min(shape) < 1:
        raise GenomeError(f"expected input_shape=(channels, height, width), all at least 1, got {input_shape!r:.80}")
    if outputs < 1:
        raise GenomeError(f"expected at least one output, got n_outputs={n_outputs!r:.80}")
    check_size(shape[0] * shape[1] * shape[2] + outputs)
    return shape, outputs


def check_size(n_neurons: int, n_edges: int = 0) -> None:
    """Raise `GenomeError` if there are more neurons or edges than a genome may have."""
    if n_neurons > MAX_NEURONS:
        raise GenomeError(f"expected at most {MAX_NEURONS:,} neurons, got ids up to {n_neurons - 1:.15g}")
    if n_edges > MAX_EDGES:
        raise GenomeError(f"expected at most {MAX_EDGES:,} edges, got {n_edges:,}")


def check_normalization(normalization: str) -> None:
    """Raise `GenomeError` unless `normalization` is one of `NORMALIZATIONS`."""
    if not isinstance(normalization, str) or normalization not in NORMALIZATIONS:
        raise GenomeError(f"expected normalization to be one of {NORMALIZATIONS}, got {normalization!r:.80}")


def as_ids(name: str, values: Any) -> np.ndarray:
    """`values` as int64 [edges]; `GenomeError` if they are not a list of whole numbers."""
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise GenomeError(f"expected {name} as a list of whole numbers [edges], got {array.dtype} {array.shape}")
    return array.astype(np.int64)


def check_edges(n_inputs: int, n_outputs: int, n_neurons: int, sources: np.ndarray, targets: np.ndarray) -> None:
    """Raise `GenomeError` for the first edge that no genome may have (`check_distinct` and the layers find others)."""
    if len(sources) != len(targets):
        raise GenomeError(f"expected as many sources as targets, got {len(sources)} and {len(targets)}")
    end_of_outputs = n_inputs + n_outputs
    last, outputs = n_inputs - 1, f"{n_inputs} to {end_of_outputs - 1}"
    beyond = f"names a neuron beyond the {n_neurons} that there are; check the length of biases"
    leaves = (sources >= n_inputs) & (sources < end_of_outputs)
    faults = [
        ((sources < 0) | (targets < 0), "has a negative neuron id; ids count from 0"),
        ((sources >= n_neurons) | (targets >= n_neurons), beyond),
        (targets < n_inputs, f"leads into an input; inputs have the ids 0 to {last} and take no edges"),
        (leaves, f"leaves an output; outputs have the ids {outputs} and end the network"),
        (sources == targets, "is a loop from a neuron to itself"),
    ]
    for wrong, why in faults:
        if wrong.any():
            edge = int(np.argmax(wrong))
            raise GenomeError(f"edge {edge} ({sources[edge]} -> {targets[edge]}) {why}")


def as_floats(name: str, values: Any, length: int) -> np.ndarray:
    """`values` as float32 [length]: all NaN for None; `GenomeError` on another length or on infinity."""
    if values is None:
        return np.full(length, np.nan, np.float32)
    try:
        array = np.array(values, np.float32)
    except (TypeError, ValueError):
        raise GenomeError(f"expected {name} as {length} numbers, got {type(values).__name__}") from None
    if array.shape != (length,):
        raise GenomeError(f"expected {name} of shape ({length},), got {array.shape}")
    if np.isinf(array).any():
        place = int(np.isinf(array).argmax())
        raise GenomeError(f"expected finite {name} (or NaN), got {array[place]} at {place}")
    return array


def as_groups(shared: Any, values: np.ndarray, kind: str = "weight", first: int = 0) -> np.ndarray:
    """Groups of edges that share their weight, or of neurons their bias (`kind`), int64; -1 = not shared.

    A group of one dissolves. `GenomeError` on a wrong length, or if the members of a group have different `values`;
    it counts members from `first`.
    """
    if shared is None:
        return np.full(len(values), -1, np.int64)
    groups, one = as_ids(f"shared-{kind} groups", shared), "edge" if kind == "weight" else "output and hidden neuron"
    if groups.shape != values.shape:
        raise GenomeError(f"expected one shared-{kind} group per {one} ({len(values)}), got {groups.shape}")
    if groups.max(initial=-1) >= MAX_GROUPS:
        raise GenomeError(f"expected shared-{kind} groups below {MAX_GROUPS}, got {groups.max()}")
    groups = np.maximum(groups, -1)
    if (groups < 0).all():
        return groups
    members = np.flatnonzero(groups >= 0)
    members = members[stable_order(groups[members])]  # group by group
    starts = np.flatnonzero(np.diff(groups[members], prepend=-1))
    counts = np.diff(starts, append=len(members))
    groups[members[starts[counts == 1]]] = -1
    leaders = np.repeat(members[starts], counts)
    got, expected = values[members], values[leaders]
    differs = (got != expected) & ~(np.isnan(got) & np.isnan(expected))
    if differs.any():
        wrong = np.flatnonzero(differs)
        place = wrong[members[wrong].argmin()]
        raise GenomeError(
            f"{one.split()[-1]}s {first + leaders[place]} and {first + members[place]} share group "
            f"{groups[members[place]]} but have {kind} {expected[place]} and {got[place]}; expected one common {kind}"
        )
    return groups


def as_keys(neuron_keys: Any, n_hidden: int) -> np.ndarray:
    """Neuron keys, int64 [hidden], numbered from 0 for None; `GenomeError` unless each neuron has its own."""
    if neuron_keys is None:
        return np.arange(n_hidden, dtype=np.int64)
    keys = as_ids("neuron_keys", neuron_keys)
    if len(keys) != n_hidden:
        raise GenomeError(f"expected one neuron key per hidden neuron ({n_hidden}), got {len(keys)}")
    if len(keys) and not 0 <= keys.min() <= keys.max() < MAX_KEY:
        raise GenomeError(f"expected neuron keys from 0 to below 2**62, got {keys.min()} to {keys.max()}")
    if not all_differ(keys):
        raise GenomeError("expected every hidden neuron to have a key of its own, got a key twice")
    return keys


def all_differ(values: np.ndarray) -> bool:
    """Whether no value occurs twice."""
    ordered = np.sort(values)
    return bool((ordered[1:] != ordered[:-1]).all())


def sort_stably(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`values`, whole numbers from 0 up, in order, and the indices that sort them stably.

    Takes a third of the time of NumPy's `argsort`: numbers sort faster than indices, so each number and its index are
    sorted as one.
    """
    bits = len(values).bit_length()
    if int(values.max(initial=0)).bit_length() + bits > 63:  # no room for both in one number
        order = np.argsort(values, kind="stable")
        return values[order], order
    codes = (values.astype(np.int64) << bits) | np.arange(len(values))
    codes.sort()
    return codes >> bits, codes & ((1 << bits) - 1)


def stable_order(values: np.ndarray) -> np.ndarray:
    """Indices that sort `values`, whole numbers from 0 up, stably."""
    return sort_stably(values)[1]


def pair_codes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pairs of whole numbers from 0 up as one number each, in the order of `first`, then `second`."""
    return (first << int(second.max(initial=0)).bit_length()) | second


def first_of_each(values: np.ndarray) -> np.ndarray:
    """Ascending indices of the first occurrence of each of `values`, whole numbers from 0 up."""
    ordered, order = sort_stably(values)
    new = np.ones(len(values), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.sort(order[new])


class Adjacency:
    """Edges grouped by the neuron at one of their ends, and in each group in the order of the other ends."""

    def __init__(self, ends: np.ndarray, others: np.ndarray, n_neurons: int) -> None:
        bits = int(others.max(initial=0)).bit_length()
        self.pairs, self.order = sort_stably((ends << bits) | others)
        self.others = self.pairs & ((1 << bits) - 1)
        self.starts = np.searchsorted(
            self.pairs, np.arange(n_neurons + 1) << bits
        )  # of each neuron's edges, and the end

    def neighbours(self, neurons: np.ndarray) -> np.ndarray:
        """The other ends of all edges of distinct `neurons`."""
        if len(neurons) and (low := int(neurons.min())) + len(neurons) == (end := int(neurons.max()) + 1):
            return self.others[self.starts[low] : self.starts[end]]
        first, counts = self.starts[neurons], self.starts[neurons + 1] - self.starts[neurons]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.others[np.repeat(first, counts) + within]


def check_distinct(sources: np.ndarray, targets: np.ndarray, leaving: Adjacency) -> None:
    """Raise `GenomeError` if a pair of neurons is connected twice."""
    same = np.flatnonzero(leaving.pairs[1:] == leaving.pairs[:-1])
    if len(same):
        first, second = leaving.order[same[0]], leaving.order[same[0] + 1]
        raise GenomeError(
            f"edges {first} and {second} both lead {sources[first]} -> {targets[first]}; "
            "expected each pair of neurons at most once"
        )


def reachable(start: np.ndarray, leaving: Adjacency) -> np.ndarray:
    """Which neurons can be reached from those marked in `start` (bool [neurons])."""
    seen = start.copy()
    once = _Once(len(start))
    frontier, level = np.flatnonzero(start), 0
    while len(frontier):
        _check_depth(level)
        reached = leaving.neighbours(frontier)
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
    fed = reachable(is_input, leaving)
    used = reachable(is_output, Adjacency(targets, sources, n_neurons))
    return is_input | is_output | (fed & used)


def longest_paths(n_neurons: int, sources: np.ndarray, targets: np.ndarray, leaving: Adjacency) -> np.ndarray:
    """Length of the longest path to each neuron (Kahn's algorithm, a level at a time); `GenomeError` on a cycle."""
    depth = np.zeros(n_neurons, np.int32)
    once = _Once(n_neurons)
    waiting = np.bincount(targets, minlength=n_neurons)
    frontier, level, done = np.flatnonzero(waiting == 0), 0, 0
    while len(frontier):
        _check_depth(level)
        depth[frontier] = level
        done += len(frontier)
        arrived = leaving.neighbours(frontier)
        if len(arrived) > n_neurons:
            came = np.bincount(arrived, minlength=n_neurons)
            waiting -= came
            frontier = np.flatnonzero((came > 0) & (waiting == 0))
        else:
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
