"""Networks of einspace as torch modules: one small module a step.

Parameters that AdamW shall decay are named "weight". Nothing here draws a random number: weights come from the genome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.spaces.einspace.cost import tensors
from workbench.spaces.einspace.network import Network
from workbench.spaces.einspace.shapes import IMAGE, Step

NEGATIVE_SLOPE = 0.01  # of the leaky ReLU
MOMENTUM, EPS = 0.1, 1e-5  # of norms, as torch's defaults


class Linear(nn.Module):
    """On the last dimension."""

    def __init__(self, step: Step, outputs: int, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, …, inputs) -> (batch, …, outputs)."""
        return functional.linear(x, self.weight, self.bias)


class Convolution(Linear):
    """im2col · linear (· col2im), with the weight of the linear map."""

    def __init__(self, step: Step, outputs: int, inputs: int) -> None:
        super().__init__(step, outputs, inputs)
        self.kernel, self.stride, self.padding = step.args
        self.as_image = len(step.shape) == 3

    def forward(self, x: Tensor) -> Tensor:
        """(batch, c, h, w) -> (batch, outputs, h, w), or (batch, tokens, outputs)."""
        kernels = self.weight.unflatten(1, (-1, self.kernel, self.kernel))
        image = functional.conv2d(x, kernels, self.bias, self.stride, self.padding)
        return image if self.as_image else image.flatten(2).transpose(1, 2)


class BatchNorm(nn.Module):
    """Of an image, by channel; a batch of one value a channel is normalised by what earlier batches had."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))
        self.mean: Tensor
        self.var: Tensor
        self.register_buffer("mean", torch.empty(channels))
        self.register_buffer("var", torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> the same shape."""
        training = self.training and x.numel() > x.shape[1]
        return functional.batch_norm(x, self.mean, self.var, self.scale, self.shift, training, MOMENTUM, EPS)


class LayerNorm(nn.Module):
    """Of tokens, over their features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) -> the same shape."""
        return functional.layer_norm(x, self.scale.shape, self.scale, self.shift, EPS)


class Position(nn.Module):
    """Adds a learned array."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.empty(shape))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, *shape) -> the same shape."""
        return x + self.position


class Function(nn.Module):
    """A step without tensors of its own."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """(batch, *shape) of each source -> (batch, *shape) of the output."""
        return self.function(*inputs)


class NetworkModule(nn.Module):
    """Images [batch, c, h, w] -> logits [batch, classes]. A value is freed once nothing needs it any more."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_module(network, step) for step in network.steps)
        self.sources = tuple(step.sources for step in network.steps)
        self.freed = network.last_readers()
        self.names = tuple(tuple(tensor.name for tensor in tensors(network, step)) for step in network.steps)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, c, h, w) -> (batch, classes)."""
        values = {IMAGE: images}
        for place, (part, sources, freed) in enumerate(zip(self.parts, self.sources, self.freed, strict=True)):
            values[place] = part(*(values[source] for source in sources))
            for source in freed:
                del values[source]
        return values[len(self.sources) - 1]

    def tensors(self) -> Iterator[Tensor]:
        """Parameters and buffers in the order of `cost.layout`."""
        for part, names in zip(self.parts, self.names, strict=True):
            for name in names:
                yield getattr(part, name)


def build(network: Network) -> NetworkModule:
    """The torch module of a network, whose values are not set."""
    return NetworkModule(network)


def _module(network: Network, step: Step) -> nn.Module:
    if step.kind in ("linear", "convolution"):
        outputs, inputs = tensors(network, step)[0].shape
        return (Linear if step.kind == "linear" else Convolution)(step, outputs, inputs)
    if step.kind == "norm":
        return BatchNorm(step.shape[0]) if len(step.shape) == 3 else LayerNorm(step.shape[-1])
    return Position(step.shape) if step.kind == "position" else Function(_function(step))


def _function(step: Step) -> Callable[..., Tensor]:
    """What a step without tensors does to [batch, *shape] of each source."""
    args = step.args
    if step.kind == "part":
        dimension, which, _ = args
        length = step.shape[dimension - 1]
        return lambda x: x.narrow(dimension, which * length, length)
    functions: dict[str, Callable[..., Tensor]] = {
        "leaky_relu": lambda x: functional.leaky_relu(x, NEGATIVE_SLOPE),
        "softmax": lambda x: x.softmax(-1),
        "permute": lambda x: x.permute(0, *args),
        "im2col": lambda x: functional.unfold(x, args[0], 1, args[2], args[1]).transpose(1, 2),
        "col2im": lambda x: x.transpose(1, 2).unflatten(2, args),  # (batch, tokens, c) -> (batch, c, h, w)
        "add": lambda *inputs: sum(inputs[1:], inputs[0]),
        "concatenate": lambda *inputs: torch.cat(inputs, args[0]),
        "dot": lambda left, right: left @ right,
        "scaled_dot": lambda left, right: left @ right / sqrt(left.shape[-1]),
        "downscale": lambda x: functional.avg_pool2d(x, (x.shape[2] // args[0], x.shape[3] // args[1])),
        "mean": lambda x: x.mean(args),
    }
    return functions[step.kind]
