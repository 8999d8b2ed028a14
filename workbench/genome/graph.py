"""Genomes as networkx graphs, which may go through files such as GraphML."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import GenomeError

if TYPE_CHECKING:
    import networkx


def write_graph(genome: Any) -> networkx.DiGraph:
    """See `Genome.to_networkx`."""
    import networkx

    graph = networkx.DiGraph(**{**genome._facts, "input_shape": ",".join(map(str, genome.input_shape))})
    first_hidden = genome.n_inputs + genome.n_outputs
    for neuron, (layer, place) in enumerate(zip(genome.layers.tolist(), genome.positions.tolist(), strict=True)):
        kind = "input" if neuron < genome.n_inputs else "output" if neuron < first_hidden else "hidden"
        graph.add_node(neuron, kind=kind, layer=layer)
        if kind != "output":
            graph.nodes[neuron].update(zip(("row", "column"), place, strict=True))
    biases = zip(genome.biases.tolist(), genome.shared_biases.tolist(), strict=True)
    for neuron, (bias, shared) in enumerate(biases, start=genome.n_inputs):
        graph.nodes[neuron].update(bias=bias, shared_bias=shared)
    for neuron, key in enumerate(genome.neuron_keys.tolist(), start=first_hidden):
        graph.nodes[neuron]["key"] = key
    columns = (array.tolist() for array in (genome.sources, genome.targets, genome.weights, genome.shared))
    for index, (source, target, weight, shared) in enumerate(zip(*columns, strict=True)):
        graph.add_edge(source, target, weight=weight, shared=shared, index=index)
    return graph


def read_graph(graph: networkx.DiGraph) -> dict[str, Any]:
    """The arguments of `Genome.from_edges`; see `Genome.from_networkx`."""
    if not (hasattr(graph, "graph") and hasattr(graph, "nodes") and graph.is_directed()):
        raise GenomeError(f"expected a directed graph, such as networkx.DiGraph, got {type(graph).__name__}")
    missing = [name for name in ("input_shape", "n_outputs") if name not in graph.graph]
    if missing:
        raise GenomeError(f"expected graph attributes input_shape and n_outputs, {' and '.join(missing)} missing")
    shape, n_outputs = _read_shape(graph.graph["input_shape"]), _whole(graph.graph["n_outputs"], "n_outputs")
    names = {node: _whole(node, "nodes named 0 … n-1 (inputs, outputs, hidden)") for node in graph.nodes}
    n_inputs, nodes = math.prod(shape), {number: graph.nodes[node] for node, number in names.items()}
    ids = sorted(number for number in nodes if not 0 <= number < n_inputs)  # inputs without edges may be left out
    if ids != list(range(n_inputs, n_inputs + len(ids))) or len(nodes) < len(names):
        raise GenomeError(f"expected nodes named 0 … n-1 (inputs, outputs, hidden), got {ids[:3]} … {ids[-3:]}")
    edges = sorted(graph.edges(data=True), key=lambda edge: _value(edge[2], "index", 0, int))
    body = [nodes[number] for number in ids]
    keys = [_value(node, "key", -1, int) if "key" in node else None for node in body[n_outputs:]]
    return {
        "input_shape": shape,
        "n_outputs": n_outputs,
        "sources": np.array([names[source] for source, _, _ in edges], np.int64),
        "targets": np.array([names[target] for _, target, _ in edges], np.int64),
        "weights": np.array([_value(edge[2], "weight", np.nan, float) for edge in edges], np.float32),
        "biases": np.array([_value(node, "bias", 0.0, float) for node in body], np.float32),
        "shared": np.array([_value(edge[2], "shared", -1, int) for edge in edges], np.int64),
        "normalization": graph.graph.get("normalization", "layer"),
        "neuron_keys": None if None in keys else np.array(keys, np.int64),
        "shared_biases": np.array([_value(node, "shared_bias", -1, int) for node in body], np.int64),
    }


def _read_shape(shape: Any) -> tuple[int, ...]:
    """(channels, height, width), also from text such as "1,28,28"."""
    sizes = shape.split(",") if isinstance(shape, str) else shape
    if not isinstance(sizes, Iterable):
        raise GenomeError(f"expected input_shape as channels, height and width, such as (1, 28, 28), got {shape!r}")
    return tuple(_whole(size, "input_shape of whole numbers, such as (1, 28, 28)") for size in sizes)


def _whole(value: Any, what: str) -> int:
    """A whole number, also one of numpy, or as text, as graphs come from files."""
    try:
        return int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        raise GenomeError(f"expected {what}, got {value!r}") from None


def _value(attributes: Mapping[str, Any], name: str, default: Any, kind: type) -> Any:
    value = attributes.get(name, default)
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        raise GenomeError(f"expected {name} to be a number, got {value!r}") from None
