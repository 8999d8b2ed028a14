"""The operators of torch programs that a genome can compute: one small function each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.sums import Convolution, Network, Neurons, Sums, added, scaled

_POSSIBLE = "convolutions, linear layers, BatchNorm, ReLU, average pooling, Flatten, Dropout, additions, concatenations"

_INSTEAD = {
    "max_pool": "use average pooling, or a convolution with stride 2",
    "hardtanh silu gelu leaky elu selu celu prelu sigmoid tanh swish mish softplus threshold clamp": "use ReLU",
    "softmax": "leave it out: a genome gives logits",
    "layer_norm group_norm instance_norm": "use BatchNorm, which is folded into the weights",
    "to.dtype": "it takes images as Dataset.arrays gives them; of a network of this workbench, use its .npz file",
    "pad": "use zero padding of the convolution",
}
"""What to use instead of operators with these words in their names."""


def arguments_of(node: Any, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The arguments of an operator by name, defaults included; nodes that have a value in `values` by that."""

    def known(value: Any) -> Any:
        return values.get(value, value) if hasattr(value, "meta") else value

    arguments = {}
    for place, argument in enumerate(node.target._schema.arguments):
        value = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name, argument.default_value)
        arguments[argument.name] = [known(one) for one in value] if isinstance(value, list | tuple) else known(value)
    return arguments


def shape_of(node: Any) -> tuple[int, ...]:
    """The shape of a node's value for one image."""
    return tuple(int(size) for size in node.meta["val"].shape[1:])


@dataclass(frozen=True)
class Call:
    """One operator of a torch program."""

    network: Network
    node: Any
    arguments: Mapping[str, Any]  # by name; tensors of images as `Neurons` or `Sums`, parameters as torch's
    values: dict[Any, Any]  # all tensors that are still read, by node

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def refuse(self, instead: str = "") -> NoReturn:
        """Raise a `GenomeError` that names the module and says what to use instead."""
        name, operator = "", str(self.node.target)
        for name, kind in self.node.meta.get("nn_module_stack", {}).values():
            where = f"{name!r} ({getattr(kind, '__name__', kind).rpartition('.')[2]})"
        where = where if name else "the network's own forward()"
        fitting = (way for words, way in _INSTEAD.items() if any(word in operator for word in words.split()))
        way_out = instead or next(fitting, f"a network may have {_POSSIBLE}")
        raise GenomeError(f"expected what neurons with ReLU compute exactly, got {operator} in {where}; {way_out}")

    def replace(self, old: Any, new: Any) -> None:
        """Let whoever reads a tensor from now on read another."""
        self.values.update({node: new for node, value in self.values.items() if value is old})

    def settled(self, tensor: Neurons | Sums) -> Neurons | Sums:
        """A tensor of neurons in place of sums that a ReLU would not change."""
        if isinstance(tensor, Neurons) or not self.network.is_positive(tensor):
            return tensor
        self.replace(tensor, neurons := self.network.neurons(tensor))
        return neurons

    def number(self, name: str, default: float, length: int) -> np.ndarray:
        """A parameter with a value a channel, float64 [length]."""
        value = self[name]
        return np.full(length, default) if value is None else _array(value)

    @property
    def before(self) -> tuple[int, int, int]:
        """The first input as maps."""
        return self._maps(self.node.args[0])

    @property
    def after(self) -> tuple[int, int, int]:
        """The output as maps."""
        return self._maps(self.node)

    def _maps(self, node: Any) -> tuple[int, int, int]:
        shape = shape_of(node)
        if not 1 <= len(shape) <= 3:
            self.refuse(f"it takes (channels, height, width) or (features,) of an image, got {shape}")
        channels, height, width = (*shape, 1, 1)[:3]
        return channels, height, width

    def linear(self, convolution: Convolution, tensor: Neurons | Sums) -> Sums:
        """What a convolution makes of a tensor, whose sums become neurons where a ReLU changes nothing."""
        if not (np.isfinite(convolution.kernel).all() and np.isfinite(convolution.biases).all()):
            self.refuse("its weights must be finite")
        tensor = self.settled(tensor)
        if isinstance(tensor, Sums) and not (tensor.fixed or convolution.fixed):
            self.refuse("put a ReLU between it and the linear layer or addition before it")
        return convolution.of(tensor)


def _array(tensor: Any) -> np.ndarray:
    """A tensor of torch in float64."""
    return tensor.detach().cpu().double().numpy()


# ---------------------------------------------------------------------- operators
def by_map(scale: np.ndarray, shift: np.ndarray, maps: tuple[int, int, int]) -> Convolution:
    """A factor and a shift for each map."""
    return Convolution(scale[:, None, None, None], shift, maps, maps, groups=maps[0], fixed=True)


def as_sums(tensor: Neurons | Sums, maps: tuple[int, int, int]) -> Sums:
    """A tensor as sums: neurons by an edge of weight 1 to each."""
    return tensor if isinstance(tensor, Sums) else by_map(np.ones(maps[0]), np.zeros(maps[0]), maps).of(tensor)


