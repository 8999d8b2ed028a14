"""Programs to start from: nothing, random instructions, and the hand-written linear model and two-layer network.

The hand-written ones are online stochastic gradient descent on the cross-entropy, in as few addresses as it takes.
"""

from __future__ import annotations

import re

import numpy as np

from workbench.errors import ConfigError
from workbench.spaces.programs.operations import CODES, MATRIX, OPERATIONS, SCALAR, VECTOR
from workbench.spaces.programs.program import SECTIONS, Form, Program
from workbench.spaces.programs.sampling import Limits, Sets, new_keys, random_program

RATE = 0.01  # learning rate
STD = 0.1  # of the first weights of a network

_Instruction = tuple[str | float, ...]  # what it writes, its operation, then operands or constants
_Listing = tuple[tuple[_Instruction, ...], tuple[_Instruction, ...], tuple[_Instruction, ...]]

_LINEAR_PAIRS: _Listing = (
    (("s2", "scalar_constant", RATE),),
    (("s1", "vector_dot", "v0", "v1"),),
    (
        ("s3", "scalar_difference", "s0", "s1"),
        ("s3", "scalar_product", "s2", "s3"),
        ("v2", "scalar_vector", "s3", "v0"),
        ("v1", "vector_sum", "v1", "v2"),
    ),
)

_LINEAR_CLASSES: _Listing = (
    (("s0", "scalar_constant", RATE),),
    (("v2", "matrix_vector", "m0", "v0"),),
    (
        ("v2", "vector_difference", "v1", "v2"),
        ("v2", "scalar_vector", "s0", "v2"),
        ("m1", "vector_outer", "v2", "v0"),
        ("m0", "matrix_sum", "m0", "m1"),
    ),
)

_NETWORK_PAIRS: _Listing = (
    (
        ("s2", "scalar_constant", RATE),
        ("m0", "matrix_gaussian", 0.0, STD),
        ("v1", "vector_gaussian", 0.0, STD),
    ),
    (
        ("v3", "matrix_vector", "m0", "v0"),
        ("v3", "vector_sum", "v3", "v2"),  # bias
        ("v3", "vector_maximum", "v3", "v5"),  # ReLU: nothing writes v5
        ("s1", "vector_dot", "v3", "v1"),
        ("s1", "scalar_sum", "s1", "s3"),  # bias
    ),
    (
        ("s4", "scalar_difference", "s0", "s1"),
        ("s4", "scalar_product", "s2", "s4"),
        ("s3", "scalar_sum", "s3", "s4"),
        ("v4", "vector_heaviside", "v3"),
        ("v4", "vector_product", "v4", "v1"),
        ("v4", "scalar_vector", "s4", "v4"),
        ("v3", "scalar_vector", "s4", "v3"),
        ("v1", "vector_sum", "v1", "v3"),
        ("v2", "vector_sum", "v2", "v4"),
        ("m1", "vector_outer", "v4", "v0"),
        ("m0", "matrix_sum", "m0", "m1"),
    ),
)

_NETWORK_CLASSES: _Listing = (
    (
        ("s0", "scalar_constant", RATE),
        ("m0", "matrix_gaussian", 0.0, STD),  # m1 begins as zeros, so that outputs that are no class stay at 0
    ),
    (
        ("v3", "matrix_vector", "m0", "v0"),
        ("v3", "vector_sum", "v3", "v4"),  # bias
        ("v3", "vector_maximum", "v3", "v7"),  # ReLU: nothing writes v7
        ("v2", "matrix_vector", "m1", "v3"),
        ("v2", "vector_sum", "v2", "v5"),  # bias
    ),
    (
        ("v2", "vector_difference", "v1", "v2"),
        ("v2", "scalar_vector", "s0", "v2"),
        ("v5", "vector_sum", "v5", "v2"),
        ("m2", "matrix_transpose", "m1"),
        ("v6", "matrix_vector", "m2", "v2"),
        ("m2", "vector_outer", "v2", "v3"),
        ("m1", "matrix_sum", "m1", "m2"),
        ("v3", "vector_heaviside", "v3"),
        ("v3", "vector_product", "v3", "v6"),
        ("v4", "vector_sum", "v4", "v3"),
        ("m2", "vector_outer", "v3", "v0"),
        ("m0", "matrix_sum", "m0", "m2"),
    ),
)

