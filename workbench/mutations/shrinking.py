"""The two mutations that shrink a network: remove edges, remove a layer."""

from __future__ import annotations

import numpy as np

from workbench.builder import Draft, Record, fraction
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.spatial import SpatialLaw, distances, draw_without_replacement


def remove_edges(
    genome: Genome,
    rng: np.random.Generator,
    *,
    edges: tuple[float, float] = (0.12, 0.22),
    pairs: int = 3,
    weak_first: float = 0.0,
    law: SpatialLaw = SpatialLaw(),  # noqa: B008 - immutable
) -> tuple[Genome, Record]:
    """Remove edges, long ones first, from pairs of layers drawn with weight sqrt(edges in the pair).

    Never more than half of a pair of adjacent layers goes (so fewer may go than were asked); the rest is
    spread over the pairs in proportion to their edges. Neurons left without input or output are pruned.

    With `weak_first` above 0 weak edges are likelier to go: the drawing weight is also multiplied by
    exp(-weak_first · |weight| / mean |weight| of the pair). Removing the smallest weights is what prunes trained
    networks best for its price (Han et al. 2015, "Learning both weights and connections"); the published rule, 0,
    knows distances only.

    Args:
        genome: the parent.
        rng: source of randomness.
        edges: how many fewer, as a fraction of the parent's edges.
        pairs: pairs of layers to take them from (fewer if there are fewer).
        weak_first: how much likelier weak edges are to go; 0 for not at all.
        law: the spatial rule, whose inverse weight draws the edges.

    Returns:
        The child and the mutation's record.

    Raises:
        MutationError: if no edge may go.
    """
    draft = Draft(genome, law)
    wanted = fraction(rng, edges, genome.n_edges)
    below, above = (
        genome.layers[genome.sources].astype(np.int64),
        genome.layers[genome.targets].astype(np.int64),
    )
    codes = below * draft.n_layers + above
    counts = np.bincount(codes)
    weight = np.sqrt(counts)
    n_pairs = min(pairs, int((counts > 0).sum()))
    chosen = rng.choice(len(counts), n_pairs, replace=False, p=weight / weight.sum())
    lower, upper = np.divmod(chosen, draft.n_layers)
    most = np.where(upper - lower == 1, counts[chosen] // 2, counts[chosen])
    amounts = _spread(wanted, counts[chosen], most)
    if amounts.sum() == 0:
        raise MutationError("remove_edges is impossible: each pair of adjacent layers keeps at least half its edges")
    for pair, amount, layer in zip(chosen, amounts, upper, strict=True):
        members = np.flatnonzero(codes == pair)
        length = distances(genome.positions[genome.sources[members]], genome.positions[genome.targets[members]])
        log_weight = -law.log_weight(length, int(layer)) - weak_first * _strength(genome.weights[members])
        gone = draw_without_replacement(log_weight, int(amount), rng)
        draft.keep[members[gone]] = False
    names = [f"{a}-{b}" for a, b in zip(lower.tolist(), upper.tolist(), strict=True)]
    return draft.finish(
        "remove_edges", edges_requested=wanted, layer_pairs=dict(zip(names, amounts.tolist(), strict=True))
    )


def _strength(weights: np.ndarray) -> np.ndarray:
    """Size of each weight over their mean size; 1 for those that have none yet."""
    sizes = np.abs(weights.astype(float))
    known = np.isfinite(sizes)
    mean = sizes[known].mean() if known.any() else 0.0
    return np.where(known, sizes / mean, 1.0) if mean > 0 else np.ones(len(weights))


def _spread(total: int, weights: np.ndarray, most: np.ndarray) -> np.ndarray:
    """`total` in whole parts proportional to `weights`, none above `most`; what one cannot take the others get."""
    parts = np.zeros(len(weights), np.int64)
    while (left := min(total, int(most.sum())) - int(parts.sum())) > 0:
        open_weights = np.where(parts < most, weights, 0)
        share = np.diff(np.round(np.cumsum(open_weights) / open_weights.sum() * left), prepend=0).astype(np.int64)
        parts = np.minimum(parts + share, most)
    return parts


def remove_layer(
    genome: Genome,
    rng: np.random.Generator,
    *,
    bridge: float = 0.0,
    bridging_edges: tuple[float, float] = (0.8, 0.95),
    law: SpatialLaw = SpatialLaw(),  # noqa: B008 - immutable
) -> tuple[Genome, Record]:
    """Remove a random hidden layer with all its edges; as an option bridging edges replace them.

    A layer without which no way from input to output is left is passed over.

    Args:
        genome: the parent.
        rng: source of randomness.
        bridge: probability that edges from the layer before to the layer after are added.
        bridging_edges: how many, as a fraction of the edges lost.
        law: the spatial rule.

    Returns:
        The child and the mutation's record.

    Raises:
        MutationError: if there is no hidden layer, or nothing would be left.
    """
    if genome.n_layers == 2:
        raise MutationError("remove_layer is impossible: there is no hidden layer")
    for layer in (1 + rng.permutation(genome.n_layers - 2)).tolist():
        draft = Draft(genome, law)
        gone = genome.layers == layer
        draft.keep = ~(gone[genome.sources] | gone[genome.targets])
        lost = int((~draft.keep).sum())
        wanted = fraction(rng, bridging_edges, lost) if rng.random() < bridge else 0
        draft.connect(draft.members(layer - 1), draft.members(layer + 1), layer, wanted, rng)
        if draft.connects_inputs_to_outputs():
            return draft.finish("remove_layer", layer=layer, layer_neurons=int(gone.sum()), edges_requested=wanted)
    raise MutationError("remove_layer is impossible: without any one of the hidden layers nothing would be left")
