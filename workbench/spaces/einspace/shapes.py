"""A derivation of einspace as a flat program: one step for each copy of an operation, with the shapes between them.

Cost, layout, torch module and picture are each one walk over `expand(...).steps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from workbench.derivations import Derivation
from workbench.errors import GenomeError
from workbench.spaces.einspace.grammar import BRANCHING, BRANCHING_2, COMPUTATION, OPERATIONS, SEQUENTIAL, Operation

Shape = tuple[int, ...]
"""Of one image's values: (channels, height, width) of an image, (tokens, features) of a sequence."""

MAX_STEPS = 4096


@dataclass(frozen=True)
class Step:
    """One operation of a network. Step i puts out value i + 1; value 0 is the network's input.

    Clones and identities are no steps: their output is their input. A group is a step for each part.
    """

    op: str  # of `grammar.Operation`, or "pool": the mean of sizes[0] × sizes[0] pixels
    sizes: tuple[int, ...]  # of the operation; for a group (parts, dimension, which part from 0)
    node: int  # place in the derivation; -1 for the pooling before the network
    key: int  # of that node; -1
    copy: int  # which of the equal copies of that node, from 0
    inputs: tuple[int, ...]  # values
    shapes: tuple[Shape, ...]  # of the inputs
    shape: Shape  # of the output

    @property
    def flops(self) -> int:
        """2 per multiply-accumulate, and for pooling the additions, per image."""
        return flops_of(Operation(self.op, self.sizes), self.shapes, self.shape)

    @property
    def parameters(self) -> int:
        """Trained values."""
        return parameters_of(Operation(self.op, self.sizes), self.shapes, self.shape)


@dataclass(frozen=True)
class Program:
    """The steps of a network in the order of execution, up to its head."""

    input_shape: tuple[int, int, int]  # channels, height, width
    steps: tuple[Step, ...]
    output: int  # the value that the head reads
    shape: Shape  # of that value


def shape_after(operation: Operation, shapes: tuple[Shape, ...], image: tuple[int, int] | None) -> Shape | None:
    """Shape of what an operation puts out (for branchings, of one branch); None if it does not fit its inputs.

    `image` is the height and width that col2im restores: those of the im2col of the innermost routing around it.
    """
    op, sizes, first = operation.op, operation.sizes, shapes[0]
    if op == "group":
        count, place = sizes[0], sizes[1] - 1
        fits = place < len(first) and first[place] % count == 0
        return (*first[:place], first[place] // count, *first[place + 1 :]) if fits else None
    if op == "permute":
        return tuple(first[place - 1] for place in sizes) if len(sizes) == len(first) else None
    if op == "im2col":
        after = image_after(operation, first)
        return (after[0] * after[1], first[0] * sizes[0] ** 2) if after else None
    if op == "col2im":
        return (first[1], *image) if image and len(first) == 2 and first[0] == prod(image) else None
    if op == "linear":
        return (*first[:-1], sizes[0])
    if op in ("dot", "scaled_dot"):
        second = shapes[1]
        fits = len(first) == len(second) and first[:-2] == second[:-2] and first[-1] == second[-2]
        return (*first[:-1], second[-1]) if fits else None
    if op == "add":
        return first if len(set(shapes)) == 1 else None
    if op == "concat":
        place = sizes[0] - 1
        rest = {(*shape[:place], 0, *shape[place + 1 :]) for shape in shapes}
        fits = place < len(first) and len(rest) == 1
        return (*first[:place], sum(shape[place] for shape in shapes), *first[place + 1 :]) if fits else None
    if op == "pool":
        return first[0], first[1] // sizes[0], first[2] // sizes[0]
    return first


def image_after(operation: Operation, shape: Shape) -> tuple[int, int] | None:
    """Height and width of the image whose pixels the tokens of an im2col are; None if it does not fit."""
    kernel, stride, padding = operation.sizes
    if len(shape) != 3 or min(shape[1:]) < kernel:
        return None
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in shape[1:])
    return height, width


