"""The mutation that makes a convolution out of local edges: share weights."""

from __future__ import annotations

import numpy as np

from workbench.draft import Record
from workbench.errors import MutationError
from workbench.genome import Genome


def share_weights(
    genome: Genome, rng: np.random.Generator, *, groups: tuple[float, float] = (0.2, 0.6)
) -> tuple[Genome, Record]:
    """Give edges of equal direction and length one common weight.

    A pair of layers is drawn with weight sqrt(edges); its edges are grouped by the rounded offset from source to
    target; a random part of the groups gets a common weight each, the mean of its members. Edges that share a
    weight already stay with theirs: further edges of the same offset join the largest such group. Parameters fall,
    FLOPs do not.

    Args:
        genome: the parent.
        rng: source of randomness.
        groups: how many of the groups, as a fraction.

    Returns:
        The child and the mutation's record.

    Raises:
        MutationError: if no two edges of equal offset are left to share (edges into outputs have no offset).
    """
    below, above = genome.layers[genome.sources].astype(np.int64), genome.layers[genome.targets].astype(np.int64)
    pair_of = np.where(above < genome.n_layers - 1, below * genome.n_layers + above, -1)
    pairs, counts = np.unique(pair_of[pair_of >= 0], return_counts=True)
    weight = np.sqrt(counts)
    order = rng.choice(pairs, len(pairs), replace=False, p=weight / weight.sum()) if len(pairs) else pairs
    for pair in order.tolist():
        possible = groups_of_equal_offset(genome, np.flatnonzero(pair_of == pair))
        if possible:
            amount = max(1, round(rng.uniform(*groups) * len(possible)))
            chosen = rng.choice(len(possible), min(amount, len(possible)), replace=False)
            child = share_groups(genome, [possible[index] for index in np.sort(chosen)])
            lower, upper = divmod(pair, genome.n_layers)
            return child, {
                "kind": "share_weights",
                "layer_pair": f"{lower}-{upper}",
                "groups_shared": len(chosen),
                "groups_possible": len(possible),
                "edges_shared": int((child.shared >= 0).sum() - (genome.shared >= 0).sum()),
                "parameters_saved": genome.n_parameters - child.n_parameters,
            }
    raise MutationError("share_weights is impossible: no two edges of equal offset have weights of their own")


def groups_of_equal_offset(genome: Genome, edges: np.ndarray) -> list[np.ndarray]:
    """`edges` by rounded offset from source to target: groups of at least two, with a weight not shared yet."""
    offset = np.rint(genome.positions[genome.targets[edges]] - genome.positions[genome.sources[edges]])
    _, which, sizes = np.unique(offset @ [1 << 20, 1], return_inverse=True, return_counts=True)
    own = np.bincount(which, weights=genome.shared[edges] < 0)
    members = np.split(edges[np.argsort(which, kind="stable")], np.cumsum(sizes)[:-1])
    return [group for group, size, single in zip(members, sizes, own, strict=True) if size >= 2 and single >= 1]


def share_groups(genome: Genome, groups: list[np.ndarray]) -> Genome:
    """`genome` with one weight per group of edges, the mean; those that share one already keep their company."""
    shared, weights = genome.shared.copy(), genome.weights.copy()
    for members in groups:
        old, sizes = np.unique(shared[members][shared[members] >= 0], return_counts=True)
        group = old[sizes.argmax()] if len(old) else shared.max() + 1
        shared[members[shared[members] < 0]] = group
        everyone = np.flatnonzero(shared == group) if len(old) else members
        known = weights[everyone][~np.isnan(weights[everyone])]
        weights[everyone] = known.mean(dtype=np.float64) if len(known) else np.nan
    return Genome.from_edges(
        genome.input_shape,
        genome.n_outputs,
        genome.sources,
        genome.targets,
        weights,
        genome.biases,
        shared,
        genome.normalization,
        genome.neuron_keys,
    )
