"""A genome as an ONNX graph of standard operators.

Activations are feature-major, [neurons, batch], as everywhere. Each layer multiplies in one of two ways:

* scatter: weights are kept as (place, value), put into a matrix of zeros when the file is loaded, then one matrix
  product. The file grows with the edges (8 bytes each), memory and work with sources × targets.
* gather: rows of source indices, padded to the largest in-degree of the layer; gather, then a small product per row.
  File, memory and work grow with the padded rows.

Measured with onnxruntime on one core, spatial nets of 7,000 to 233,000 edges: scattered files are a third smaller, a
single image takes a ninth to a half of the time, a batch of 128 as long (small nets) to 0.7 of it (large ones). So
rows are gathered only where the matrix would be too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compiler.plan import Plan, compile_genome
from workbench.errors import ConfigError
from workbench.genome import EPS, Genome

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 8
"""Old enough for runtimes of 2022."""

LAYOUTS = ("auto", "gather", "scatter")

LARGEST_MATRIX = 2**25
"""Values (128 MB) beyond which a layer's matrix is not filled, but its rows are gathered."""


class GraphWriter:
    """Collects nodes and constants; each node's output is named after the operator and a running number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray) -> str:
        """An initializer; its name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """A node with one output; its name."""
        from onnx import helper

        output = output or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def model(self, name: str, inputs: Sequence[int | str], n_outputs: int, facts: dict[str, str]) -> onnx.ModelProto:
        """The checked model from "images" of shape `inputs` to "logits" [batch, outputs]."""
        from onnx import TensorProto, checker, helper

        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, list(inputs))
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", n_outputs])
        graph = helper.make_graph(self.nodes, name, [images], [logits], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="workbench", ir_version=IR_VERSION
        )
        helper.set_model_props(model, facts)
        checker.check_model(model, full_check=True)
        return model


def onnx_model(genome: Genome, layout: str = "auto") -> onnx.ModelProto:
    """The model of a genome whose weights are all there: "images" [batch, inputs] -> "logits" [batch, outputs].

    Args:
        genome: the network.
        layout: how each layer multiplies: "scatter", "gather", or "auto": scatter unless the matrix would be huge.

    Raises:
        ConfigError: if the layout is unknown.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"unknown layout {layout!r}; expected one of: {', '.join(LAYOUTS)}")
    plan, graph = compile_genome(genome), GraphWriter()
    weights, biases = plan.weights_of(genome)[plan.parameters], plan.biases_of(genome)
    outputs = [graph.node("Transpose", "images", perm=[1, 0])]
    for layer in range(1, plan.n_layers):
        outputs.append(_layer(graph, plan, layer, outputs, weights, biases, layout))
    graph.node("Transpose", outputs[-1], perm=[1, 0], output="logits")
    facts = {
        "input_shape": ",".join(map(str, genome.input_shape)),
        "flops": str(genome.flops),
        "parameters": str(genome.n_parameters),
    }
    return graph.model("neurons", ["batch", genome.n_inputs], genome.n_outputs, facts)


def _layer(
    graph: GraphWriter,
    plan: Plan,
    layer: int,
    outputs: list[str],
    weights: np.ndarray,
    biases: np.ndarray,
    layout: str,
) -> str:
    """Sparse product with the layers that feed it, bias, LayerNorm, ReLU; the name of [neurons, batch]."""
    first, last = plan.layer_starts[layer], plan.layer_starts[layer + 1]
    edges = slice(plan.row_starts[first], plan.row_starts[last])
    starts = plan.row_starts[first : last + 1] - plan.row_starts[first]
    bias = graph.constant(biases[first - plan.n_inputs : last - plan.n_inputs, None])
    feeders, columns = _local_columns(plan, layer, plan.columns[edges])
    if not feeders:  # outputs that nothing feeds: the batch is known from the images
        nothing = graph.node("ReduceSum", outputs[0], graph.constant(np.array([0])), keepdims=1)
        return graph.node("Add", graph.node("Mul", nothing, graph.constant(np.zeros((1, 1), np.float32))), bias)
    feeding = [outputs[index] for index in feeders]
    x = feeding[0] if len(feeding) == 1 else graph.node("Concat", *feeding, axis=0)
    n_sources = int(np.diff(plan.layer_starts)[feeders].sum())
    product = _gathered if _is_gathered(layout, starts, n_sources) else _scattered
    total = graph.node("Add", product(graph, x, starts, columns, weights[edges], n_sources), bias)
    if layer == plan.n_layers - 1:
        return total
    return graph.node("Relu", _normalised(graph, total) if plan.normalised[layer] else total)


def _local_columns(plan: Plan, layer: int, columns: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Which layers feed one, and the edges' sources as rows of these layers one after the other."""
    column_layers = np.searchsorted(plan.layer_starts, columns, side="right") - 1
    feeders = np.unique(column_layers)
    sizes = np.diff(plan.layer_starts)
    offsets = np.zeros(layer, np.int64)
    offsets[feeders] = np.cumsum(sizes[feeders]) - sizes[feeders]
    return feeders.tolist(), columns - plan.layer_starts[column_layers] + offsets[column_layers]


def _is_gathered(layout: str, starts: np.ndarray, n_sources: int) -> bool:
    if layout != "auto":
        return layout == "gather"
    return (len(starts) - 1) * n_sources > LARGEST_MATRIX


def _gathered(
    graph: GraphWriter, x: str, starts: np.ndarray, columns: np.ndarray, weights: np.ndarray, n_sources: int
) -> str:
    """Padded rows; what pads points to source 0 with weight 0."""
    degrees = np.diff(starts)
    n_targets, width = len(degrees), int(degrees.max())
    rows = np.repeat(np.arange(n_targets), degrees)
    within = np.arange(len(columns)) - np.repeat(starts[:-1], degrees)
    index, value = np.zeros((n_targets, width), np.int32), np.zeros((n_targets, 1, width), np.float32)
    index[rows, within], value[rows, 0, within] = columns, weights
    gathered = graph.node("Gather", x, graph.constant(index), axis=0)  # [targets, width, batch]
    product = graph.node("MatMul", graph.constant(value), gathered)  # [targets, 1, batch]
    return graph.node("Squeeze", product, graph.constant(np.array([1])))


def _scattered(
    graph: GraphWriter, x: str, starts: np.ndarray, columns: np.ndarray, weights: np.ndarray, n_sources: int
) -> str:
    """A full matrix, made of its non-zero places when the file is loaded."""
    n_targets = len(starts) - 1
    rows = np.repeat(np.arange(n_targets), np.diff(starts))
    size = graph.constant(np.array([n_targets * n_sources], np.int64))
    zeros = graph.node("ConstantOfShape", size)
    places = graph.constant((rows * n_sources + columns).astype(np.int32))
    filled = graph.node("ScatterElements", zeros, places, graph.constant(weights), axis=0)
    matrix = graph.node("Reshape", filled, graph.constant(np.array([n_targets, n_sources], np.int64)))
    return graph.node("MatMul", matrix, x)


def _normalised(graph: GraphWriter, total: str) -> str:
    """LayerNorm over the neurons of a layer, per sample."""
    centred = graph.node("Sub", total, graph.node("ReduceMean", total, axes=[0], keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[0], keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(np.array(EPS, np.float32))))
    return graph.node("Div", centred, deviation)
