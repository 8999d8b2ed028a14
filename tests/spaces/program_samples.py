"""Programs written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from workbench.spaces.programs.operations import CODES, OPERATIONS
from workbench.spaces.programs.program import Form, Program

Statement = tuple[str, int, *tuple[float, ...]]
"""Name of the operation, output, operands, constants."""


def program_of(setup: Sequence[Statement], predict: Sequence[Statement], learn: Sequence[Statement]) -> Program:
    codes, constants = [], []
    for name, output, *rest in (*setup, *predict, *learn):
        operation = OPERATIONS[CODES[name]]
        operands = [*rest[: len(operation.inputs)], 0, 0]
        codes.append((CODES[name], *operands[:2], output))
        constants.append([*rest[len(operation.inputs) :], 0, 0, 0][:3])
    return Program(
        (len(setup), len(predict), len(learn)),
        np.array(codes, np.uint8).reshape(-1, 4),
        np.array(constants, np.float64).reshape(-1, 3),
        np.arange(1, len(codes) + 1),
    )


forms = st.builds(
    lambda features, outputs, pairs, more: Form(
        features, 1 if pairs else min(outputs, features), 3 + more, 3 + more, more, vector_labels=not pairs
    ),
    st.sampled_from([1, 2, 3, 5, 9]),
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 2),
)

NUMBERS = (0.0, 1.0, -1.0, 0.01, 0.5, -2.5, 1e300, -1e-300, 3.0, 20.0)
FRACTIONS = (0.0, 0.2, 0.5, 0.99, 1.0, -0.3)


def random_program(form: Form, rng: np.random.Generator, longest: int = 8) -> Program:
    """A program written from the prediction back: most instructions write what a later one reads, so most are live.

    Setup ends with draws for most addresses, since much of what starts from zeros stays zero.
    """
    wanted = [form.prediction, form.prediction]

    def constant(name: str) -> float:
        numbers = FRACTIONS if name in ("row", "column") else (*NUMBERS, *rng.normal(size=20))
        return float(rng.choice(numbers))

    def place(kind: str, first: int = 0) -> int:
        return int(rng.integers(first, form.addresses(kind)))

    def statement() -> Statement:
        kind, index = wanted[rng.integers(len(wanted))] if rng.random() < 0.9 else ("", 0)
        possible = [one for one in OPERATIONS if not kind or one.output == kind]
        operation = possible[rng.integers(len(possible))]
        if not kind and operation.output:
            index = place(operation.output, form.first_output(operation.output))
        operands = [place(kind) for kind in operation.inputs]
        read = zip(operation.inputs, operands, strict=True)
        wanted.extend((kind, index) for kind, index in read if index >= form.first_output(kind))
        return (operation.name, index, *operands, *map(constant, operation.constants))

    def some() -> list[Statement]:
        return [statement() for _ in range(rng.integers(longest + 1))][::-1]

    predict, learn, setup = some(), some(), some()
    for kind, name in (("s", "scalar"), ("v", "vector"), ("m", "matrix")):
        for index in range(form.first_output(kind), form.addresses(kind)):
            if rng.random() < 0.7:
                setup.append((f"{name}_gaussian", index, 0.0, 1.0))
    return program_of(setup, predict, learn)


programs = st.builds(
    lambda form, seed: (form, random_program(form, np.random.default_rng(seed))), forms, st.integers(0, 2**32 - 1)
)
"""Forms, and programs of them."""


CLASSES, PAIRS = Form(16, 10, 4, 10, 4), Form(16, 1, 6, 8, 3, vector_labels=False)

LINEAR_PAIRS = program_of(
    [("scalar_constant", 2, 0.01)],
    [("vector_dot", 1, 0, 1)],
    [
        ("scalar_difference", 3, 0, 1),
        ("scalar_product", 3, 2, 3),
        ("scalar_vector", 2, 3, 0),
        ("vector_sum", 1, 1, 2),
    ],
)

NETWORK_PAIRS = program_of(
    [("scalar_constant", 2, 0.01), ("vector_gaussian", 1, 0.0, 0.1), ("matrix_gaussian", 0, 0.0, 0.1)],
    [
        ("matrix_vector", 2, 0, 0),
        ("vector_maximum", 3, 2, 7),
        ("vector_dot", 1, 1, 3),
    ],
    [
        ("scalar_difference", 3, 0, 1),
        ("scalar_product", 3, 2, 3),
        ("vector_heaviside", 4, 2),
        ("vector_product", 4, 4, 1),
        ("scalar_vector", 4, 3, 4),
        ("vector_outer", 1, 4, 0),
        ("matrix_sum", 0, 0, 1),
        ("scalar_vector", 5, 3, 3),
        ("vector_sum", 1, 1, 5),
    ],
)

LINEAR_CLASSES = program_of(
    [("scalar_constant", 2, 0.01)],
    [("matrix_vector", 2, 0, 0)],
    [
        ("vector_difference", 3, 1, 2),
        ("scalar_vector", 3, 2, 3),
        ("vector_outer", 1, 3, 0),
        ("matrix_sum", 0, 0, 1),
    ],
)

NETWORK_CLASSES = program_of(
    [("scalar_constant", 2, 0.01), ("matrix_gaussian", 0, 0.0, 0.1), ("matrix_gaussian", 1, 0.0, 0.1)],
    [
        ("matrix_vector", 3, 0, 0),
        ("vector_maximum", 4, 3, 5),
        ("matrix_vector", 2, 1, 4),
    ],
    [
        ("vector_difference", 6, 1, 2),
        ("scalar_vector", 6, 2, 6),
        ("vector_heaviside", 7, 3),
        ("matrix_transpose", 3, 1),
        ("matrix_vector", 8, 3, 6),
        ("vector_product", 8, 8, 7),
        ("vector_outer", 2, 6, 4),
        ("matrix_sum", 1, 1, 2),
        ("vector_outer", 2, 8, 0),
        ("matrix_sum", 0, 0, 2),
    ],
)
