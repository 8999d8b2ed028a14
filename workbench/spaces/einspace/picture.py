"""Networks of einspace to be looked at: the graph of steps with its derivation tree, and one short line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from workbench.derivations import Derivation
from workbench.formats import counted
from workbench.pictures import Branch, Edge, Node, Picture
from workbench.spaces.einspace.cost import flops, parameters
from workbench.spaces.einspace.grammar import BRANCHING, COMPUTATION, OPERATIONS, ROUTING, Operation
from workbench.spaces.einspace.network import Network
from workbench.spaces.einspace.shapes import IMAGE, Step

KINDS = {
    "leaky_relu": "activation",
    "softmax": "activation",
    "add": "sum",
    "concatenate": "aggregation",
    "dot": "product",
    "scaled_dot": "product",
    "permute": "permutation",
    "im2col": "reshape",
    "col2im": "reshape",
    "part": "split",
    "clone": "split",
    "group": "split",
    "downscale": "scaling",
    "mean": "pooling",
}
"""Kinds of nodes, where they are not named as those of steps and operations."""

THINGS = {
    "convolution": ("convolution",),
    "linear map": ("linear",),
    "product": ("dot", "scaled_dot"),
    "sum": ("add",),
    "norm": ("norm",),
    "activation": ("leaky_relu", "softmax"),
}
"""What `summary` counts, by the kinds of steps."""


def picture(derivation: Derivation, network: Network) -> Picture:
    """Equal copies are one node, which has the FLOPs and parameters of all; identities and clones are edges.

    A convolution belongs to its routing in the tree, which is labelled as it is.
    """
    routings = _routings(derivation)
    labels = {
        routings[step.key]: _label(step)
        for step in network.steps
        if step.kind == "convolution" and step.key in routings
    }
    nodes = {"image": Node("image", "image", "input", 0, shape=network.input_shape)}
    edges = Counter[tuple[str, str]]()
    copies = Counter(_name(network, step) for step in network.steps)
    for step in network.steps:
        name = _name(network, step)
        if name not in nodes:
            sources = ["image" if source == IMAGE else _name(network, network.steps[source]) for source in step.sources]
            column = 1 + max(nodes[source].column for source in sources)
            nodes[name] = _node(network, step, name, column, copies[name], routings.get(step.key, step.key))
            edges.update((source, name) for source in sources)
    drawn = (Edge(*ends, f"× {count}" if count > 1 else "") for ends, count in edges.items())
    return Picture(tuple(nodes.values()), tuple(drawn), _tree(derivation, labels))


def summary(network: Network) -> str:
    """What it has, such as "2 convolutions, 1 linear map, 1 sum"; the head does not count."""
    kinds = Counter(step.kind for step in network.steps if step.key >= 0)
    found = {thing: sum(kinds[kind] for kind in of) for thing, of in THINGS.items()}
    return ", ".join(counted(count, thing) for thing, count in found.items() if count) or "no computation"


def _name(network: Network, step: Step) -> str:
    """The key of a step's node, the same for all copies; two parts are two nodes, of more only one is drawn."""
    if step.key < 0:
        return "logits" if step is network.steps[-1] else step.kind
    two_parts = step.kind == "part" and step.args[2] == 2
    return f"{step.key}.{step.args[1]}" if two_parts else str(step.key)


def _node(network: Network, step: Step, name: str, column: int, copies: int, part: int) -> Node:
    return Node(
        key=name,
        label=_label(step),
        kind="output" if name == "logits" else KINDS.get(step.kind, step.kind),
        column=column,
        part=str(part) if step.key >= 0 else "",
        shape=step.shape,
        flops=copies * flops(network, step),
        parameters=copies * parameters(network, step),
        facts={"copies": copies} if copies > 1 else {},
    )


def _label(step: Step) -> str:
    if step.kind == "convolution":
        kernel, stride, _ = step.args
        width = step.shape[0 if len(step.shape) == 3 else 1]
        return f"conv {kernel}×{kernel}{f' / {stride}' if stride > 1 else ''}, {width}"
    if step.kind == "norm":
        return "batch norm" if len(step.shape) == 3 else "layer norm"
    if step.kind == "part":
        _, which, count = step.args
        return f"part {which + 1} of 2" if count == 2 else f"each of {count} parts"
    if step.kind in ("col2im", "downscale", "mean"):
        return {"col2im": "col2im", "downscale": "smaller image", "mean": "mean"}[step.kind]
    return _operation(Operation(step.kind, step.args))


def _operation(operation: Operation) -> str:
    """A terminal in words."""
    kind, args = operation.kind, operation.args
    if kind == "add":
        return "+"
    if kind == "permute":
        return f"permute {''.join(map(str, args))}"
    if kind == "im2col":
        return f"im2col {args[0]}×{args[0]}{f' / {args[1]}' if args[1] > 1 else ''}"
    if kind == "group":
        return f"{args[0]} groups along {args[1]}"
    if kind == "clone":
        return f"clone × {args[0]}"
    words = {
        "concatenate": "concatenate along",
        "leaky_relu": "leaky ReLU",
        "position": "positional encoding",
        "dot": "dot product",
        "scaled_dot": "scaled dot product",
    }
    return " ".join([words.get(kind, kind), *map(str, args)])


def _routings(derivation: Derivation) -> dict[int, int]:
    """By the key of a linear map that alone is what a routing of patches back to an image does: the routing's key."""
    found, keys = dict[int, int](), derivation.keys.tolist()
    for node in (derivation.codes == ROUTING).nonzero()[0].tolist():
        before, module, after = derivation.children(node)
        ends = [OPERATIONS[int(derivation.codes[place])].kind for place in (before, after)]
        if ends == ["im2col", "col2im"] and derivation.codes[module] == COMPUTATION:
            found[keys[module + 1]] = keys[node]
    return found


def _tree(derivation: Derivation, labels: Mapping[int, str]) -> tuple[Branch, ...]:
    """All nodes of the derivation, `labels` by key; the one module that a branching copies says how often."""
    branches: list[Branch] = []
    parents, keys = derivation.parents.tolist(), derivation.keys.tolist()
    for node, (key, parent, code) in enumerate(zip(keys, parents, derivation.codes.tolist(), strict=True)):
        operation = OPERATIONS.get(code)
        name = derivation.production(node).name
        label = _operation(operation) if operation else labels.get(key, name)
        kind = KINDS.get(operation.kind, operation.kind) if operation else name.split()[0]
        branches.append(Branch(str(key), label, kind, None if parent < 0 else parent))
    for node in (derivation.codes == BRANCHING).nonzero()[0].tolist():
        branching, copied, _ = derivation.children(node)
        count = OPERATIONS[int(derivation.codes[branching])].args[0]
        branches[copied] = replace(branches[copied], copies=count)
    return tuple(branches)
