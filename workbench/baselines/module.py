"""A list of layers as a `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from workbench.baselines.layers import Convolution, Layer, MaxPooling, Shape, trace

if TYPE_CHECKING:
    import torch
    from torch import nn


def make_module(layers: Sequence[Layer], input_shape: Shape, n_outputs: int, rng: np.random.Generator) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs].

    Weights start as those of neuron-level networks: normal, of deviation sqrt(2 / inputs), of outputs sqrt(1 / inputs);
    biases start at 0.
    """
    from torch import nn

    modules: list[nn.Module] = []
    shapes = trace(layers, input_shape)
    for layer, before in zip(layers, shapes, strict=False):
        if isinstance(layer, MaxPooling):
            modules.append(nn.MaxPool2d(layer.size))
            continue
        if isinstance(layer, Convolution):
            convolution = nn.utils.skip_init(nn.Conv2d, before[0], layer.maps, layer.size, layer.stride, layer.padding)
            _draw(convolution, before[0] * layer.size**2, 2.0, rng)
            modules += [convolution, nn.ReLU()]
            continue
        modules += [*_flat(before), _linear(before, layer.width, 2.0, rng), nn.ReLU()]
    modules += [*_flat(shapes[-1]), _linear(shapes[-1], n_outputs, 1.0, rng)]
    return nn.Sequential(*modules)


def _flat(shape: Shape) -> list[nn.Module]:
    from torch import nn

    return [nn.Flatten()] if len(shape) > 1 else []


def _linear(before: Shape, width: int, gain: float, rng: np.random.Generator) -> nn.Linear:
    from torch import nn

    linear = nn.utils.skip_init(nn.Linear, prod(before), width)
    _draw(linear, prod(before), gain, rng)
    return linear


def _draw(module: nn.Linear | nn.Conv2d, n_inputs: int, gain: float, rng: np.random.Generator) -> None:
    import torch

    with torch.no_grad():
        drawn = rng.standard_normal(tuple(module.weight.shape), np.float32) * np.float32(np.sqrt(gain / n_inputs))
        module.weight.copy_(torch.from_numpy(drawn))
        bias: torch.Tensor | None = module.bias
        if bias is not None:
            bias.zero_()
