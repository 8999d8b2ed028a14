"""Which instructions an answer depends on, and which memory of a trained program its answers need.

A set of addresses is an int with a bit for each: numbers, then vectors, then matrices, `MAX_ADDRESSES` of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.spaces.programs.operations import MATRIX, OPERATIONS, SCALAR, VECTOR
from workbench.spaces.programs.program import MAX_ADDRESSES, Form, Program

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
    setup, predict, learn = _sections(program)
    given, prediction = _given(form), _bit(form.prediction)
    answers = _answers(predict, form, carries)
    before = 0
    while True:  # until what an example needs of the one before it is known
        after_learning, learns = _backwards(learn, before | answers)
        start, predicts = _backwards(
            predict, after_learning & ~_bit(form.label) | prediction | (answers if carries else 0)
        )
        if start & ~given == before:
            break
        before = start & ~given
    _, sets_up = _backwards(setup, before | answers)
    found = np.array(sets_up + predicts + learns, bool)
    # what Learn overwrites may still go from answer to answer
    return found | answering(program, form, carries=carries) if carries else found


def answering(program: Program, form: Form, *, carries: bool = False) -> np.ndarray:
    """Instructions of Predict on which an answer of the trained program depends: bool [instructions]."""
    _, predict, _ = _sections(program)
    after = _answers(predict, form, carries) if carries else 0
    _, predicts = _backwards(predict, after | _bit(form.prediction))
    found = np.zeros(program.n_instructions, bool)
    found[program.sections[1]] = predicts
    return found


def kept(program: Program, form: Form, *, carries: bool = False) -> list[tuple[str, int]]:
    """Addresses (type, index) that an answer reads before it writes them, except features and label.

    Numbers come first, then vectors, then matrices.
    """
    _, predict, _ = _sections(program)
    needed = _answers(predict, form, carries)
    return [
        (kind, index)
        for kind, place in _PLACES.items()
        for index in range(MAX_ADDRESSES)
        if needed >> place + index & 1
    ]


def kept_size(program: Program, form: Form, *, carries: bool = False) -> int:
    """Values of the memory that answers need."""
    return sum(size_of(kind, form) for kind, _ in kept(program, form, carries=carries))


def size_of(kind: str, form: Form) -> int:
    """Values at an address of a type."""
    return form.features ** {SCALAR: 0, VECTOR: 1, MATRIX: 2}[kind]


def split(memory: np.ndarray, addresses: Sequence[tuple[str, int]], form: Form) -> dict[tuple[str, int], np.ndarray]:
    """The values [values] of some addresses, one after the other, by address: arrays [], [F] or [F, F]."""
    shapes = {SCALAR: (), VECTOR: (form.features,), MATRIX: (form.features, form.features)}
    ends = np.cumsum([size_of(kind, form) for kind, _ in addresses])
    parts = np.split(memory, ends[:-1]) if addresses else []
    return {address: part.reshape(shapes[address[0]]) for address, part in zip(addresses, parts, strict=True)}


def _bit(address: tuple[str, int]) -> int:
    return 1 << _PLACES[address[0]] + address[1]


def _given(form: Form) -> int:
    """What is written before each example: features and label."""
    return _bit((VECTOR, 0)) | _bit(form.label)


def _sections(program: Program) -> list[Steps]:
    steps = []
    for code, first, second, output in program.codes.tolist():
        reads = 0
        for place, operand in zip(_INPUTS[code], (first, second), strict=False):
            reads |= 1 << place + operand
        place = _OUTPUTS[code]
        steps.append((reads, 0 if place is None else 1 << place + output, not _WRITES_PART[code]))
    return [steps[section] for section in program.sections]


def _backwards(steps: Steps, needed: int) -> tuple[int, list[bool]]:
    """What is needed before some instructions for what is needed after them, and which of them contribute to it."""
    contributes = []
    for reads, writes, all_of_it in reversed(steps):
        contributes.append(bool(needed & writes))
        if needed & writes:
            needed = (needed & ~writes if all_of_it else needed) | reads
    return needed, contributes[::-1]


def _answers(predict: Steps, form: Form, carries: bool) -> int:
    """What answers need to find in memory, besides features and label."""
    given, prediction = _given(form), _bit(form.prediction)
    needed, _ = _backwards(predict, prediction)
    while carries:
        more, _ = _backwards(predict, prediction | needed & ~given)
        if more == needed:
            break
        needed = more
    return needed & ~given
