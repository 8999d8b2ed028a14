"""Hand-made networks as lists of layers: their shapes and costs, and which are compared on which data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from workbench.errors import ConfigError
from workbench.individuals import Cost

Shape = tuple[int, ...]
"""Of an image or of a layer's output: (channels, height, width), or (neurons,)."""

Counts = tuple[int, int, int]
"""FLOPs, total FLOPs and parameters of a layer, as in `Cost`."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias or batch normalisation, then ReLU."""

    maps: int  # output channels
    size: int  # rows and columns of a window
    stride: int = 1  # pixels from one window to the next
    padding: int = 0  # zeros around the image, pixels
    normalised: bool = False  # by batch; in place of the bias
    groups: int = 1  # parts of the channels that are convolved apart; as many as channels: depthwise

    def shape(self, before: Shape) -> Shape:
        """(maps, height, width)."""
        return self.maps, *(_windows(side + 2 * self.padding, self.size, self.stride) for side in before[1:])

    def cost(self, before: Shape, after: Shape) -> Counts:
        """Per output value: a product for each weight of its window, padding included, a bias, a ReLU.

        Batch normalisation becomes part of weights and biases once the network is trained, so it costs no operations.
        """
        window, values = before[0] // self.groups * self.size**2, prod(after)
        return 2 * window * values, 2 * window * values + 2 * values, self.maps * (window + 1 + self.normalised)


@dataclass(frozen=True)
class Block:
    """Two convolutions with batch normalisation; where shapes agree, the block's input is added before the last ReLU.

    A depthwise and a pointwise one (Howard et al. 2017, "MobileNets"), or two whole ones (He et al. 2016, "Deep
    Residual Learning for Image Recognition").
    """

    maps: int  # output channels
    stride: int = 1  # of the first convolution
    separable: bool = True  # depthwise, then pointwise

    def parts(self, before: Shape) -> tuple[Convolution, Convolution]:
        """Both convolutions."""
        if self.separable:
            depthwise = Convolution(before[0], 3, self.stride, 1, normalised=True, groups=before[0])
            return depthwise, Convolution(self.maps, 1, normalised=True)
        whole = Convolution(self.maps, 3, self.stride, 1, normalised=True)
        return whole, replace(whole, stride=1)

    def shape(self, before: Shape) -> Shape:
        """(maps, height, width)."""
        first, second = self.parts(before)
        return second.shape(first.shape(before))

    def cost(self, before: Shape, after: Shape) -> Counts:
        """That of both convolutions, and an addition per value if the input is added."""
        first, second = self.parts(before)
        between = first.shape(before)
        pairs = zip(first.cost(before, between), second.cost(between, after), strict=True)
        flops, flops_total, parameters = map(sum, pairs)
        return flops, flops_total + (prod(after) if before == after else 0), parameters


@dataclass(frozen=True)
class GlobalPooling:
    """The mean of each map."""

    def shape(self, before: Shape) -> Shape:
        """(maps,)."""
        return (before[0],)

    def cost(self, before: Shape, after: Shape) -> Counts:
        """No weights; additions and one division a map count as operations."""
        return 0, prod(before), 0


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


Layer = Convolution | Block | MaxPooling | GlobalPooling | Dense


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

    `flops` is 2 per multiply-accumulate; `flops_total` adds a bias and a ReLU per value, and what pooling and residual
    connections add or compare; outputs have no ReLU.
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
    epochs: int | None = 20  # None for as many as the members of our fronts get on the data set
    sparsities: tuple[float, ...] = ()  # rising fractions of the weights that pruning removes; empty: not pruned


def _depthwise(first: int, *blocks: Block) -> Architecture:
    """A well-made small network: a normalised convolution, depthwise-separable blocks, global pooling."""
    maps = "-".join(str(maps) for maps in (first, *(block.maps for block in blocks)))
    return _well_made(f"depthwise-{maps}", f"depthwise CNN {maps}", first, *blocks)


def _resnet(*blocks: Block) -> Architecture:
    """A normalised convolution, residual blocks, global pooling."""
    maps = "-".join(str(block.maps) for block in blocks)
    return _well_made(f"resnet-{maps}", f"ResNet {maps}", blocks[0].maps, *blocks)


def _well_made(name: str, title: str, first: int, *blocks: Block) -> Architecture:
    stem = Convolution(first, 3, 2, 1, normalised=True)
    return Architecture(name, title, (stem, *blocks, GlobalPooling()), 0.01, epochs=None)


_LENET_300 = (Dense(300), Dense(100))
_SPARSITIES = (0.8, 0.9, 0.95, 0.975, 0.985, 0.99, 0.995)
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
    _depthwise(4, Block(8, 2), Block(16, 2)),
    _depthwise(6, Block(12, 2), Block(24, 2), Block(24)),
    _depthwise(8, Block(16, 2), Block(32, 2), Block(32)),
    _depthwise(8, Block(24, 2), Block(24), Block(48, 2)),
    _depthwise(8, Block(16), Block(32, 2), Block(32), Block(48, 2)),
    _depthwise(12, Block(24, 2), Block(24), Block(48, 2), Block(48)),
    _depthwise(12, Block(24), Block(32, 2), Block(32), Block(64, 2), Block(64)),
    _depthwise(16, Block(32), Block(48, 2), Block(48), Block(96, 2), Block(96)),
    _resnet(Block(4, 1, False), Block(8, 2, False), Block(16, 2, False)),
    _resnet(Block(8, 1, False), Block(16, 2, False), Block(32, 2, False)),
)
"""Each can be trained on any data set whose images are large enough."""

WELL_MADE: dict[str, tuple[str, ...]] = {
    "mnist": (
        *("depthwise-4-8-16", "depthwise-6-12-24-24", "depthwise-8-24-24-48", "depthwise-8-16-32-32-48"),
        "resnet-4-8-16",
    ),
    "cifar10": (
        *("depthwise-6-12-24-24", "depthwise-8-16-32-32", "depthwise-12-24-24-48-48"),
        *("depthwise-12-24-32-32-64-64", "depthwise-16-32-48-48-96-96", "resnet-8-16-32"),
    ),
}
"""Names of the small networks with batch normalisation compared on each data set."""

SUITES: dict[str, tuple[str, ...]] = {
    "digits": ("logistic", "mlp-32", "mlp-128-64"),
    "mnist": (
        *("logistic", "mlp-32", "mlp-100", "strided-cnn-3-8", "strided-cnn-6-12"),
        *("lenet-300-100", "lenet-300-100-pruned", "lenet-5", *WELL_MADE["mnist"]),
    ),
    "cifar10": (
        *("logistic", "strided-cnn-8-16-24", "mlp-128-64", "mlp-512-256", "small-cnn", "mlp-2048-1024"),
        *WELL_MADE["cifar10"],
    ),
}
"""Names of the baselines compared on each data set."""


def baseline(name: str) -> Architecture:
    """The baseline with this name; `ConfigError` if there is none."""
    for one in BASELINES:
        if one.name == name:
            return one
    raise ConfigError(f"unknown baseline {name!r}; expected one of: {', '.join(one.name for one in BASELINES)}")


OTHERS = (
    *("logistic", "mlp-32", "mlp-128-64", "strided-cnn-3-8", "strided-cnn-8-16-24", "lenet-5"),
    *("depthwise-6-12-24-24", "depthwise-12-24-24-48-48"),
)
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
