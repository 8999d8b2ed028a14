"""Programs: three lists of instructions over typed memory, immutable, and the form of the memory they run on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.spaces.programs.operations import MATRIX, OPERATIONS, SCALAR, VECTOR, Operation, element

SECTIONS = ("Setup", "Predict", "Learn")
SETUP, PREDICT, LEARN = range(3)

MAX_LENGTH = 100  # instructions of a list
MAX_ADDRESSES = 20  # of a type
MAX_FEATURES = 64

OPERATION, FIRST, SECOND, OUTPUT = range(4)
"""Columns of `Program.codes`."""


@dataclass(frozen=True)
class Form:
    """What the memory of a program looks like: s0 …, v0 …, m0 …, and where features, labels and predictions are.

    With `vector_labels` (classes) the label is v1, one-hot, and the prediction the first `n_outputs` values of v2;
    else (a pair of classes) the label is s0, 0 or 1, and the prediction s1. Features are v0. Nothing writes features
    and labels.
    """

    features: int  # F
    n_outputs: int  # classes, at most F; 1 without vector labels
    scalars: int  # addresses of each type
    vectors: int
    matrices: int
    vector_labels: bool = True

    def __post_init__(self) -> None:
        scalars, vectors = (0, 3) if self.vector_labels else (2, 1)
        allowed = {
            "n_outputs": (1, self.features if self.vector_labels else 1),
            "scalars": (scalars, MAX_ADDRESSES),
            "vectors": (vectors, MAX_ADDRESSES),
            "matrices": (0, MAX_ADDRESSES),
        }
        for name, (low, high) in allowed.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"expected {name} of a form from {low} to {high}, got {getattr(self, name)!r}")

    @property
    def label(self) -> tuple[str, int]:
        """Type and address."""
        return (VECTOR, 1) if self.vector_labels else (SCALAR, 0)

    @property
    def prediction(self) -> tuple[str, int]:
        """Type and address."""
        return (VECTOR, 2) if self.vector_labels else (SCALAR, 1)

    def addresses(self, kind: str) -> int:
        """How many there are of a type."""
        return {SCALAR: self.scalars, VECTOR: self.vectors, MATRIX: self.matrices}[kind]

    def first_output(self, kind: str) -> int:
        """The first address of a type that may be written."""
        if kind == VECTOR:
            return 2 if self.vector_labels else 1
        return 0 if self.vector_labels or kind == MATRIX else 1


@dataclass(frozen=True, eq=False)
class Program:
    """A genome: the instructions of Setup, Predict and Learn one after the other, and the memory that training left.

    Unused operands and constants are 0, so that equal programs have equal arrays. Arrays are read-only.
    """

    lengths: tuple[int, int, int]  # instructions of Setup, Predict and Learn
    codes: np.ndarray  # uint8 [instructions, 4]: operation, first and second input, output
    constants: np.ndarray  # float64 [instructions, 3], in the order of `Operation.constants`
    keys: np.ndarray  # int64 [instructions], the same in parent and child
    memory: np.ndarray | None = field(default=None, repr=False)
    """float64 [tasks, values]: what Predict needs to find in memory (`liveness.kept`); None before training."""

    def __post_init__(self) -> None:
        for array in (self.codes, self.constants, self.keys, self.memory):
            if array is not None:
                array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return Program, (self.lengths, self.codes, self.constants, self.keys, self.memory)

    @property
    def n_instructions(self) -> int:
        """Of all three lists."""
        return len(self.codes)

    @cached_property
    def sections(self) -> tuple[slice, slice, slice]:
        """Rows of Setup, Predict and Learn."""
        setup, predict, _ = self.lengths
        return slice(0, setup), slice(setup, setup + predict), slice(setup + predict, self.n_instructions)

    def operation(self, row: int) -> Operation:
        """The operation of an instruction."""
        return OPERATIONS[self.codes[row, OPERATION]]

    def text(self, row: int, form: Form) -> str:
        """How an instruction reads, such as "v3 = m0 · v0"; constants have 4 significant digits.

        Values of vectors and matrices are counted from 0.
        """
        operation, codes = self.operation(row), self.codes[row].tolist()
        words = {
            name: str(element(value, form.features)) if name in ("row", "column") else f"{value:.4g}".replace("-", "−")
            for name, value in zip(operation.constants, self.constants[row].tolist(), strict=False)
        }
        words |= {
            name: f"{kind}{codes[place]}"
            for name, kind, place in zip("ab", operation.inputs, (FIRST, SECOND), strict=False)
        }
        return operation.text.format(o=f"{operation.output}{codes[OUTPUT]}", **words)
