"""The arrays of a genome to and from networkx graphs, lossless.

Nodes are neuron ids with attributes `kind` ("input", "output" or "hidden"), `layer`, `position` (row, column; None
for outputs), and for all but inputs `bias`; hidden ones also `key`. Edges have `weight` (NaN = not yet initialised),
`shared` (group, -1 = none) and `index` (their place in the genome's arrays). The graph itself knows `input_shape`,
`n_outputs` and `normalization`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import GenomeError

if TYPE_CHECKING:
    import networkx


def make_graph(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> networkx.DiGraph:
    """A directed graph of a genome from its shape and normalization, and its arrays with `layers` and `positions`."""
    import networkx

    graph = networkx.DiGraph(**facts)
    n_inputs, n_outputs = int(np.prod(facts["input_shape"])), facts["n_outputs"]
    for neuron, (layer, place) in enumerate(zip(arrays["layers"].tolist(), arrays["positions"].tolist(), strict=True)):
        kind = "input" if neuron < n_inputs else "output" if neuron < n_inputs + n_outputs else "hidden"
        graph.add_node(neuron, kind=kind, layer=layer, position=None if kind == "output" else tuple(place))
    for neuron, bias in enumerate(arrays["biases"].tolist(), start=n_inputs):
        graph.nodes[neuron]["bias"] = bias
    for neuron, key in enumerate(arrays["neuron_keys"].tolist(), start=n_inputs + n_outputs):
        graph.nodes[neuron]["key"] = key
    columns = (arrays[name].tolist() for name in ("sources", "targets", "weights", "shared"))
    for index, (source, target, weight, shared) in enumerate(zip(*columns, strict=True)):
        graph.add_edge(source, target, weight=weight, shared=shared, index=index)
    return graph


def read_graph(graph: networkx.DiGraph) -> dict[str, Any]:
    """The arguments of `Genome.from_edges` from such a graph; `GenomeError` without its shape or the ids 0 … n-1.

    `bias`, `key`, `weight`, `shared`, `index` and `normalization` may be left out.
    """
    missing = [name for name in ("input_shape", "n_outputs") if name not in graph.graph]
    if missing:
        raise GenomeError(f"expected graph attributes input_shape and n_outputs, {' and '.join(missing)} missing")
    shape, n_outputs = tuple(graph.graph["input_shape"]), int(graph.graph["n_outputs"])
    n_inputs = int(np.prod(shape))
    nodes = sorted(node for node in graph.nodes if isinstance(node, int))
    others = [node for node in graph.nodes if not isinstance(node, int)]
    if others or nodes[n_inputs:] != list(range(n_inputs, n_inputs + len(nodes[n_inputs:]))):
        raise GenomeError(f"expected nodes named 0 … n-1 (inputs, outputs, hidden), got {others[:3] or nodes[-3:]}")
    edges = sorted(graph.edges(data=True), key=lambda edge: edge[2].get("index", 0))
    body = [graph.nodes[node] for node in nodes[n_inputs:]]
    keys = [node.get("key") for node in body[n_outputs:]]
    return {
        "input_shape": shape,
        "n_outputs": n_outputs,
        "sources": np.array([source for source, _, _ in edges], np.int64),
        "targets": np.array([target for _, target, _ in edges], np.int64),
        "weights": np.array([data.get("weight", np.nan) for _, _, data in edges], np.float32),
        "biases": np.array([node.get("bias", 0.0) for node in body], np.float32),
        "shared": np.array([data.get("shared", -1) for _, _, data in edges], np.int64),
        "normalization": graph.graph.get("normalization", "layer"),
        "neuron_keys": None if None in keys else np.array(keys, np.int64),
    }
