"""The hand-made networks, and which of them are compared on which data set."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.baselines.layers import Convolution, Dense, Layer, MaxPooling
from workbench.errors import ConfigError


@dataclass(frozen=True)
class Baseline:
    """A hand-made network and how long it trains.

    Attributes:
        name: for commands and files.
        title: for people.
        layers: hidden layers; a dense layer of outputs follows.
        learning_rate: the largest of the schedule.
        epochs: epochs of its recipe.
        sparsities: shares of the weights that magnitude pruning takes away, rising; empty if it is not pruned.
    """

    name: str
    title: str
    layers: tuple[Layer, ...]
    learning_rate: float = 0.003
    epochs: int = 20
    sparsities: tuple[float, ...] = ()


def _dense(*widths: int) -> tuple[Layer, ...]:
    return tuple(Dense(width) for width in widths)


_LENET_5 = (Convolution(6, 5, padding=2), MaxPooling(), Convolution(16, 5), MaxPooling(), Dense(120), Dense(84))
_SMALL_CNN = (Convolution(4, 3), Convolution(8, 3), MaxPooling(), Dense(256))
_STRIDED_3 = (Convolution(8, 3, 2), Convolution(16, 3, 2), Convolution(24, 3, 2))

BASELINES = (
    Baseline("logistic", "logistic regression", ()),
    Baseline("mlp-32", "MLP 32", _dense(32)),
    Baseline("mlp-100", "MLP 100", _dense(100)),
    Baseline("lenet-300-100", "LeNet-300-100", _dense(300, 100), learning_rate=0.002),
    Baseline(
        "lenet-300-100-pruned",
        "LeNet-300-100, pruned",
        _dense(300, 100),
        learning_rate=0.002,
        sparsities=(0.8, 0.9, 0.95, 0.975, 0.985),
    ),
    Baseline("mlp-128-64", "MLP 128-64", _dense(128, 64), epochs=40),
    Baseline("mlp-512-256", "MLP 512-256", _dense(512, 256), learning_rate=0.001, epochs=40),
    Baseline("mlp-2048-1024", "MLP 2048-1024", _dense(2048, 1024), learning_rate=0.0005, epochs=40),
    Baseline("lenet-5", "LeNet-5", _LENET_5, epochs=15),
    Baseline("strided-cnn-3-8", "strided CNN 3-8", (Convolution(3, 5, 2), Convolution(8, 5, 2)), 0.01),
    Baseline("strided-cnn-6-12", "strided CNN 6-12", (Convolution(6, 5, 2), Convolution(12, 3, 2)), 0.01),
    Baseline("small-cnn", "small CNN", _SMALL_CNN, epochs=40),
    Baseline("strided-cnn-8-16-24", "strided CNN 8-16-24", _STRIDED_3, 0.01, epochs=40),
)
"""Each for any data set whose images are large enough for it."""

SUITES: dict[str, tuple[str, ...]] = {
    "digits": ("logistic", "mlp-32", "mlp-128-64"),
    "mnist": (
        "logistic",
        "mlp-32",
        "mlp-100",
        "strided-cnn-3-8",
        "strided-cnn-6-12",
        "lenet-300-100",
        "lenet-300-100-pruned",
        "lenet-5",
    ),
    "cifar10": ("logistic", "strided-cnn-8-16-24", "mlp-128-64", "mlp-512-256", "small-cnn", "mlp-2048-1024"),
}
"""What is compared on each data set."""


def baseline(name: str) -> Baseline:
    """The baseline of a name; `ConfigError` if there is none."""
    for one in BASELINES:
        if one.name == name:
            return one
    raise ConfigError(f"unknown baseline {name!r}; expected one of: {', '.join(one.name for one in BASELINES)}")
