"""Surgery by hand: a chosen neuron or edge goes, comes, or shares its weight. `genome -> (genome, record)`.

The parent is left untouched; what is impossible is a `MutationError`. As after a mutation, what leads nowhere is pruned
in cascade, and the rest keeps its weights and its neurons' keys. Edges are chosen by their index in `genome.sources`;
see `Region.edges`, `edges_of`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.builder import GenomeBuilder, Mutated, groups_of_equal_offset, share_groups
from workbench.errors import MutationError
from workbench.genome import Genome, topology


@dataclass(frozen=True)
class Region:
    """A rectangle over the image, edges included."""

    top: float  # smallest row, pixels (the middle of the first pixel is 0)
    left: float  # smallest column, pixels
    bottom: float  # largest row, pixels
    right: float  # largest column, pixels
    layer: int | None = None  # restricts it to neurons of this layer; None = all hidden layers

    def __post_init__(self) -> None:
        sides = self.top, self.left, self.bottom, self.right
        if not all(math.isfinite(side) for side in sides) or self.top > self.bottom or self.left > self.right:
            raise MutationError(f"expected a region with top <= bottom and left <= right in pixels, got {sides}")

    def neurons(self, genome: Genome) -> np.ndarray:
        """Ids of the hidden neurons of `genome` that lie in it, int64 [neurons found]."""
        inside = self._contains(genome.positions)
        inside[: genome.n_inputs + genome.n_outputs] = False
        if self.layer is not None:
            inside &= genome.layers == self.layer
        return np.flatnonzero(inside)

    def edges(self, genome: Genome, neurons: np.ndarray | None = None) -> np.ndarray:
        """Edges that start inside and lead into one of `neurons` (ids; None = those inside), int64 [edges found]."""
        member = np.zeros(genome.n_neurons, bool)
        member[self.neurons(genome) if neurons is None else neurons] = True
        return np.flatnonzero(member[genome.targets] & self._contains(genome.positions)[genome.sources])

    def _contains(self, positions: np.ndarray) -> np.ndarray:
        row, column = positions.T  # NaN, of outputs, lies nowhere
        return (self.top <= row) & (row <= self.bottom) & (self.left <= column) & (column <= self.right)


def delete_neurons(genome: Genome, neurons: int | Iterable[int]) -> Mutated:
    """Delete hidden neurons (their ids) with all their edges; some path from an input to an output must be left."""
    chosen = np.unique(_ids("neurons", [neurons] if isinstance(neurons, int) else neurons))
    first_hidden = genome.n_inputs + genome.n_outputs
    if wrong := [int(neuron) for neuron in chosen if not first_hidden <= neuron < genome.n_neurons]:
        raise MutationError(
            f"expected hidden neurons (ids {first_hidden} to {genome.n_neurons - 1}), got {_few(wrong)}; "
            "inputs and outputs are fixed"
        )
    gone = np.zeros(genome.n_neurons, bool)
    gone[chosen] = True
    builder = GenomeBuilder(genome)
    builder.keep = ~(gone[genome.sources] | gone[genome.targets])
    return builder.finish("delete_neurons", neurons_chosen=len(chosen))


def delete_edges(genome: Genome, edges: int | Iterable[int]) -> Mutated:
    """Delete edges, and with them neurons left without input or output; some path must be left."""
    builder = GenomeBuilder(genome)
    builder.keep[_edges(genome, edges)] = False
    return builder.finish("delete_edges")


def connect(genome: Genome, source: int, target: int) -> Mutated:
    """Add the edge from one neuron (id) to another from which no way leads back; `initialise` draws its weight.

    Layers and positions of what follows the edge may shift in the child.
    """
    if wrong := [neuron for neuron in (source, target) if not 0 <= neuron < genome.n_neurons]:
        raise MutationError(f"expected neuron ids from 0 to {genome.n_neurons - 1}, got {_few(wrong)}")
    first_hidden = genome.n_inputs + genome.n_outputs
    if target < genome.n_inputs or genome.n_inputs <= source < first_hidden:
        what = f"{target} is an input" if target < genome.n_inputs else f"{source} is an output"
        raise MutationError(
            f"{source} -> {target} does not go forward: {what}; no edge enters inputs or leaves outputs"
        )
    if ((genome.sources == source) & (genome.targets == target)).any():
        raise MutationError(f"neurons {source} and {target} are connected already")
    if _leads_to(genome, target, source):
        raise MutationError(
            f"{source} -> {target} does not go forward: there is a path from {target} to {source} (layers "
            f"{genome.layers[target]} and {genome.layers[source]}), so it would close a cycle; "
            f"connect {target} -> {source} instead"
        )
    builder = GenomeBuilder(genome)
    builder.add_edges(np.array([source]), np.array([target]))
    return builder.finish("connect", source_neuron=int(source), target_neuron=int(target))


def share_edges(genome: Genome, edges: Iterable[int]) -> Mutated:
    """Give chosen edges of equal offset (and between the same two layers) one common weight, the mean.

    As the mutation `share_weights` does, but for the edges that a person chose. Edges into outputs, which have no
    offset, and edges whose offset no other chosen one has stay as they are. Parameters fall, FLOPs do not.
    """
    chosen = np.unique(_edges(genome, edges))
    chosen = chosen[genome.targets[chosen] >= genome.n_inputs + genome.n_outputs]
    lower, upper = genome.layers[genome.sources[chosen]].astype(np.int64), genome.layers[genome.targets[chosen]]
    pair = lower * genome.n_layers + upper
    groups = [group for one in np.unique(pair) for group in groups_of_equal_offset(genome, chosen[pair == one])]
    if not groups:
        raise MutationError(
            f"expected edges of which at least two have the same offset and do not share their weight yet, got "
            f"{len(chosen)} without such a pair; choose a larger region (edges into outputs have no offset)"
        )
    child = share_groups(genome, groups)
    return child, {
        "kind": "share_edges",
        "edges_chosen": len(chosen),
        "groups_shared": len(groups),
        "edges_shared": int((child.shared >= 0).sum() - (genome.shared >= 0).sum()),
        "parameters_saved": genome.n_parameters - child.n_parameters,
    }


def edges_of(genome: Genome, neurons: Iterable[int], *, into: bool = True, out_of: bool = True) -> np.ndarray:
    """Edges that enter or leave any of these neurons (ids), int64 [edges found]."""
    member = np.zeros(genome.n_neurons, bool)
    member[_ids("neurons", neurons)] = True
    return np.flatnonzero((into & member[genome.targets]) | (out_of & member[genome.sources]))


def _leads_to(genome: Genome, start: int, end: int) -> bool:
    """Whether there is a path from one neuron to another, or they are the same."""
    at_start = np.arange(genome.n_neurons) == start
    leaving = topology.Adjacency(genome.sources, genome.targets, genome.n_neurons)
    return bool(topology.reachable(at_start, leaving)[end])


def _edges(genome: Genome, edges: int | Iterable[int]) -> np.ndarray:
    chosen = _ids("edges", [edges] if isinstance(edges, int) else edges)
    if wrong := [int(edge) for edge in chosen if not 0 <= edge < genome.n_edges]:
        raise MutationError(f"expected edges from 0 to {genome.n_edges - 1}, got {_few(wrong)}")
    return chosen


def _ids(what: str, values: Iterable[int]) -> np.ndarray:
    array: Any = np.asarray(values if isinstance(values, np.ndarray) else list(values))
    if array.size == 0:
        raise MutationError(f"no {what} chosen: there is nothing to change")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise MutationError(f"expected {what} as whole numbers, got {array.dtype} {array.shape}")
    return array.astype(np.int64)


def _few(wrong: list[int]) -> str:
    return ", ".join(map(str, wrong[:3])) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
