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

    @cached_property
    def parameters(self) -> tuple[tuple[int, ...], ...]:
        """By code, what of an instruction could be another: columns of its codes, and 4 + columns of its constants."""
        columns = ([1 + place for place in range(3) if count[place] > 1] for count in self.count.tolist())
        return tuple((*some, *range(4, 4 + len(one.constants))) for some, one in zip(columns, OPERATIONS, strict=True))

    @cached_property
    def n_parameters(self) -> np.ndarray:
        """How many those are, int64 [operations]."""
        return np.array([len(some) for some in self.parameters])


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


def random_operations(count: int, options: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes of operations, uint8 [count], out of `options`."""
    operations: np.ndarray = options[(rng.random(count) * len(options)).astype(np.intp)]
    return operations


def random_instructions(
    operations: np.ndarray, form: Form, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, constants and keys of new instructions with these operations, as `Program` has them."""
    drawn, places = rng.random((len(operations), 6)), operands(form)
    codes = np.empty((len(operations), 4), np.uint8)
    codes[:, 0] = operations
    codes[:, 1:] = drawn[:, :3] * places.count[operations]
    codes[:, 1:] += places.lowest[operations]
    return codes, _LOW[operations] + drawn[:, 3:] * _SPAN[operations], new_keys(len(operations), rng)


def new_keys(count: int, rng: np.random.Generator) -> np.ndarray:
    """Keys int64 [count]: out of so many that two are never the same."""
    return rng.integers(1, LARGEST_KEY, count)


def random_program(form: Form, lengths: tuple[int, int, int], operations: Sets, rng: np.random.Generator) -> Program:
    """A program of random instructions; `ConfigError` if a list that has some may have none of the operations."""
    drawn = []
    for section, length, options in zip(SECTIONS, lengths, allowed(form, operations), strict=True):
        if not 0 <= length <= MAX_LENGTH:
            raise ConfigError(f"expected at most {MAX_LENGTH} instructions of {section}, got {length}")
        if length > 0 and not len(options):
            raise ConfigError(
                f"expected an operation for which {section} has addresses, got none; allow other operations, or more "
                "scalars, vectors or matrices"
            )
        drawn.append(random_operations(length, options, rng))
    return Program(lengths, *random_instructions(np.concatenate(drawn), form, rng))
