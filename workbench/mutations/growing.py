"""The two mutations that grow a network: add neurons, add edges."""

from __future__ import annotations

import numpy as np

from workbench.builder import Draft, Record, fraction
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.spatial import SpatialLaw

_Group = tuple[np.ndarray, np.ndarray, int]
"""Neurons before, neurons after, layer of the latter: between which edges may be drawn."""


def add_neurons(
    genome: Genome,
    rng: np.random.Generator,
    *,
    neurons: tuple[float, float] = (0.12, 0.32),
    edges: tuple[float, float] = (0.18, 0.28),
    law: SpatialLaw = SpatialLaw(),  # noqa: B008 - immutable
) -> tuple[Genome, Record]:
    """Add neurons, in a new layer at a random depth or (a coin decides) in an existing hidden layer.

    Each new neuron first gets one edge from a random neuron of the layer before it, and one to the layer after it,
    so that none is dead. The other edges go before -> new, new -> after, and as skip edges to a random subset of the
    other layers, in random shares. If the edges do not suffice for two each, fewer neurons are added.

    Args:
        genome: the parent.
        rng: source of randomness.
        neurons: how many more, as a fraction of all the parent's neurons (inputs counted).
        edges: how many more, as a fraction of the parent's edges.
        law: the spatial rule.

    Returns:
        The child and the mutation's record.
    """
    draft = Draft(genome, law)
    n_edges = max(2, fraction(rng, edges, genome.n_edges))
    wanted = fraction(rng, neurons, genome.n_neurons)
    n_new = min(wanted, n_edges // 2)
    new_layer = draft.n_layers == 2 or rng.random() < 0.5
    depth = int(rng.integers(1, draft.n_layers if new_layer else draft.n_layers - 1))
    after = depth if new_layer else depth + 1  # the layer after, as numbered in the parent

    new = draft.add_neurons(rng.choice(draft.members(depth - 1), n_new), depth, rng)
    draft.connect_each(new, draft.members(after), depth + 1, rng)

    groups: list[_Group] = [(draft.members(depth - 1), new, depth), (new, draft.members(after), depth + 1)]
    others: list[_Group] = [(draft.members(layer), new, depth) for layer in range(depth - 1)]
    others += [(new, draft.members(layer), layer + new_layer) for layer in range(after + 1, draft.n_layers)]
    skips = [group for group in others if rng.random() < 0.5]
    shares = rng.dirichlet(np.ones(3 if skips else 2))
    skip_shares = rng.dirichlet(np.ones(len(skips))) * shares[2] if skips else np.zeros(0)
    counts = rng.multinomial(n_edges - draft.n_new_edges, np.concatenate([shares[:2], skip_shares]))
    for (sources, targets, layer), count in zip(groups + skips, counts, strict=True):
        draft.connect(sources, targets, layer, int(count), rng)
    for sources, targets, layer in [*groups, *others]:  # what found no room there
        draft.connect(sources, targets, layer, n_edges - draft.n_new_edges, rng)
    return draft.finish(
        "add_neurons",
        layer=depth,
        new_layer=bool(new_layer),
        neurons_requested=wanted,
        edges_requested=n_edges,
        skip_layers=len(skips),
    )


def add_edges(
    genome: Genome,
    rng: np.random.Generator,
    *,
    edges: tuple[float, float] = (0.20, 0.32),
    pairs: int = 3,
    larger_part: float = 0.6,
    law: SpatialLaw = SpatialLaw(),  # noqa: B008 - immutable
) -> tuple[Genome, Record]:
    """Add edges between distinct pairs of layers; a pair is drawn with weight 1 / sqrt(layer gap).

    Args:
        genome: the parent.
        rng: source of randomness.
        edges: how many more, as a fraction of the parent's edges.
        pairs: pairs of layers to spread them over (fewer if there are fewer with room).
        larger_part: share of the first pair drawn; the others get equal parts of the rest.
        law: the spatial rule.

    Returns:
        The child and the mutation's record.

    Raises:
        MutationError: if every pair of layers is fully connected.
    """
    draft = Draft(genome, law)
    wanted = fraction(rng, edges, genome.n_edges)
    lower, upper = np.triu_indices(draft.n_layers, 1)
    sizes = np.bincount(genome.layers, minlength=draft.n_layers)
    existing = np.zeros((draft.n_layers, draft.n_layers), np.int64)
    np.add.at(existing, (genome.layers[genome.sources], genome.layers[genome.targets]), 1)
    free = sizes[lower] * sizes[upper] > existing[lower, upper]
    lower, upper = lower[free], upper[free]
    if len(lower) == 0:
        raise MutationError("add_edges is impossible: every pair of layers is fully connected")
    weight = 1 / np.sqrt(upper - lower)
    order = rng.choice(len(lower), len(lower), replace=False, p=weight / weight.sum())
    chosen = order[:pairs]
    parts = np.full(len(chosen), wanted if len(chosen) == 1 else wanted * (1 - larger_part) / (len(chosen) - 1))
    parts[0] = wanted - parts[1:].sum()
    counts = np.diff(np.round(np.cumsum(parts)), prepend=0).astype(int)
    drawn: dict[str, int] = {}
    for pair, count in [*zip(chosen, counts, strict=True), *((pair, wanted) for pair in order)]:
        count = min(int(count), wanted - draft.n_new_edges)
        if count > 0:  # the second round places what found no room in the first
            before, after = int(lower[pair]), int(upper[pair])
            added = draft.connect(draft.members(before), draft.members(after), after, count, rng)
            drawn[f"{before}-{after}"] = drawn.get(f"{before}-{after}", 0) + added
    return draft.finish("add_edges", edges_requested=wanted, layer_pairs=drawn)
