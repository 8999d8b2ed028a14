"""What the parts of a network are made of and what they cost, without torch."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from workbench.genome import FLOPS_PER_NORMALISED_NEURON
from workbench.individuals import Cost
from workbench.spaces.hnas.network import Part
from workbench.spaces.tensors import Tensor, he

ONE, NONE = (1.0, 0.0), (0.0, 0.0)  # first values of scales and variances, and of shifts, biases and means


def tensors(part: Part) -> list[Tensor]:
    """The tensors of a part, each named after the module in it that has it."""
    (channels, _, _), classes = part.before, part.after[0]
    found: list[Tensor] = []

    def add(name: str, shape: tuple[int, ...], init: tuple[float, float]) -> None:
        found.append(Tensor(part.key, part.copy, name, shape, init))

    def conv(name: str, kernel: int, inputs: int, outputs: int) -> None:
        add(f"{name}_weight", (outputs, inputs, kernel, kernel), he(inputs * kernel**2))

    def norm(name: str, kind: str, shape: tuple[int, ...]) -> None:
        add(f"{name}_scale", shape, ONE)
        add(f"{name}_shift", shape, NONE)
        if kind == "batch":
            add(f"{name}_mean", shape, NONE)
            add(f"{name}_var", shape, ONE)

    match part.kind:
        case "stem":
            conv("conv", 3, channels, part.after[0])
            norm("norm", "batch", part.after[:1])
        case "block":
            _, kind, normed = part.block
            conv("conv", 1 if kind == "conv1x1" else 3, 1 if kind == "dconv3x3" else channels, channels)
            norm("norm", normed, part.before if normed == "layer" else part.before[:1])
        case "resBlock":
            for name, inputs in (("first", channels), ("second", 2 * channels)):
                conv(name, 3, inputs, 2 * channels)
                norm(f"{name}_norm", "batch", part.after[:1])
            conv("shortcut", 1, channels, 2 * channels)
        case "head":
            norm("norm", "batch", part.before[:1])
            add("linear_weight", (classes, channels), he(channels))
            add("linear_bias", (classes,), NONE)
    return found


def trainable(tensor: Tensor) -> bool:
    """Whether it is a parameter, not a buffer of BatchNorm."""
    return not tensor.name.endswith(("_mean", "_var"))


def part_cost(part: Part) -> Cost:
    """What a part costs, per image.

    As in the figures of NAS-Bench-201, `flops` has no pooling within resBlock and head, which all networks share.
    Pooling that a network chooses, and that which makes images smaller, counts one addition per pixel of its windows.
    """
    channels = part.before[0]
    ins, outs = prod(part.before), prod(part.after)
    flops = elementwise = 0
    match part.kind:
        case "pool":
            flops = ins
        case "avg_pool":
            flops = channels * _window(part.before[1]) * _window(part.before[2])
        case "stem":
            flops, elementwise = 2 * 9 * channels * outs, _norm("batch", outs)
        case "block":
            _, kind, norm = part.block
            flops = 2 * {"conv3x3": 9 * channels, "conv1x1": channels, "dconv3x3": 9}[kind] * outs
            elementwise = ins + _norm(norm, outs)
        case "resBlock":
            flops = 2 * (9 * channels + 9 * part.after[0] + channels) * outs
            elementwise = ins + ins + outs + 2 * _norm("batch", outs) + outs  # ReLU, pooling, ReLU, norms, sum
        case "head":
            flops, elementwise = 2 * channels * outs, _norm("batch", ins) + 2 * ins + outs  # norm, ReLU, mean, biases
    return Cost(flops, flops + elementwise, sum(tensor.size for tensor in tensors(part) if trainable(tensor)))


def _window(side: int) -> int:
    """Pixels in the windows of 3 along a side, those beyond its ends left out."""
    return 3 * side - 2


def _norm(kind: str, values: int) -> int:
    """Operations of a norm: scale and shift, and the statistics of the image where they are its own."""
    return (2 if kind == "batch" else 2 + FLOPS_PER_NORMALISED_NEURON) * values


def network_cost(parts: Iterable[Part]) -> Cost:
    """What a network costs, per image; each sum of two results is one operation a value."""
    flops = total = parameters = 0
    written: set[int] = set()
    for part in parts:
        cost = part_cost(part)
        flops, parameters = flops + cost.flops, parameters + cost.parameters
        total += cost.flops_total + (prod(part.after) if part.target in written else 0)
        written.add(part.target)
    return Cost(flops, total, parameters)
