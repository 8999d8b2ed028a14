"""What changed between two networks, and the numbers that mutations change (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import GenomeError
from workbench.formats import counted
from workbench.genome import Genome, topology

KEPT, ADDED, REMOVED, SHARED = range(4)
"""States of neurons and edges. Only edges can be `SHARED`: kept, with a weight that has become shared."""

STATE_NAMES = ("kept", "added", "removed", "now shared")


@dataclass(frozen=True, eq=False)
class GenomeDifference:
    """The union of two genomes, with the state of each neuron and edge; arrays are named as those of `Genome`.

    Neuron ids are those of `after`, then the removed neurons; edges are those of `after`, then the removed edges.
    Removed ones are where they were, with their last weight, and in the shared-weight group of their own genome.

    Attributes:
        before: the earlier genome.
        after: the later genome.
        layers: int32 [neurons]; layers of the union, so that a removed layer keeps its own place.
        neuron_state: uint8 [neurons], `KEPT`, `ADDED` or `REMOVED`; inputs and outputs are kept.
        edge_state: uint8 [edges], as above, or `SHARED`.
        edges_reweighted: number of kept edges whose weight changed; unknown weights (NaN) do not count.
    """

    before: Genome
    after: Genome
    layers: np.ndarray
    positions: np.ndarray
    biases: np.ndarray
    neuron_state: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    shared: np.ndarray
    edge_state: np.ndarray
    edges_reweighted: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """Numbers of hidden neurons and edges by state; kept edges include those that now share weights."""
        hidden = self.neuron_state[self.after.n_inputs + self.after.n_outputs :]
        counts = {f"neurons_{STATE_NAMES[state]}": int((hidden == state).sum()) for state in (KEPT, ADDED, REMOVED)}
        for state, name in enumerate(STATE_NAMES):
            counts[f"edges_{name.replace(' ', '_')}"] = int((self.edge_state == state).sum())
        counts["edges_kept"] += counts["edges_now_shared"]
        return counts | {"edges_reweighted": self.edges_reweighted}

    @property
    def is_empty(self) -> bool:
        """Whether the topology and the sharing of weights are unchanged."""
        return not (self.neuron_state.any() or self.edge_state.any())


def genome_difference(before: Genome, after: Genome) -> GenomeDifference:
    """What was added to, removed from and kept of `before` in `after`.

    Inputs and outputs are matched by id, hidden neurons by key, edges by their two neurons.

    Args:
        before: the earlier genome, such as a parent or an ancestor.
        after: the later genome; any with the same inputs and outputs.

    Raises:
        GenomeError: if the genomes differ in inputs or outputs.
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
        biases=np.concatenate([after.biases, before.biases[removed - before.n_inputs]]),
        neuron_state=neuron_state,
        sources=source,
        targets=target,
        weights=np.concatenate([after.weights, before.weights[gone]]),
        shared=np.concatenate([after.shared, before.shared[gone]]),
        edge_state=np.concatenate([edge_state, np.full(int(gone.sum()), REMOVED, np.uint8)]),
        edges_reweighted=int((np.nan_to_num(change) != 0).sum()),
    )


def changes_in_words(counts: Mapping[str, int]) -> str:
    """The `counts` of a difference as text: "12 neurons and 240 edges added, 3 edges removed"."""
    parts = []
    for state in ("added", "removed"):
        found = [(counts[f"{thing}s_{state}"], thing) for thing in ("neuron", "edge")]
        if told := " and ".join(counted(n, thing) for n, thing in found if n):
            parts.append(f"{told} {state}")
    if shared := counts["edges_now_shared"]:
        parts.append(f"{counted(shared, 'edge')} now share weights" if shared > 1 else "1 edge now shares its weight")
    return ", ".join(parts) or "no neuron or edge differs"


def even_sample(ids: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the ids, evenly spread."""
    return ids if len(ids) <= most else ids[np.linspace(0, len(ids) - 1, most).astype(np.int64)]


def counterpart(genome: Genome, other: Genome, neuron: int) -> int | None:
    """Id in `other` of the neuron with id `neuron` in `genome`; None if `other` does not have it."""
    if not 0 <= neuron < genome.n_neurons:
        return None
    found = int(_union_ids(genome, other)[0][neuron])
    return found if found < other.n_neurons else None


def _union_ids(before: Genome, after: Genome) -> tuple[np.ndarray, np.ndarray]:
    """Id in the union of each neuron of `before`, and the ids in `before` of neurons that `after` lacks."""
    first_hidden = before.n_inputs + before.n_outputs
    _, old, new = np.intersect1d(before.neuron_keys, after.neuron_keys, assume_unique=True, return_indices=True)
    new_id = np.arange(before.n_neurons)
    new_id[first_hidden + old] = first_hidden + new
    removed = np.setdiff1d(np.arange(first_hidden, before.n_neurons), first_hidden + old, assume_unique=True)
    new_id[removed] = after.n_neurons + np.arange(len(removed))
    return new_id, removed


def _union_layers(
    before: Genome, after: Genome, removed: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Longest paths in the union; if it has a cycle, each neuron's layer in its own genome."""
    n_neurons = after.n_neurons + len(removed)
    leaving = topology.Adjacency(source, target, n_neurons)
    try:
        layers = topology.layers_of(after.n_inputs, after.n_outputs, n_neurons, source, target, leaving)
    except GenomeError:
        layers = np.concatenate([after.layers, before.layers[removed]])
        outputs = slice(after.n_inputs, after.n_inputs + after.n_outputs)
        layers[outputs] = max(before.n_layers, after.n_layers) - 1
    return np.unique(layers, return_inverse=True)[1].astype(np.int32)  # without gaps


def genome_figures(genome: Genome) -> dict[str, float]:
    """The numbers that mutations change, by name; density as a fraction, FLOPs per sample."""
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
