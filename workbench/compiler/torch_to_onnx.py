"""Torch programs as ONNX graphs of standard operators, without further packages: one small function an operator.

`torch.export` gives a flat list of operators whose shapes are known but for the batch; each becomes one or a few nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compiler.onnx_graph import FLOAT32, GraphWriter
from workbench.errors import ExportError
from workbench.genome.torch_operators import arguments_of

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 18  # the first with Mish


@dataclass(frozen=True)
class Call:
    """One operator of a torch program."""

    graph: GraphWriter
    arguments: Mapping[str, Any]  # by name; tensors as their names in the graph
    before: tuple[int, ...]  # shape of its first input, -1 for the batch
    after: tuple[int, ...]  # shape of its output

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node to the graph."""
        return self.graph.node(operator, *inputs, **attributes)

    def integers(self, *values: int) -> str:
        """A constant int64 [values]."""
        return self.graph.constant(np.array(values, np.int64))

    def tensor(self, name: str) -> str:
        """An argument that may be a number."""
        value = self[name]
        return value if isinstance(value, str) else self.graph.constant(np.array(value, np.float32))

    def channels(self, name: str, default: float) -> str:
        """A vector with a value a channel, which may be missing."""
        return self[name] or self.graph.constant(np.full(self.before[1], default, np.float32))

    def place(self, name: str) -> int:
        """A dimension, counted from the front."""
        return int(self[name]) % len(self.before)


def onnx_model(
    program: torch.export.ExportedProgram, name: str, n_outputs: int, facts: dict[str, str], dtype: np.dtype = FLOAT32
) -> onnx.ModelProto:
    """The model of a program of one input, "images", to "logits" [batch, outputs]; `facts` become its metadata.

    `ExportError` if the program has an operator that is not translated.
    """
    graph, names = GraphWriter(), dict[Any, str]()
    values = {**program.state_dict, **program.constants}
    inputs = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
    images: list[int | str] = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and inputs[node.name] is None:
            names[node], images = "images", ["batch", *_shape(node)[1:]]
        elif node.op == "placeholder":
            names[node] = graph.constant(values[inputs[node.name]].detach().numpy())
        elif node.op == "call_function" and node.users and hasattr(node.meta.get("val"), "shape"):  # not sizes, checks
            names[node] = _translated(graph, node, names)
        elif node.op == "output":
            graph.node("Identity", names[node.args[0][0]], output="logits")
    return graph.model(name, images, n_outputs, facts, dtype, OPSET)


def _translated(graph: GraphWriter, node: Any, names: Mapping[Any, str]) -> str:
    """The output's name of the nodes for one operator."""
    operator = str(node.target)
    if operator not in OPERATORS:
        raise ExportError(
            f"expected operators that ONNX files are made of, got {operator}, which this workbench does not translate; "
            "use .pt2"
        )
    arguments = arguments_of(node, names)
    first = node.args[0][0] if isinstance(node.args[0], list | tuple) else node.args[0]
    return OPERATORS[operator](Call(graph, arguments, _shape(first), _shape(node)))


def _shape(node: Any) -> tuple[int, ...]:
    """Of a node's value, -1 where it depends on the batch."""
    return tuple(size if isinstance(size, int) else -1 for size in node.meta["val"].shape)


# ---------------------------------------------------------------------- operators
def _same(operator: str, **attributes: Any) -> Callable[[Call], str]:
    """An operator of one input and no settings."""
    return lambda call: call.node(operator, next(iter(call.arguments.values())), **attributes)


def _both(operator: str) -> Callable[[Call], str]:
    """An operator of two inputs, of which one may be a number."""

    def write(call: Call) -> str:
        if call.arguments.get("alpha", 1) != 1:
            raise ExportError(f"expected sums without a factor, got one of {call['alpha']}; use .pt2")
        left, right = list(call.arguments)[:2]
        return call.node(operator, call.tensor(left), call.tensor(right))

    return write


def _convolution(call: Call) -> str:
    inputs = [call[name] for name in ("input", "weight", "bias") if call[name] is not None]
    settings = {"strides": call["stride"], "dilations": call["dilation"], "group": call["groups"]}
    return call.node("Conv", *inputs, pads=[*call["padding"], *call["padding"]], **settings)


def _im2col(call: Call) -> str:
    """A convolution whose kernels copy: channel by channel, each place of the window becomes one map."""
    (height, width), channels = call["kernel_size"], call.before[1]
    kernels = np.tile(np.eye(height * width, dtype=np.float32), (channels, 1))
    kernels = kernels.reshape(channels * height * width, 1, height, width)
    settings = {"strides": call["stride"], "dilations": call["dilation"], "group": channels}
    pads = [*call["padding"], *call["padding"]]
    maps = call.node("Conv", call["self"], call.graph.constant(kernels), pads=pads, **settings)
    return call.node("Reshape", maps, call.integers(*call.after))


