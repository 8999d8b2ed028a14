"""What changed between two genomes, by the persistent keys of their neurons: the union of both, marked (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import GenomeError
from workbench.genome import Genome, topology
from workbench.views.network.dag import DagInfo, neuron_places

KEPT, ADDED, REMOVED, SHARED = range(4)
"""States of neurons and edges; only edges can be `SHARED`: kept, and of a weight that is shared now but was not."""

STATE_NAMES = ("kept", "added", "removed", "now shared")


@dataclass(frozen=True, eq=False)
class GenomeDifference:
    """The union of two genomes, each neuron and edge marked with what became of it.

    Neuron ids are those of `after`, then the removed ones. Edges are those of `after`, then the removed ones.

    Attributes:
        before: the earlier genome.
        after: the later one.
        layers: int32 [neurons]; in the union, so that a layer that went has its own place.
        positions: (row, column), float64 [neurons, 2]; removed neurons where they were.
        biases: float32 [neurons]; NaN for inputs.
        neuron_state: uint8 [neurons], `KEPT`, `ADDED` or `REMOVED`; inputs and outputs are kept.
        source: int64 [edges].
        target: int64 [edges].
        weight: float32 [edges]; of removed edges what it was.
        shared: bool [edges]; whether the weight serves other edges too.
        edge_state: uint8 [edges], as above, or `SHARED`.
        edges_reweighted: kept edges whose weight has another value (one that is unknown, NaN, does not count).
    """

    before: Genome
    after: Genome
    layers: np.ndarray
    positions: np.ndarray
    biases: np.ndarray
    neuron_state: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    shared: np.ndarray
    edge_state: np.ndarray
    edges_reweighted: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many hidden neurons and edges were kept (those now shared included), added, removed, and so on."""
        hidden = self.neuron_state[self.after.n_inputs + self.after.n_outputs :]
        neurons = np.bincount(hidden, minlength=4).tolist()
        edges = np.bincount(self.edge_state, minlength=4).tolist()
        return {
            "neurons_kept": neurons[KEPT],
            "neurons_added": neurons[ADDED],
            "neurons_removed": neurons[REMOVED],
            "edges_kept": edges[KEPT] + edges[SHARED],
            "edges_added": edges[ADDED],
            "edges_removed": edges[REMOVED],
            "edges_now_shared": edges[SHARED],
            "edges_reweighted": self.edges_reweighted,
        }

    @property
    def is_empty(self) -> bool:
        """Whether the topology, and what is shared, is the same."""
        return not (self.neuron_state.any() or self.edge_state.any())


def genome_difference(before: Genome, after: Genome) -> GenomeDifference:
    """What was added to, removed from and kept of `before` in `after`.

    Inputs and outputs are the same by place, hidden neurons by their keys, edges by their two neurons.

    Args:
        before: the earlier genome, a parent or an ancestor, say.
        after: the later one; any genome of the same inputs and outputs.

    Raises:
        GenomeError: if they have not the same inputs and outputs.
    """
    if (before.input_shape, before.n_outputs) != (after.input_shape, after.n_outputs):
        raise GenomeError(
            f"expected two genomes of the same inputs and outputs, got {before.input_shape} -> {before.n_outputs} and "
            f"{after.input_shape} -> {after.n_outputs}; compare a genome with its own ancestor or descendant"
        )
    new_id, removed = _union_ids(before, after)
    n_neurons = after.n_neurons + len(removed)
    old_source, old_target = new_id[before.sources], new_id[before.targets]
    was, now = old_source * n_neurons + old_target, after.sources * n_neurons + after.targets
    _, old, new = np.intersect1d(was, now, assume_unique=True, return_indices=True)
    gone = np.ones(before.n_edges, bool)
    gone[old] = False
    edge_state = np.full(after.n_edges, ADDED, np.uint8)
    edge_state[new] = np.where((after.shared[new] >= 0) & (before.shared[old] < 0), SHARED, KEPT)
    change = after.weights[new] - before.weights[old]  # NaN where either is unknown
    source = np.concatenate([after.sources, old_source[gone]])
    target = np.concatenate([after.targets, old_target[gone]])
    neuron_state = np.zeros(n_neurons, np.uint8)
    neuron_state[after.n_neurons :] = REMOVED
    first_hidden = after.n_inputs + after.n_outputs
    neuron_state[first_hidden : after.n_neurons][~np.isin(after.neuron_keys, before.neuron_keys)] = ADDED
    return GenomeDifference(
        before=before,
        after=after,
        layers=_union_layers(before, after, removed, source, target),
        positions=np.concatenate([after.positions, before.positions[removed]]),
        biases=np.concatenate(
            [np.full(after.n_inputs, np.nan, np.float32), after.biases, before.biases[removed - before.n_inputs]]
        ),
        neuron_state=neuron_state,
        source=source,
        target=target,
        weight=np.concatenate([after.weights, before.weights[gone]]),
        shared=np.concatenate([after.shared, before.shared[gone]]) >= 0,
        edge_state=np.concatenate([edge_state, np.full(int(gone.sum()), REMOVED, np.uint8)]),
        edges_reweighted=int((np.nan_to_num(change) != 0).sum()),
    )


