"""Mutations for networks with shared weights: groups are split by place, and neurons go as whole maps.

A map is a set of neurons that share incoming weights or their bias, as the places of a convolution's output channel do;
a neuron that shares nothing is a map of its own.
"""

from __future__ import annotations

import numpy as np

from workbench.builder import GenomeBuilder, Mutated, draw_share, layer_pairs
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.mutations.rates import DEFAULT_RATES, MutationRates
from workbench.spatial import draw_without_replacement

MOST_TRIES = 64
"""Choices of neurons that `remove_neurons` tries before it gives up."""


def unshare_weights(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Split groups of edges that share a weight by place: each region of the image gets a weight of its own.

    The image is divided into n × n regions. A pair of layers is drawn with weight sqrt(edges in groups that reach over
    several regions); a random part of these groups is split by the region of the edge's target, or of its source where
    the target is an output. Weights keep their values, so the child computes what its parent does. Parameters rise,
    FLOPs do not.
    """
    side = int(rng.integers(rates.regions[0], rates.regions[1], endpoint=True))
    members = np.flatnonzero(genome.shared >= 0)
    groups, group = np.unique(genome.shared[members], return_inverse=True)
    part = group * side**2 + _regions(genome, side, members)
    parts = np.bincount(np.unique(part) // side**2, minlength=len(groups))
    pair_of = layer_pairs(genome)[members]
    counts = np.bincount(pair_of[parts[group] > 1])
    if counts.sum() == 0:
        raise MutationError(
            f"unshare_weights is impossible: no edges in different ones of {side} × {side} regions share a weight"
        )
    pair = int(rng.choice(len(counts), p=np.sqrt(counts) / np.sqrt(counts).sum()))
    possible = np.unique(group[(pair_of == pair) & (parts[group] > 1)])
    amount = draw_share(rng, rates.unshared_groups, len(possible))
    chosen = rng.choice(possible, min(amount, len(possible)), replace=False)
    split = np.isin(group, chosen)
    shared = genome.shared.copy()
    shared[members[split]] = shared.max() + 1 + np.unique(part[split], return_inverse=True)[1]
    child = genome.with_parameters(genome.weights, shared=shared)
    lower, upper = divmod(pair, genome.n_layers)
    return child, {
        "kind": "unshare_weights",
        "layer_pair": f"{lower}-{upper}",
        "regions": side,
        "groups_split": len(chosen),
        "groups_possible": len(possible),
        "parameters_added": child.n_parameters - genome.n_parameters,
    }


def remove_neurons(genome: Genome, rng: np.random.Generator, rates: MutationRates = DEFAULT_RATES) -> Mutated:
    """Remove hidden neurons that matter least in their layer, as whole maps.

    A map is drawn with weight edges · exp(-weak_neurons_first · importance), so that layers lose edges in proportion to
    those they have. Importance is the norm of a neuron's incoming weights times that of its outgoing ones, over the
    layer's mean, and averaged over the map. Norms rank filters well without data (Li et al. 2017, "Pruning filters for
    efficient ConvNets"); their product does not change when a ReLU's input is scaled up and its output down (Neyshabur
    et al. 2015, "Path-SGD").

    Neurons left without input or output go as well, as the places of a depthwise convolution do with the map that feeds
    them, and count: no more edges go than asked for, or than the median map has if that is more; where no choice is so
    small, the smallest one found goes. At least half of each layer stays, and every output keeps an edge.
    """
    hidden, room = slice(genome.n_inputs + genome.n_outputs, None), np.bincount(genome.layers) // 2
    _, unit = np.unique(maps_of(genome)[hidden], return_inverse=True)
    drawn, edges, median = _drawn_maps(genome, unit, room, rates, rng)
    target = draw_share(rng, rates.removed_neuron_edges, genome.n_edges)
    most = max(target, median)
    drawn, edges = drawn[edges <= most], edges[edges <= most]

    def reach(start: int) -> int:
        """One past the last of those from `start` on that have the edges asked for; one at least."""
        return start + max(1, int((np.cumsum(edges[start:]) <= target).sum()))

    start, end = 0, reach(0)
    builder, best, maps_chosen = GenomeBuilder(genome, rates.law), genome.n_edges, 0
    for _ in range(MOST_TRIES):
        if start == len(drawn):
            break
        gone = np.zeros(genome.n_neurons, bool)
        gone[hidden] = np.isin(unit, drawn[start:end])
        gone, keep = _with_cut_off(genome, gone)
        count, single = int((~keep).sum()), end - start == 1
        allowed = (np.bincount(genome.layers, weights=gone)[1:-1] <= room[1:-1]).all() and _feeds_outputs(genome, keep)
        fits = count <= (most if single else target)
        if allowed and count < best and (single or fits):
            builder.keep, best, maps_chosen = keep, count, end - start
        if allowed and fits:
            break
        start, end = (end, reach(end)) if single else (start, (start + end) // 2)
    if maps_chosen == 0:
        raise MutationError(
            "remove_neurons is impossible: half of a hidden layer, or all that feeds an output, would go"
        )
    return builder.finish("remove_neurons", maps_chosen=maps_chosen, edges_requested=target)


def _drawn_maps(
    genome: Genome, unit: np.ndarray, room: np.ndarray, rates: MutationRates, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Maps that may go in the order in which they are drawn, the edges of each, and the median of these.

    Args:
        genome: the parent.
        unit: map of each hidden neuron, int64 [hidden], numbered from 0 without gaps.
        room: how many neurons of each layer may go, int64 [layers].
        rates: with the strength of the preference for unimportant maps.
        rng: of the draw.
    """
    hidden = slice(genome.n_inputs + genome.n_outputs, None)
    codes, counts = np.unique(unit * genome.n_layers + genome.layers[hidden], return_counts=True)
    possible = np.ones(int(unit.max(initial=-1)) + 1, bool)
    possible[codes[counts > room[codes % genome.n_layers]] // genome.n_layers] = False
    degrees = genome.in_degrees + np.bincount(genome.sources, minlength=genome.n_neurons)
    edges = np.bincount(unit, weights=degrees[hidden])[possible]
    importance = (np.bincount(unit, weights=_importance(genome)[hidden]) / np.bincount(unit))[possible]
    order = draw_without_replacement(np.log(edges) - rates.weak_neurons_first * importance, len(edges), rng)
    return np.flatnonzero(possible)[order], edges[order], float(np.median(edges)) if len(edges) else 0.0


def draw_groups(
    shared: np.ndarray, log_weights: np.ndarray, amount: int, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Indices of edges to remove, where those that share a weight go together: at least one group, never over `most`.

    Args:
        shared: group of each edge, int64 [edges]; -1 = a weight of its own, which goes alone.
        log_weights: log of each edge's drawing weight, float64 [edges]; a group has its mean, times its size.
        amount: edges asked for.
        most: edges that may go.
        rng: of the draw.
    """
    _, unit, sizes = np.unique(_units(shared), return_inverse=True, return_counts=True)
    possible = np.flatnonzero(sizes <= most)
    mean = np.bincount(unit, weights=log_weights) / sizes
    order = possible[draw_without_replacement((mean + np.log(sizes))[possible], len(possible), rng)]
    end = max(1, int(np.searchsorted(np.cumsum(sizes[order]), amount, side="right"))) if amount > 0 else 0
    return np.flatnonzero(np.isin(unit, order[:end]))


def with_last_edges(genome: Genome, keep: np.ndarray) -> np.ndarray:
    """`keep` (bool [edges]) and the groups without which a neuron would lose its last edge in or out."""
    keep, unit, n_neurons = keep.copy(), _units(genome.shared), genome.n_neurons
    needs_use = np.arange(n_neurons) >= genome.n_inputs  # a pixel may be left unused
    while True:
        fed, used = (np.bincount(ends[keep], minlength=n_neurons) for ends in (genome.targets, genome.sources))
        last = ~keep & ((fed == 0)[genome.targets] | (needs_use & (used == 0))[genome.sources])
        if not last.any():
            return keep
        keep |= np.isin(unit, unit[last])


def _units(shared: np.ndarray) -> np.ndarray:
    """Numbers that are equal for edges that share a weight, int64 [edges]."""
    return np.where(shared >= 0, shared, shared.max(initial=-1) + 1 + np.arange(len(shared)))


def _regions(genome: Genome, side: int, edges: np.ndarray) -> np.ndarray:
    """Which of side × side regions of the image each of `edges` belongs to, int64 [edges]."""
    targets, sources = (genome.positions.take(ends[edges], axis=0) for ends in (genome.targets, genome.sources))
    places = np.where(np.isnan(targets), sources, targets)
    cells = ((places + 0.5) * side / genome.input_shape[1:]).astype(np.int64)
    return cells @ [side, 1]


def _importance(genome: Genome) -> np.ndarray:
    """Product of the norms of each neuron's incoming and outgoing weights over the layer's mean, float64 [neurons].

    Edges without a weight yet count as the average edge.
    """
    squares = genome.weights.astype(float) ** 2
    known = ~np.isnan(squares)
    squares = np.where(known, squares, squares[known].mean() if known.any() else 1.0)
    ends = genome.targets, genome.sources
    into, out_of = (np.bincount(end, weights=squares, minlength=genome.n_neurons) for end in ends)
    product = np.sqrt(into * out_of)
    means = np.bincount(genome.layers, weights=product) / np.bincount(genome.layers)
    mean = means[genome.layers]
    return np.divide(product, mean, out=np.ones(len(mean)), where=mean > 0)


def _with_cut_off(genome: Genome, gone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`gone` (bool [neurons]) and the hidden neurons left without input or output; and which edges stay."""
    hidden = np.arange(genome.n_neurons) >= genome.n_inputs + genome.n_outputs
    while True:
        stay = ~(gone[genome.sources] | gone[genome.targets])
        ends = genome.targets[stay], genome.sources[stay]
        fed, used = (np.bincount(end, minlength=genome.n_neurons) for end in ends)
        cut_off = hidden & ~gone & ((fed == 0) | (used == 0))
        if not cut_off.any():
            return gone, stay
        gone = gone | cut_off


def _feeds_outputs(genome: Genome, keep: np.ndarray) -> bool:
    """Whether every output that has edges keeps one."""
    outputs = slice(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    fed = np.bincount(genome.targets[keep], minlength=genome.n_neurons)[outputs] > 0
    return bool((fed == (genome.in_degrees[outputs] > 0)).all())
