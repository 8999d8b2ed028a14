"""Builds a child from its parent: neurons and edges are added, edges removed, and the result pruned."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import MutationError
from workbench.genome import Genome, topology
from workbench.spatial import SpatialLaw, distances, draw_pairs, draw_target_each

Record = dict[str, Any]


class GenomeBuilder:
    """Works on layers and positions as they were in the parent; the finished child derives its own anew."""

    def __init__(self, parent: Genome, law: SpatialLaw) -> None:
        self.parent, self.law = parent, law
        self.layers = parent.layers.copy()
        self.positions = parent.positions.copy()
        self.sources, self.targets = parent.sources, parent.targets
        self.keep = np.ones(parent.n_edges, bool)
        self.new_keys = np.zeros(0, np.int64)
        self._new: list[tuple[np.ndarray, np.ndarray]] = []

    # ------------------------------------------------------------------ reading
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

    # ------------------------------------------------------------------ changing
    def add_neurons(self, first_sources: np.ndarray, layer: int, rng: np.random.Generator) -> np.ndarray:
        """New hidden neurons, one for each of `first_sources`, which feeds it; returns their ids.

        Each sits where that first source sits until more edges come.
        """
        ids = len(self.layers) + np.arange(len(first_sources))
        self.layers = np.concatenate([self.layers, np.full(len(ids), layer, self.layers.dtype)])
        self.positions = np.concatenate([self.positions, self.positions[first_sources]])
        known = np.concatenate([self.parent.neuron_keys, self.new_keys])
        self.new_keys = np.concatenate([self.new_keys, _fresh_keys(len(ids), known, rng)])
        self.add_edges(first_sources, ids)
        return ids

    def connect(self, before: np.ndarray, after: np.ndarray, layer: int, count: int, rng: np.random.Generator) -> int:
        """Up to `count` new edges from `before` to `after` (ids) by the spatial rule; returns how many.

        `layer` is the layer of the targets.
        """
        if count <= 0 or len(before) == 0 or len(after) == 0:
            return 0
        drawn = draw_pairs(
            self.positions[before],
            self.positions[after],
            float(self.law.scale(layer)),
            count,
            self._taken(before, after),
            rng,
        )
        self.add_edges(before[drawn[0]], after[drawn[1]])
        return len(drawn[0])

    def connect_each(self, before: np.ndarray, after: np.ndarray, layer: int, rng: np.random.Generator) -> None:
        """One new edge by the spatial rule from every neuron of `before` that does not feed any of `after` yet."""
        feeding = self._taken(before, after) // len(after)
        before = np.delete(before, np.unique(feeding))
        chosen = draw_target_each(self.positions[before], self.positions[after], float(self.law.scale(layer)), rng)
        self.add_edges(before, after[chosen])

    def add_edges(self, sources: np.ndarray, targets: np.ndarray) -> None:
        """New edges between neurons (ids) that are not connected yet."""
        self._new.append((sources, targets))

    def _taken(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Codes of the pairs of `before` × `after` that are connected already, for `draw_pairs`."""
        place_before, place_after = np.full((2, len(self.layers)), -1, np.int64)
        place_before[before] = np.arange(len(before))
        place_after[after] = np.arange(len(after))
        codes = []
        for sources, targets in [(self.sources[self.keep], self.targets[self.keep]), *self._new]:
            first, second = place_before[sources], place_after[targets]
            inside = (first >= 0) & (second >= 0)
            codes.append(first[inside] * len(after) + second[inside])
        return np.concatenate(codes)

    def _added(self) -> tuple[np.ndarray, np.ndarray]:
        none = np.zeros(0, np.int64)
        sources = np.concatenate([none, *(sources for sources, _ in self._new)])
        return sources, np.concatenate([none, *(targets for _, targets in self._new)])

    # ------------------------------------------------------------------ finishing
    def connects_inputs_to_outputs(self) -> bool:
        """Whether anything would be left after pruning."""
        new_sources, new_targets = self._added()
        sources = np.concatenate([self.sources[self.keep], new_sources])
        targets = np.concatenate([self.targets[self.keep], new_targets])
        first_hidden = self.parent.n_inputs + self.parent.n_outputs
        is_input = np.arange(len(self.layers)) < self.parent.n_inputs
        seen = topology.reachable(is_input, topology.Adjacency(sources, len(self.layers)), targets)
        return bool(seen[self.parent.n_inputs : first_hidden].any())

    def finish(self, kind: str, **facts: Any) -> tuple[Genome, Record]:
        """The pruned child and its record.

        Raises:
            MutationError: if nothing changed, or nothing of the network would be left.
        """
        parent, kept = self.parent, self.keep
        new_sources, new_targets = self._added()
        if kept.all() and len(new_sources) == 0:
            raise MutationError(f"{kind} found nothing to change")
        blank = np.full(len(new_sources), np.nan, np.float32)
        child = Genome.from_edges(
            parent.input_shape,
            parent.n_outputs,
            np.concatenate([self.sources[kept], new_sources]),
            np.concatenate([self.targets[kept], new_targets]),
            np.concatenate([parent.weights[kept], blank]),
            np.concatenate([parent.biases, np.zeros(len(self.new_keys), np.float32)]),
            np.concatenate([parent.shared[kept], np.full(len(blank), -1)]),
            parent.normalization,
            np.concatenate([parent.neuron_keys, self.new_keys]),
        )
        if child.n_edges == 0:
            raise MutationError(f"{kind} would leave no way from an input to an output")
        removed = self.sources[~kept], self.targets[~kept]
        record = {
            "kind": kind,
            **facts,
            "edges_added": len(new_sources),
            "edges_removed": len(removed[0]),
            "edges_pruned": int(kept.sum()) + len(new_sources) - child.n_edges,
            "neurons_added": len(self.new_keys),
            "neurons_pruned": parent.n_hidden + len(self.new_keys) - child.n_hidden,
            "added_distances": self._summary(new_sources, new_targets),
            "removed_distances": self._summary(*removed),
        }
        return child, record

    def _summary(self, sources: np.ndarray, targets: np.ndarray) -> dict[str, float] | None:
        """Quartiles of the edges' lengths in pixels; None if none has a length (edges into outputs have none)."""
        lengths = distances(self.positions[sources], self.positions[targets])
        lengths = lengths[~np.isnan(lengths)]
        if len(lengths) == 0:
            return None
        names = ("min", "q25", "median", "q75", "max")
        quartiles = np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1])
        return {name: round(float(value), 3) for name, value in zip(names, quartiles, strict=True)}


def _fresh_keys(count: int, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random 62-bit keys that nobody has, not even a parent that was made with the same random numbers."""
    while True:
        keys = rng.integers(2**32, 2**62, size=count)
        if len(np.unique(np.concatenate([known, keys]))) == len(known) + count:
            return keys


def draw_share(rng: np.random.Generator, bounds: tuple[float, float], of: int) -> int:
    """A uniformly drawn fraction of `of`, at least 1."""
    return max(1, round(rng.uniform(*bounds) * of))
