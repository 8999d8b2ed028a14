"""Hand-made networks as torch modules: made and pruned.

Pruning is by magnitude (Han et al. 2015, "Learning both Weights and Connections").
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune, skip_init

from workbench.baselines.networks import Convolution, Dense, GlobalPooling, Layer, MaxPooling, Shape, trace


def make_module(layers: Sequence[Layer], input_shape: Shape, n_outputs: int, rng: np.random.Generator) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs].

    Weights are initialised as in neuron-level networks: normal with standard deviation sqrt(2 / inputs), in the output
    layer sqrt(1 / inputs); biases are 0. Those of normalised convolutions start as small as torch's own, with
    sqrt(1 / (3 · inputs)): only their direction counts, and the smaller they are, the faster it turns.
    """
    *shapes, last = trace(layers, input_shape)
    modules = [part for layer, before in zip(layers, shapes, strict=True) for part in _modules(layer, before, rng)]
    return nn.Sequential(*modules, *_dense(n_outputs, last, rng, gain=1.0))  # no ReLU after the outputs


def _modules(layer: Layer, before: Shape, rng: np.random.Generator) -> list[nn.Module]:
    """Those of a layer, one after the other."""
    if isinstance(layer, MaxPooling):
        return [nn.MaxPool2d(layer.size)]
    if isinstance(layer, GlobalPooling):
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if isinstance(layer, Dense):
        return [*_dense(layer.width, before, rng), nn.ReLU()]
    if isinstance(layer, Convolution):
        return [*_convolution(layer, before, rng), nn.ReLU()]
    first, second = layer.parts(before)
    between = first.shape(before)
    parts = [*_convolution(first, before, rng), nn.ReLU(), *_convolution(second, between, rng)]
    return [Residual(*parts) if second.shape(between) == before else nn.Sequential(*parts), nn.ReLU()]


def _convolution(layer: Convolution, before: Shape, rng: np.random.Generator) -> list[nn.Module]:
    settings = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups, "bias": not layer.normalised}
    made = skip_init(nn.Conv2d, before[0], layer.maps, layer.size, **settings)
    gain = 1 / 3 if layer.normalised else 2.0
    return [_initialised(made, rng, gain), *([nn.BatchNorm2d(layer.maps)] if layer.normalised else [])]


def _dense(width: int, before: Shape, rng: np.random.Generator, gain: float = 2.0) -> list[nn.Module]:
    made = _initialised(skip_init(nn.Linear, prod(before), width), rng, gain)
    return [nn.Flatten(), made] if len(before) > 1 else [made]


def _initialised(part: nn.Conv2d | nn.Linear, rng: np.random.Generator, gain: float = 2.0) -> nn.Module:
    shape = tuple(part.weight.shape)  # [outputs, inputs] or [maps, channels, rows, columns]
    drawn = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(gain / prod(shape[1:])))
    part.weight.data.copy_(torch.from_numpy(drawn))
    if part.bias is not None:
        nn.init.zeros_(part.bias)
    return part


class Residual(nn.Sequential):
    """Modules whose input is added to their output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, c, h, w] -> the same shape."""
        return super().forward(x) + x


def prune_to(module: nn.Sequential, sparsity: float) -> None:
    """Mask the smallest weights over all linear layers, so that a fraction `sparsity` of them is gone.

    Masked weights stay masked; call it with rising fractions and train in between.
    """
    masks = masks_of(module)
    surplus = sum(int(mask.sum()) for mask in masks) - round((1 - sparsity) * sum(mask.size for mask in masks))
    if surplus > 0:  # torch counts only weights that are not masked yet
        layers = [(layer, "weight") for layer in _linear_layers(module)]
        prune.global_unstructured(layers, prune.L1Unstructured, amount=surplus)


def masks_of(module: nn.Sequential) -> list[np.ndarray]:
    """True where a weight is left, bool [outputs, inputs] for each linear layer."""
    masks = (getattr(layer, "weight_mask", torch.ones_like(layer.weight)) for layer in _linear_layers(module))
    return [mask.numpy().astype(bool) for mask in masks]


def _linear_layers(module: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in module if isinstance(layer, nn.Linear)]
