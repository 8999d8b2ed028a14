"""Which instructions an answer depends on, and which memory of a trained program its answers need.

A set of addresses is an int with a bit for each: numbers, then vectors, then matrices, `MAX_ADDRESSES` of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from workbench.errors import GenomeError
from workbench.spaces.programs.operations import MATRIX, OPERATIONS, SCALAR, VECTOR
from workbench.spaces.programs.program import MAX_ADDRESSES, OPERATION, Form, Program

_PLACES = {SCALAR: 0, VECTOR: MAX_ADDRESSES, MATRIX: 2 * MAX_ADDRESSES}
_INPUTS = tuple(tuple(_PLACES[kind] for kind in operation.inputs) for operation in OPERATIONS)
_OUTPUTS = tuple(_PLACES.get(operation.output) for operation in OPERATIONS)
_WRITES_PART = tuple(operation.writes_part for operation in OPERATIONS)

Steps = list[tuple[int, int, bool]]
"""Of each instruction: the addresses that it reads, the one that it writes, and whether all of it."""


def live(program: Program, form: Form, *, carries: bool = False) -> np.ndarray:
    """Instructions on which an answer depends, through training: bool [instructions].

    Without the others, every prediction and all memory that answers need stay as they are. With `carries`, memory runs
    through from answer to answer.
    """
    return _analysis(program, form, carries).live


def answering(program: Program, form: Form, *, carries: bool = False) -> np.ndarray:
    """Instructions of Predict on which an answer of the trained program depends: bool [instructions]."""
    return _analysis(program, form, carries).answering


def kept(program: Program, form: Form, *, carries: bool = False) -> list[tuple[str, int]]:
    """Addresses (type, index) that an answer reads before it writes them, except features and label.

    Numbers come first, then vectors, then matrices.
    """
    return list(_analysis(program, form, carries).kept)


def kept_size(program: Program, form: Form, *, carries: bool = False) -> int:
    """Values of the memory that answers need."""
    return sum(size_of(kind, form) for kind, _ in _analysis(program, form, carries).kept)


def size_of(kind: str, form: Form) -> int:
    """Values at an address of a type."""
    return form.features ** {SCALAR: 0, VECTOR: 1, MATRIX: 2}[kind]


def split(memory: np.ndarray, addresses: Sequence[tuple[str, int]], form: Form) -> dict[tuple[str, int], np.ndarray]:
    """The values [values] of some addresses, one after the other, by address: arrays [], [F] or [F, F]."""
    shapes = {SCALAR: (), VECTOR: (form.features,), MATRIX: (form.features, form.features)}
    ends = np.cumsum([size_of(kind, form) for kind, _ in addresses])
    parts = np.split(memory, ends[:-1]) if addresses else []
    return {address: part.reshape(shapes[address[0]]) for address, part in zip(addresses, parts, strict=True)}


_KNOWN: WeakKeyDictionary[Program, dict[tuple[Form, bool], _Analysis]] = WeakKeyDictionary()


def _analysis(program: Program, form: Form, carries: bool) -> _Analysis:
    """What is known of a program, which is found out once."""
    known = _KNOWN.get(program)
    if known is None:
        known = _KNOWN[program] = {}
    if (form, carries) not in known:
        known[form, carries] = _Analysis(program, form, carries)
    return known[form, carries]


class _Analysis:
    """Of one program, form and way to answer; see the functions above. Keeps no reference to the program."""

    def __init__(self, program: Program, form: Form, carries: bool) -> None:
        self.carries, self.prediction = carries, _bit(form.prediction)
        self.given = _bit((VECTOR, 0)) | _bit(form.label)  # what is written before each example, by no instruction
        _check_bounds(program, form)
        steps: Steps = []
        for code, first, second, output in program.codes.tolist():
            reads = 0
            for place, operand in zip(_INPUTS[code], (first, second), strict=False):
                reads |= 1 << place + operand
            place = _OUTPUTS[code]
            steps.append((reads, 0 if place is None else 1 << place + output, not _WRITES_PART[code]))
        self.setup, self.predict, self.learn = (steps[section] for section in program.sections)

    @cached_property
    def answers(self) -> tuple[int, list[bool]]:
        """What answers need to find in memory besides features and label, and which of Predict contribute to them."""
        needed, contributes = _backwards(self.predict, self.prediction)
        while self.carries:
            more, contributes = _backwards(self.predict, self.prediction | needed & ~self.given)
            if more == needed:
                break
            needed = more
        return needed & ~self.given, contributes

    @cached_property
    def live(self) -> np.ndarray:
        answers, contributes = self.answers
        before = 0
        while True:  # until what an example needs of the one before it is known
            after_learning, learns = _backwards(self.learn, before | answers)
            start, predicts = _backwards(self.predict, after_learning | self.prediction)
            if start & ~self.given == before:
                break
            before = start & ~self.given
        _, sets_up = _backwards(self.setup, before | answers)
        if self.carries:  # what Learn overwrites may still go from answer to answer
            predicts = [a or b for a, b in zip(predicts, contributes, strict=True)]
        return _read_only(sets_up + predicts + learns)

    @cached_property
    def answering(self) -> np.ndarray:
        return _read_only([False] * len(self.setup) + self.answers[1] + [False] * len(self.learn))

    @cached_property
    def kept(self) -> list[tuple[str, int]]:
        needed = self.answers[0]
        places = _PLACES.items() if needed else ()
        return [(kind, i) for kind, place in places for i in range(MAX_ADDRESSES) if needed >> place + i & 1]


def _check_bounds(program: Program, form: Form) -> None:
    """`GenomeError` if an instruction is none, or is outside the memory of this form, which compiled code runs on."""
    codes, n = program.codes, sum(program.lengths)
    shapes = (codes.shape, program.constants.shape, program.keys.shape)
    if min(program.lengths) < 0 or shapes != ((n, 4), (n, 3), (n,)) or codes.dtype != np.uint8:
        raise GenomeError(
            f"expected codes uint8 [{n}, 4], constants [{n}, 3] and keys [{n}] of {program.lengths} instructions, "
            f"got {codes.dtype} and shapes {shapes}"
        )
    operations = codes[:, OPERATION]
    if (operations >= len(OPERATIONS)).any():
        raise GenomeError(f"expected operations below {len(OPERATIONS)}, got {operations.max()}")
    outside = codes[:, 1:] > _highest(form)[operations]
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        raise GenomeError(
            f"expected addresses that the memory has, {form.scalars} numbers, {form.vectors} vectors and "
            f"{form.matrices} matrices, got {codes[row, 1:].tolist()} in instruction {row + 1}"
        )


@lru_cache(64)
def _highest(form: Form) -> np.ndarray:
    """By code, the largest address of two inputs and output; -1 if there is none, any if it is not used."""
    kinds = [(*one.inputs.ljust(2), one.output or " ") for one in OPERATIONS]
    return np.array([[form.addresses(kind) - 1 if kind.strip() else 255 for kind in each] for each in kinds])


def _read_only(flags: list[bool]) -> np.ndarray:
    found = np.array(flags, bool)
    found.flags.writeable = False
    return found


def _bit(address: tuple[str, int]) -> int:
    return 1 << _PLACES[address[0]] + address[1]


def _backwards(steps: Steps, needed: int) -> tuple[int, list[bool]]:
    """What is needed before some instructions for what is needed after them, and which of them contribute to it."""
    contributes = []
    for reads, writes, all_of_it in reversed(steps):
        contributes.append(bool(needed & writes))
        if needed & writes:
            needed = (needed & ~writes if all_of_it else needed) | reads
    return needed, contributes[::-1]
