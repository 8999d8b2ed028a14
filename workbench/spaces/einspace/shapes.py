"""Shapes of einspace's operations, and a derivation as flat steps: one for each copy of an operation.

Cost, layout, torch module and picture are each one walk over `expand(...)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from workbench.derivations import Derivation
from workbench.errors import GenomeError
from workbench.spaces.einspace.grammar import BRANCHING, BRANCHING_2, COMPUTATION, OPERATIONS, SEQUENTIAL, Operation

Shape = tuple[int, ...]
"""Of one image's values: (channels, height, width) of an image, (tokens, features) of a sequence."""

MAX_STEPS = 4096


IMAGE = -1
"""The network's input among the places of steps."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation with one output.

    Clones and identities are no steps: their output is their input. A group is a step "part" for each part, with args
    (dimension, which part from 0, of how many); col2im has (height, width); all others have those of the `Operation`.
    """

    key: int  # of the node of the derivation that it comes from
    copy: int  # which of the equal copies of that node, from 0
    kind: str
    args: tuple[int, ...]
    sources: tuple[int, ...]  # places of the steps that it reads, or `IMAGE`
    shape: Shape  # of its output


def shape_after(operation: Operation, shapes: tuple[Shape, ...], image: tuple[int, int] | None) -> Shape | None:
    """Shape of what an operation puts out (for branchings, of one branch); None if it does not fit its inputs.

    `image` is the height and width that col2im restores: those of the im2col of the innermost routing around it.
    """
    kind, args, first = operation.kind, operation.args, shapes[0]
    if kind == "group":
        count, place = args[0], args[1] - 1
        fits = place < len(first) and first[place] % count == 0
        return (*first[:place], first[place] // count, *first[place + 1 :]) if fits else None
    if kind == "permute":
        return tuple(first[place - 1] for place in args) if len(args) == len(first) else None
    if kind == "im2col":
        after = image_after(operation, first)
        return (after[0] * after[1], first[0] * args[0] ** 2) if after else None
    if kind == "col2im":
        return (first[1], *image) if image and len(first) == 2 and first[0] == prod(image) else None
    if kind == "linear":
        return (*first[:-1], args[0])
    if kind in ("dot", "scaled_dot"):
        second = shapes[1]
        fits = len(first) == len(second) and first[:-2] == second[:-2] and first[-1] == second[-2]
        return (*first[:-1], second[-1]) if fits else None
    if kind == "add":
        return first if len(set(shapes)) == 1 else None
    if kind == "concatenate":
        place = args[0] - 1
        rest = {(*shape[:place], 0, *shape[place + 1 :]) for shape in shapes}
        fits = place < min(map(len, shapes)) and len(rest) == 1
        return (*first[:place], sum(shape[place] for shape in shapes), *first[place + 1 :]) if fits else None
    return first


def image_after(operation: Operation, shape: Shape) -> tuple[int, int] | None:
    """Height and width of the image whose pixels the tokens of an im2col are; None if it does not fit."""
    kernel, stride, padding = operation.args
    if len(shape) != 3 or min(shape[1:]) + 2 * padding < kernel:
        return None
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in shape[1:])
    return height, width


def flops_of(kind: str, shapes: Sequence[Shape], shape: Shape) -> int:
    """2 per multiply-accumulate of one operation with inputs of `shapes` and an output of `shape`."""
    return 2 * prod(shape) * shapes[0][-1] if kind in ("linear", "dot", "scaled_dot") else 0


def parameters_of(kind: str, shapes: Sequence[Shape], shape: Shape) -> int:
    """Trained values of one operation."""
    if kind == "linear":
        return (shapes[0][-1] + 1) * shape[-1]
    if kind == "norm":
        return 2 * (shape[0] if len(shape) == 3 else shape[-1])
    return prod(shape) if kind == "position" else 0


def expand(derivation: Derivation, shape: Shape) -> tuple[Step, ...]:
    """The steps of a derivation on an image of `shape` (channels, height, width); `GenomeError` if one does not fit.

    The head reads the last step, or the image if there is none. It goes as deep as the tree, whose depth is bounded
    where genomes are read.
    """
    expansion = _Expansion(derivation, shape, [])
    expansion.module(0, IMAGE, None, 0)
    return tuple(expansion.steps)


@dataclass
class _Expansion:
    """A network in the making."""

    derivation: Derivation
    input_shape: Shape
    steps: list[Step]

    def shape(self, place: int) -> Shape:
        """Shape of what a step puts out."""
        return self.input_shape if place == IMAGE else self.steps[place].shape

    def module(self, node: int, source: int, image: tuple[int, int] | None, copy: int) -> int:
        """Add the steps of a module; the place of its output."""
        code, children = int(self.derivation.codes[node]), self.derivation.children(node)
        if code == COMPUTATION:
            return self.terminal(children[0], (source,), image, copy)
        if code == SEQUENTIAL:
            return self.module(children[1], self.module(children[0], source, image, copy), image, copy)
        if code in (BRANCHING_2, BRANCHING):
            parts = self.branches(children[0], source, copy)
            if code == BRANCHING_2:
                inner = [self.module(children[1 + i], part, image, copy) for i, part in enumerate(parts)]
            else:
                inner = [self.module(children[1], part, image, copy * len(parts) + i) for i, part in enumerate(parts)]
            return self.terminal(children[-1], tuple(inner), image, copy)
        before = OPERATIONS[int(self.derivation.codes[children[0]])]
        inside = self.terminal(children[0], (source,), image, copy)
        if before.kind == "im2col":
            image = image_after(before, self.shape(source))
        return self.terminal(children[2], (self.module(children[1], inside, image, copy),), image, copy)

    def branches(self, node: int, source: int, copy: int) -> list[int]:
        """The places that the branches read."""
        operation = OPERATIONS[int(self.derivation.codes[node])]
        if operation.kind == "clone":
            return [source] * operation.args[0]
        count, dimension = operation.args
        shape = self.after(operation, (source,), None)
        return [self.add(node, copy, "part", (dimension, part, count), (source,), shape) for part in range(count)]

    def terminal(self, node: int, sources: tuple[int, ...], image: tuple[int, int] | None, copy: int) -> int:
        """Add an operation; the place of its output."""
        operation = OPERATIONS[int(self.derivation.codes[node])]
        if operation.kind == "identity":
            return sources[0]
        shape = self.after(operation, sources, image)
        args = shape[1:] if operation.kind == "col2im" else operation.args
        return self.add(node, copy, operation.kind, args, sources, shape)

    def after(self, operation: Operation, sources: tuple[int, ...], image: tuple[int, int] | None) -> Shape:
        """Shape of an output."""
        shapes = tuple(map(self.shape, sources))
        shape = shape_after(operation, shapes, image)
        if shape is None:
            raise GenomeError(
                f"expected a network for images of shape {self.input_shape}, got one with {operation.kind} of shapes "
                f"{', '.join(map(str, shapes))}; it is damaged, or for other images"
            )
        return shape

    def add(
        self, node: int, copy: int, kind: str, args: tuple[int, ...], sources: tuple[int, ...], shape: Shape
    ) -> int:
        """Add a step; its place."""
        if len(self.steps) == MAX_STEPS:
            raise GenomeError(f"expected a network of at most {MAX_STEPS:,} steps, got more; it is damaged")
        self.steps.append(Step(int(self.derivation.keys[node]), copy, kind, args, sources, shape))
        return len(self.steps) - 1
