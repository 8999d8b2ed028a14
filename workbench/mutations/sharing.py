"""The mutation that makes a convolution out of local edges: share weights."""

from __future__ import annotations

import numpy as np

from workbench.builder import Record
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.sorting import stable_order


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
    codes = (offset @ [1 << 20, 1]).astype(np.int64)
    order = stable_order(codes - codes.min(initial=0))
    edges, codes = edges[order], codes[order]
    starts = np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1))
    sizes = np.diff(starts, append=len(edges))
    own = np.add.reduceat(genome.shared[edges] < 0, starts, dtype=np.int64)
    possible = np.flatnonzero((sizes >= 2) & (own >= 1))
    return [edges[starts[group] : starts[group] + sizes[group]] for group in possible]


def share_groups(genome: Genome, groups: list[np.ndarray]) -> Genome:
    """`genome` with one weight per group of edges, the mean; those that share one already keep their company.

    No edge may be in two groups.
    """
    shared, weights = genome.shared.copy(), genome.weights.copy()
    joining = [members for members in groups if (shared[members] >= 0).any()]
    fresh = [members for members in groups if (shared[members] < 0).all()]
    if fresh:
        sizes = [len(members) for members in fresh]
        members, which = np.concatenate(fresh), np.repeat(np.arange(len(fresh)), sizes)
        shared[members] = shared.max() + 1 + which
        weights[members] = _means(weights[members], which)[which]
    for members in joining:
        old, counts = np.unique(shared[members][shared[members] >= 0], return_counts=True)
        group = old[counts.argmax()]
        shared[members[shared[members] < 0]] = group
        everyone = np.flatnonzero(shared == group)
        weights[everyone] = _means(weights[everyone], np.zeros(len(everyone), np.int64))[0]
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


def _means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean of the known `values` (float32) of each of `groups` (0, 1, …), float64; NaN where none is known."""
    known = ~np.isnan(values)
    n_groups = int(groups.max()) + 1
    counts = np.bincount(groups[known], minlength=n_groups)
    totals = np.bincount(groups[known], weights=values[known], minlength=n_groups)
    return np.divide(totals, counts, out=np.full(n_groups, np.nan), where=counts > 0)