def counterpart(genome: Genome, other: Genome, neuron: int) -> int | None:
    """Id in `other` of the neuron that has the id `neuron` in `genome`; None if there is none (any more)."""
    if not 0 <= neuron < genome.n_neurons:
        return None
    found = int(_union_ids(genome, other)[0][neuron])
    return found if found < other.n_neurons else None


def _union_ids(before: Genome, after: Genome) -> tuple[np.ndarray, np.ndarray]:
    """Id in the union of each neuron of `before`, and those ids of `before` that are not in `after`."""
    first_hidden = before.n_inputs + before.n_outputs
    new_id = np.arange(before.n_neurons)
    order = np.argsort(after.neuron_keys)
    place = np.searchsorted(after.neuron_keys, before.neuron_keys, sorter=order)
    found = np.zeros(before.n_hidden, bool)
    inside = np.flatnonzero(place < after.n_hidden)
    found[inside] = after.neuron_keys[order[place[inside]]] == before.neuron_keys[inside]
    new_id[first_hidden:][found] = first_hidden + order[place[found]]
    removed = first_hidden + np.flatnonzero(~found)
    new_id[removed] = after.n_neurons + np.arange(len(removed))
    return new_id, removed


def _union_layers(
    before: Genome, after: Genome, removed: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Longest paths in the union; if it has a cycle, the layers that the neurons have in their own genome."""
    n_neurons = after.n_neurons + len(removed)
    leaving = topology.Adjacency(source, n_neurons)
    try:
        layers = topology.layers_of(after.n_inputs, after.n_outputs, n_neurons, source, target, leaving)
    except GenomeError:
        layers = np.concatenate([after.layers, before.layers[removed]])
        outputs = slice(after.n_inputs, after.n_inputs + after.n_outputs)
        layers[outputs] = max(before.n_layers, after.n_layers) - 1
    return np.unique(layers, return_inverse=True)[1].astype(np.int32)  # without gaps


def difference_layout(difference: GenomeDifference) -> DagInfo:
    """Places and looks of the union's neurons and edges in a picture by layers."""
    after, layers = difference.after, difference.layers
    x, y = neuron_places(layers, difference.positions, after.input_shape)
    gap = layers[difference.target] - layers[difference.source]
    return DagInfo(
        x=x,
        y=y,
        layers=layers,
        positions=difference.positions.astype(np.float32),
        biases=difference.biases,
        source=difference.source.astype(np.int32),
        target=difference.target.astype(np.int32),
        weight=difference.weight,
        skip=(np.abs(gap) > 1).astype(np.uint8),
        shared=difference.shared.astype(np.uint8),
        layer_sizes=tuple(np.bincount(layers).tolist()),
        n_inputs=after.n_inputs,
        n_outputs=after.n_outputs,
    )


def genome_figures(genome: Genome) -> dict[str, float]:
    """The numbers that a change of a genome changes, by name; densities as fractions, FLOPs per sample."""
    return {
        "hidden neurons": genome.n_hidden,
        "layers": genome.n_layers,
        "edges": genome.n_edges,
        "skip edges": int((genome.layers[genome.targets] - genome.layers[genome.sources] > 1).sum()),
        "edges that share weights": int((genome.shared >= 0).sum()),
        "parameters": genome.n_parameters,
        "FLOPs": genome.flops,
        "FLOPs with norm, bias, ReLU": genome.flops_total,
        "density": genome.density,
    }
