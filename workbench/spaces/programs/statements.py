"""Programs as Python: the statements of Setup, Predict and Learn on local names, such as s2 and m0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.spaces.programs.liveness import live
from workbench.spaces.programs.operations import MATRIX, SCALAR, VECTOR, element
from workbench.spaces.programs.program import FIRST, LEARN, OUTPUT, PREDICT, SECOND, SETUP, Form, Program

Address = tuple[str, int]

FEATURES: Address = (VECTOR, 0)
WIDTH = 110  # characters of a line

_SIZE = {SCALAR: "", VECTOR: "F", MATRIX: "(F, F)"}
_ZERO = {SCALAR: "np.float64(0)", VECTOR: "np.zeros(F)", MATRIX: "np.zeros((F, F))"}
_TOLD = ("heaviside", "norm", "std", "transpose", "outer", "broadcast", "uniform", "gaussian")
"""Ends of the names of operations that are easier to read in words than in NumPy."""


@dataclass(frozen=True)
class Section:
    """The instructions of Setup, Predict or Learn that are written."""

    lines: list[str]
    draws: dict[int, str]  # what draws random numbers, by the row of its instruction
    reads: set[Address]
    needs: set[Address]  # read before they are written
    writes: set[Address]


def section_of(program: Program, form: Form, number: int, alive: np.ndarray) -> Section:
    """Setup, Predict or Learn; `alive` [instructions] says what of it is written."""
    section = Section([], {}, set(), set(), set())
    part = program.sections[number]
    for row in (row for row in range(part.start, part.stop) if alive[row]):
        operation, codes = program.operation(row), program.codes[row]
        output = (operation.output, int(codes[OUTPUT]))
        reads = {(kind, int(codes[at])) for kind, at in zip(operation.inputs, (FIRST, SECOND), strict=False)}
        if operation.writes_part:
            reads.add(output)
        section.reads.update(reads)
        section.needs.update(reads - section.writes)
        section.writes.add(output)
        code = statement(program, row, form)
        if operation.draws:
            section.draws[row] = code.partition(" = ")[2]
        if operation.draws and number == PREDICT:  # an answer takes the same draw for all images
            code = f'{code} if rng else memory["{draw_name(row, program)}"].copy()'
        section.lines.append(f"{code}  # {program.text(row, form)}" if operation.name.endswith(_TOLD) else code)
    if number == PREDICT:  # the prediction becomes probabilities in place
        section.needs.update({form.prediction} - section.writes)
        section.writes.add(form.prediction)
    return section


def draw_name(row: int, program: Program) -> str:
    """The name in memory of what an instruction of Predict draws for answers."""
    return f"draw{row - program.sections[PREDICT].start}"


def statement(program: Program, row: int, form: Form) -> str:
    """An instruction in NumPy; `rng` draws."""
    operation, codes = program.operation(row), program.codes[row]
    operands = zip("ab", operation.inputs, (FIRST, SECOND), strict=False)
    names = {letter: f"{kind}{codes[at]}" for letter, kind, at in operands}
    names["o"] = f"{operation.output}{codes[OUTPUT]}"
    values = dict(zip(operation.constants, program.constants[row].tolist(), strict=False))
    if operation.draws:
        return f"{names['o']} = {_draw(operation.output, values)}"
    words = {name: literal(value) for name, value in values.items()}
    if operation.writes_part:
        words |= {name: str(element(values[name], form.features)) for name in operation.constants[1:]}
    return operation.numpy.format(**names, **words)


def _draw(kind: str, values: Mapping[str, float]) -> str:
    """Draws, whatever the order of bounds and the sign of a deviation."""
    first, second = (np.float64(value) for value in values.values())
    if "low" in values:
        with np.errstate(all="ignore"):
            code = f"{literal(first)} + {literal(second - first)} * rng.random({_SIZE[kind]})"
    else:
        code = f"{literal(first)} + {literal(second)} * rng.standard_normal({_SIZE[kind]})"
    return f"np.float64({code})" if kind == SCALAR else code


def literal(value: float) -> str:
    """A number as Python."""
    return repr(float(value)) if np.isfinite(value) else f'float("{float(value)}")'


class PythonProgram:
    """The live instructions of a program as the bodies of `setup`, `predict` and `learn`."""

    def __init__(self, program: Program, form: Form, carries: bool) -> None:
        alive = live(program, form, carries=carries)
        self.form, self.carries = form, carries
        self.sections = tuple(section_of(program, form, number, alive) for number in range(3))
        given = {FEATURES, form.label}
        needed = [section.needs - given for section in self.sections]
        self.needed = in_order(needed[PREDICT])
        self.memory = in_order(needed[PREDICT] | needed[LEARN] | {form.prediction})
        self.draw_names = {row: draw_name(row, program) for row in self.sections[PREDICT].draws}
        self.prediction = name_of(form.prediction)

    @property
    def draws(self) -> dict[str, str]:
        """Of the instructions of Predict that draw: the code, by name in memory."""
        return {name: self.sections[PREDICT].draws[row] for row, name in self.draw_names.items()}

    def lines(self, number: int) -> list[str]:
        """The statements of a function."""
        section, name = self.sections[number], self.prediction
        lines = [*self._features(section, number), *self._label(section, number), *self._needs(section, number)]
        lines += section.lines
        if number == SETUP:
            known = section.writes | section.needs
            entries = [
                f'"{name_of(each)}": {name_of(each) if each in known else _ZERO[each[0]]}' for each in self.memory
            ]
            return lines + wrapped(
                "return {", entries + [f'"{name}": {code}' for name, code in self.draws.items()], "}"
            )
        if number == PREDICT and self.form.vector_labels:
            first = f"{name}[:{self.form.n_outputs}]"
            lines += [f"scores = {first}.copy()", f"{first} = softmax(scores)"]
        elif number == PREDICT:
            lines += [f"score = {name}", f"{name} = sigmoid(score)"]
        changed = [name_of(each) for each in self.memory if each in section.writes]
        lines += wrapped("memory.update(", [f"{each}={each}" for each in changed], ")") if changed else []
        if number == PREDICT:
            lines.append("return scores" if self.form.vector_labels else "return score")
        return lines or ["pass"]

    def _features(self, section: Section, number: int) -> list[str]:
        return [f"v0 = {'features' if number else _ZERO[VECTOR]}"] if FEATURES in section.reads else []

    def _label(self, section: Section, number: int) -> list[str]:
        label = self.form.label
        if label not in section.reads:
            return []
        if number != LEARN:
            return [f"{name_of(label)} = {_ZERO[label[0]]}  # the label is not known yet"]
        return ["v1 = np.zeros(F)", "v1[label] = 1"] if self.form.vector_labels else ["s0 = np.float64(label)"]

    def _needs(self, section: Section, number: int) -> list[str]:
        needs = in_order(section.needs - {FEATURES, self.form.label})
        return [f'{name_of(each)} = {f"""memory["{name_of(each)}"]""" if number else _ZERO[each[0]]}' for each in needs]


def name_of(address: Address) -> str:
    """Such as "m0"."""
    return f"{address[0]}{address[1]}"


def wrapped(start: str, entries: Sequence[str], end: str) -> list[str]:
    """A call or a dict, on one line if it fits."""
    line = f"{start}{', '.join(entries)}{end}"
    return [line] if len(line) < WIDTH else [start, *(f"    {entry}," for entry in entries), end]


def in_order(addresses: Iterable[Address]) -> list[Address]:
    """Numbers, vectors, matrices, each by number."""
    return sorted(addresses, key=lambda address: ("svm".index(address[0]), address[1]))
