"""Builds a child from its parent: adds and removes neurons and edges, shares weights, and draws missing weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import MutationError
from workbench.genome import Genome, topology
from workbench.spatial import SpatialLaw, distances, draw_pairs, draw_target_each

Record = dict[str, Any]
Mutated = tuple[Genome, Record]  # the child, and what was done

NEW_EDGE_SCALE = 0.1
"""Initial scale of a new edge into a neuron with trained weights, relative to an edge into a new neuron."""


class GenomeBuilder:
    """A child in the making. Layers and positions are those of the parent; the finished child computes its own."""

    def __init__(self, parent: Genome, law: SpatialLaw = SpatialLaw()) -> None:
        self.parent, self.law = parent, law
        self.positions, self.biases, self.shared_biases = parent.positions, parent.biases, parent.shared_biases
        self.weights, self.shared = parent.weights, parent.shared  # of the parent's edges
        self.keep = np.ones(parent.n_edges, bool)  # which of them stay
        self.new_keys = np.zeros(0, np.int64)
        none = np.zeros(0, np.int64)
        self._new = [(none, none)]
        self._new_weights, self._new_shared = [np.zeros(0, np.float32)], [none]
        self._n_groups = 1 + int(max(parent.shared.max(initial=-1), parent.shared_biases.max(initial=-1)))

    def members(self, layer: int) -> np.ndarray:
        """Ids of the parent's neurons in `layer`."""
        return np.flatnonzero(self.parent.layers == layer)

    @property
    def n_new_edges(self) -> int:
        """Edges added so far."""
        return sum(len(sources) for sources, _ in self._new)

    def add_neurons(self, first_sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add hidden neurons, each with one edge from one of `first_sources` and at its position; returns their ids."""
        ids = self._new_neurons(first_sources, np.zeros(len(first_sources)), np.full(len(first_sources), -1), rng)
        self.add_edges(first_sources, ids)
        return ids

    def copy_neurons(self, neurons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add copies of hidden `neurons` (ids) without edges, biases shared as those are; returns their ids."""
        place = neurons - self.parent.n_inputs
        return self._new_neurons(neurons, self.biases[place], self.other_groups(self.shared_biases[place]), rng)

    def _new_neurons(
        self, places: np.ndarray, biases: np.ndarray, shared_biases: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        ids = len(self.positions) + np.arange(len(places))
        self.positions = np.concatenate([self.positions, self.positions[places]])
        self.biases = np.concatenate([self.biases, biases.astype(np.float32)])
        self.shared_biases = np.concatenate([self.shared_biases, shared_biases])
        known = np.concatenate([self.parent.neuron_keys, self.new_keys])
        self.new_keys = np.concatenate([self.new_keys, _fresh_keys(len(ids), known, rng)])
        return ids

    def other_groups(self, groups: np.ndarray) -> np.ndarray:
        """`groups` of edges or of neurons, each by a number that no other has; -1, not shared, stays."""
        values, index = np.unique(groups, return_inverse=True)
        numbers = np.where(values < 0, -1, self._n_groups + np.arange(len(values)))
        self._n_groups += len(values)
        return numbers[index]

    def connect(self, before: np.ndarray, after: np.ndarray, layer: int, count: int, rng: np.random.Generator) -> int:
        """Add up to `count` edges from `before` to `after` (ids, in `layer`) by the spatial law; returns how many."""
        if count <= 0 or len(before) == 0 or len(after) == 0:
            return 0
        scale, taken = float(self.law.scale(layer)), self.taken(before, after)
        drawn = draw_pairs(self.positions[before], self.positions[after], scale, count, taken, rng)
        self.add_edges(before[drawn[0]], after[drawn[1]])
        return len(drawn[0])

    def connect_each(self, before: np.ndarray, after: np.ndarray, layer: int, rng: np.random.Generator) -> None:
        """Add one edge by the spatial law from every neuron of `before` that does not feed any of `after` yet."""
        feeds = np.zeros(len(before), bool)
        feeds[self.taken(before, after) // len(after)] = True
        before = before[~feeds]
        chosen = draw_target_each(self.positions[before], self.positions[after], float(self.law.scale(layer)), rng)
        self.add_edges(before, after[chosen])

    def add_edges(
        self,
        sources: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        shared: np.ndarray | None = None,
    ) -> None:
        """Add edges between neurons (ids) that are not connected yet; by default without weights, and sharing none."""
        self._new.append((sources, targets))
        self._new_weights.append(np.full(len(sources), np.nan, np.float32) if weights is None else weights)
        self._new_shared.append(np.full(len(sources), -1) if shared is None else shared)

    def _parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Sources and targets of the edges that are kept, then of the new ones."""
        sources, targets = self.parent.sources, self.parent.targets
        kept = (sources, targets) if self.keep.all() else (sources[self.keep], targets[self.keep])
        return [kept, *self._new]

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Sources and targets of all edges of the child."""
        sources, targets = zip(*self._parts(), strict=True)
        return np.concatenate(sources), np.concatenate(targets)

    def taken(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Codes of the pairs of `before` × `after` that are connected already, for `draw_pairs`."""
        place_before, place_after = np.full((2, len(self.positions)), -1, np.int32)
        place_before[before] = np.arange(len(before))
        place_after[after] = np.arange(len(after))
        n_old = self.parent.n_neurons
        parts = self._new if max(before.min(), after.min()) >= n_old else self._parts()
        codes = []
        for sources, targets in parts:  # one by one: to join all edges first takes longer than the rest
            near = np.flatnonzero(place_before[sources] >= 0)
            second = place_after[targets[near]]
            inside = np.flatnonzero(second >= 0)
            first = place_before[sources[near[inside]]].astype(np.int64)
            codes.append(first * len(after) + second[inside])
        return np.concatenate(codes)

    def connects_inputs_to_outputs(self) -> bool:
        """Whether anything would be left after pruning."""
        sources, targets = self._edges()
        n_inputs, n_outputs = self.parent.n_inputs, self.parent.n_outputs
        is_input = np.arange(len(self.positions)) < n_inputs
        seen = topology.reachable(is_input, topology.Adjacency(sources, targets, len(self.positions)))
        return bool(seen[n_inputs : n_inputs + n_outputs].any())

    def finish(self, kind: str, **facts: Any) -> Mutated:
        """The pruned child and its record; `MutationError` if nothing changed, or nothing would be left."""
        parent, kept, n_new = self.parent, self.keep, self.n_new_edges
        if kept.all() and n_new == 0:
            raise MutationError(f"{kind} found nothing to change")
        sources, targets = self._edges()
        child = Genome.from_edges(
            parent.input_shape,
            parent.n_outputs,
            sources,
            targets,
            np.concatenate([self.weights[kept], *self._new_weights]),
            self.biases,
            np.concatenate([self.shared[kept], *self._new_shared]),
            parent.normalization,
            np.concatenate([parent.neuron_keys, self.new_keys]),
            self.shared_biases,
        )
        if child.n_edges == 0:
            raise MutationError(f"{kind} would leave no path from an input to an output")
        record = {
            "kind": kind,
            **facts,
            "edges_added": n_new,
            "edges_removed": int((~kept).sum()),
            "edges_pruned": len(sources) - child.n_edges,
            "neurons_added": len(self.new_keys),
            "neurons_pruned": parent.n_hidden + len(self.new_keys) - child.n_hidden,
            "added_distances": self._distances(sources[len(sources) - n_new :], targets[len(sources) - n_new :]),
            "removed_distances": self._distances(parent.sources[~kept], parent.targets[~kept]),
        }
        return child, record

    def _distances(self, sources: np.ndarray, targets: np.ndarray) -> dict[str, float] | None:
        """Quartiles of the edges' lengths in pixels; None if none has a length (edges into outputs have none)."""
        lengths = distances(self.positions.take(sources, axis=0), self.positions.take(targets, axis=0))
        lengths = lengths[~np.isnan(lengths)]
        if len(lengths) == 0:
            return None
        shares = {"min": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1}
        quartiles = np.quantile(lengths, list(shares.values()))
        return {name: round(float(value), 3) for name, value in zip(shares, quartiles, strict=True)}


def _fresh_keys(count: int, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random 62-bit keys that are not `known`: a parent may have been made with the same random numbers."""
    while True:
        keys = rng.integers(2**32, 2**62, size=count)
        if topology.all_differ(np.concatenate([known, keys])):
            return keys


def draw_share(rng: np.random.Generator, bounds: tuple[float, float], of: int) -> int:
    """A uniformly drawn fraction of `of`, at least 1."""
    return max(1, round(rng.uniform(*bounds) * of))


def layer_pairs(genome: Genome) -> np.ndarray:
    """Each edge's pair of layers as one number, source layer · layers + target layer, int64 [edges]."""
    below = genome.layers[genome.sources].astype(np.int64)
    return below * genome.n_layers + genome.layers[genome.targets]


def groups_of_equal_offset(genome: Genome, edges: np.ndarray) -> list[np.ndarray]:
    """Groups of two or more `edges` of equal rounded offset, of which at least one does not share its weight yet."""
    targets, sources = (genome.positions.take(ends[edges], axis=0) for ends in (genome.targets, genome.sources))
    offset = np.rint(targets - sources)
    codes = (offset @ [1 << 20, 1]).astype(np.int64)
    order = topology.stable_order(codes - codes.min(initial=0))
    edges, codes = edges[order], codes[order]
    starts = np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1))
    sizes = np.diff(starts, append=len(edges))
    own = np.add.reduceat(genome.shared[edges] < 0, starts, dtype=np.int64)
    possible = np.flatnonzero((sizes >= 2) & (own >= 1))
    return [edges[starts[group] : starts[group] + sizes[group]] for group in possible]


def share_groups(genome: Genome, groups: list[np.ndarray]) -> Genome:
    """`genome` with one weight per group of edges, the mean; existing groups are joined. No edge may be in two."""
    shared, weights = genome.shared.copy(), genome.weights.copy()
    sizes = np.array([len(members) for members in groups])
    share = np.add.reduceat(shared[np.concatenate(groups)] >= 0, np.cumsum(sizes) - sizes, dtype=np.int64) > 0
    joining = [groups[group] for group in np.flatnonzero(share)]
    fresh = [groups[group] for group in np.flatnonzero(~share)]
    if fresh:
        members, which = np.concatenate(fresh), np.repeat(np.arange(len(fresh)), [len(group) for group in fresh])
        shared[members] = shared.max() + 1 + which
        weights[members] = _means(weights[members], which)[which]
    for members in joining:
        old, counts = np.unique(shared[members][shared[members] >= 0], return_counts=True)
        group = old[counts.argmax()]
        shared[members[shared[members] < 0]] = group
        everyone = np.flatnonzero(shared == group)
        weights[everyone] = _means(weights[everyone], np.zeros(len(everyone), np.int64))[0]
    return genome.with_parameters(weights, shared=shared)


def _means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean of the known `values` (float32) of each of `groups` (0, 1, …), float64; NaN where none is known."""
    known = ~np.isnan(values)
    n_groups = int(groups.max()) + 1
    counts = np.bincount(groups[known], minlength=n_groups)
    totals = np.bincount(groups[known], weights=values[known], minlength=n_groups)
    return np.divide(totals, counts, out=np.full(n_groups, np.nan), where=counts > 0)


def initialise(genome: Genome, rng: np.random.Generator, new_edge_scale: float = NEW_EDGE_SCALE) -> Genome:
    """The genome with every NaN weight drawn from a normal distribution and every NaN bias set to 0.

    The deviation is sqrt(2 / in-degree) for hidden neurons (He et al. 2015, "Delving Deep into Rectifiers", with the
    neuron's own number of inputs as fan-in) and sqrt(1 / in-degree) for outputs. Edges into a neuron that has trained
    weights already are multiplied by `new_edge_scale`, so that a child starts close to its parent.
    """
    blank = np.isnan(genome.weights)
    if not blank.any() and not np.isnan(genome.biases).any():
        return genome
    targets = genome.targets
    is_output = targets < genome.n_inputs + genome.n_outputs
    deviation = np.sqrt(np.where(is_output, 1.0, 2.0) / genome.in_degrees[targets])
    trained = np.bincount(targets, weights=~blank, minlength=genome.n_neurons) > 0
    deviation *= np.where(trained[targets], new_edge_scale, 1.0)
    weights = genome.weights.copy()
    weights[blank] = (rng.standard_normal(genome.n_edges) * deviation)[blank]
    members = np.flatnonzero((genome.shared >= 0) & blank)
    if len(members):  # one draw per group: the first member's
        _, first, which = np.unique(genome.shared[members], return_index=True, return_inverse=True)
        weights[members] = weights[members[first]][which]
    return genome.with_parameters(weights, np.nan_to_num(genome.biases))
