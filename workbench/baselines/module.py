"""Hand-made networks as torch modules: made, pruned, and turned into ONNX models and genomes.

Pruning is by magnitude (Han et al. 2015, "Learning both Weights and Connections").
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from workbench.baselines.networks import Convolution, Dense, Layer, MaxPooling, Shape, trace
from workbench.genome import Genome

if TYPE_CHECKING:
    import onnx
    from torch import nn


def make_module(layers: Sequence[Layer], input_shape: Shape, n_outputs: int, rng: np.random.Generator) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs].

    Weights are initialised as in neuron-level networks: normal with standard deviation sqrt(2 / inputs), in the output
    layer sqrt(1 / inputs); biases are 0.
    """
    import torch
    from torch import nn

    modules: list[nn.Module] = []
    gains = [2.0] * len(layers) + [1.0]
    for layer, before, gain in zip((*layers, Dense(n_outputs)), trace(layers, input_shape), gains, strict=True):
        if isinstance(layer, MaxPooling):
            modules.append(nn.MaxPool2d(layer.size))
            continue
        part: nn.Conv2d | nn.Linear
        if isinstance(layer, Convolution):
            part = nn.utils.skip_init(nn.Conv2d, before[0], layer.maps, layer.size, layer.stride, layer.padding)
        else:
            part = nn.utils.skip_init(nn.Linear, prod(before), layer.width)
            if len(before) > 1:
                modules.append(nn.Flatten())
        shape = tuple(part.weight.shape)  # [outputs, inputs] or [maps, channels, rows, columns]
        drawn = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(gain / prod(shape[1:])))
        part.weight.data.copy_(torch.from_numpy(drawn))
        nn.init.zeros_(part.get_parameter("bias"))
        modules += [part, nn.ReLU()]
    return nn.Sequential(*modules[:-1])  # no ReLU after the outputs


def baseline_onnx(module: nn.Sequential, input_shape: Shape, n_outputs: int) -> onnx.ModelProto:
    """The ONNX model of a module made by `make_module`: "images" [batch, c, h, w] -> "logits" [batch, outputs]."""
    from torch import nn

    from workbench.compiler.onnx_graph import GraphWriter

    graph, x = GraphWriter(), "images"
    for part in module:
        constants = [graph.constant(each.detach().numpy()) for each in part.parameters()]  # weight, bias
        if isinstance(part, nn.Conv2d):
            x = graph.node("Conv", x, *constants, strides=list(part.stride), pads=[*part.padding, *part.padding])
        elif isinstance(part, nn.Linear):
            x = graph.node("Gemm", x, *constants, transB=1, output="logits" if part is module[-1] else None)
        elif isinstance(part, nn.MaxPool2d):
            size = [part.kernel_size] * 2
            x = graph.node("MaxPool", x, kernel_shape=size, strides=size)
        else:
            x = graph.node("Flatten" if isinstance(part, nn.Flatten) else "Relu", x)
    return graph.model("baseline", ["batch", *input_shape], n_outputs, {})


def prune_to(module: nn.Sequential, sparsity: float) -> None:
    """Mask the smallest weights over all linear layers, so that a fraction `sparsity` of them is gone.

    Masked weights stay masked; call it with rising fractions and train in between.
    """
    from torch.nn.utils import prune

    masks = masks_of(module)
    surplus = sum(int(mask.sum()) for mask in masks) - round((1 - sparsity) * sum(mask.size for mask in masks))
    if surplus > 0:  # torch counts only weights that are not masked yet
        layers = [(layer, "weight") for layer in _linear_layers(module)]
        prune.global_unstructured(layers, prune.L1Unstructured, amount=surplus)


def masks_of(module: nn.Sequential) -> list[np.ndarray]:
    """True where a weight is left, bool [outputs, inputs] for each linear layer."""
    import torch

    masks = (getattr(layer, "weight_mask", torch.ones_like(layer.weight)) for layer in _linear_layers(module))
    return [mask.numpy().astype(bool) for mask in masks]


def to_genome(module: nn.Sequential, input_shape: tuple[int, int, int]) -> Genome:
    """A pruned network of linear layers as a genome.

    Its FLOPs are then counted by the code that counts ours, and neurons that lost all edges cost nothing. (A neuron
    without inputs is a constant, which could be added to the biases of the next layer.)
    """
    layers = _linear_layers(module)
    widths = [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]
    order = [0, len(layers), *range(1, len(layers))]  # neuron ids: inputs, then outputs, then hidden
    first = dict(zip(order, np.cumsum([0, *(widths[place] for place in order)]), strict=False))
    edges = []
    for place, (layer, mask) in enumerate(zip(layers, masks_of(module), strict=True)):
        into, out_of = np.nonzero(mask)
        edges.append((first[place] + out_of, first[place + 1] + into, layer.weight.detach().numpy()[mask]))
    sources, targets, weights = map(np.concatenate, zip(*edges, strict=True))
    biases = np.concatenate([layer.bias.detach().numpy() for layer in (layers[-1], *layers[:-1])])
    return Genome.from_edges(input_shape, widths[-1], sources, targets, weights, biases, normalization="none")


def _linear_layers(module: nn.Sequential) -> list[nn.Linear]:
    from torch import nn

    return [layer for layer in module if isinstance(layer, nn.Linear)]
