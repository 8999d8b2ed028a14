"""Builds a child from its parent: neurons and edges are added, edges removed, and the result pruned."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import MutationError
from workbench.genome import Genome, topology
from workbench.spatial import SpatialLaw, distances, draw_pairs, draw_target_each

Record = dict[str, Any]


class GenomeBuilder:
    """A child in the making. Layers and positions are those of the parent; the finished child computes its own.

    Args:
        parent: left untouched.
        law: by which `connect` draws edges.

    Attributes:
        keep: which of the parent's edges stay, bool [edges].
    """

    def __init__(self, parent: Genome, law: SpatialLaw = SpatialLaw()) -> None:
        self.parent, self.law = parent, law
        self.positions = parent.positions.copy()
        self.keep = np.ones(parent.n_edges, bool)
        self.new_keys = np.zeros(0, np.int64)
        none = np.zeros(0, np.int64)
        self._new = [(none, none)]

    @property
    def n_layers(self) -> int:
        """Layers of the parent, inputs and outputs included."""
        return self.parent.n_layers

    def members(self, layer: int) -> np.ndarray:
        """Ids of the parent's neurons in `layer`."""
        return np.flatnonzero(self.parent.layers == layer)

    @property
    def n_new_edges(self) -> int:
        """Edges added so far."""
        return sum(len(sources) for sources, _ in self._new)

    def add_neurons(self, first_sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add hidden neurons, each with one edge from one of `first_sources` and at its position; returns their ids."""
        ids = len(self.positions) + np.arange(len(first_sources))
        self.positions = np.concatenate([self.positions, self.positions[first_sources]])
        known = np.concatenate([self.parent.neuron_keys, self.new_keys])
        self.new_keys = np.concatenate([self.new_keys, _fresh_keys(len(ids), known, rng)])
        self.add_edges(first_sources, ids)
        return ids

    def connect(self, before: np.ndarray, after: np.ndarray, layer: int, count: int, rng: np.random.Generator) -> int:
        """Add up to `count` edges from `before` to `after` (ids, in `layer`) by the spatial law; returns how many."""
        if count <= 0 or len(before) == 0 or len(after) == 0:
            return 0
        scale, taken = float(self.law.scale(layer)), self._taken(before, after)
        drawn = draw_pairs(self.positions[before], self.positions[after], scale, count, taken, rng)
        self.add_edges(before[drawn[0]], after[drawn[1]])
        return len(drawn[0])

    def connect_each(self, before: np.ndarray, after: np.ndarray, layer: int, rng: np.random.Generator) -> None:
        """Add one edge by the spatial law from every neuron of `before` that does not feed any of `after` yet."""
        before = np.delete(before, np.unique(self._taken(before, after) // len(after)))
        chosen = draw_target_each(self.positions[before], self.positions[after], float(self.law.scale(layer)), rng)
        self.add_edges(before, after[chosen])

    def add_edges(self, sources: np.ndarray, targets: np.ndarray) -> None:
        """Add edges between neurons (ids) that are not connected yet."""
        self._new.append((sources, targets))

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Sources and targets of all edges of the child: those kept, then the new ones."""
        kept = self.parent.sources[self.keep], self.parent.targets[self.keep]
        sources, targets = zip(kept, *self._new, strict=True)
        return np.concatenate(sources), np.concatenate(targets)

    def _taken(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Codes of the pairs of `before` × `after` that are connected already, for `draw_pairs`."""
        place_before, place_after = np.full((2, len(self.positions)), -1, np.int64)
        place_before[before] = np.arange(len(before))
        place_after[after] = np.arange(len(after))
        sources, targets = self._edges()
        first, second = place_before[sources], place_after[targets]
        inside = (first >= 0) & (second >= 0)
        return first[inside] * len(after) + second[inside]

    def connects_inputs_to_outputs(self) -> bool:
        """Whether anything would be left after pruning."""
        sources, targets = self._edges()
        n_inputs, n_outputs = self.parent.n_inputs, self.parent.n_outputs
        is_input = np.arange(len(self.positions)) < n_inputs
        seen = topology.reachable(is_input, topology.Adjacency(sources, len(self.positions)), targets)
        return bool(seen[n_inputs : n_inputs + n_outputs].any())

    def finish(self, kind: str, **facts: Any) -> tuple[Genome, Record]:
        """The pruned child and its record.

        Raises:
            MutationError: if nothing changed, or nothing of the network would be left.
        """
        parent, kept, n_new = self.parent, self.keep, self.n_new_edges
        if kept.all() and n_new == 0:
            raise MutationError(f"{kind} found nothing to change")
        sources, targets = self._edges()
        child = Genome.from_edges(
            parent.input_shape,
            parent.n_outputs,
            sources,
            targets,
            np.concatenate([parent.weights[kept], np.full(n_new, np.nan, np.float32)]),
            np.concatenate([parent.biases, np.zeros(len(self.new_keys), np.float32)]),
            np.concatenate([parent.shared[kept], np.full(n_new, -1)]),
            parent.normalization,
            np.concatenate([parent.neuron_keys, self.new_keys]),
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
        lengths = distances(self.positions[sources], self.positions[targets])
        lengths = lengths[~np.isnan(lengths)]
        if len(lengths) == 0:
            return None
        names = ("min", "q25", "median", "q75", "max")
        quartiles = np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1])
        return {name: round(float(value), 3) for name, value in zip(names, quartiles, strict=True)}


def _fresh_keys(count: int, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random 62-bit keys that are not `known`: a parent may have been made with the same random numbers."""
    while True:
        keys = rng.integers(2**32, 2**62, size=count)
        if len(np.unique(np.concatenate([known, keys]))) == len(known) + count:
            return keys


def draw_share(rng: np.random.Generator, bounds: tuple[float, float], of: int) -> int:
    """A uniformly drawn fraction of `of`, at least 1."""
    return max(1, round(rng.uniform(*bounds) * of))
