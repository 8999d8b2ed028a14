"""Genome -> plan: plain arrays over all neurons in layer order, ready for any backend, and run here in numpy.

A *row* is a neuron in layer order: first the inputs, then hidden neurons layer by layer, then the outputs. The plan is
one CSR matrix over all rows; the sources of a row lie anywhere before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.genome import EPS, SMALLEST_NORMALISED_LAYER, Genome
from workbench.genome.maps import maps_of
from workbench.genome.topology import pair_codes, stable_order

BATCH = 512  # images that `logits_of` runs at once

TILE = 64
"""Most images that are normalised together, by batch normalisation."""

MOMENTUM = 0.02
"""What so many images count in its running averages, which so look back some 50 times as far."""


@dataclass(frozen=True, eq=False)
class Block:
    """The sparse matrix of one layer, over the concatenated layers that feed it."""

    edges: slice  # the layer's edges, as a slice of the plan's
    rows: slice  # the layer's neurons, as a slice of the hidden and output rows (and so of the biases)
    feeders: tuple[int, ...]  # the layers that feed it, ascending; only these are concatenated
    starts: np.ndarray  # CSR row pointer, int64 [targets + 1]
    columns: np.ndarray  # row of each edge's source among the feeders, int64 [edges]
    n_sources: int  # neurons of all feeders


@dataclass(frozen=True, eq=False)
class Plan:
    """The compiled form of a genome."""

    n_inputs: int  # they are the first rows
    n_outputs: int  # they are the last rows
    neurons: np.ndarray  # genome id of each row, int64 [neurons]
    layer_starts: np.ndarray  # first row of each layer and the end, int64 [layers + 1]
    normalised: np.ndarray  # whether LayerNorm applies, bool [layers]
    row_starts: np.ndarray  # CSR row pointer, int64 [neurons + 1]
    columns: np.ndarray  # row of each edge's source, int64 [edges], ascending within a row
    edges: np.ndarray  # index in the genome of each edge of the plan, int64 [edges]
    parameters: np.ndarray  # index of each edge in the vector of weights, which edges may share, int64 [edges]
    n_weights: int  # length of the vector of weights
    bias_parameters: np.ndarray  # index of each hidden or output row in that of biases, which rows may share, int64
    n_biases: int  # its length

    @property
    def n_layers(self) -> int:
        """Number of layers, inputs and outputs included."""
        return len(self.normalised)

    @property
    def n_neurons(self) -> int:
        """Number of rows."""
        return len(self.neurons)

    @property
    def shares_weights(self) -> bool:
        """Whether any weight serves several edges."""
        return self.n_weights < len(self.edges)

    @property
    def shares_biases(self) -> bool:
        """Whether any bias serves several neurons."""
        return self.n_biases < len(self.bias_parameters)

    def block(self, layer: int) -> Block:
        """The matrix of one layer (from 1)."""
        first, last = self.layer_starts[layer], self.layer_starts[layer + 1]
        low, high = self.row_starts[first], self.row_starts[last]
        columns, sizes = self.columns[low:high], np.diff(self.layer_starts)
        source_layers = np.searchsorted(self.layer_starts, columns, side="right") - 1
        feeders = np.unique(source_layers)
        offsets = np.zeros(layer, np.int64)
        offsets[feeders] = np.cumsum(sizes[feeders]) - sizes[feeders]
        return Block(
            edges=slice(int(low), int(high)),
            rows=slice(int(first) - self.n_inputs, int(last) - self.n_inputs),
            feeders=tuple(feeders.tolist()),
            starts=self.row_starts[first : last + 1] - low,
            columns=columns - self.layer_starts[source_layers] + offsets[source_layers],
            n_sources=int(sizes[feeders].sum()),
        )

    def weights_of(self, genome: Genome) -> np.ndarray:
        """The genome's weights as a vector of parameters, float32 [n_weights]."""
        weights = np.empty(self.n_weights, np.float32)
        weights[self.parameters] = genome.weights[self.edges]
        return weights

    def biases_of(self, genome: Genome) -> np.ndarray:
        """The genome's biases in row order, float32 [hidden + outputs]; shared ones are repeated."""
        return genome.biases[self.neurons[self.n_inputs :] - self.n_inputs]

    def to_genome(self, genome: Genome, weights: np.ndarray, biases: np.ndarray) -> Genome:
        """`genome` with these weights, a vector of parameters, and biases, in row order."""
        edge_weights = np.empty(len(self.edges), np.float32)
        edge_weights[self.edges] = weights[self.parameters]
        neuron_biases = np.empty(len(biases), np.float32)
        neuron_biases[self.neurons[self.n_inputs :] - self.n_inputs] = biases
        return genome.with_parameters(edge_weights, neuron_biases)


