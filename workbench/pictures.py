"""What a search space gives to be looked at, as plain data: a network as a graph of modules with its derivation tree,
or as lines of text.

A key names the same part in a parent and its child, so that views can tell what a mutation changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """One module of a network; the input and the output are nodes too."""

    key: str  # unique in the picture, and the same in parent and child
    label: str  # drawn in the node: "conv 3×3", "linear 64"
    kind: str  # decides its colour, such as "input", "output", "convolution", "norm", "activation", "sum"
    column: int  # place along the flow, from 0
    part: str = ""  # key of the tree node that it comes from; nodes of a collapsed part are drawn as one
    shape: tuple[int, ...] = ()  # of its output for one image, such as (channels, height, width)
    flops: int = 0  # of it alone, per image
    parameters: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)  # more for the tooltip


@dataclass(frozen=True)
class Edge:
    """Data that flow from one node to another."""

    source: str  # key of a node
    target: str
    label: str = ""


@dataclass(frozen=True)
class Branch:
    """One node of a derivation tree."""

    key: str
    label: str  # "Residual2", "branching × 4"
    kind: str  # level or kind of production, which decides its colour: "macro", "stage", "cell", "operation"
    parent: int | None  # place of its parent in `Picture.tree`; None for the root
    copies: int = 1  # how many equal copies of its subtree the network has


@dataclass(frozen=True)
class Picture:
    """A network as a graph of modules, and how it was derived if it was by a grammar."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    tree: tuple[Branch, ...] = ()  # in pre-order: parents before their children; empty if there is none


@dataclass(frozen=True)
class Line:
    """One line of a network that is told as text."""

    key: str
    section: str  # the heading under which it stands
    text: str  # "" if the section has no lines: a heading alone
    live: bool = True  # whether the answer depends on it
    writes: str = ""  # name in the text of what it writes, such as "v3"; its first place in the text
    reads: tuple[str, ...] = ()  # names in the text of what it reads
    flops: int = 0  # of it alone, each time
    names: Mapping[str, str] = field(default_factory=dict)
    """What names mean, such as {"v0": "features"}; all lines of a network may have the same."""
