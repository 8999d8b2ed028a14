"""Checks on the arrays of a genome; errors name the offending edge."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import GenomeError
from workbench.sorting import stable_order

NORMALIZATIONS = ("layer", "none")
MAX_NEURONS, MAX_EDGES, MAX_LAYERS = 2**20, 10_000_000, 10_000
"""Bounds of every genome, checked before anything of that size is made: the largest takes about 1 GB to build."""

MAX_GROUPS = 2**31
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
    """Raise `GenomeError` for the first edge that no genome may have (cycles are found with the layers)."""
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
    pairs = sources * n_neurons + targets
    ordered = np.sort(pairs)
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(same):
        first, second = np.flatnonzero(pairs == ordered[same[0]])[:2]
        raise GenomeError(
            f"edges {first} and {second} both lead {sources[first]} -> {targets[first]}; "
            "expected each pair of neurons at most once"
        )


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


def as_groups(shared: Any, weights: np.ndarray) -> np.ndarray:
    """Shared-weight groups, int64 [edges], -1 = not shared; a group of one dissolves.

    Raises:
        GenomeError: on a wrong length, or if the edges of one group have different weights.
    """
    if shared is None:
        return np.full(len(weights), -1, np.int64)
    groups = as_ids("shared", shared)
    if groups.shape != weights.shape:
        raise GenomeError(f"expected one shared-weight group per edge ({len(weights)}), got {groups.shape}")
    if groups.max(initial=-1) >= MAX_GROUPS:
        raise GenomeError(f"expected shared-weight groups below {MAX_GROUPS}, got {groups.max()}")
    groups = np.maximum(groups, -1)
    if (groups < 0).all():
        return groups
    members = np.flatnonzero(groups >= 0)
    members = members[stable_order(groups[members])]  # group by group
    starts = np.flatnonzero(np.diff(groups[members], prepend=-1))
    counts = np.diff(starts, append=len(members))
    groups[members[starts[counts == 1]]] = -1
    leaders = np.repeat(members[starts], counts)
    values, expected = weights[members], weights[leaders]
    differs = (values != expected) & ~(np.isnan(values) & np.isnan(expected))
    if differs.any():
        wrong = np.flatnonzero(differs)
        first = wrong[members[wrong].argmin()]
        edge, leader = members[first], leaders[first]
        raise GenomeError(
            f"edges {leader} and {edge} share group {groups[edge]} but weigh {weights[leader]} and {weights[edge]}; "
            "expected one common weight"
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
    if len(np.unique(keys)) != n_hidden:
        raise GenomeError("expected every hidden neuron to have a key of its own, got a key twice")
    return keys