_HAND_WRITTEN = {
    ("linear", False): _LINEAR_PAIRS,
    ("linear", True): _LINEAR_CLASSES,
    ("network", False): _NETWORK_PAIRS,
    ("network", True): _NETWORK_CLASSES,
}

STARTS = ("empty", "random", "linear", "network")
"""Names of the starts."""


def needs(start: str, vector_labels: bool) -> tuple[int, int, int]:
    """How many scalars, vectors and matrices a start takes; those of its form, if it is not hand-written."""
    listing = _HAND_WRITTEN.get((start, vector_labels))
    least = (0, 3, 0) if vector_labels else (2, 1, 0)  # features, label and prediction
    used = [word for lines in listing or () for line in lines for word in _addresses(line)]
    scalars, vectors, matrices = (
        max([some, *(int(word[1:]) + 1 for word in used if word[0] == kind)])
        for kind, some in zip((SCALAR, VECTOR, MATRIX), least, strict=True)
    )
    return scalars, vectors, matrices


def needs_lengths(start: str, vector_labels: bool) -> tuple[int, int, int]:
    """How many instructions of Setup, Predict and Learn a hand-written start has; 0 for the others."""
    setup, predict, learn = _HAND_WRITTEN.get((start, vector_labels), ((), (), ()))
    return len(setup), len(predict), len(learn)


def check_start(start: str, form: Form, limits: Limits) -> None:
    """Raise `ConfigError` unless memory and limits have room for a start; it names the setting that is too low."""
    if start not in STARTS:
        raise ConfigError(f"expected a start out of {', '.join(STARTS)}, got {start!r}")
    needed = dict(zip(("scalars", "vectors", "matrices"), needs(start, form.vector_labels), strict=True))
    given = {name: getattr(form, name) for name in needed}
    names = tuple(section.lower() for section in SECTIONS)
    needed |= dict(zip(names, needs_lengths(start, form.vector_labels), strict=True))
    given |= dict(zip(names, limits.most, strict=True))
    for name, least in needed.items():
        if given[name] < least:
            raise ConfigError(
                f"expected {name} of at least {least} for programs that start as {start!r}, got {given[name]}; raise "
                f"{name}, or choose another start out of {', '.join(STARTS)}"
            )


def starting_program(
    start: str,
    form: Form,
    limits: Limits,
    operations: Sets,
    rng: np.random.Generator,
    lengths: tuple[int, int, int] | None = None,
) -> Program:
    """A program to start from, with new keys.

    Args:
        start: "empty" (without instructions, or with as many that do nothing as there must be), "random", "linear" or
            "network".
        form: of the memory.
        limits: numbers of instructions.
        operations: names of those that random programs may have in Setup, Predict and Learn.
        rng: draws all that is random.
        lengths: instructions of random programs; half of the limits, rounded up, if none are given.

    Raises:
        ConfigError: if memory, limits or operations do not suffice.
    """
    check_start(start, form, limits)
    if start == "random":
        setup, predict, learn = ((most + 1) // 2 for most in limits.most)
        return random_program(form, lengths or (setup, predict, learn), operations, rng)
    idle: _Instruction = ("", "no_op")
    listing = _HAND_WRITTEN.get((start, form.vector_labels), ((idle,) * limits.least,) * 3)
    lines = [line for lines in listing for line in lines]
    codes, constants = np.zeros((len(lines), 4), np.uint8), np.zeros((len(lines), 3))
    for row, line in enumerate(lines):
        output, name, *rest = line
        operation = OPERATIONS[CODES[str(name)]]
        places = [int(str(word)[1:]) for word in rest[: len(operation.inputs)]]
        codes[row, : 1 + len(places)] = CODES[operation.name], *places
        codes[row, 3] = int(str(output)[1:] or 0)
        constants[row, : len(operation.constants)] = rest[len(places) :]
    setup, predict, learn = map(len, listing)
    return Program((setup, predict, learn), codes, constants, new_keys(len(lines), rng))


def _addresses(line: _Instruction) -> list[str]:
    """The addresses in an instruction, such as "v3"."""
    return [word for word in line if isinstance(word, str) and re.fullmatch(r"[svm]\d+", word)]
