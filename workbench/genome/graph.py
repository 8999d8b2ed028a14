"""Genomes to and from networkx graphs, lossless.

Nodes are neuron ids with attributes `kind` ("input", "output" or "hidden"), `layer`, `position` (row, column; None
for outputs), and for all but inputs `bias`; hidden ones also `key`. Edges have `weight` (NaN = not yet initialised),
`shared` (group, -1 = none) and `index` (their place in the genome's arrays). The graph itself knows `input_shape`,
`n_outputs` and `normalization`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.genome import Genome

if TYPE_CHECKING:
    import networkx


def genome_to_networkx(genome: Genome) -> networkx.DiGraph:
    """The genome as a directed graph with everything that it knows as attributes."""
    import networkx

    graph = networkx.DiGraph(
        input_shape=genome.input_shape, n_outputs=genome.n_outputs, normalization=genome.normalization
    )
    first_hidden = genome.n_inputs + genome.n_outputs
    for neuron, (layer, position) in enumerate(zip(genome.layers.tolist(), genome.positions.tolist(), strict=True)):
        if neuron < genome.n_inputs:
            graph.add_node(neuron, kind="input", layer=layer, position=tuple(position))
        elif neuron < first_hidden:
            graph.add_node(
                neuron,
                kind="output",
                layer=layer,
                position=None,
                bias=float(genome.biases[neuron - genome.n_inputs]),
            )
        else:
            graph.add_node(
                neuron,
                kind="hidden",
                layer=layer,
                position=tuple(position),
                bias=float(genome.biases[neuron - genome.n_inputs]),
                key=int(genome.neuron_keys[neuron - first_hidden]),
            )
    columns = (
        genome.sources.tolist(),
        genome.targets.tolist(),
        genome.weights.tolist(),
        genome.shared.tolist(),
    )
    for index, (source, target, weight, shared) in enumerate(zip(*columns, strict=True)):
        graph.add_edge(source, target, weight=weight, shared=shared, index=index)
    return graph


def genome_from_networkx(graph: networkx.DiGraph) -> Genome:
    """A genome from such a graph. `bias`, `key`, `weight`, `shared` and `index` may be left out.

    Raises:
        GenomeError: if the graph lacks its shape or its nodes are not the ids 0 … n-1.
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
    return Genome.from_edges(
        shape,
        n_outputs,
        np.array([source for source, _, _ in edges], np.int64),
        np.array([target for _, target, _ in edges], np.int64),
        np.array([data.get("weight", np.nan) for _, _, data in edges], np.float32),
        np.array([node.get("bias", 0.0) for node in body], np.float32),
        np.array([data.get("shared", -1) for _, _, data in edges], np.int64),
        graph.graph.get("normalization", "layer"),
        None if None in keys else np.array(keys, np.int64),
    )
