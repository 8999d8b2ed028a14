"""Pictures of networks: what changed between two, and graphs in which parts are drawn as one (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.formats import counted
from workbench.pictures import Branch, Node, Picture

KEPT, ADDED, REMOVED, CHANGED = range(4)
"""States of nodes, edges and branches. `CHANGED`: kept with another label, or drawn as one with changes inside."""

STATE_NAMES = ("kept", "added", "removed", "changed")

MOST_AT_START = 60
"""Boxes that a graph has at most when it is first shown: so many can be read."""


@dataclass(frozen=True, eq=False)
class PictureDifference:
    """The union of two pictures, and what became of its parts; without an earlier picture all is kept.

    Attributes:
        picture: nodes and edges of the later picture, then removed ones; removed branches stand where they were.
        nodes: state of each node by its key.
        edges: state of each edge by the keys of its source and target.
        branches: state of each branch of the tree by its key.
    """

    picture: Picture
    nodes: Mapping[str, int]
    edges: Mapping[tuple[str, str], int]
    branches: Mapping[str, int]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Numbers of modules by state."""
        states = Counter(self.nodes.values())
        return {f"modules_{name}": states[state] for state, name in enumerate(STATE_NAMES)}


def picture_difference(before: Picture | None, after: Picture) -> PictureDifference:
    """What was added to, removed from and kept of `before` in `after`; parts are matched by their keys."""
    old = after if before is None else before
    nodes = _states(old.nodes, after.nodes)
    branches = _states(old.tree, after.tree)
    now = {(edge.source, edge.target): edge for edge in after.edges}
    was = {(edge.source, edge.target): edge for edge in old.edges}
    edges = {key: KEPT if key in was else ADDED for key in now}
    edges |= {key: REMOVED for key in was if key not in now}
    union = Picture(
        (*after.nodes, *(node for node in old.nodes if nodes[node.key] == REMOVED)),
        (*now.values(), *(edge for key, edge in was.items() if key not in now)),
        _union_tree(old.tree, after.tree),
    )
    return PictureDifference(union, nodes, edges, branches)


def _states(old: Sequence[Node | Branch], new: Sequence[Node | Branch]) -> dict[str, int]:
    was = {each.key: (each.label, each.kind) for each in old}
    states = {
        each.key: ADDED if each.key not in was else KEPT if was[each.key] == (each.label, each.kind) else CHANGED
        for each in new
    }
    return states | {each.key: REMOVED for each in old if each.key not in states}


def _union_tree(old: Sequence[Branch], new: Sequence[Branch]) -> tuple[Branch, ...]:
    """The later tree in pre-order; each removed branch follows what it followed in the earlier tree."""
    known = {branch.key for branch in new}
    below: dict[str | None, list[Branch]] = {}
    for branch in new:
        below.setdefault(_parent_key(new, branch), []).append(branch)
    last: dict[str | None, str] = {}  # of the earlier tree, by parent: the child seen last
    for branch in old:
        parent = _parent_key(old, branch)
        if branch.key not in known:
            siblings = below.setdefault(parent, [])
            keys = [each.key for each in siblings]
            siblings.insert(keys.index(last[parent]) + 1 if last.get(parent) in keys else 0, branch)
        last[parent] = branch.key
    union: list[Branch] = []
    waiting: list[tuple[Branch, int | None]] = [(branch, None) for branch in reversed(below.get(None, []))]
    while waiting:
        branch, parent_place = waiting.pop()
        here = len(union)
        union.append(Branch(branch.key, branch.label, branch.kind, parent_place, branch.copies))
        waiting += [(child, here) for child in reversed(below.get(branch.key, []))]
    return tuple(union)


def _parent_key(tree: Sequence[Branch], branch: Branch) -> str | None:
    return None if branch.parent is None else tree[branch.parent].key


def picture_changes_in_words(counts: Mapping[str, int]) -> str:
    """The `counts` of a difference as text: "3 modules added, 1 module removed"."""
    parts = [
        f"{counted(n, 'module')} {state}"
        for state in ("added", "removed", "changed")
        if (n := counts[f"modules_{state}"])
    ]
    return ", ".join(parts) or "no module differs"


@dataclass(frozen=True)
class Box:
    """One box of a graph: a module, or a part of the network that is drawn as one."""

    key: str  # of the module, or of the branch
    label: str
    kind: str
    members: tuple[str, ...]  # keys of the modules in it
    part: str = ""  # key of the branch that it comes from
    shape: tuple[int, ...] = ()  # of its output
    flops: int = 0  # sum, as are parameters; removed modules count only if all in the box were removed
    parameters: int = 0
    state: int = KEPT
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_part: bool = False  # whether it stands for a branch


