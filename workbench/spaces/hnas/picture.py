"""The network as a graph of modules, with its derivation as a tree of levels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from workbench.derivations import Derivation
from workbench.pictures import Branch, Edge, Node, Picture
from workbench.spaces.hnas.cost import part_cost
from workbench.spaces.hnas.grammar import LEVEL
from workbench.spaces.hnas.network import Form, Network, Part, network

LABELS = {
    "pool": "smaller image",
    "head": "norm, average, linear",
    "avg_pool": "average 3×3",
    "conv3x3": "conv 3×3",
    "conv1x1": "conv 1×1",
    "dconv3x3": "depthwise 3×3",
    "id": "identity",
}
COLOURS = {"pool": "pooling", "avg_pool": "pooling", "head": "output"}  # the other parts are convolutions


def picture(derivation: Derivation, form: Form) -> Picture:
    """Each part is a node, but an identity is an edge; where several results arrive, a node sums them."""
    net = network(derivation, form)
    arrivals, homes = Counter(part.target for part in net.parts), _homes(derivation, net)
    nodes = {"image": Node("image", "image", "input", 0, shape=form.input_shape)}
    gives, edges = {0: "image"}, Counter[tuple[str, str, str]]()  # by place the node whose result it has

    def join(source: str, target: Node, label: str = "") -> None:
        known = nodes.get(target.key, target)
        nodes[target.key] = replace(known, column=max(known.column, nodes[source].column + 1))
        edges[source, target.key, label] += 1

    for part in net.parts:
        source = gives[part.source]
        if part.kind != "id":
            join(source, _node(part))
            source = _node(part).key
        if arrivals[part.target] > 1:
            total = _sum(net, part, homes[part.target])
            join(source, total, "identity" if part.kind == "id" else "")
            source = total.key
        gives[part.target] = source
    drawn = (Edge(source, target, _times(label, count)) for (source, target, label), count in edges.items())
    return Picture(tuple(nodes.values()), tuple(drawn), _tree(derivation, net.copies))


def _node(part: Part) -> Node:
    """A part's node, in column 0."""
    activation, convolution, norm = part.block
    block = part.kind == "block"
    cost = part_cost(part)
    return Node(
        key=f"{part.key}.{part.copy}.{part.kind}",
        label=LABELS.get(convolution if block else part.kind, part.kind),
        kind=COLOURS.get(part.kind, "convolution"),
        column=0,
        part=str(part.key),
        shape=part.after,
        flops=cost.flops,
        parameters=cost.parameters,
        facts={"activation": activation, "norm": norm} if block else {},
    )


def _sum(net: Network, part: Part, home: int) -> Node:
    """The node that sums what arrives where a part ends."""
    return Node(".".join(map(str, net.places[part.target])), "+", "sum", 0, str(home), part.after)


def _homes(derivation: Derivation, net: Network) -> dict[int, int]:
    """By place, the key of the smallest subtree that all comes from that arrives there."""
    parents, keys = derivation.parents.tolist(), derivation.keys.tolist()
    nodes, ways = {key: node for node, key in enumerate(keys)}, dict[int, list[int]]()
    for part in net.parts:
        node, way = nodes[part.key], list[int]()
        while node >= 0:
            way.append(node)
            node = parents[node]
        way.reverse()
        known = ways.get(part.target, way)
        ways[part.target] = [one for one, other in zip(known, way, strict=False) if one == other]
    return {place: keys[way[-1]] for place, way in ways.items()}


def _times(label: str, count: int) -> str:
    """The label of an edge that is there several times."""
    return f"{label} × {count}".lstrip() if count > 1 else label


def _tree(derivation: Derivation, copies: int) -> tuple[Branch, ...]:
    branches = []
    parents, keys = derivation.parents.tolist(), derivation.keys.tolist()
    for node, (key, parent) in enumerate(zip(keys, parents, strict=True)):
        production = derivation.production(node)
        label = LABELS.get(production.name, production.name)
        if production.children:
            label = f"{production.symbol} → {production.name}"
        level = LEVEL[production.symbol]
        branches.append(Branch(str(key), label, level, None if parent < 0 else parent, copies))
    return tuple(branches)