def flops_of(operation: Operation, shapes: tuple[Shape, ...], shape: Shape) -> int:
    """2 per multiply-accumulate of one operation with these inputs and output; for pooling, additions."""
    if operation.op in ("linear", "dot", "scaled_dot"):
        return 2 * prod(shape) * shapes[0][-1]
    return prod(shapes[0]) if operation.op == "pool" else 0


def parameters_of(operation: Operation, shapes: tuple[Shape, ...], shape: Shape) -> int:
    """Trained values of one operation."""
    if operation.op == "linear":
        return (shapes[0][-1] + 1) * shape[-1]
    if operation.op == "norm":
        return 2 * (shape[0] if len(shape) == 3 else shape[-1])
    return prod(shape) if operation.op == "position" else 0


def expand(derivation: Derivation, input_shape: tuple[int, int, int], pool: int = 1) -> Program:
    """The program of a derivation, after the mean of `pool` × `pool` pixels; `GenomeError` if a shape does not fit.

    It goes as deep as the tree, whose depth is bounded where genomes are read.
    """
    expansion = _Expansion(derivation, [], [tuple(input_shape)])
    value = 0
    if pool > 1:
        value = expansion.add(Operation("pool", (pool,)), -1, 0, (0,), None)
    value = expansion.module(0, value, None, 0)
    return Program(input_shape, tuple(expansion.steps), value, expansion.shapes[value])


@dataclass
class _Expansion:
    """A program in the making."""

    derivation: Derivation
    steps: list[Step]
    shapes: list[Shape]  # by value

    def module(self, node: int, value: int, image: tuple[int, int] | None, copy: int) -> int:
        """Add the steps of a module that reads `value`; the value that it puts out."""
        code, children = int(self.derivation.codes[node]), self.derivation.children(node)
        if code == COMPUTATION:
            return self.terminal(children[0], (value,), image, copy)
        if code == SEQUENTIAL:
            return self.module(children[1], self.module(children[0], value, image, copy), image, copy)
        if code in (BRANCHING_2, BRANCHING):
            parts = self.branches(children[0], value, copy)
            if code == BRANCHING_2:
                inner = [self.module(children[1 + i], part, image, copy) for i, part in enumerate(parts)]
            else:
                inner = [self.module(children[1], part, image, copy * len(parts) + i) for i, part in enumerate(parts)]
            return self.terminal(children[-1], tuple(inner), image, copy)
        before = OPERATIONS[int(self.derivation.codes[children[0]])]
        inside = self.terminal(children[0], (value,), image, copy)
        if before.op == "im2col":
            image = image_after(before, self.shapes[value])
        return self.terminal(children[2], (self.module(children[1], inside, image, copy),), image, copy)

    def branches(self, node: int, value: int, copy: int) -> list[int]:
        """The values that the branches read."""
        operation = OPERATIONS[int(self.derivation.codes[node])]
        count = operation.sizes[0]
        if operation.op == "clone":
            return [value] * count
        parts = (Operation("group", (*operation.sizes, part)) for part in range(count))
        return [self.add(part, node, copy, (value,), None) for part in parts]

    def terminal(self, node: int, inputs: tuple[int, ...], image: tuple[int, int] | None, copy: int) -> int:
        """Add an operation; the value that it puts out."""
        operation = OPERATIONS[int(self.derivation.codes[node])]
        return inputs[0] if operation.op == "identity" else self.add(operation, node, copy, inputs, image)

    def add(
        self, operation: Operation, node: int, copy: int, inputs: tuple[int, ...], image: tuple[int, int] | None
    ) -> int:
        """Add a step; the value that it puts out."""
        shapes = tuple(self.shapes[value] for value in inputs)
        shape = shape_after(operation, shapes, image)
        if shape is None or len(self.steps) == MAX_STEPS:
            wrong = f"got {operation.op} of shapes {shapes}" if shape is None else f"got more than {MAX_STEPS:,} steps"
            raise GenomeError(f"expected a network whose shapes fit, {wrong}; it is damaged, or for other images")
        key = int(self.derivation.keys[node]) if node >= 0 else -1
        self.steps.append(Step(operation.op, operation.sizes, node, key, copy, inputs, shapes, shape))
        self.shapes.append(shape)
        return len(self.steps)
