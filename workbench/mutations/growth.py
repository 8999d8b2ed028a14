"""Growth that keeps weights shared: maps are copied, and new edges between maps get one weight for all places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.builder import GenomeBuilder, Mutated, draw_share
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.mutations.rates import MutationRates
from workbench.spatial import draw_pairs

PARTS = (0.3, 0.7)
"""The part of an outgoing weight that an original keeps is drawn from this range; its copy gets the rest."""


def grows_by_maps(genome: Genome, rng: np.random.Generator, rates: MutationRates) -> bool:
    """Whether growth keeps weights shared, with probability `rates.grow_maps`; draws nothing where that is 0."""
    return rates.grow_maps > 0 and bool((genome.shared >= 0).any()) and rng.random() < rates.grow_maps


def copy_maps(genome: Genome, rng: np.random.Generator, rates: MutationRates) -> Mutated | None:
    """Copies of maps of one hidden layer, as many as the sizes of `add_neurons` allow, one at least; None if none is.

    As in Net2Net (Chen et al. 2016, "Net2Net: accelerating learning via knowledge transfer"), a copy has the incoming
    weights of its original, shared in the same way, and the two divide the outgoing ones, so that without LayerNorm the
    child computes what its parent does. They divide them unevenly, each weight by another part, so that original and
    copy learn different things without noise (Wang et al. 2024, "LEMON: lossless model expansion").
    """
    edges = draw_share(rng, rates.new_neuron_edges, genome.n_edges)
    neurons = draw_share(rng, rates.new_neurons, genome.n_neurons)
    first, maps = genome.n_inputs + genome.n_outputs, maps_of(genome)
    sizes = np.bincount(maps)
    possible = sizes > 1
    possible[maps[:first]] = False  # one with an output has no copy
    layer_of = np.zeros(len(sizes), np.int64)
    layer_of[maps] = genome.layers
    layers = np.unique(layer_of[possible])
    if len(layers) == 0:
        return None
    layer = int(rng.choice(layers))
    order = rng.permutation(np.flatnonzero(possible & (layer_of == layer)))
    degrees = genome.in_degrees + np.bincount(genome.sources, minlength=genome.n_neurons)
    total_edges = np.cumsum(np.bincount(maps, weights=degrees)[order])
    fits = (total_edges <= edges) & (np.cumsum(sizes[order]) <= neurons)
    chosen = order[: max(1, int(fits.sum()))]

    builder = GenomeBuilder(genome, rates.law)
    _copy(builder, np.flatnonzero(np.isin(maps, chosen)), rng)
    return builder.finish(
        "add_neurons",
        layer=layer,
        new_layer=False,
        neurons_requested=neurons,
        edges_requested=edges,
        maps_copied=len(chosen),
    )


def _copy(builder: GenomeBuilder, neurons: np.ndarray, rng: np.random.Generator) -> None:
    """Copy `neurons` with their edges: an edge from s to t leads from s and its copy to t and its copy."""
    parent = builder.parent
    copy_of = np.full(parent.n_neurons, -1)
    copy_of[neurons] = builder.copy_neurons(neurons, rng)
    leaves, enters = (copy_of[ends] >= 0 for ends in (parent.sources, parent.targets))
    shared = parent.shared.copy()
    shared[leaves] = builder.other_groups(shared[leaves])  # edges of the group that come from others stay whole
    part = np.ones(parent.n_edges)
    own, which = _distinct_weights(shared[leaves])
    part[leaves] = rng.uniform(*PARTS, own)[which]
    first, second = ((parent.weights * each).astype(np.float32) for each in (part, 1 - part))
    builder.weights, builder.shared = first, shared
    edges = np.flatnonzero(enters)
    builder.add_edges(
        parent.sources[edges], copy_of[parent.targets[edges]], first[edges], builder.other_groups(shared[edges])
    )
    edges = np.flatnonzero(leaves)
    builder.add_edges(
        copy_of[parent.sources[edges]], parent.targets[edges], second[edges], builder.other_groups(shared[edges])
    )
    edges = np.flatnonzero(leaves & enters)
    ends = copy_of[parent.sources[edges]], copy_of[parent.targets[edges]]
    builder.add_edges(*ends, second[edges], builder.other_groups(shared[edges]))


def _distinct_weights(shared: np.ndarray) -> tuple[int, np.ndarray]:
    """How many weights edges of these groups have, and which of them each edge has, int64 [edges]."""
    apart = np.where(shared >= 0, shared, -1 - np.arange(len(shared)))
    values, which = np.unique(apart, return_inverse=True)
    return len(values), which


class MapEdges:
    """Adds edges between maps: those between neurons of the same maps, with the same offset, have one weight.

    All input neurons of a channel count as a map.
    """

    def __init__(self, builder: GenomeBuilder) -> None:
        parent = builder.parent
        self.builder, self.maps = builder, maps_of(parent)
        self.maps[: parent.n_inputs] = -1 - np.arange(parent.n_inputs) // (parent.n_inputs // parent.input_shape[0])

    def connect(self, before: np.ndarray, after: np.ndarray, layer: int, count: int, rng: np.random.Generator) -> int:
        """Add edges from `before` to `after` (ids, in `layer`) by the spatial law until there are `count`.

        Each that is drawn comes with those that fit, so the last may come with more than asked. Outputs have no offset:
        edges into them come alone. Returns how many edges were added.
        """
        builder, maps, positions = self.builder, self.maps[after], self.builder.positions
        n_maps = len(np.unique(maps))
        if count <= 0 or n_maps == len(after) or np.isnan(positions[after]).any():
            return builder.connect(before, after, layer, count, rng)
        scale, taken = float(builder.law.scale(layer)), np.sort(builder.taken(before, after))
        fitting, n_targets = _Fitting(before, positions, self.maps), len(after)
        added: list[np.ndarray] = []  # for each weight the codes of its edges, row in `before` · targets + target
        seen: set[int] = set()
        size = n_targets / n_maps
        while len(seen) < count and len(taken) < len(before) * n_targets:
            start, first, wanted = len(seen), len(added), math.ceil((count - len(seen)) / size)
            drawn = draw_pairs(positions[before], positions[after], scale, wanted, taken, rng)
            for row, target in zip(*drawn, strict=True):
                if len(seen) >= count:
                    break
                if int(row * n_targets + target) in seen:
                    continue  # it has come with another
                targets = np.flatnonzero(maps == maps[target])
                rows = fitting(row, after[targets], after[target])
                codes = (rows * n_targets + targets)[rows >= 0]
                codes = codes[~_in_sorted(taken, codes)]
                added.append(codes[[code not in seen for code in codes.tolist()]])
                seen.update(added[-1].tolist())
            size = max(1.0, (len(seen) - start) / len(drawn[0]))
            taken = np.sort(np.concatenate([taken, *added[first:]]))
        weight_of = np.repeat(np.arange(len(added)), [len(codes) for codes in added])
        rows, targets = np.divmod(np.concatenate([np.zeros(0, np.int64), *added]), n_targets)
        builder.add_edges(before[rows], after[targets], None, builder.other_groups(weight_of))
        return len(seen)


class _Fitting:
    """Sources of edges that have the same offset as one of their maps; sources are rows in `before`."""

    def __init__(self, before: np.ndarray, positions: np.ndarray, maps: np.ndarray) -> None:
        self.places, self.maps, self.positions = positions[before], maps[before], positions
        self._trees: dict[int, Any] = {}

    def __call__(self, row: int, targets: np.ndarray, target: int) -> np.ndarray:
        """For each of `targets` the row at the offset of row -> target, or -1; int64 [targets].

        It is the neuron of the map that is nearest to the place, no further off than half the distance between
        neighbours of the map: at the border of an image positions are not quite regular.
        """
        from scipy.spatial import cKDTree

        number = int(self.maps[row])
        if number not in self._trees:
            rows = np.flatnonzero(self.maps == number)
            tree = cKDTree(self.places[rows])
            apart = tree.query(self.places[rows], k=2, p=np.inf)[0][:, 1] if len(rows) > 1 else np.ones(1)
            self._trees[number] = np.append(rows, -1), tree, max(1.0, float(np.median(apart))) / 2 + 1e-6
        rows, tree, reach = self._trees[number]
        places = self.positions[targets] - self.positions[target] + self.places[row]
        found = rows[tree.query(places, p=np.inf, distance_upper_bound=reach)[1]]
        found[targets == target] = row
        return found


def _in_sorted(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of `wanted` are among the sorted `values`."""
    place = np.searchsorted(values, wanted)
    found = place < len(values)
    found[found] = values[place[found]] == wanted[found]
    return found