def _convolution(call: Call) -> Sums:
    kernel, dilation = _array(call["weight"]), call["dilation"]
    if call["padding"] == "same":
        padding = [each * (size - 1) // 2 for each, size in zip(dilation, kernel.shape[2:], strict=True)]
    else:
        padding = [0, 0] if call["padding"] == "valid" else call["padding"]
    settings = {"stride": call["stride"], "padding": padding, "dilation": dilation}
    both = {name: (value * 2)[:2] for name, value in settings.items()}  # [1] is short for [1, 1]
    biases = call.number("bias", 0.0, len(kernel))
    made = Convolution(kernel, biases, call.before, call.after, groups=call["groups"], **both)
    return call.linear(made, call["input"])


def _linear(call: Call) -> Sums:
    kernel = _array(call["weight"])
    if len(shape_of(call.node)) != 1:
        call.refuse("put Flatten before it")
    biases = call.number("bias", 0.0, len(kernel))
    return call.linear(Convolution(kernel[:, :, None, None], biases, call.before, call.after), call["input"])


def _batch_norm(call: Call) -> Sums:
    if call["training"] or call["running_mean"] is None:
        call.refuse("export the module after net.eval(), with track_running_stats=True")
    n_maps, tensor = call.before[0], call["input"]
    scale = call.number("weight", 1.0, n_maps) / np.sqrt(_array(call["running_var"]) + call["eps"])
    shift = call.number("bias", 0.0, n_maps) - scale * _array(call["running_mean"])
    if isinstance(tensor, Sums):
        channels = np.repeat(np.arange(n_maps), math.prod(call.before[1:]))
        if (made := scaled(tensor, channels, scale, shift)) is not None:
            return made
    return by_map(scale, shift, call.before).of(tensor)


def _pooled(call: Call, size: Any, stride: Any, padding: Any, divisor: int | None = None) -> Sums:
    n_maps, (height, width) = call.before[0], size
    kernel = np.full((n_maps, 1, height, width), 1 / (divisor or height * width))
    both = {"stride": tuple(stride), "padding": tuple(padding)}
    made = Convolution(kernel, np.zeros(n_maps), call.before, call.after, groups=n_maps, fixed=True, **both)
    return call.linear(made, call["self"])


def _average_pool(call: Call) -> Sums:
    size, padding = ((call[name] * 2)[:2] for name in ("kernel_size", "padding"))
    stride = (call["stride"] * 2)[:2] or size
    sides = list(zip(call.before[1:], size, stride, padding, strict=True))
    if call.after[1:] != tuple((side + 2 * pad - each) // step + 1 for side, each, step, pad in sides):
        call.refuse("use ceil_mode=False")
    if any(padding) and not call["count_include_pad"] and not call["divisor_override"]:
        call.refuse("use count_include_pad=True, or no padding")
    return _pooled(call, size, stride, padding, call["divisor_override"])


def _adaptive_pool(call: Call) -> Sums:
    size = [before // after for before, after in zip(call.before[1:], call.after[1:], strict=True)]
    if any(before % after for before, after in zip(call.before[1:], call.after[1:], strict=True)):
        call.refuse(f"use an output size that divides {call.before[1:]}")
    return _pooled(call, size, size, (0, 0))


def _mean(call: Call) -> Sums:
    rank = len(shape_of(call.node.args[0])) + 1
    if {dim % rank for dim in call["dim"] or ()} != set(range(2, rank)):
        call.refuse("average over height and width alone")
    return _pooled(call, call.before[1:], (1, 1), (0, 0))


def _add(call: Call) -> Sums:
    one, other = call["self"], call["other"]
    both = isinstance(one, Neurons | Sums) and isinstance(other, Neurons | Sums)
    if not both or call["alpha"] != 1 or shape_of(call.node.args[0]) != shape_of(call.node.args[1]):
        call.refuse("add two tensors of images of the same shape, without a factor")
    return added(as_sums(one, call.after), as_sums(other, call.after))


def _relu(call: Call) -> Neurons:
    tensor = call.settled(call["self"])
    if isinstance(tensor, Neurons) and call.network.is_positive(tensor):
        return tensor
    return call.network.neurons(as_sums(tensor, call.before))


def _reshaped(call: Call) -> Neurons | Sums:
    if call.arguments.get("train"):
        call.refuse("export the module after net.eval()")
    if math.prod(shape_of(call.node)) != math.prod(shape_of(call.node.args[0])):
        call.refuse("keep the values of an image together")
    return next(iter(call.arguments.values()))


def _concatenated(call: Call) -> Neurons:
    axis, parts = call["dim"] % len(call.node.meta["val"].shape) - 1, []
    for node, tensor in zip(call.node.args[0], map(call.settled, call["tensors"]), strict=True):
        if axis < 0 or not isinstance(tensor, Neurons):
            call.refuse("concatenate maps or features, after a ReLU")
        parts.append([each.reshape(shape_of(node)) for each in (tensor.ids, tensor.constants)])
    return Neurons(*(np.concatenate(each, axis).ravel() for each in zip(*parts, strict=True)))


OPERATORS: dict[str, Callable[[Call], Neurons | Sums]] = {
    "aten.conv2d.default": _convolution,
    "aten.conv2d.padding": _convolution,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": _batch_norm,
    "aten.avg_pool2d.default": _average_pool,
    "aten.adaptive_avg_pool2d.default": _adaptive_pool,
    "aten.mean.dim": _mean,
    "aten.add.Tensor": _add,
    "aten.relu.default": _relu,
    "aten.cat.default": _concatenated,
    **dict.fromkeys(
        (
            *("aten.flatten.using_ints", "aten.view.default", "aten.reshape.default", "aten.unflatten.int"),
            *("aten.squeeze.dims", "aten.squeeze.dim", "aten.unsqueeze.default"),
            *("aten.dropout.default", "aten.feature_dropout.default"),
            *("aten.clone.default", "aten.contiguous.default"),
        ),
        _reshaped,
    ),
}
"""By the name that `torch.export` gives an operator: what makes its tensor."""
