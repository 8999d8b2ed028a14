"""The five published mutations: neurons and edges come and go, a layer goes, edges share a weight.

Each raises `MutationError` where it is impossible, draws everything from `rng`, and leaves its parent untouched.
"""

from __future__ import annotations

import numpy as np

from workbench.builder import GenomeBuilder, Mutated, draw_share, groups_of_equal_offset, layer_pairs, share_groups
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.mutations.growth import MapEdges, copy_maps, grows_by_maps
from workbench.mutations.maps import draw_groups, with_last_edges
from workbench.mutations.rates import DEFAULT_RATES, MutationRates
from workbench.spatial import distances, draw_without_replacement


def add_neurons(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Add neurons, in a new layer at a random depth or (a coin decides) in an existing hidden layer.

    Each new neuron first gets one edge from a random neuron of the layer before it and one to the layer after it, so
    that none is dead. The other edges go before -> new, new -> after, and as skip edges to a random subset of the
    other layers, in random shares. If there are too few edges for two each, fewer neurons are added. With probability
    `rates.grow_maps` copies of whole maps are added instead.
    """
    if grows_by_maps(genome, rng, rates) and (grown := copy_maps(genome, rng, rates)):
        return grown
    builder = GenomeBuilder(genome, rates.law)
    n_edges = max(2, draw_share(rng, rates.new_neuron_edges, genome.n_edges))
    target = draw_share(rng, rates.new_neurons, genome.n_neurons)
    n_new = min(target, n_edges // 2)
    new_layer = genome.n_layers == 2 or rng.random() < 0.5
    depth = int(rng.integers(1, genome.n_layers if new_layer else genome.n_layers - 1))
    after = depth if new_layer else depth + 1  # the layer after, as numbered in the parent

    new = builder.add_neurons(rng.choice(builder.members(depth - 1), n_new), rng)
    builder.connect_each(new, builder.members(after), depth + 1, rng)

    # (sources, targets, layer of the targets) between which further edges may be drawn
    groups = [(builder.members(depth - 1), new, depth), (new, builder.members(after), depth + 1)]
    others = [(builder.members(layer), new, depth) for layer in range(depth - 1)]
    others += [(new, builder.members(layer), layer + new_layer) for layer in range(after + 1, genome.n_layers)]
    skips = [group for group in others if rng.random() < 0.5]
    shares = rng.dirichlet(np.ones(3 if skips else 2))
    skip_shares = rng.dirichlet(np.ones(len(skips))) * shares[2] if skips else np.zeros(0)
    counts = rng.multinomial(n_edges - builder.n_new_edges, np.concatenate([shares[:2], skip_shares]))
    for (sources, targets, layer), count in zip(groups + skips, counts, strict=True):
        builder.connect(sources, targets, layer, int(count), rng)
    for sources, targets, layer in [*groups, *others]:  # edges for which there was no room
        builder.connect(sources, targets, layer, n_edges - builder.n_new_edges, rng)
    return builder.finish(
        "add_neurons",
        layer=depth,
        new_layer=bool(new_layer),
        neurons_requested=target,
        edges_requested=n_edges,
        skip_layers=len(skips),
    )


def add_edges(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Add edges between distinct pairs of layers; a pair is drawn with weight 1 / sqrt(layer gap).

    The first pair drawn gets `rates.larger_part` of the edges, the others equal parts of the rest. With probability
    `rates.grow_maps` edges between maps come with one weight for all places.
    """
    builder = GenomeBuilder(genome, rates.law)
    connect = MapEdges(builder).connect if grows_by_maps(genome, rng, rates) else builder.connect
    target = draw_share(rng, rates.new_edges, genome.n_edges)
    lower, upper = np.triu_indices(genome.n_layers, 1)
    sizes = np.bincount(genome.layers, minlength=genome.n_layers)
    existing = np.bincount(layer_pairs(genome), minlength=genome.n_layers**2)
    free = sizes[lower] * sizes[upper] > existing[lower * genome.n_layers + upper]
    lower, upper = lower[free], upper[free]
    if len(lower) == 0:
        raise MutationError("add_edges is impossible: every pair of layers is fully connected")
    weight = 1 / np.sqrt(upper - lower)
    order = rng.choice(len(lower), len(lower), replace=False, p=weight / weight.sum())
    chosen = order[: rates.layer_pairs]
    rest = target * (1 - rates.larger_part) / (len(chosen) - 1) if len(chosen) > 1 else target
    parts = np.full(len(chosen), rest)
    parts[0] = target - parts[1:].sum()
    counts = np.diff(np.round(np.cumsum(parts)), prepend=0).astype(int)
    drawn: dict[str, int] = {}
    for pair, count in [*zip(chosen, counts, strict=True), *((pair, target) for pair in order)]:
        count = min(int(count), target - builder.n_new_edges)
        if count > 0:  # the second round places edges for which there was no room in the first
            before, after = int(lower[pair]), int(upper[pair])
            added = connect(builder.members(before), builder.members(after), after, count, rng)
            drawn[f"{before}-{after}"] = drawn.get(f"{before}-{after}", 0) + added
    return builder.finish("add_edges", edges_requested=target, layer_pairs=drawn)


def remove_edges(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Remove edges, long ones first, from pairs of layers drawn with weight sqrt(edges in the pair).

    At most half of the edges between two adjacent layers go (so fewer may go than were asked); the rest is spread over
    the pairs in proportion to their edges. Neurons left without input or output are pruned.

    With `rates.weak_first` above 0 weak edges are likelier to go: the drawing weight is also multiplied by
    exp(-weak_first · |weight| / mean |weight| of the pair), since removing the smallest weights harms trained networks
    least (Han et al. 2015, "Learning both weights and connections"). The published method, 0, knows distances only.

    With `rates.whole_groups` a shared weight goes with all its edges of the pair at once. What would leave a neuron
    without input or output stays then, so nothing is pruned.
    """
    if genome.n_edges == 0:
        raise MutationError("remove_edges is impossible: there are no edges")
    builder = GenomeBuilder(genome, rates.law)
    target = draw_share(rng, rates.removed_edges, genome.n_edges)
    codes = layer_pairs(genome)
    counts = np.bincount(codes)
    weight = np.sqrt(counts)
    n_pairs = min(rates.layer_pairs, int((counts > 0).sum()))
    chosen = rng.choice(len(counts), n_pairs, replace=False, p=weight / weight.sum())
    lower, upper = np.divmod(chosen, genome.n_layers)
    most = np.where(upper - lower == 1, counts[chosen] // 2, counts[chosen])
    amounts = _spread(target, counts[chosen], most)
    if amounts.sum() == 0:
        raise MutationError("remove_edges is impossible: each pair of adjacent layers keeps at least half its edges")
    for pair, amount, limit, layer in zip(chosen, amounts, most, upper, strict=True):
        members = np.flatnonzero(codes == pair)
        ends = (genome.positions.take(each[members], axis=0) for each in (genome.sources, genome.targets))
        log_weight = -rates.law.log_weight(distances(*ends), int(layer)) - rates.weak_first * _strength(
            genome.weights[members]
        )
        if rates.whole_groups:
            gone = draw_groups(genome.shared[members], log_weight, int(amount), int(limit), rng)
        else:
            gone = draw_without_replacement(log_weight, int(amount), rng)
        builder.keep[members[gone]] = False
    if rates.whole_groups:
        builder.keep = with_last_edges(genome, builder.keep)
        amounts = np.bincount(codes[~builder.keep], minlength=len(counts))[chosen]
    names = [f"{a}-{b}" for a, b in zip(lower.tolist(), upper.tolist(), strict=True)]
    drawn = dict(zip(names, amounts.tolist(), strict=True))
    return builder.finish("remove_edges", edges_requested=target, layer_pairs=drawn)


def remove_layer(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Remove a random hidden layer with all its edges; with probability `rates.bridge` bridging edges replace them.

    A layer whose removal would leave no path from an input to an output is passed over.
    """
    if genome.n_layers == 2:
        raise MutationError("remove_layer is impossible: there is no hidden layer")
    for layer in (1 + rng.permutation(genome.n_layers - 2)).tolist():
        builder = GenomeBuilder(genome, rates.law)
        gone = genome.layers == layer
        builder.keep = ~(gone[genome.sources] | gone[genome.targets])
        lost = int((~builder.keep).sum())
        bridging = draw_share(rng, rates.bridging_edges, lost) if rng.random() < rates.bridge else 0
        builder.connect(builder.members(layer - 1), builder.members(layer + 1), layer, bridging, rng)
        if builder.connects_inputs_to_outputs():
            return builder.finish("remove_layer", layer=layer, layer_neurons=int(gone.sum()), edges_requested=bridging)
    raise MutationError("remove_layer is impossible: without any one of the hidden layers nothing would be left")


def share_weights(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Give edges of equal direction and length one common weight, which makes a convolution out of local edges.

    A pair of layers is drawn with weight sqrt(edges); its edges are grouped by the rounded offset from source to
    target; a random part of the groups gets a common weight each, the mean of its members. Edges that share a weight
    already keep it: further edges of the same offset join the largest such group. Edges into outputs have no offset.
    Parameters fall, FLOPs do not.
    """
    pair_of = np.where(genome.layers[genome.targets] < genome.n_layers - 1, layer_pairs(genome), -1)
    counts = np.bincount(pair_of[pair_of >= 0])
    pairs = np.flatnonzero(counts)
    counts = counts[pairs]
    weight = np.sqrt(counts)
    order = rng.choice(pairs, len(pairs), replace=False, p=weight / weight.sum()) if len(pairs) else pairs
    for pair in order.tolist():
        possible = groups_of_equal_offset(genome, np.flatnonzero(pair_of == pair))
        if possible:
            amount = draw_share(rng, rates.shared_groups, len(possible))
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


def _strength(weights: np.ndarray) -> np.ndarray:
    """|weight| relative to the mean |weight|; 1 for edges that have no weight yet."""
    sizes = np.abs(weights.astype(float))
    known = np.isfinite(sizes)
    mean = sizes[known].mean() if known.any() else 0.0
    return np.where(known, sizes / mean, 1.0) if mean > 0 else np.ones(len(weights))


def _spread(total: int, weights: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Split `total` into whole parts in proportion to `weights`, none above `most`; others take the excess."""
    parts = np.zeros(len(weights), np.int64)
    while (left := min(total, int(most.sum())) - int(parts.sum())) > 0:
        open_weights = np.where(parts < most, weights, 0)
        share = np.diff(np.round(np.cumsum(open_weights) / open_weights.sum() * left), prepend=0).astype(np.int64)
        parts = np.minimum(parts + share, most)
    return parts