@dataclass(frozen=True)
class Link:
    """Data that flow between two boxes, given by their places in `Graph.boxes`."""

    source: int
    target: int
    state: int = KEPT
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """What is drawn of a picture."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]


def depths(tree: Sequence[Branch]) -> list[int]:
    """Depth of each branch, 0 for the root."""
    found: list[int] = []
    for branch in tree:
        found.append(0 if branch.parent is None else found[branch.parent] + 1)
    return found


def open_to_level(tree: Sequence[Branch], level: int) -> frozenset[str]:
    """Keys of the branches that are open if all above depth `level` are."""
    return frozenset(branch.key for branch, depth in zip(tree, depths(tree), strict=True) if depth < level)


def open_at_start(difference: PictureDifference, most: int = MOST_AT_START) -> frozenset[str]:
    """Keys of the branches that are open at first: as many levels as are few boxes, new ones, what leads to changes."""
    tree, level = difference.picture.tree, 1
    while level < max(depths(tree), default=0) + 1:
        if len(_groups(difference.picture, open_to_level(tree, level + 1))) > most:
            break
        level += 1
    opened = set(open_to_level(tree, level))
    lead = set(opened)
    for branch in tree:
        state, above = difference.branches[branch.key], branch.parent
        if state == ADDED:
            lead.add(branch.key)
        while state != KEPT and above is not None:
            if difference.branches[tree[above].key] != REMOVED:
                lead.add(tree[above].key)
            above = tree[above].parent
    return frozenset(lead if len(_groups(difference.picture, lead)) <= 2 * most else opened)


def drawn_as(picture: Picture, opened: Collection[str]) -> dict[str, str]:
    """For each branch that is not drawn by itself, the key of the closed branch that it is part of."""
    closed: dict[str, str] = {}
    for branch in picture.tree:
        above = None if branch.parent is None else picture.tree[branch.parent].key
        if above in closed:
            closed[branch.key] = closed[above]
        elif branch.key not in opened:
            closed[branch.key] = branch.key
    return closed


def _groups(picture: Picture, opened: Collection[str]) -> list[tuple[str, list[Node]]]:
    """Modules that are drawn as one, with the key of their branch ("" if it is open).

    Modules of a closed branch that nothing in it joins, such as those of its copies, are drawn apart.
    """
    closed = drawn_as(picture, opened)
    part = {node.key: closed.get(node.part, "") for node in picture.nodes}
    first = {key: key for key in part}  # of those drawn as one

    def find(key: str) -> str:
        while first[key] != key:
            first[key] = key = first[first[key]]
        return key

    for edge in picture.edges:
        if part.get(edge.source) and part[edge.source] == part.get(edge.target):
            first[find(edge.target)] = find(edge.source)
    groups: dict[str, list[Node]] = {}
    for node in picture.nodes:
        groups.setdefault(find(node.key), []).append(node)
    return [(part[members[0].key], members) for members in groups.values()]


def graph_of(difference: PictureDifference, opened: Collection[str]) -> Graph:
    """The graph in which each branch that is not open is drawn as one box, unless it is a single module.

    Copies of a branch that have modules of their own are drawn as boxes of their own.
    """
    picture = difference.picture
    branches = {branch.key: branch for branch in picture.tree}
    boxes: list[Box] = []
    place: dict[str, int] = {}  # of the box of each module
    groups = _groups(picture, opened)
    times_drawn = Counter(part for part, _ in groups)
    for part, members in groups:
        place |= dict.fromkeys((node.key for node in members), len(boxes))
        if len(members) == 1:
            boxes.append(_module_box(members[0], difference))
        else:
            boxes.append(_part_box(branches[part], members, difference, copies_apart=times_drawn[part] > 1))
    states: dict[tuple[int, int], set[int]] = {}
    labels: dict[tuple[int, int], str] = {}
    for edge in picture.edges:
        ends = place.get(edge.source), place.get(edge.target)
        if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
            continue
        states.setdefault((ends[0], ends[1]), set()).add(difference.edges[edge.source, edge.target])
        labels[ends[0], ends[1]] = edge.label
    links = [Link(*ends, found.pop() if len(found) == 1 else KEPT, labels[ends]) for ends, found in states.items()]
    return Graph(tuple(boxes), tuple(links))


def _module_box(node: Node, difference: PictureDifference) -> Box:
    return Box(
        node.key,
        node.label,
        node.kind,
        (node.key,),
        node.part,
        tuple(node.shape),
        node.flops,
        node.parameters,
        difference.nodes[node.key],
        node.facts,
    )


def _part_box(branch: Branch, members: Sequence[Node], difference: PictureDifference, *, copies_apart: bool) -> Box:
    states = {difference.nodes[node.key] for node in members} | {difference.branches[branch.key]}
    present = [node for node in members if difference.nodes[node.key] != REMOVED] or members
    last = max(present, key=lambda node: node.column)
    return Box(
        branch.key,
        branch.label + (f" · {branch.copies} copies" if branch.copies > 1 and not copies_apart else ""),
        branch.kind,
        tuple(node.key for node in members),
        branch.key,
        tuple(last.shape),
        sum(node.flops for node in present),
        sum(node.parameters for node in present),
        states.pop() if len(states) == 1 else CHANGED,
        {"modules": len(present)},
        is_part=True,
    )
