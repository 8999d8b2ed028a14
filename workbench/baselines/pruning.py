"""Magnitude pruning of dense networks (Han et al. 2015, "Learning both Weights and Connections") as genomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.genome import Genome

if TYPE_CHECKING:
    from torch import nn


def prune_to(module: nn.Sequential, sparsity: float) -> None:
    """Mask the smallest weights over all linear layers, so that a fraction `sparsity` of them is gone.

    Masked weights stay masked; call it with rising fractions and train in between.
    """
    from torch.nn.utils import prune

    layers = [(layer, "weight") for layer in _linear_layers(module)]
    kept = sum(int(np.count_nonzero(mask)) for mask in masks_of(module))
    total = sum(layer.weight.numel() for layer, _ in layers)
    surplus = kept - round((1 - sparsity) * total)
    if surplus > 0:  # torch counts only weights that are not masked yet
        prune.global_unstructured(layers, prune.L1Unstructured, amount=surplus)


def masks_of(module: nn.Sequential) -> list[np.ndarray]:
    """True where a weight is left, bool [outputs, inputs] for each linear layer."""
    masks = []
    for layer in _linear_layers(module):
        mask = getattr(layer, "weight_mask", None)
        masks.append(np.ones(tuple(layer.weight.shape), bool) if mask is None else mask.numpy().astype(bool))
    return masks


def to_genome(module: nn.Sequential, input_shape: tuple[int, int, int]) -> Genome:
    """A pruned network of linear layers as a genome.

    Its FLOPs are then counted by the code that counts ours, and neurons that lost all edges cost nothing. (A neuron
    without inputs is a constant, which could be added to the biases of the next layer.)
    """
    layers, masks = _linear_layers(module), masks_of(module)
    n_inputs, n_outputs = layers[0].weight.shape[1], layers[-1].weight.shape[0]
    ids, first = [np.arange(n_inputs)], n_inputs + n_outputs  # neuron ids: inputs, then outputs, then hidden
    for layer in layers[:-1]:
        width = layer.weight.shape[0]
        ids.append(first + np.arange(width))
        first += width
    ids.append(n_inputs + np.arange(n_outputs))
    sources, targets, weights = [], [], []
    for place, (layer, mask) in enumerate(zip(layers, masks, strict=True)):
        into, out_of = np.nonzero(mask)
        sources.append(ids[place][out_of])
        targets.append(ids[place + 1][into])
        weights.append(layer.weight.detach().numpy()[into, out_of])
    biases = [layer.bias.detach().numpy() for layer in (layers[-1], *layers[:-1])]
    return Genome.from_edges(
        input_shape,
        n_outputs,
        np.concatenate(sources),
        np.concatenate(targets),
        np.concatenate(weights),
        np.concatenate(biases),
        normalization="none",
    )


def _linear_layers(module: nn.Sequential) -> list[nn.Linear]:
    from torch import nn

    return [layer for layer in module if isinstance(layer, nn.Linear)]
