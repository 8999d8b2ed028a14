"""A hand-made network as an ONNX model, to be timed by the same runtime as ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.baselines.layers import Convolution, Layer, MaxPooling, Shape
from workbench.compiler.export import GraphWriter

if TYPE_CHECKING:
    import onnx
    from torch import nn


def baseline_onnx(
    layers: Sequence[Layer], module: nn.Sequential, input_shape: Shape, n_outputs: int
) -> onnx.ModelProto:
    """The model of a module made by `make_module`: "images" [batch, c, h, w] -> "logits" [batch, outputs]."""
    from torch import nn

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
