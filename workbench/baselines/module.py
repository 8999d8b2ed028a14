"""Hand-made networks as torch modules and as ONNX models."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from workbench.baselines.networks import Convolution, Layer, MaxPooling, Shape, trace

if TYPE_CHECKING:
    import onnx
    import torch
    from torch import nn


def make_module(layers: Sequence[Layer], input_shape: Shape, n_outputs: int, rng: np.random.Generator) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs].

    Weights are initialised as in neuron-level networks: normal with standard deviation sqrt(2 / inputs), in the output
    layer sqrt(1 / inputs); biases are 0.
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


def baseline_onnx(
    layers: Sequence[Layer], module: nn.Sequential, input_shape: Shape, n_outputs: int
) -> onnx.ModelProto:
    """The ONNX model of a module made by `make_module`: "images" [batch, c, h, w] -> "logits" [batch, outputs]."""
    from torch import nn

    from workbench.compiler.export import GraphWriter

    graph, x = GraphWriter(), "images"
    convolutions = iter([layer for layer in layers if isinstance(layer, Convolution)])
    poolings = iter([layer for layer in layers if isinstance(layer, MaxPooling)])
    last = module[-1]
    for part in module:
        if isinstance(part, nn.Conv2d):
            layer = next(convolutions)
            x = graph.node(
                "Conv",
                x,
                graph.constant(part.weight.detach().numpy()),
                *([] if part.bias is None else [graph.constant(part.bias.detach().numpy())]),
                strides=[layer.stride] * 2,
                pads=[layer.padding] * 4,
            )
        elif isinstance(part, nn.Linear):
            weight, bias = (graph.constant(each.detach().numpy()) for each in (part.weight, part.bias))
            x = graph.node("Gemm", x, weight, bias, transB=1, output="logits" if part is last else None)
        elif isinstance(part, nn.MaxPool2d):
            size = [next(poolings).size] * 2
            x = graph.node("MaxPool", x, kernel_shape=size, strides=size)
        else:
            x = graph.node("Flatten" if isinstance(part, nn.Flatten) else "Relu", x)
    return graph.model("baseline", ["batch", *input_shape], n_outputs, {})


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
