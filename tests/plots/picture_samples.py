"""Pictures of networks to look at."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from search.search_samples import NumberSpace

from workbench.pictures import Branch, Edge, Line, Node, Picture
from workbench.spaces import register


def residual_picture(stages: int, cells: int = 2) -> Picture:
    """A chain of residual cells in stages: 4 modules a cell, an input and an output."""
    tree = [Branch("root", "macro", "macro", None)]
    nodes = [Node("in", "input", "input", 0, shape=(3, 32, 32))]
    edges, last, column = [], "in", 0
    for stage in range(stages):
        tree.append(Branch(f"s{stage}", f"stage {stage}", "stage", 0))
        above = len(tree) - 1
        for cell in range(cells):
            name = f"{stage}.{cell}"
            tree.append(Branch(f"c{name}", "Residual2", "cell", above))
            here = len(tree) - 1
            keys = [f"o{name}.{number}" for number in range(3)]
            tree += [Branch(key, "conv 3×3", "operation", here) for key in keys]
            look = {"shape": (16, 8, 8), "flops": 1000, "parameters": 10}
            nodes += [
                Node(key, "conv 3×3", "convolution", column + at, part=key, **look)
                for key, at in zip(keys, (1, 1, 2), strict=True)
            ]
            nodes.append(Node(f"sum{name}", "sum", "sum", column + 3, part=f"c{name}", shape=(16, 8, 8)))
            pairs = [(last, keys[0]), (last, keys[1]), (keys[0], keys[2]), (keys[1], f"sum{name}")]
            edges += [Edge(*pair) for pair in (*pairs, (keys[2], f"sum{name}"))]
            last, column = f"sum{name}", column + 3
    nodes.append(Node("out", "10 classes", "output", column + 1, shape=(10,)))
    return Picture(tuple(nodes), (*edges, Edge(last, "out")), tuple(tree))


def resampled_picture(picture: Picture, cell: str = "0.1") -> Picture:
    """The same but for one operation of a cell, which is now two modules of another branch."""
    gone, new = f"o{cell}.2", f"new{cell}"
    nodes = [node for node in picture.nodes if node.key != gone]
    nodes += [
        Node(new, "conv 1×1", "convolution", 5, part=new, shape=(16, 8, 8), flops=500, parameters=5),
        Node(f"{new}a", "mish", "activation", 6, part=new, shape=(16, 8, 8)),
    ]
    edges = [edge for edge in picture.edges if gone not in (edge.source, edge.target)]
    edges += [Edge(f"o{cell}.0", new), Edge(new, f"{new}a"), Edge(f"{new}a", f"sum{cell}")]
    tree = [replace(each, key=new, label="Linear1") if each.key == gone else each for each in picture.tree]
    return Picture(tuple(nodes), tuple(edges), tuple(tree))


@register
class DrawnSpace(NumberSpace):
    """Numbers as chains of as many modules as their size has hundreds, told line by line as well."""

    name = "drawn"

    def picture(self, genome: Any) -> Picture:
        keys = [str(number) for number in range(2 + genome[0] // 100)]
        nodes = [Node(key, f"step {key}", "operation", column, part=key) for column, key in enumerate(keys)]
        tree = (Branch("root", "steps", "macro", None), *(Branch(key, f"step {key}", "operation", 0) for key in keys))
        return Picture(tuple(nodes), tuple(Edge(*pair) for pair in pairwise(keys)), tree)

    def listing(self, genome: Any) -> list[Line]:
        size = Line("size", "Numbers", f"size = {genome[0]}")
        return [size, *(Line(node.key, "Steps", node.label, node.key != "0") for node in self.picture(genome).nodes)]


@register
class ListedSpace(DrawnSpace):
    """The same, read as text first."""

    name = "listed"
    text_first = True
