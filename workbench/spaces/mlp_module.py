"""The parameters of an MLP as a `torch.nn.Module`, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workbench.genome import EPS, SMALLEST_NORMALISED_LAYER


class Dropout(nn.Module):
    """Inverted dropout with random numbers of its own, so that modules in several threads do not mix."""

    def __init__(self, probability: float, random: torch.Generator) -> None:
        super().__init__()
        self.probability, self.random = probability, random

    def forward(self, x: Tensor) -> Tensor:
        """`x` with a share of its values set to 0 while training."""
        if not self.training:
            return x
        keep = torch.rand(x.shape, generator=self.random) >= self.probability
        return x * keep / (1 - self.probability)


def make_module(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], dropout: float = 0.0, seed: int = 0
) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs], normalised as neuron-level networks are.

    Args:
        weights: per layer, float32 [outputs, inputs].
        biases: per layer, float32 [outputs].
        dropout: probability that a hidden neuron is set to 0 while training.
        seed: of the dropout.
    """
    random = torch.Generator().manual_seed(seed % 2**63)
    layers: list[nn.Module] = [nn.Flatten()]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        layers.append(linear)
        if layer == len(weights):
            break
        if len(bias) >= SMALLEST_NORMALISED_LAYER:
            layers.append(nn.LayerNorm(len(bias), EPS, elementwise_affine=False))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(Dropout(dropout, random))
    return nn.Sequential(*layers)


def parameters_of(module: nn.Sequential) -> tuple[list, list]:
    """Weights and biases of its linear layers, float32 arrays."""
    linear = [layer for layer in module if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().numpy().copy() for layer in linear]
    return weights, [layer.bias.detach().numpy().copy() for layer in linear]
