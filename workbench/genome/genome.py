"""The genome: an immutable DAG of single neurons, kept as arrays of edges."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import GenomeError, WeightsError
from workbench.genome import npz, topology
from workbench.genome.from_torch import read_torch
from workbench.genome.graph import read_graph, write_graph

if TYPE_CHECKING:
    import networkx

EPS = 1e-5  # added to the variance by LayerNorm

SMALLEST_NORMALISED_LAYER = 8
"""Layers of fewer neurons are not normalised: with one neuron LayerNorm is constant 0, with two always ±1."""

FLOPS_PER_NORMALISED_NEURON = 5  # mean, centring, square, sum of squares, scale: one operation each per neuron


@dataclass(frozen=True, eq=False)
class Genome:
    """A network of single neurons: which neuron feeds which, with what weight.

    Neuron ids: inputs (channel-first pixels), then outputs, then hidden neurons. Genomes are always pruned: every
    hidden neuron lies on a path from an input to an output. Arrays are read-only; changes make a new genome
    (`Genome.from_edges`, `with_parameters`, the mutations). Equality and `content_hash` do not depend on the order of
    edges.

    Attributes:
        input_shape: (channels, height, width) of the images.
        n_outputs: number of classes.
        sources: neuron id at the start of each edge, int64 [edges].
        targets: neuron id at the end of each edge, int64 [edges].
        weights: float32 [edges]; NaN = not yet initialised.
        shared: shared-weight group of each edge, int64 [edges]; -1 = a weight of its own.
        biases: float32 [outputs + hidden].
        shared_biases: shared-bias group of each neuron, int64 [outputs + hidden]; -1 = a bias of its own.
        neuron_keys: int64 [hidden]; persistent: the same neuron has the same key in parent and child.
        normalization: "layer" (LayerNorm over layers of at least 8 neurons), "batch" (in training only, over the
            neurons that share weights and the images of a batch; then folded into weights and biases) or "none".
    """

    input_shape: tuple[int, int, int]
    n_outputs: int
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    shared: np.ndarray
    biases: np.ndarray
    shared_biases: np.ndarray
    neuron_keys: np.ndarray
    normalization: str = "layer"

    def __post_init__(self) -> None:
        for array in (value for value in vars(self).values() if isinstance(value, np.ndarray)):
            _read_only(array)

    @classmethod
    def from_edges(
        cls,
        input_shape: tuple[int, int, int],
        n_outputs: int,
        sources: Any,
        targets: Any,
        weights: Any = None,
        biases: Any = None,
        shared: Any = None,
        normalization: str = "layer",
        neuron_keys: Any = None,
        shared_biases: Any = None,
    ) -> Genome:
        """Check, prune and build a genome.

        Args:
            input_shape: (channels, height, width).
            n_outputs: number of classes.
            sources: neuron ids [edges].
            targets: neuron ids [edges].
            weights: float [edges]; None means all NaN (not yet initialised).
            biases: float [outputs + hidden] before pruning, which also says how many hidden neurons there are;
                None means zeros, and as many hidden neurons as the largest id implies.
            shared: shared-weight group per edge, -1 for none; a group of one dissolves.
            normalization: "layer", "batch" or "none".
            neuron_keys: int [hidden] before pruning; None numbers them from 0.
            shared_biases: shared-bias group per output and hidden neuron before pruning; otherwise as `shared`.

        Raises:
            GenomeError: on an edge no genome may have, a cycle, or arrays that do not fit together.
        """
        shape, n_outputs = topology.check_shape(input_shape, n_outputs)
        topology.check_normalization(normalization)
        sources, targets = topology.as_ids("sources", sources), topology.as_ids("targets", targets)
        n_inputs, n_fixed = math.prod(shape), math.prod(shape) + n_outputs
        last = max(sources.max(initial=n_fixed - 1), targets.max(initial=-1))
        n_neurons = 1 + int(last) if biases is None else n_inputs + max(len(biases), n_outputs)
        n_biases = n_neurons - n_inputs
        topology.check_size(n_neurons, len(sources))
        topology.check_edges(n_inputs, n_outputs, n_neurons, sources, targets)
        weights = topology.as_floats("weights", weights, len(sources))
        biases = topology.as_floats("biases", np.zeros(n_biases) if biases is None else biases, n_biases)
        groups = topology.as_groups(shared, weights)
        bias_groups = topology.as_groups(shared_biases, biases, "bias", n_inputs)
        keys = topology.as_keys(neuron_keys, n_neurons - n_fixed)
        leaving = topology.Adjacency(sources, targets, n_neurons)
        topology.check_distinct(sources, targets, leaving)
        keep = topology.alive(n_inputs, n_outputs, n_neurons, sources, targets, leaving)
        if not keep.all():
            edges = keep[sources] & keep[targets]
            if not edges.all():  # a cycle is an error even if it would be pruned
                topology.longest_paths(n_neurons, sources, targets, leaving)
            new_id = np.cumsum(keep) - 1
            sources, targets = new_id[sources[edges]], new_id[targets[edges]]
            weights, groups = weights[edges], topology.as_groups(groups[edges], weights[edges])
            biases, bias_groups, keys = biases[keep[n_inputs:]], bias_groups[keep[n_inputs:]], keys[keep[n_fixed:]]
            bias_groups = topology.as_groups(bias_groups, biases, "bias")
            n_neurons, leaving = int(keep.sum()), topology.Adjacency(sources, targets, int(keep.sum()))
        genome = cls(shape, n_outputs, sources, targets, weights, groups, biases, bias_groups, keys, normalization)
        layers = topology.layers_of(n_inputs, n_outputs, n_neurons, sources, targets, leaving)
        genome.__dict__["layers"] = _read_only(layers)
        return genome

    @property
    def n_inputs(self) -> int:
        """Number of input neurons, channels × height × width."""
        return self.input_shape[0] * self.input_shape[1] * self.input_shape[2]

    @property
    def n_hidden(self) -> int:
        """Number of hidden neurons."""
        return len(self.neuron_keys)

    @property
    def n_neurons(self) -> int:
        """Number of all neurons: inputs, outputs and hidden."""
        return self.n_inputs + self.n_outputs + self.n_hidden

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.sources)

    @cached_property
    def n_parameters(self) -> int:
        """Trainable numbers: weights and biases, of which a shared one counts once."""
        return _count_distinct(self.shared) + _count_distinct(self.shared_biases)

    @property
    def flops(self) -> int:
        """2 per edge and sample: one multiply, one add."""
        return 2 * self.n_edges

    @cached_property
    def flops_total(self) -> int:
        """`flops` plus one add per bias, 5 per normalised neuron and one per ReLU."""
        sizes = np.bincount(self.layers)[1:-1]
        normalised = int(sizes[sizes >= SMALLEST_NORMALISED_LAYER].sum()) if self.normalization == "layer" else 0
        return self.flops + len(self.biases) + FLOPS_PER_NORMALISED_NEURON * normalised + self.n_hidden

    @cached_property
    def density(self) -> float:
        """Edges over the pairs of neurons in different layers, from lower to higher: 1 is as full as it can be."""
        sizes = np.bincount(self.layers).astype(float)
        pairs = (sizes.sum() ** 2 - (sizes**2).sum()) / 2
        return self.n_edges / pairs

    @cached_property
    def layers(self) -> np.ndarray:
        """Layer of every neuron, int32 [neurons]: inputs 0, hidden the longest path, outputs all last."""
        leaving = topology.Adjacency(self.sources, self.targets, self.n_neurons)
        layers = topology.layers_of(self.n_inputs, self.n_outputs, self.n_neurons, self.sources, self.targets, leaving)
        return _read_only(layers)

    @property
    def n_layers(self) -> int:
        """Number of layers, inputs and outputs included."""
        return int(self.layers[self.n_inputs]) + 1

    @cached_property
    def positions(self) -> np.ndarray:
        """(row, column) of every neuron in pixels, float64 [neurons, 2]; NaN for outputs."""
        return _read_only(topology.positions_of(self.input_shape, self.layers, self.sources, self.targets))

    @cached_property
    def in_degrees(self) -> np.ndarray:
        """Number of edges into every neuron, int64 [neurons]."""
        return np.bincount(self.targets, minlength=self.n_neurons)

    @property
    def has_weights(self) -> bool:
        """Whether every edge has a weight and every neuron a bias; without them nothing can be predicted."""
        return not (np.isnan(self.weights).any() or np.isnan(self.biases).any())

    def check_weights(self) -> None:
        """Raise `WeightsError` unless the network `has_weights`."""
        if not self.has_weights:
            unknown = int(np.isnan(self.weights).sum() + np.isnan(self.biases).sum())
            raise WeightsError(
                f"expected a network with all its weights, got one that lacks {unknown:,} of "
                f"{self.n_edges + len(self.biases):,}: it was never trained, or they were not kept; train it first"
            )

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of everything that defines the genome, whatever the order of its edges."""
        order = topology.stable_order(topology.pair_codes(self.targets, self.sources))
        digest = hashlib.sha256(repr((self.input_shape, self.n_outputs, self.normalization)).encode())
        for array in (self.sources, self.targets, self.weights):
            digest.update(array[order].tobytes())
        for array in (_canonical_groups(self.shared[order]), self.biases, self.neuron_keys):
            digest.update(array.tobytes())
        if (self.shared_biases >= 0).any():
            digest.update(b"shared_biases" + _canonical_groups(self.shared_biases).tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Genome) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def with_parameters(
        self, weights: Any, biases: Any = None, shared: Any = None, shared_biases: Any = None
    ) -> Genome:
        """The same topology with other weights (float [edges]), and biases and groups of both if given."""
        weights = topology.as_floats("weights", weights, self.n_edges)
        biases = topology.as_floats("biases", self.biases if biases is None else biases, len(self.biases))
        groups = topology.as_groups(self.shared if shared is None else shared, weights)
        bias_groups = self.shared_biases if shared_biases is None else shared_biases
        bias_groups = topology.as_groups(bias_groups, biases, "bias", self.n_inputs)
        genome = replace(self, weights=weights, shared=groups, biases=biases, shared_biases=bias_groups)
        for name in ("layers", "positions", "in_degrees", "flops_total", "density"):
            if name in self.__dict__:
                genome.__dict__[name] = self.__dict__[name]
        return genome

    def without_weights(self) -> Genome:
        """The topology with shared groups and keys, edges in the order that takes the fewest bytes."""
        order = topology.stable_order(topology.pair_codes(self.targets, self.sources))
        return replace(
            self,
            sources=self.sources[order],
            targets=self.targets[order],
            weights=np.full(self.n_edges, np.nan, np.float32),
            shared=self.shared[order],
            biases=np.zeros_like(self.biases),
        )

    @property
    def _facts(self) -> dict[str, Any]:
        return {"input_shape": self.input_shape, "n_outputs": self.n_outputs, "normalization": self.normalization}

    def to_bytes(self, *, compact: bool = False) -> bytes:
        """The genome as a compressed `npz` file without pickles; `compact` leaves out weights that are all missing."""
        bare = compact and np.isnan(self.weights).all() and not self.biases.any()
        ordered = bare and (np.diff(self.targets * self.n_neurons + self.sources) > 0).all()
        return (npz.write_topology if ordered else npz.write_genome)(self._facts, vars(self))

    @classmethod
    def from_bytes(cls, blob: bytes) -> Genome:
        """The genome back from `to_bytes`, bit for bit; `GenomeError` if the bytes are not one."""
        return cls.from_edges(**npz.read_genome(blob))

    def to_networkx(self) -> networkx.DiGraph:
        """The genome as a `networkx.DiGraph`, lossless.

        Nodes are neuron ids with attributes `kind` ("input", "output" or "hidden"), `layer`, `row` and `column` (not
        outputs), and for all but inputs `bias` and `shared_bias` (group, -1 = none); hidden ones also `key`. Edges have
        `weight` (NaN = not yet initialised), `shared` (group, -1 = none) and `index` (their place in the genome's
        arrays). The graph itself knows `input_shape` (as text, "1,28,28"), `n_outputs` and `normalization`. All of it
        can be written to GraphML or GEXF.
        """
        return write_graph(self)

    @classmethod
    def from_networkx(cls, graph: networkx.DiGraph) -> Genome:
        """A genome from a graph made by `to_networkx`, or by hand with the same attributes.

        `bias`, `shared_bias`, `key`, `weight`, `shared`, `index` and `normalization` may be left out, `input_shape`
        may be a tuple, and ids may be text, as GraphML has them. Anything else is a `GenomeError`.
        """
        return cls.from_edges(**read_graph(graph))

    @classmethod
    def from_torch(cls, module: Any, input_shape: tuple[int, int, int], *, mean: Any = 0.0, std: Any = 1.0) -> Genome:
        """A torch network as a genome that gives the same logits.

        It may have convolutions (with zero padding), linear layers, BatchNorm, ReLU, average pooling, Flatten, Dropout,
        additions and concatenations. Linear layers need a ReLU between them. A convolution's edges share its weights,
        and a map its bias; weights of exactly 0, as pruning leaves them, have no edges. An addition has a weight of 1
        a map. Pooling is done by neurons where no value is negative, else by the layer before or after it.

        Args:
            module: `torch.nn.Module`, taken in eval mode; a program of `torch.export.export`, or the name of its file,
                which can run code when it is loaded: open only what you trust.
            input_shape: (channels, height, width).
            mean: the network was trained on (images as `Dataset` centres and scales them, which a genome sees - mean)
                / std: a number, or one a channel. With zero padding, biases then differ at the border of a map.
            std: see `mean`.

        Raises:
            GenomeError: on anything else, such as maximum pooling; it names the module and what to use instead.
        """
        return cls.from_edges(**read_torch(module, input_shape, mean, std))

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in np.bincount(self.layers))
        return f"<Genome {sizes}: {self.n_edges:,} edges, {self.n_parameters:,} parameters, {self.flops:,} FLOPs>"


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _count_distinct(shared: np.ndarray) -> int:
    """Number of values that are trained, a shared one counting once."""
    ordered = np.sort(shared)
    own = int(np.searchsorted(ordered, 0))
    return own + int(np.count_nonzero(np.diff(ordered[own:], prepend=-1)))


def _canonical_groups(shared: np.ndarray) -> np.ndarray:
    """Shared groups renumbered 0, 1, … in order of first appearance; -1 stays."""
    values, first, which = np.unique(shared, return_index=True, return_inverse=True)
    member = values >= 0
    new = np.full(len(values), -1, np.int64)
    new[member] = np.argsort(np.argsort(first[member]))
    return new[which]


def check_neurons(genome: Any) -> None:
    """Raise `GenomeError` unless it is a `Genome`, for functions that know no networks of other spaces."""
    if not isinstance(genome, Genome):
        raise GenomeError(
            f"expected a genome of the neuron-level space, got {type(genome).__name__}; use the methods of its own "
            "space, such as space.train, space.evaluate, space.mutate and workbench.space.write_network"
        )