def compile_genome(genome: Genome) -> Plan:
    """The plan of a genome."""
    place = np.zeros((genome.n_neurons, 2))
    first_hidden = genome.n_inputs + genome.n_outputs
    place[first_hidden:] = genome.positions[first_hidden:]  # so that neighbours find the rows they read cached
    neurons = np.lexsort((place[:, 1], place[:, 0] // 8, genome.layers))
    row_of = np.empty_like(neurons)
    row_of[neurons] = np.arange(len(neurons))
    targets, sources = row_of[genome.targets], row_of[genome.sources]
    edges = stable_order(pair_codes(targets, sources))
    sizes = np.bincount(genome.layers)
    normalised = (sizes >= SMALLEST_NORMALISED_LAYER) & (genome.normalization == "layer")
    normalised[[0, -1]] = False
    parameters, n_weights = _parameters(genome.shared[edges])
    bias_parameters, n_biases = _parameters(genome.shared_biases[neurons[genome.n_inputs :] - genome.n_inputs])
    return Plan(
        n_inputs=genome.n_inputs,
        n_outputs=genome.n_outputs,
        neurons=neurons,
        layer_starts=np.concatenate([[0], np.cumsum(sizes)]),
        normalised=normalised,
        row_starts=np.concatenate([[0], np.cumsum(genome.in_degrees[neurons])]),
        columns=sources[edges],
        edges=edges,
        parameters=parameters,
        n_weights=n_weights,
        bias_parameters=bias_parameters,
        n_biases=n_biases,
    )


def batch_maps(genome: Genome, plan: Plan) -> np.ndarray:
    """The map of each hidden or output row that is normalised by batch in training, else -1, int64 [neurons - inputs].

    Those of hidden neurons are, if all neurons of the map are in one layer. Maps are numbered from 0 by layers.
    """
    rows = plan.neurons[plan.n_inputs :]
    if genome.normalization != "batch":
        return np.full(len(rows), -1)
    maps, layers = maps_of(genome)[rows], genome.layers[rows]
    lowest, highest = np.full((2, genome.n_neurons), plan.n_layers)
    np.minimum.at(lowest, maps, layers)
    np.minimum.at(highest, maps, -layers)
    chosen = (lowest == -highest)[maps] & (layers < plan.n_layers - 1)
    result = np.full(len(rows), -1)
    result[chosen] = np.unique(pair_codes(layers[chosen].astype(np.int64), maps[chosen]), return_inverse=True)[1]
    return result


def _parameters(groups: np.ndarray) -> tuple[np.ndarray, int]:
    """One parameter for each value of its own and each shared group, numbered by first appearance; how many."""
    members = np.flatnonzero(groups >= 0)
    _, first, which = np.unique(groups[members], return_index=True, return_inverse=True)
    leads = groups < 0
    leads[members[first]] = True
    parameters = np.cumsum(leads) - 1
    parameters[members] = parameters[members[first]][which]
    return parameters, int(leads.sum())


def neuron_values(genome: Genome, images: np.ndarray) -> np.ndarray:
    """The value of every neuron by id, float32 [neurons, batch]: hidden neurons after the ReLU, outputs as logits.

    `images` are scaled as for training, [batch, c, h, w] or [batch, inputs]. Runs in numpy, without importing torch.

    Raises:
        WeightsError: if an edge has no weight.
    """
    from scipy.sparse import csr_array

    genome.check_weights()
    plan = compile_genome(genome)
    weights, biases = plan.weights_of(genome)[plan.parameters].astype(np.float64), plan.biases_of(genome)
    values = np.zeros((plan.n_neurons, len(images)))
    values[: plan.n_inputs] = images.reshape(len(images), -1).T
    for layer in range(1, plan.n_layers):
        low, high = plan.layer_starts[layer : layer + 2]
        starts = plan.row_starts[low : high + 1]
        edges = slice(starts[0], starts[-1])
        matrix = csr_array((weights[edges], plan.columns[edges], starts - starts[0]), (high - low, plan.n_neurons))
        out = matrix @ values + biases[low - plan.n_inputs : high - plan.n_inputs, None]
        if plan.normalised[layer]:
            out = (out - out.mean(axis=0)) / np.sqrt(out.var(axis=0) + EPS)
        values[low:high] = out if layer == plan.n_layers - 1 else np.maximum(out, 0)
    by_id = np.empty(values.shape, np.float32)
    by_id[plan.neurons] = values
    return by_id


def logits_of(genome: Genome, images: np.ndarray) -> np.ndarray:
    """Logits float32 [images, classes] of images [n, c, h, w], batch by batch to save memory."""
    outputs = slice(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    parts = [neuron_values(genome, batch)[outputs].T for batch in batches]
    return np.concatenate([np.zeros((0, genome.n_outputs), np.float32), *parts])
