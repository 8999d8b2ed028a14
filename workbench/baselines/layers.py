"""Hand-made networks as lists of layers: what comes out of each, and what it costs, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import ConfigError
from workbench.individuals import Cost

Shape = tuple[int, ...]
"""Of one image or one layer's output: (channels, height, width), or (neurons,)."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias, then ReLU.

    Attributes:
        maps: channels that come out.
        size: rows and columns of a window.
        stride: pixels from one window to the next.
        padding: zeros around the image, pixels.
    """

    maps: int
    size: int
    stride: int = 1
    padding: int = 0

    def shape(self, before: Shape) -> Shape:
        """(maps, height, width)."""
        return self.maps, *(_windows(side + 2 * self.padding, self.size, self.stride) for side in before[1:])

    def cost(self, before: Shape, after: Shape) -> Cost:
        """Each value that comes out: a product per weight of its window, a bias, a ReLU."""
        window, values = before[0] * self.size**2, after[0] * after[1] * after[2]
        return Cost(2 * window * values, 2 * window * values + 2 * values, self.maps * (window + 1))


@dataclass(frozen=True)
class MaxPooling:
    """The largest value of every window of `size` by `size` pixels, side by side."""

    size: int = 2

    def shape(self, before: Shape) -> Shape:
        """The same number of maps, each smaller."""
        return before[0], *(_windows(side, self.size, self.size) for side in before[1:])

    def cost(self, before: Shape, after: Shape) -> Cost:
        """No products; comparisons count as operations."""
        return Cost(0, (self.size**2 - 1) * after[0] * after[1] * after[2], 0)


@dataclass(frozen=True)
class Dense:
    """A full layer with bias, then ReLU; what comes before is flattened."""

    width: int

    def shape(self, before: Shape) -> Shape:
        """(width,)."""
        return (self.width,)

    def cost(self, before: Shape, after: Shape) -> Cost:
        """A product per weight, a bias and a ReLU per neuron."""
        weights = _size(before) * self.width
        return Cost(2 * weights, 2 * weights + 2 * self.width, weights + self.width)


Layer = Convolution | MaxPooling | Dense


def trace(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """The shape before the first layer and after each.

    Raises:
        ConfigError: if a window is larger than what it looks at.
    """
    shapes: list[Shape] = [tuple(input_shape)]
    for layer in layers:
        if not isinstance(layer, Dense) and len(shapes[-1]) != 3:
            raise ConfigError(f"{layer} expects maps (channels, height, width) before it, got {shapes[-1]}")
        after = layer.shape(shapes[-1])
        if min(after) < 1:
            raise ConfigError(f"{layer} has no room on {shapes[-1]}; these images are too small for this network")
        shapes.append(after)
    return shapes


def cost_of(layers: Sequence[Layer], input_shape: Shape, n_outputs: int) -> Cost:
    """Cost of hidden `layers` and a dense layer of outputs on top, per image, counted as for neuron-level genomes.

    `flops` is 2 per multiply-accumulate; `flops_total` adds a bias and a ReLU per value and the comparisons of pooling;
    outputs have no ReLU.
    """
    shapes = trace(layers, input_shape)
    costs = [layer.cost(before, after) for layer, before, after in zip(layers, shapes, shapes[1:], strict=False)]
    last = Dense(n_outputs).cost(shapes[-1], (n_outputs,))
    costs.append(Cost(last.flops, last.flops_total - n_outputs, last.parameters))
    return Cost(
        sum(cost.flops for cost in costs),
        sum(cost.flops_total for cost in costs),
        sum(cost.parameters for cost in costs),
    )


def _windows(side: int, size: int, stride: int) -> int:
    """How many windows fit side by side."""
    return (side - size) // stride + 1


def _size(shape: Shape) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