def _pooling(operator: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        settings: dict[str, Any] = {"ceil_mode": int(call["ceil_mode"])}
        if operator == "AveragePool":
            settings["count_include_pad"] = int(call["count_include_pad"])
        pads = [*call["padding"], *call["padding"]]
        size, strides = call["kernel_size"], call["stride"] or call["kernel_size"]
        return call.node(operator, call["self"], kernel_shape=size, strides=strides, pads=pads, **settings)

    return write


def _global_pooling(call: Call) -> str:
    if list(call["output_size"]) != [1, 1]:
        raise ExportError(f"expected adaptive pooling to one value a map, got {call['output_size']}; use .pt2")
    return call.node("GlobalAveragePool", call["self"])


def _linear(call: Call) -> str:
    product = call.node("MatMul", call["input"], call.node("Transpose", call["weight"], perm=[1, 0]))
    return product if call["bias"] is None else call.node("Add", product, call["bias"])


def _batch_norm(call: Call) -> str:
    scale, shift = call.channels("weight", 1.0), call.channels("bias", 0.0)
    statistics = call["running_mean"], call["running_var"]
    return call.node("BatchNormalization", call["input"], scale, shift, *statistics, epsilon=call["eps"])


def _instance_norm(call: Call) -> str:
    scale, shift = call.channels("weight", 1.0), call.channels("bias", 0.0)
    return call.node("InstanceNormalization", call["input"], scale, shift, epsilon=call["eps"])


def _layer_norm(call: Call) -> str:
    shape = call["normalized_shape"]
    inputs = [call["weight"] or call.graph.constant(np.ones(shape, np.float32))]
    inputs += [call["bias"]] if call["bias"] else []
    return call.node("LayerNormalization", call["input"], *inputs, axis=-len(shape), epsilon=call["eps"])


def _mean(call: Call) -> str:
    return call.node("ReduceMean", call["self"], call.integers(*call["dim"]), keepdims=int(call["keepdim"]))


def _reshape(call: Call) -> str:
    return call.node("Reshape", call[next(iter(call.arguments))], call.integers(*call.after))


def _transpose(call: Call) -> str:
    order = list(range(len(call.before)))
    one, other = call.place("dim0"), call.place("dim1")
    order[one], order[other] = other, one
    return call.node("Transpose", call["self"], perm=order)


def _permute(call: Call) -> str:
    return call.node("Transpose", call["self"], perm=[dim % len(call.before) for dim in call["dims"]])


def _narrow(call: Call) -> str:
    start = int(call["start"])
    ends = call.integers(start), call.integers(start + int(call["length"])), call.integers(call.place("dim"))
    return call.node("Slice", call["self"], *ends)


def _slice(call: Call) -> str:
    start, end, step = call["start"] or 0, call["end"], call["step"]
    ends = (start, 2**62 if end is None else end, call.place("dim"), step)
    return call.node("Slice", call["self"], *map(call.integers, ends))


def _concatenate(call: Call) -> str:
    return call.node("Concat", *call["tensors"], axis=call.place("dim"))


def _softmax(call: Call) -> str:
    return call.node("Softmax", call["self"], axis=call.place("dim"))


def _leaky_relu(call: Call) -> str:
    return call.node("LeakyRelu", call["self"], alpha=float(call["negative_slope"]))


OPERATORS: dict[str, Callable[[Call], str]] = {
    "aten.add.Tensor": _both("Add"),
    "aten.sub.Tensor": _both("Sub"),
    "aten.mul.Tensor": _both("Mul"),
    "aten.div.Tensor": _both("Div"),
    "aten.matmul.default": _both("MatMul"),
    "aten.linear.default": _linear,
    "aten.conv2d.default": _convolution,
    "aten.im2col.default": _im2col,
    "aten.adaptive_avg_pool2d.default": _global_pooling,
    "aten.avg_pool2d.default": _pooling("AveragePool"),
    "aten.max_pool2d.default": _pooling("MaxPool"),
    "aten.batch_norm.default": _batch_norm,
    "aten.instance_norm.default": _instance_norm,
    "aten.layer_norm.default": _layer_norm,
    "aten.mean.dim": _mean,
    "aten.relu.default": _same("Relu"),
    "aten.leaky_relu.default": _leaky_relu,
    "aten.hardswish.default": _same("HardSwish"),
    "aten.mish.default": _same("Mish"),
    "aten.softmax.int": _softmax,
    "aten.permute.default": _permute,
    "aten.transpose.int": _transpose,
    "aten.flatten.using_ints": _reshape,
    "aten.unflatten.int": _reshape,
    "aten.reshape.default": _reshape,
    "aten.view.default": _reshape,
    "aten.narrow.default": _narrow,
    "aten.slice.Tensor": _slice,
    "aten.cat.default": _concatenate,
    "aten.to.dtype": _same("Cast", to=1),  # 1: float32, the only type to which images are converted
}
"""By the name that `torch.export` gives an operator: what writes its nodes."""
