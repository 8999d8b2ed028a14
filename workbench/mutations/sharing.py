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
    layers = genome.layers.astype(np.int64)
    candidates = np.flatnonzero(layers[genome.targets] < genome.n_layers - 1)
    pair = layers[genome.sources[candidates]] * genome.n_layers + layers[genome.targets[candidates]]
    offset = np.rint(genome.positions[genome.targets[candidates]] - genome.positions[genome.sources[candidates]])
    span = 2 * sum(genome.input_shape[1:]) + 3
    code = (pair * span + offset[:, 0].astype(np.int64)) * span + offset[:, 1].astype(np.int64)
    _, which, sizes = np.unique(code, return_inverse=True, return_counts=True)
    own = np.bincount(which, weights=genome.shared[candidates] < 0)
    useful = (sizes >= 2) & (own >= 1)  # there is something to share, and someone to share it with
    if not useful.any():
        raise MutationError("share_weights is impossible: no two edges of equal offset have weights of their own")
    pairs, counts = np.unique(pair[useful[which]], return_counts=True)
    chosen_pair = rng.choice(pairs, p=np.sqrt(counts) / np.sqrt(counts).sum())
    options = np.unique(which[useful[which] & (pair == chosen_pair)])
    amount = max(1, round(rng.uniform(*groups) * len(options)))
    chosen = np.sort(rng.choice(options, min(amount, len(options)), replace=False))
    shared, weights = genome.shared.copy(), genome.weights.copy()
    next_group = int(shared.max(initial=-1)) + 1
    joined = 0
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], chosen), np.searchsorted(which[order], chosen, side="right")
    for low, high in zip(*starts, strict=True):
        members = candidates[order[low:high]]
        mine = members[shared[members] < 0]
        old = shared[members][shared[members] >= 0]
        group = int(np.bincount(old).argmax()) if len(old) else next_group
        next_group += len(old) == 0
        shared[mine] = group
        everyone = np.flatnonzero(shared == group) if len(old) else mine
        known = weights[everyone][~np.isnan(weights[everyone])]
        weights[everyone] = known.mean(dtype=np.float64) if len(known) else np.nan
        joined += len(mine)
    child = Genome.from_edges(
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
    lower, upper = divmod(int(chosen_pair), genome.n_layers)
    return child, {
        "kind": "share_weights",
        "layer_pair": f"{lower}-{upper}",
        "groups_shared": len(chosen),
        "groups_possible": len(options),
        "edges_shared": joined,
        "parameters_saved": genome.n_parameters - child.n_parameters,
    }
