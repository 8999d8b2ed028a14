"""einspace: the grammar, and what its derivations expand to."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.derivations import Derivation
from workbench.errors import GenomeError
from workbench.spaces.einspace.grammar import (
    BRANCHING,
    BRANCHING_2,
    CODES,
    COMPUTATION,
    GRAMMAR,
    OPERATIONS,
    ROUTING,
    SEQUENTIAL,
    Operation,
)
from workbench.spaces.einspace.shapes import IMAGE, Step, expand, flops_of, parameters_of, shape_after

O = Operation  # noqa: E741


def tree(*codes: int) -> Derivation:
    return Derivation(GRAMMAR, np.array(codes), np.arange(len(codes)))


def linear(width: int) -> tuple[int, int]:
    return COMPUTATION, CODES["C", O("linear", (width,))]


def identity() -> tuple[int, int]:
    return COMPUTATION, CODES["C", O("identity")]


def im2col(kernel: int, stride: int, padding: int) -> int:
    return CODES["Pre", O("im2col", (kernel, stride, padding))]


COL2IM, SAME = CODES["Post", O("col2im")], CODES["Pre", O("identity")]
SAME_POST = CODES["Post", O("identity")]


def test_the_grammar_has_the_published_terminals():
    counts = {symbol: len(codes) for symbol, codes in GRAMMAR.codes.items()}
    assert counts == {"M": 5, "B2": 4, "B": 8, "A2": 6, "A": 4, "Pre": 14, "Post": 8, "C": 13}
    assert {operation.kind for operation in OPERATIONS.values()} >= {"position", "softmax", "scaled_dot", "col2im"}


def cost(steps: tuple[Step, ...], input_shape: tuple[int, ...]) -> tuple[int, int]:
    """FLOPs and parameters."""
    shapes = [[input_shape if place == IMAGE else steps[place].shape for place in step.sources] for step in steps]
    both = list(zip(steps, shapes, strict=True))
    flops = sum(flops_of(step.kind, of, step.shape) for step, of in both)
    return flops, sum(parameters_of(step.kind, of, step.shape) for step, of in both)


def test_a_convolution():
    steps = expand(tree(ROUTING, im2col(3, 1, 1), *linear(16), COL2IM), (3, 32, 32))
    assert [step.kind for step in steps] == ["im2col", "linear", "col2im"]
    assert [step.shape for step in steps] == [(1024, 27), (1024, 16), (16, 32, 32)]
    assert [step.sources for step in steps] == [(IMAGE,), (0,), (1,)]
    assert (steps[0].args, steps[2].args) == ((3, 1, 1), (32, 32))
    assert cost(steps, (3, 32, 32)) == (884_736, 448)


def test_copies_have_numbers_and_groups_a_step_for_each_part():
    inner = (BRANCHING, CODES["B", O("clone", (4,))], *linear(16), CODES["A", O("add")])
    steps = expand(
        tree(BRANCHING, CODES["B", O("group", (8, 1))], *inner, CODES["A", O("concatenate", (1,))]), (8, 4, 6)
    )
    parts = [step for step in steps if step.kind == "part"]
    assert [step.args for step in parts] == [(1, part, 8) for part in range(8)]
    assert {step.shape for step in parts} == {(1, 4, 6)}
    linears = [step for step in steps if step.kind == "linear"]
    assert [step.copy for step in linears] == list(range(32))
    assert [step.copy for step in steps if step.kind == "add"] == list(range(8))
    assert {step.sources for step in linears} == {(part,) for part in range(8)}
    assert steps[-1].shape == (8, 4, 16)


def test_attention():
    keys = (ROUTING, SAME, *linear(64), CODES["Post", O("permute", (2, 1))])
    scores = (BRANCHING_2, CODES["B2", O("clone", (2,))], *linear(64), *keys, CODES["A2", O("scaled_dot")])
    weights = (SEQUENTIAL, *scores, COMPUTATION, CODES["C", O("softmax")])
    attention = (BRANCHING_2, CODES["B2", O("clone", (2,))], *weights, *linear(64), CODES["A2", O("dot")])
    steps = expand(tree(ROUTING, im2col(4, 4, 0), *attention, SAME_POST), (3, 32, 32))
    assert steps[-1].shape == (64, 64)
    flops, parameters = cost(steps, (3, 32, 32))
    assert flops == 3 * 2 * 64 * 48 * 64 + 2 * 2 * 64**3
    assert parameters == 3 * (48 + 1) * 64


def test_col2im_restores_the_image_of_the_innermost_routing_around_it():
    inner = (ROUTING, im2col(3, 2, 1), *linear(16), COL2IM)
    columns = (ROUTING, SAME, *linear(32), COL2IM)
    assert expand(tree(ROUTING, SAME, *inner, CODES["Post", O("identity")]), (3, 9, 7))[-1].shape == (16, 5, 4)
    assert expand(tree(ROUTING, im2col(1, 2, 0), *columns, CODES["Post", O("identity")]), (3, 9, 7))[-1].shape == (
        32,
        5,
        4,
    )
    with pytest.raises(GenomeError, match="col2im of shapes"):
        expand(tree(SEQUENTIAL, ROUTING, im2col(1, 1, 0), *identity(), SAME_POST, *columns), (3, 9, 7))


def test_a_network_of_identities_has_no_steps():
    assert expand(tree(SEQUENTIAL, *identity(), *identity()), (3, 32, 32)) == ()


@pytest.mark.parametrize(
    ("operation", "shapes", "after"),
    [
        (O("permute", (2, 3, 1)), ((3, 5, 7),), (5, 7, 3)),
        (O("permute", (3, 1, 2)), ((3, 5, 7),), (7, 3, 5)),
        (O("permute", (2, 1)), ((3, 5, 7),), None),
        (O("group", (2, 3)), ((3, 5, 8),), (3, 5, 4)),
        (O("group", (2, 3)), ((4, 8),), None),
        (O("group", (4, 2)), ((3, 6, 8),), None),
        (O("im2col", (4, 4, 0)), ((1, 2, 8),), None),
        (O("im2col", (16, 16, 0)), ((2, 40, 33),), (4, 512)),
        (O("col2im"), ((6, 5),), (5, 2, 3)),
        (O("col2im"), ((7, 5),), None),
        (O("dot"), ((4, 2, 3), (4, 3, 5)), (4, 2, 5)),
        (O("dot"), ((4, 2, 3), (3, 3, 5)), None),
        (O("dot"), ((2, 3), (4, 3, 5)), None),
        (O("add"), ((2, 3), (2, 3)), (2, 3)),
        (O("add"), ((2, 3), (3, 2)), None),
        (O("concatenate", (2,)), ((2, 3), (2, 4)), (2, 7)),
        (O("concatenate", (1,)), ((2, 3), (2, 4)), None),
        (O("concatenate", (3,)), ((2, 3), (2, 3)), None),
        (O("concatenate", (3,)), ((2, 3, 4), (2, 3)), None),
    ],
)
def test_what_fits_what(operation, shapes, after):
    assert shape_after(operation, shapes, (2, 3)) == after


def test_a_network_with_too_many_copies_is_refused_soon():
    codes = [BRANCHING, CODES["B", O("clone", (8,))]] * 12 + [*linear(16)] + [CODES["A", O("add")]] * 12
    with pytest.raises(GenomeError, match="at most 4,096 steps"):
        expand(tree(*codes), (3, 8, 8))
