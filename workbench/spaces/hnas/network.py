"""From a derivation to the network that it stands for, as plain data: parts between places where values are summed.

Layout, cost, picture and torch module are all made from these parts, so they agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from workbench.derivations import Derivation
from workbench.spaces.hnas.grammar import TOPOLOGIES, ZERO

Shape = tuple[int, int, int]  # channels, height, width

SMALLEST_SIDE = 5
"""Pixels of an image that leave two by two after both resBlocks; InstanceNorm needs more than one."""


@dataclass(frozen=True)
class Form:
    """What is fixed around a derivation."""

    input_shape: Shape
    classes: int
    channels: int  # after the stem; each resBlock doubles them
    cells: int  # in each of the three stages around a shared cell
    image_size: int  # larger images are averaged until no side is longer; 0 leaves all

    @property
    def pooled(self) -> int:
        """Pixels along each side that are averaged into one before the stem; 1 if none are."""
        side = max(self.input_shape[1:])
        return -(-side // self.image_size) if self.image_size else 1

    @property
    def image(self) -> Shape:
        """The shape of an image as the stem gets it."""
        channels, height, width = self.input_shape
        return channels, -(-height // self.pooled), -(-width // self.pooled)


@dataclass(frozen=True)
class Part:
    """One module between two places of a network.

    Kinds: "pool" (the input is made smaller), "stem", "id", "avg_pool", "block" (activation, convolution, norm),
    "resBlock" and "head".
    """

    kind: str
    key: int  # of the node of the tree that it comes from; the root's if it is fixed
    copy: int  # which of the copies of that node
    source: int  # places
    target: int
    before: Shape  # of what it gets, for one image
    after: tuple[int, ...]  # of what it gives
    block: tuple[str, str, str] = ("relu", "conv3x3", "batch")  # of a block: activation, convolution, norm


@dataclass(frozen=True)
class Network:
    """Parts in the order of execution; what arrives at a place is summed. Place 0 is the image, the last the answer."""

    parts: tuple[Part, ...]
    places: tuple[
        tuple[int, int, int], ...
    ]  # per place (key, copy, which): where it lies, the same in parent and child
    copies: int  # of the tree's cell


@dataclass
class _Draft:
    """A network as it grows."""

    form: Form
    parts: list[Part] = field(default_factory=list)
    places: list[tuple[int, int, int]] = field(default_factory=list)
    shapes: dict[int, Any] = field(default_factory=dict)  # by place; missing until something arrives

    def place(self, key: int, copy: int, which: int) -> int:
        """A new place."""
        self.places.append((key, copy, which))
        return len(self.places) - 1

    def add(self, kind: str, key: int, copy: int, source: int, target: int, block: Any = Part.block) -> None:
        """Put a part between two places."""
        channels, height, width = before = self.shapes[source]
        after: tuple[int, ...] = before
        if kind == "pool":
            after = self.form.image
        elif kind == "stem":
            after = (self.form.channels, height, width)
        elif kind == "resBlock":
            after = (2 * channels, -(-height // 2), -(-width // 2))
        elif kind == "head":
            after = (self.form.classes,)
        self.shapes[target] = after
        if kind != ZERO:
            self.parts.append(Part(kind, key, copy, source, target, before, after, block))

    def expand(self, derivation: Derivation, source: int, target: int, copy: int) -> None:
        """Put all that a derivation stands for between two places."""
        productions = [derivation.grammar.productions[code] for code in derivation.codes.tolist()]
        keys, ends = derivation.keys.tolist(), {0: (source, target)}
        for node, production in enumerate(productions):
            if node not in ends:  # within a block
                continue
            start, stop = ends[node]
            if production.symbol == "CONVBLOCK":
                block = tuple(productions[child].name for child in derivation.children(node))
                self.add("block", keys[node], copy, start, stop, block)
            elif not production.children:
                kind = "block" if production.name.startswith("conv") else production.name
                self.add(kind, keys[node], copy, start, stop, ("relu", production.name, "batch"))
            else:
                edges = TOPOLOGIES[production.name]
                inner = [self.place(keys[node], copy, which) for which in range(1, edges[-1][1])]
                places = (start, *inner, stop)
                for child, (one, other) in zip(derivation.children(node), edges, strict=True):
                    ends[child] = places[one], places[other]


@lru_cache(maxsize=64)
def network(derivation: Derivation, form: Form) -> Network:
    """The network of a derivation, without parts that no image reaches or whose result nothing reads."""
    draft, root = _Draft(form), int(derivation.keys[0])
    here, length = draft.place(root, 0, 0), 0
    draft.shapes[here] = form.input_shape
    shared = derivation.production(0).symbol == "CELL"

    def chain(kind: str, copy: int = 0) -> None:
        nonlocal here, length
        length -= 1  # below 0 are the places between the parts of the chain, from 1 up those within a topology
        before, here = here, draft.place(root, copy, length)
        if kind == "cell":
            draft.expand(derivation, before, here, copy)
        else:
            draft.add(kind, root, copy, before, here)

    if form.pooled > 1:
        chain("pool")
    chain("stem")
    for stage in range(3 if shared else 1):
        if stage > 0:
            chain("resBlock", stage - 1)
        for cell in range(form.cells if shared else 1):
            chain("cell", form.cells * stage + cell)
    chain("head")
    return Network(tuple(_live(draft.parts, here)), tuple(draft.places), 3 * form.cells if shared else 1)


def _live(parts: list[Part], answer: int) -> Iterator[Part]:
    """The parts on a way from the image to the answer."""
    reached, read = {0}, {answer}
    for part in parts:
        if part.source in reached:
            reached.add(part.target)
    for part in reversed(parts):
        if part.target in read:
            read.add(part.source)
    return (part for part in parts if part.source in reached and part.target in read)
