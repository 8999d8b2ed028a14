"""Networks as files that run without this package.

In an ONNX graph activations are feature-major, [neurons, batch], as everywhere. A layer multiplies in one of two ways:

* scatter: weights are kept as (place, value), put into a matrix of zeros when the file is loaded, then one matrix
  product. The file grows with the edges (8 bytes each), memory and work with sources × targets.
* gather: rows of source indices, padded to the largest in-degree of the layer; gather, then a small product per row.

Measured with onnxruntime, scattered files are a third smaller and faster (a single image in a ninth to a half of the
time), so rows are gathered only where the matrix would be too large.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compiler.onnx_graph import FLOAT32, GraphWriter
from workbench.compiler.plan import Block, Plan, compile_genome
from workbench.compiler.torch_export import export_facts, mean_and_std, torch_program
from workbench.datasets import Dataset
from workbench.errors import ConfigError, ExportError
from workbench.genome import EPS, Genome, check_neurons
from workbench.individuals import Cost
from workbench.outputs import output_file
from workbench.space import check_ending

if TYPE_CHECKING:
    import onnx

LAYOUTS = ("auto", "gather", "scatter")

LARGEST_MATRIX = 2**25
"""Largest matrix (in values: 128 MB) that "auto" scatters; the rows of larger ones are gathered."""


def export_network(
    genome: Genome, path: str | os.PathLike[str], data: Dataset | None = None, *, raw: bool = False
) -> Path:
    """Write a trained genome to a file, in the format that the extension names.

    All formats take prepared images as `Dataset.arrays` gives them, flattened, [batch, inputs], and give logits; see
    `export_onnx` for `data` and `raw`.

    * `.pt2` or `.pt`: a `torch.export` program; `torch.export.load(path).module()` runs with torch alone.
    * `.onnx`: standard operators, dynamic batch; see `export_onnx`.
    * `.npz`: the genome as plain arrays, for `Genome.from_bytes`, or twenty lines of NumPy (docs/howto/export.md).

    Raises:
        ExportError: on another extension, a missing package, data that do not fit, or a file that cannot be written.
        WeightsError: on a genome without weights (unless `.npz`).
    """
    path = Path(path)
    check_neurons(genome)
    check_ending(path.suffix, tuple(FORMATS), raw)
    return _write(path, FORMATS[path.suffix](genome, data, raw))


def export_onnx(
    genome: Genome,
    path: str | os.PathLike[str],
    layout: str = "auto",
    data: Dataset | None = None,
    *,
    raw: bool = False,
) -> Path:
    """Write a trained genome as an ONNX model (opset 17): "images" [batch, inputs] -> "logits" [batch, outputs].

    Args:
        genome: the network.
        path: the file.
        layout: how layers multiply: "scatter", "gather" (see this module), or "auto": scatter unless a matrix would be
            huge.
        data: what it was trained on; mean, deviation and class names then become metadata of the file.
        raw: whether the file takes raw images, [batch, c, h, w] of the data's type (such as uint8), and centres and
            scales them itself; needs `data`.

    Raises:
        ExportError: if the package onnx is missing, the data do not fit, or the file cannot be written.
        WeightsError: on a genome without weights.
        ConfigError: if the layout is unknown.
    """
    return _write(Path(path), _onnx_bytes(genome, data, raw, layout))


def _facts(genome: Genome, data: Dataset | None, raw: bool) -> dict[str, Any]:
    cost = Cost(genome.flops, genome.flops_total, genome.n_parameters)
    return export_facts(genome.input_shape, genome.n_outputs, cost, data, raw=raw, flat=True)


def _write(path: Path, blob: bytes) -> Path:
    with output_file(path) as part:
        part.write_bytes(blob)
    return path


def _onnx_bytes(genome: Genome, data: Dataset | None, raw: bool, layout: str = "auto") -> bytes:
    check_neurons(genome)
    genome.check_weights()
    try:
        return onnx_model(genome, layout, data, raw=raw).SerializeToString()
    except ImportError:
        raise ExportError("ONNX files need the package onnx: pip install 'neuron-workbench[onnx]'") from None


def _torch_program(genome: Genome, data: Dataset | None, raw: bool) -> bytes:
    from workbench.compiler.network import NeuronNetwork

    genome.check_weights()
    facts = _facts(genome, data, raw)
    return torch_program(NeuronNetwork(genome, "gather"), facts, data, raw=raw, flat=True)


FORMATS: dict[str, Callable[[Genome, Dataset | None, bool], bytes]] = {
    ".pt2": _torch_program,
    ".pt": _torch_program,
    ".onnx": _onnx_bytes,
    ".npz": lambda genome, data, raw: genome.to_bytes(),
}
"""By extension: what turns a genome into the bytes of a file."""


def onnx_model(
    genome: Genome, layout: str = "auto", data: Dataset | None = None, *, raw: bool = False
) -> onnx.ModelProto:
    """The model of a genome whose weights are all there; see `export_onnx`."""
    if layout not in LAYOUTS:
        raise ConfigError(f"unknown layout {layout!r}; expected one of: {', '.join(LAYOUTS)}")
    plan, graph, facts = compile_genome(genome), GraphWriter(), _facts(genome, data, raw)
    weights, biases = plan.weights_of(genome)[plan.parameters], plan.biases_of(genome)
    images, dtype = "images", FLOAT32
    shape: list[int | str] = ["batch", genome.n_inputs]
    if data is not None and raw:
        mean, std = map(graph.constant, mean_and_std(data))
        centred = graph.node("Sub", graph.node("Cast", images, to=1), mean)  # 1: float32
        images, shape = graph.node("Flatten", graph.node("Div", centred, std), axis=1), ["batch", *data.shape]
        dtype = data.images("test").dtype
    outputs = [graph.node("Transpose", images, perm=[1, 0])]
    for layer in range(1, plan.n_layers):
        outputs.append(_layer(graph, plan, layer, outputs, weights, biases, layout))
    graph.node("Transpose", outputs[-1], perm=[1, 0], output="logits")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    return graph.model("neurons", shape, genome.n_outputs, texts, dtype)


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
    block = plan.block(layer)
    bias = graph.constant(biases[block.rows, None])
    if not block.feeders:  # outputs without edges: the batch is known from the images
        nothing = graph.node("ReduceSum", outputs[0], graph.constant(np.array([0])), keepdims=1)
        return graph.node("Add", graph.node("Mul", nothing, graph.constant(np.zeros((1, 1), np.float32))), bias)
    feeding = [outputs[index] for index in block.feeders]
    x = feeding[0] if len(feeding) == 1 else graph.node("Concat", *feeding, axis=0)
    is_large = (len(block.starts) - 1) * block.n_sources > LARGEST_MATRIX
    product = _gathered if layout == "gather" or (layout == "auto" and is_large) else _scattered
    total = graph.node("Add", product(graph, x, block, weights[block.edges]), bias)
    if layer == plan.n_layers - 1:
        return total
    return graph.node("Relu", _normalised(graph, total) if plan.normalised[layer] else total)


def _gathered(graph: GraphWriter, x: str, block: Block, weights: np.ndarray) -> str:
    """Padded rows; the padding points to source 0 with weight 0."""
    degrees = np.diff(block.starts)
    n_targets, width = len(degrees), int(degrees.max())
    rows = np.repeat(np.arange(n_targets), degrees)
    within = np.arange(len(block.columns)) - np.repeat(block.starts[:-1], degrees)
    index, value = np.zeros((n_targets, width), np.int32), np.zeros((n_targets, 1, width), np.float32)
    index[rows, within], value[rows, 0, within] = block.columns, weights
    gathered = graph.node("Gather", x, graph.constant(index), axis=0)  # [targets, width, batch]
    product = graph.node("MatMul", graph.constant(value), gathered)  # [targets, 1, batch]
    return graph.node("Squeeze", product, graph.constant(np.array([1])))


def _scattered(graph: GraphWriter, x: str, block: Block, weights: np.ndarray) -> str:
    """A full matrix, made of its non-zero places when the file is loaded."""
    n_targets, n_sources = len(block.starts) - 1, block.n_sources
    rows = np.repeat(np.arange(n_targets), np.diff(block.starts))
    size = graph.constant(np.array([n_targets * n_sources], np.int64))
    zeros = graph.node("ConstantOfShape", size)
    places = graph.constant((rows * n_sources + block.columns).astype(np.int32))
    filled = graph.node("ScatterElements", zeros, places, graph.constant(weights), axis=0)
    matrix = graph.node("Reshape", filled, graph.constant(np.array([n_targets, n_sources], np.int64)))
    return graph.node("MatMul", matrix, x)


def _normalised(graph: GraphWriter, total: str) -> str:
    """LayerNorm over the neurons of a layer, per sample."""
    centred = graph.node("Sub", total, graph.node("ReduceMean", total, axes=[0], keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[0], keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(np.array(EPS, np.float32))))
    return graph.node("Div", centred, deviation)
