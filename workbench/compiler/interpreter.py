"""The slow, obvious way to run a genome, neuron by neuron and edge by edge: for teaching, and as the tests' oracle."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.genome import EPS, SMALLEST_NORMALISED_LAYER, Genome


def interpret(genome: Genome, images: Tensor, weights: Tensor | None = None, biases: Tensor | None = None) -> Tensor:
    """Logits of a genome, computed by its definition.

        out_l = ReLU(LayerNorm(sum over k < l of out_k · W_kl + b_l))      hidden layers
        logits = sum over k of out_k · W_k,last + b_last

    Args:
        genome: the network.
        images: [batch, inputs].
        weights: [edges], the genome's own if None; pass a tensor that requires gradients to differentiate.
        biases: [outputs + hidden], likewise.

    Returns:
        Logits [batch, outputs], of the dtype of `images`.
    """
    weights = torch.tensor(genome.weights, dtype=images.dtype) if weights is None else weights
    biases = torch.tensor(genome.biases, dtype=images.dtype) if biases is None else biases
    incoming: dict[int, list[int]] = {neuron: [] for neuron in range(genome.n_neurons)}
    for edge, target in enumerate(genome.targets.tolist()):
        incoming[target].append(edge)
    out: dict[int, Tensor] = {neuron: images[:, neuron] for neuron in range(genome.n_inputs)}  # each [batch]
    for layer in range(1, genome.n_layers):
        members = np.flatnonzero(genome.layers == layer).tolist()
        for neuron in members:
            total = biases[neuron - genome.n_inputs].expand(len(images))
            for edge in incoming[neuron]:
                total = total + out[int(genome.sources[edge])] * weights[edge]
            out[neuron] = total
        if layer == genome.n_layers - 1:
            break  # outputs: no norm, no ReLU
        if genome.normalization == "layer" and len(members) >= SMALLEST_NORMALISED_LAYER:
            zero = torch.zeros_like(out[members[0]])
            mean = sum((out[neuron] for neuron in members), zero) / len(members)
            variance = sum(((out[neuron] - mean) ** 2 for neuron in members), zero) / len(members)
            for neuron in members:
                out[neuron] = (out[neuron] - mean) / torch.sqrt(variance + EPS)
        for neuron in members:
            out[neuron] = torch.clamp(out[neuron], min=0)
    outputs = range(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    return torch.stack([out[neuron] for neuron in outputs], dim=1)  # [batch, outputs]
