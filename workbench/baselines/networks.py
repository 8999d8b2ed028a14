"""Hand-made networks as lists of layers: their shapes and costs, and which are compared on which data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from workbench.errors import ConfigError
from workbench.individuals import Cost

Shape = tuple[int, ...]
"""Of an image or of a layer's output: (channels, height, width), or (neurons,)."""

Counts = tuple[int, int, int]
"""FLOPs, total FLOPs and parameters of a layer, as in `Cost`."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias, then ReLU."""

    maps: int  # output channels
    size: int  # rows and columns of a window
    stride: int = 1  # pixels from one window to the next
    padding: int = 0  # zeros around the image, pixels

    def shape(self, before: Shape) -> Shape:
        """(maps, height, width)."""
        return self.maps, *(_windows(side + 2 * self.padding, self.size, self.stride) for side in before[1:])

    def cost(self, before: Shape, after: Shape) -> Counts:
        """Per output value: a product for each weight of its window, a bias, a ReLU."""
        window, values = before[0] * self.size**2, prod(after)
        return 2 * window * values, 2 * window * values + 2 * values, self.maps * (window + 1)


@dataclass(frozen=True)
class MaxPooling:
    """The maximum over windows of `size` × `size` pixels, side by side."""

    size: int = 2

    def shape(self, before: Shape) -> Shape:
        """The same number of maps, each smaller."""
        return before[0], *(_windows(side, self.size, self.size) for side in before[1:])

    def cost(self, before: Shape, after: Shape) -> Counts:
        """No products; comparisons count as operations."""
        return 0, (self.size**2 - 1) * prod(after), 0


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with bias, then ReLU; its input is flattened."""

    width: int

    def shape(self, before: Shape) -> Shape:
        """(width,)."""
        return (self.width,)

    def cost(self, before: Shape, after: Shape) -> Counts:
        """A product per weight, and a bias and a ReLU per neuron."""
        weights = prod(before) * self.width
        return 2 * weights, 2 * weights + 2 * self.width, weights + self.width


Layer = Convolution | MaxPooling | Dense


def trace(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """The shape before the first layer and after each; `ConfigError` if a window is larger than its input."""
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
    layers = (*layers, Dense(n_outputs))
    shapes = trace(layers, input_shape)
    costs = [layer.cost(before, after) for layer, before, after in zip(layers, shapes, shapes[1:], strict=False)]
    flops, flops_total, parameters = map(sum, zip(*costs, strict=True))
    return Cost(flops, flops_total - n_outputs, parameters)


def _windows(side: int, size: int, stride: int) -> int:
    """How many windows fit side by side."""
    return (side - size) // stride + 1


@dataclass(frozen=True)
class Architecture:
    """A hand-made network and its recipe."""

    name: str  # in commands and files
    title: str  # in tables and figures
    layers: tuple[Layer, ...]  # hidden layers; a dense output layer follows
    learning_rate: float = 0.003  # the peak of the schedule
    epochs: int = 20
    sparsities: tuple[float, ...] = ()  # rising fractions of the weights that pruning removes; empty: not pruned


_LENET_300 = (Dense(300), Dense(100))
_SPARSITIES = (0.8, 0.9, 0.95, 0.975, 0.985)
_LENET_5 = (Convolution(6, 5, padding=2), MaxPooling(), Convolution(16, 5), MaxPooling(), Dense(120), Dense(84))
_SMALL_CNN = (Convolution(4, 3), Convolution(8, 3), MaxPooling(), Dense(256))
_STRIDED_3 = (Convolution(8, 3, 2), Convolution(16, 3, 2), Convolution(24, 3, 2))

BASELINES = (
    Architecture("logistic", "logistic regression", ()),
    Architecture("mlp-32", "MLP 32", (Dense(32),)),
    Architecture("mlp-100", "MLP 100", (Dense(100),)),
    Architecture("lenet-300-100", "LeNet-300-100", _LENET_300, 0.002),
    Architecture("lenet-300-100-pruned", "LeNet-300-100, pruned", _LENET_300, 0.002, sparsities=_SPARSITIES),
    Architecture("mlp-128-64", "MLP 128-64", (Dense(128), Dense(64)), epochs=40),
    Architecture("mlp-512-256", "MLP 512-256", (Dense(512), Dense(256)), learning_rate=0.001, epochs=40),
    Architecture("mlp-2048-1024", "MLP 2048-1024", (Dense(2048), Dense(1024)), learning_rate=0.0005, epochs=40),
    Architecture("lenet-5", "LeNet-5", _LENET_5, epochs=15),
    Architecture("strided-cnn-3-8", "strided CNN 3-8", (Convolution(3, 5, 2), Convolution(8, 5, 2)), 0.01),
    Architecture("strided-cnn-6-12", "strided CNN 6-12", (Convolution(6, 5, 2), Convolution(12, 3, 2)), 0.01),
    Architecture("small-cnn", "small CNN", _SMALL_CNN, epochs=40),
    Architecture("strided-cnn-8-16-24", "strided CNN 8-16-24", _STRIDED_3, 0.01, epochs=40),
)
"""Each can be trained on any data set whose images are large enough."""

SUITES: dict[str, tuple[str, ...]] = {
    "digits": ("logistic", "mlp-32", "mlp-128-64"),
    "mnist": (
        *("logistic", "mlp-32", "mlp-100", "strided-cnn-3-8", "strided-cnn-6-12"),
        *("lenet-300-100", "lenet-300-100-pruned", "lenet-5"),
    ),
    "cifar10": ("logistic", "strided-cnn-8-16-24", "mlp-128-64", "mlp-512-256", "small-cnn", "mlp-2048-1024"),
}
"""Names of the baselines compared on each data set."""


def baseline(name: str) -> Architecture:
    """The baseline with this name; `ConfigError` if there is none."""
    for one in BASELINES:
        if one.name == name:
            return one
    raise ConfigError(f"unknown baseline {name!r}; expected one of: {', '.join(one.name for one in BASELINES)}")


OTHERS = ("logistic", "mlp-32", "mlp-128-64", "strided-cnn-3-8", "strided-cnn-8-16-24", "lenet-5")
"""Those compared on other data, as far as the images have room for them."""


def suite(dataset: str, input_shape: Shape) -> tuple[str, ...]:
    """Names of the baselines that are compared on a data set."""
    return SUITES[dataset] if dataset in SUITES else tuple(name for name in OTHERS if _fits(name, input_shape))


def _fits(name: str, input_shape: Shape) -> bool:
    try:
        trace(baseline(name).layers, input_shape)
    except ConfigError:
        return False
    return True
