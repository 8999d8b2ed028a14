"""Random instructions: operations uniform among those allowed in a list, addresses uniform, constants as published.

Whole lists are drawn at once, by tables over the codes of operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from workbench.errors import ConfigError
from workbench.spaces.programs.operations import CODES, OPERATIONS
from workbench.spaces.programs.program import MAX_LENGTH, SECTIONS, Form, Program

Sets = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Names of operations for Setup, Predict and Learn, as in `operations.OPERATION_SETS`."""

LARGEST_KEY = 2**62

_RANGES = {
    "value": (-1.0, 1.0),
    "row": (0.0, 1.0),
    "column": (0.0, 1.0),
    "low": (-1.0, 1.0),
    "high": (-1.0, 1.0),
    "mean": (-1.0, 1.0),
    "std": (0.0, 1.0),
}
"""By constant, between which it is drawn uniformly."""


@dataclass(frozen=True)
class Limits:
    """How many instructions the lists of a program may have."""

    setup: int  # at most
    predict: int
    learn: int
    least: int = 0  # of each list

    @property
    def most(self) -> tuple[int, int, int]:
        """Of Setup, Predict and Learn."""
        return self.setup, self.predict, self.learn


@dataclass(frozen=True)
class Operands:
    """By code of an operation and place (first input, second input, output), which addresses a form allows there."""

    form: Form

    @cached_property
    def used(self) -> np.ndarray:
        """Whether the operation has an operand there, bool [operations, 3]."""
        return np.array([[place < len(one.inputs) for place in (0, 1)] + [bool(one.output)] for one in OPERATIONS])

    @cached_property
    def lowest(self) -> np.ndarray:
        """The first address allowed, 0 where there is no operand; uint8 [operations, 3]."""
        first = [self.form.first_output(one.output) if one.output else 0 for one in OPERATIONS]
        return np.array([[0, 0, output] for output in first], np.uint8)

    @cached_property
    def count(self) -> np.ndarray:
        """How many addresses are allowed, 0 where there is no operand; int64 [operations, 3]."""
        rows = []
        for one in OPERATIONS:
            inputs = [self.form.addresses(kind) for kind in one.inputs]
            output = self.form.addresses(one.output) - self.form.first_output(one.output) if one.output else 0
            rows.append([*inputs, *[0] * (2 - len(inputs)), max(0, output)])
        return np.array(rows)

    @cached_property
    def possible(self) -> np.ndarray:
        """Whether there is an address for each operand, bool [operations]."""
        possible: np.ndarray = ((self.count > 0) | ~self.used).all(axis=1)
        return possible


@lru_cache(64)
def operands(form: Form) -> Operands:
    """The operands that a form allows."""
    return Operands(form)


CONSTANTS = np.array([len(operation.constants) for operation in OPERATIONS])
"""By code, how many constants an operation has."""

_LOW, _SPAN = np.zeros((len(OPERATIONS), 3)), np.zeros((len(OPERATIONS), 3))
for _code, _operation in enumerate(OPERATIONS):
    for _place, _name in enumerate(_operation.constants):
        _LOW[_code, _place], _SPAN[_code, _place] = _RANGES[_name][0], _RANGES[_name][1] - _RANGES[_name][0]


@lru_cache(64)
def allowed(form: Form, operations: Sets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By list, the codes of the operations that may be drawn there: those named that a form has addresses for."""
    possible = operands(form).possible
    setup, predict, learn = (
        np.array([CODES[name] for name in names if possible[CODES[name]]], np.uint8) for names in operations
    )
    return setup, predict, learn


def random_instructions(
    count: int, form: Form, options: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, constants and keys of new instructions, as `Program` has them; `options` are codes of operations."""
    drawn, places = rng.random((count, 7)), operands(form)
    operations = options[(drawn[:, 0] * len(options)).astype(np.intp)]
    codes = np.empty((count, 4), np.uint8)
    codes[:, 0] = operations
    codes[:, 1:] = drawn[:, 1:4] * places.count[operations]
    codes[:, 1:] += places.lowest[operations]
    return codes, _LOW[operations] + drawn[:, 4:] * _SPAN[operations], new_keys(count, rng)


def new_keys(count: int, rng: np.random.Generator) -> np.ndarray:
    """Keys int64 [count]: out of so many that two are never the same."""
    return rng.integers(1, LARGEST_KEY, count)


def random_program(form: Form, lengths: tuple[int, int, int], operations: Sets, rng: np.random.Generator) -> Program:
    """A program of random instructions; `ConfigError` if a list that has some may have none of the operations."""
    parts = []
    for section, length, options in zip(SECTIONS, lengths, allowed(form, operations), strict=True):
        if length > 0 and not len(options):
            raise ConfigError(
                f"expected an operation for which {section} has addresses, got none; allow other operations, or more "
                "scalars, vectors or matrices"
            )
        if not 0 <= length <= MAX_LENGTH:
            raise ConfigError(f"expected at most {MAX_LENGTH} instructions of {section}, got {length}")
        if length > 0:
            parts.append(random_instructions(length, form, options, rng))
    if not parts:
        return Program(lengths, np.zeros((0, 4), np.uint8), np.zeros((0, 3)), np.zeros(0, np.int64))
    codes, constants, keys = map(np.concatenate, zip(*parts, strict=True))
    return Program(lengths, codes, constants, keys)
