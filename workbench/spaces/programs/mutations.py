"""The eight mutations of programs, and how often each is applied.

Source: Real et al. 2020, "AutoML-Zero: Evolving Machine Learning Algorithms From Scratch", section 3 and supplement. An
instruction that stays or is altered keeps its key; one that is drawn anew gets a new one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import MutationError
from workbench.settings import check_rates, documented, probability
from workbench.spaces.programs.operations import OPERATIONS
from workbench.spaces.programs.program import OPERATION, SECTIONS, Form, Program
from workbench.spaces.programs.sampling import (
    Limits,
    Sets,
    allowed,
    operands,
    random_instructions,
    random_operations,
    random_program,
)

KINDS = (
    "alter_param",
    "randomize_instruction",
    "randomize_component",
    "insert",
    "remove",
    "trade",
    "randomize_algorithm",
    "copy",
)

SIGN_FLIP = 0.1  # probability that an altered constant changes its sign, not its size

_Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # codes, constants and keys of some instructions
_Draw = Callable[[int, int], _Rows]  # a list and how many new instructions it gets


@documented
@dataclass(frozen=True)
class ProgramRates:
    """Relative probabilities of the mutations.

    By default those of the published baselines: in 9 children of 10, one of four kinds that are equally likely.
    """

    alter_param: float = probability(0.225, "another operand, output or constant of one instruction")
    randomize_instruction: float = probability(0.0, "one instruction drawn anew")
    randomize_component: float = probability(0.225, "all instructions of Setup, Predict or Learn drawn anew")
    insert: float = probability(0.225, "one instruction more")
    remove: float = probability(0.225, "one instruction less")
    trade: float = probability(0.0, "one instruction less and another one in the same list")
    randomize_algorithm: float = probability(0.0, "all instructions drawn anew")
    copy: float = probability(0.1, "the same program")

    def __post_init__(self) -> None:
        check_rates(self, KINDS)


def draw_kind(
    program: Program, rates: ProgramRates, form: Form, limits: Limits, operations: Sets, rng: np.random.Generator
) -> str:
    """A kind of mutation, by the rates, among those possible; `MutationError` if those all have a rate of 0."""
    options = allowed(form, operations)
    chances = {kind: chance for kind in KINDS if (chance := getattr(rates, kind)) > 0}
    while chances:
        kind = _drawn(chances, rng)
        if _is_possible(kind, program, form, limits, options):
            return kind
        del chances[kind]
    raise MutationError(
        f"expected a rate above 0 for a mutation possible on {_size(program)}, got 0; raise one of "
        f"{', '.join(possible(program, form, limits, operations))}"
    )


def _drawn(chances: Mapping[str, float], rng: np.random.Generator) -> str:
    left = rng.random() * sum(chances.values())
    for kind, chance in chances.items():
        if left < chance:
            return kind
        left -= chance
    return kind


def possible(program: Program, form: Form, limits: Limits, operations: Sets) -> tuple[str, ...]:
    """The kinds of mutations that can be applied."""
    options = allowed(form, operations)
    return tuple(kind for kind in KINDS if _is_possible(kind, program, form, limits, options))


def mutated(
    kind: str, program: Program, form: Form, limits: Limits, operations: Sets, rng: np.random.Generator
) -> Program:
    """A child without trained memory.

    Args:
        kind: one of `KINDS`.
        program: the parent.
        form: of the memory.
        limits: numbers of instructions.
        operations: names of those that may be drawn in Setup, Predict and Learn.
        rng: draws all that is random.

    Raises:
        MutationError: if the kind is unknown, or cannot be applied to this program.
    """
    options = allowed(form, operations)
    if kind not in KINDS or not _is_possible(kind, program, form, limits, options):
        expected = ", ".join(possible(program, form, limits, operations))
        raise MutationError(f"expected a mutation possible on {_size(program)}, one of {expected}; got {kind!r}")
    if kind == "copy":
        return Program(program.lengths, program.codes, program.constants, program.keys)
    if kind == "alter_param":
        return _altered(program, form, rng)
    if kind == "randomize_algorithm":
        return random_program(form, program.lengths, operations, rng)

    def draw(section: int, count: int) -> _Rows:
        return random_instructions(random_operations(count, options[section], rng), form, rng)

    lists = _lists(kind, program, limits, options)
    if kind == "randomize_instruction":  # the instruction is uniform, not the list
        lists = [section for section in lists for _ in range(program.lengths[section])]
    return _IN_A_LIST[kind](program, lists[_pick(len(lists), rng)], draw, rng)


def record_of(kind: str, parent: Program, child: Program, form: Form) -> dict[str, Any]:
    """What a mutation did, JSON-ready: `kind`, and how one instruction read before and after, or how many are new."""
    lost = np.flatnonzero(np.isin(parent.keys, child.keys, invert=True)).tolist()
    new = np.flatnonzero(np.isin(child.keys, parent.keys, invert=True)).tolist()
    if kind == "alter_param":
        same = (parent.codes == child.codes).all(axis=1) & (parent.constants == child.constants).all(axis=1)
        lost = new = [int(same.argmin())]
    if not lost and not new:
        return {"kind": kind}
    of, row = (child, new[0]) if new else (parent, lost[0])
    section = next(place for place, rows in enumerate(of.sections) if rows.start <= row < rows.stop)
    if kind == "randomize_algorithm":
        return {"kind": kind, "instructions_redrawn": len(new)}
    if kind == "randomize_component":
        return {"kind": kind, "section": SECTIONS[section], "instructions_redrawn": len(new)}
    names = ("removed", "added") if kind in ("insert", "remove", "trade") else ("before", "after")
    texts = [parent.text(one, form) for one in lost] + [child.text(one, form) for one in new]
    record = {"kind": kind, "section": SECTIONS[section], "line": 1 + row - of.sections[section].start}
    return record | dict(zip(names[not lost :], texts, strict=False))


# ---------------------------------------------------------------------- what can be done where
def _is_possible(kind: str, program: Program, form: Form, limits: Limits, options: Sequence[np.ndarray]) -> bool:
    if kind == "copy":
        return True
    if kind == "alter_param":
        return bool(operands(form).n_parameters[program.codes[:, OPERATION]].any())
    lists = _lists(kind, program, limits, options)
    return len(lists) == sum(map(bool, program.lengths)) > 0 if kind == "randomize_algorithm" else bool(lists)


def _lists(kind: str, program: Program, limits: Limits, options: Sequence[np.ndarray]) -> list[int]:
    """The lists that a mutation can change."""
    lengths = program.lengths
    if kind == "insert":
        return [one for one in range(3) if lengths[one] < limits.most[one] and len(options[one])]
    if kind == "remove":
        return [one for one in range(3) if lengths[one] > limits.least]
    return [one for one in range(3) if lengths[one] > 0 and len(options[one])]


def _size(program: Program) -> str:
    return f"a program with {' + '.join(map(str, program.lengths))} instructions"


# ---------------------------------------------------------------------- mutations of one list
def _insert(program: Program, section: int, draw: _Draw, rng: np.random.Generator) -> Program:
    place = _pick(program.lengths[section] + 1, rng)
    return _spliced(program, section, place, 0, draw(section, 1))


def _remove(program: Program, section: int, draw: _Draw, rng: np.random.Generator) -> Program:
    return _spliced(program, section, _pick(program.lengths[section], rng), 1)


def _trade(program: Program, section: int, draw: _Draw, rng: np.random.Generator) -> Program:
    return _insert(_remove(program, section, draw, rng), section, draw, rng)


def _randomize_instruction(program: Program, section: int, draw: _Draw, rng: np.random.Generator) -> Program:
    return _spliced(program, section, _pick(program.lengths[section], rng), 1, draw(section, 1))


def _randomize_component(program: Program, section: int, draw: _Draw, rng: np.random.Generator) -> Program:
    length = program.lengths[section]
    return _spliced(program, section, 0, length, draw(section, length))


_IN_A_LIST = {
    "insert": _insert,
    "remove": _remove,
    "trade": _trade,
    "randomize_instruction": _randomize_instruction,
    "randomize_component": _randomize_component,
}


def _spliced(program: Program, section: int, place: int, without: int, new: _Rows | None = None) -> Program:
    """With `new` instructions for those `without`, from a place in a list on."""
    first = program.sections[section].start + place
    last, arrays = first + without, (program.codes, program.constants, program.keys)
    if new is None:
        codes, constants, keys = (np.concatenate((old[:first], old[last:])) for old in arrays)
    else:
        pairs = zip(arrays, new, strict=True)
        codes, constants, keys = (np.concatenate((old[:first], rows, old[last:])) for old, rows in pairs)
    lengths = list(program.lengths)
    lengths[section] += len(codes) - program.n_instructions
    return Program((lengths[0], lengths[1], lengths[2]), codes, constants, keys)


# ---------------------------------------------------------------------- one parameter
def _altered(program: Program, form: Form, rng: np.random.Generator) -> Program:
    """With another address, or another value of a constant, in an instruction that has such."""
    places, operations = operands(form), program.codes[:, OPERATION]
    rows = np.flatnonzero(places.n_parameters[operations])
    row = int(rows[_pick(len(rows), rng)])
    code = int(operations[row])
    columns = places.parameters[code]
    column = columns[_pick(len(columns), rng)]
    codes, constants = program.codes, program.constants
    if column <= 3:
        codes = codes.copy()
        lowest, count = int(places.lowest[code, column - 1]), int(places.count[code, column - 1])
        offset = int(codes[row, column]) - lowest + 1 + _pick(count - 1, rng)
        codes[row, column] = lowest + offset % count
    else:
        constants = constants.copy()
        name = OPERATIONS[code].constants[column - 4]
        constants[row, column - 4] = _altered_constant(name, float(constants[row, column - 4]), rng)
    return Program(program.lengths, codes, constants, program.keys)


def _altered_constant(name: str, value: float, rng: np.random.Generator) -> float:
    if name in ("row", "column"):
        return rng.random()
    if rng.random() < SIGN_FLIP:
        return -value
    largest = sys.float_info.max
    return max(-largest, min(largest, value * math.exp(rng.standard_normal())))


def _pick(count: int, rng: np.random.Generator) -> int:
    """One of so many, uniformly; several times as fast as `rng.integers`."""
    return int(rng.random() * count)
