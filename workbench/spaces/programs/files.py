"""Programs as `npz` bytes, and the check that arrays that anybody may have written are a program of a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workbench.errors import GenomeError
from workbench.genome.npz import names_of, read_arrays, write_arrays
from workbench.spaces.programs.liveness import kept_size
from workbench.spaces.programs.operations import OPERATIONS
from workbench.spaces.programs.program import MAX_LENGTH, OPERATION, SECTIONS, Form, Program
from workbench.spaces.programs.sampling import CONSTANTS, operands

FORMAT, FORMAT_VERSION = "workbench-program", 1

ARRAYS: dict[str, tuple[DTypeLike, int]] = {
    "codes": (np.uint8, 2),
    "constants": (np.float64, 2),
    "keys": (np.int64, 1),
}
_COLUMNS = ("operation", "first input", "second input", "output")
_USED = np.arange(3) < CONSTANTS[:, None]  # [operations, 3]
_FRACTION = np.array(
    [[name in ("row", "column") for name in one.constants] + [False] * (3 - len(one.constants)) for one in OPERATIONS]
)


def encode(program: Program, form: Form, facts: Mapping[str, Any] | None = None) -> bytes:
    """A program as bytes, with its memory if it has one; equal programs give equal bytes. `facts` are noted too."""
    arrays = {"codes": program.codes, "constants": program.constants, "keys": program.keys}
    if program.memory is not None:
        arrays["memory"] = program.memory
    head = {"form": asdict(form), "lengths": program.lengths, **(facts or {})}
    return write_arrays(FORMAT, FORMAT_VERSION, head, {name: np.ascontiguousarray(a) for name, a in arrays.items()})


def decode(blob: bytes, form: Form, *, tasks: int = 1, carries: bool = False) -> Program:
    """The program back, bit for bit; `GenomeError` unless it is one of this form, with the memory of so many tasks.

    `carries` is as in `liveness.kept`.
    """
    expected = dict(ARRAYS)
    if "memory" in names_of(blob):
        expected["memory"] = (np.float64, 2)
    head, arrays = read_arrays(blob, FORMAT, FORMAT_VERSION, expected)
    if head.get("form") != asdict(form):
        raise GenomeError(f"expected a program of the form {asdict(form)}, got {head.get('form')!r:.200}")
    lengths = head.get("lengths")
    if not isinstance(lengths, list) or len(lengths) != 3 or not all(type(length) is int for length in lengths):
        raise GenomeError(f"expected the lengths of {', '.join(SECTIONS)}, got {lengths!r:.80}; it is damaged")
    program = Program((lengths[0], lengths[1], lengths[2]), **arrays)
    check_program(program, form)
    if program.memory is not None:
        shape = (tasks, kept_size(program, form, carries=carries))
        if program.memory.shape != shape:
            raise GenomeError(f"expected a memory of shape {shape}, got {program.memory.shape}; it is damaged")
    return program


def check_program(program: Program, form: Form) -> None:
    """Raise `GenomeError` unless the instructions are valid in memory of this form; trained memory is not looked at.

    Valid are known operations; operands and outputs that the form has, outputs other than features and label; finite
    constants, of which those that are a place in a vector or matrix are from 0 to below 1; 0 for all that an operation
    does not use; different positive keys; lists of at most `MAX_LENGTH` instructions.
    """
    codes, constants, keys = program.codes, program.constants, program.keys
    if min(program.lengths) < 0 or max(program.lengths) > MAX_LENGTH:
        raise GenomeError(f"expected lists of at most {MAX_LENGTH} instructions, got {program.lengths}")
    n = sum(program.lengths)
    shapes = (codes.shape, constants.shape, keys.shape)
    if shapes != ((n, 4), (n, 3), (n,)):
        raise GenomeError(f"expected the arrays of {n} instructions, got shapes {shapes}; it is damaged")
    _refuse(codes[:, :1] >= len(OPERATIONS), codes[:, :1], _COLUMNS[:1], f"below {len(OPERATIONS)}")
    operations, places = codes[:, OPERATION], operands(form)
    offsets = codes[:, 1:].astype(np.int64) - places.lowest[operations]
    outside = np.where(places.used[operations], (offsets < 0) | (offsets >= places.count[operations]), offsets != 0)
    _refuse(outside, codes[:, 1:], _COLUMNS[1:], "an address that the operation may use there, 0 if it uses none")
    _refuse(~np.isfinite(constants), constants, ("constant",) * 3, "a finite number")
    _refuse(~_USED[operations] & (constants.view(np.int64) != 0), constants, ("constant",) * 3, "0, as it is not used")
    beside = _FRACTION[operations] & ((constants < 0) | (constants >= 1))
    _refuse(beside, constants, ("place",) * 3, "a fraction from 0 to below 1")
    if len(np.unique(keys)) < n or keys.min(initial=1) < 1:
        raise GenomeError("expected instructions with positive keys of their own, got others; it is damaged")


def _refuse(wrong: np.ndarray, values: np.ndarray, columns: tuple[str, ...], expected: str) -> None:
    """Raise `GenomeError` that says what the first wrong value is, if there is one."""
    if wrong.any():
        row, column = (int(place[0]) for place in np.nonzero(wrong))
        raise GenomeError(
            f"expected the {columns[column]} of instruction {row + 1} to be {expected}, got {values[row, column]}"
        )
