"""An obvious, slow interpreter of programs: the standard for the compiled one, to the last bit.

It is written from what each operation says, and executes every instruction, live or not. Sums are added in the order
that `native/lanes.py` describes, since another order rounds otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from workbench.spaces.programs.native.draws import fill_gaussian
from workbench.spaces.programs.operations import OPERATIONS, element
from workbench.spaces.programs.program import LEARN, PREDICT, SETUP, Form, Program


def same(a, b):
    """To the last bit; all NaN are the same."""
    a, b = (np.where(np.isnan(x), np.nan, x).reshape(-1).view(np.int64) for x in (a, b))
    return np.array_equal(a, b)


def in_parts(columns: list[list[float]]) -> list[float]:
    """The sum of some columns, place by place."""
    whole = len(columns) // 4 * 4
    parts = [[0.0] * len(columns[0]) for _ in range(4)]
    for number, column in enumerate(columns):
        part = parts[number % 4 if number < whole else 0]
        for i, value in enumerate(column):
            part[i] += value
    return [(a + b) + (c + d) for a, b, c, d in zip(*parts, strict=True)]


def total(columns: list[list[float]]) -> float:
    """The sum of all values of some columns."""
    parts = [[0.0] * 8 for _ in range(4)]
    whole = len(columns) // 4 * 4
    for number, column in enumerate(columns):
        part = parts[number % 4 if number < whole else 0]
        for i, value in enumerate(column):
            part[i % 8] += value
    lanes = [(a + b) + (c + d) for a, b, c, d in zip(*parts, strict=True)]
    for size in (4, 2, 1):
        lanes = [lanes[k] + lanes[(k + size) % 8] for k in range(8)]
    return lanes[0]


def columns_of(values: np.ndarray) -> list[list[float]]:
    return values.T.tolist() if values.ndim == 2 else [values.tolist()]


def guarded(function, x: float) -> float:
    """A function of the math module, as IEEE 754 has it."""
    try:
        return function(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return -math.inf if function is math.log and x == 0 else math.nan


def mixed(state: int) -> int:
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
    return state ^ state >> 31


GOLDEN = 0x9E3779B97F4A7C15


class Stream:
    """The random numbers of an instruction."""

    def __init__(self, key: int, task: int) -> None:
        self.seed = mixed((mixed((key + task) * GOLDEN % 2**64) + 1) * GOLDEN % 2**64)
        self.place = 0

    def unit(self) -> float:
        self.place += 1
        return (mixed((self.seed + self.place * GOLDEN) % 2**64) >> 11) / 2**53

    def uniform(self, count: int, low: float, high: float) -> list[float]:
        return [low + (high - low) * self.unit() for _ in range(count)]

    def gaussian(self, count: int, mean: float, std: float) -> list[float]:
        """Normal numbers by Box and Muller; the last bits are those of the compiled code (`normal` checks them)."""
        values = np.empty(count)
        start, self.place = self.place, self.place + count + count % 2
        fill_gaussian(values.ctypes.data, count, mean, std, np.uint64(self.seed), start)
        return values.tolist()

    def normal(self, count: int) -> list[float]:
        """Standard normal numbers, with the functions of the math module."""
        pairs = [(math.sqrt(-2 * math.log(1 - self.unit())), 2 * math.pi * self.unit()) for _ in range(count)]
        half = count // 2
        firsts = [radius * math.cos(angle) for radius, angle in pairs]
        seconds = [radius * math.sin(angle) for radius, angle in pairs]
        return firsts[:half] + seconds[:half] + firsts[half : half + count % 2]


def minimum(a: float, b: float) -> float:
    return a if a < b or math.isnan(a) else b


def maximum(a: float, b: float) -> float:
    return a if a > b or math.isnan(a) else b


def divided(a: float, b: float) -> float:
    return float(np.float64(a) / np.float64(b))


PAIRWISE = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "quotient": divided,
    "minimum": minimum,
    "maximum": maximum,
}
SINGLE = {
    "abs": abs,
    "reciprocal": lambda a: divided(1.0, a),
    "heaviside": lambda a: float(a > 0),
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log")},
}


def mean(values: np.ndarray) -> float:
    return divided(total(columns_of(values)), values.size)


def squares(values: np.ndarray, centre: float = 0.0) -> float:
    return total([[(x - centre) * (x - centre) for x in column] for column in columns_of(values)])


def by_row(values: np.ndarray) -> list[float]:
    return in_parts(values.T.tolist())


def product(a: np.ndarray, b: Iterable[float]) -> list[float]:
    return in_parts([[x * factor for x in column] for column, factor in zip(a.T.tolist(), b, strict=True)])


def row_std(a: np.ndarray) -> np.ndarray:
    means = np.array(by_row(a)) / len(a)
    return np.sqrt(np.array(by_row((a - means[:, None]) * (a - means[:, None]))) / len(a))


OTHERS = {
    "vector_dot": lambda a, b: total([[x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)]]),
    "vector_outer": lambda a, b: a[:, None] * b[None, :],
    "column_norm": lambda a: [math.sqrt(squares(column)) for column in a.T],
    "row_norm": lambda a: np.sqrt(by_row(a * a)),
    "transpose": lambda a: a.T.copy(),
    "row_mean": lambda a: np.array(by_row(a)) / len(a),
    "row_std": row_std,
    "norm": lambda a: np.sqrt(squares(a)),
    "mean": mean,
    "std": lambda a: np.sqrt(divided(squares(a, mean(a)), a.size)),
    "matrix_matrix": lambda a, b: np.array([product(a, column) for column in b.T.tolist()]).T,
    "scalar_vector": lambda a, b: a * b,
    "scalar_matrix": lambda a, b: a * b,
    "matrix_vector": lambda a, b: product(a, b.tolist()),
}


class Oracle:
    """A program with its memory; as `machine.Machine`."""

    def __init__(self, program: Program, form: Form, task: int = 0, carries: bool = False) -> None:
        self.program, self.form, self.carries = program, form, carries
        size = form.features
        self.memory: dict[str, list[np.ndarray]] = {
            "s": [np.zeros(()) for _ in range(form.scalars)],
            "v": [np.zeros(size) for _ in range(form.vectors)],
            "m": [np.zeros((size, size)) for _ in range(form.matrices)],
        }
        self.streams = [Stream(int(key), task) for key in program.keys]
        self.execute(SETUP)

    def execute(self, section: int) -> None:
        for row in range(self.program.n_instructions)[self.program.sections[section]]:
            with np.errstate(all="ignore"):
                self.step(row)

    def step(self, row: int) -> None:
        """Execute one instruction."""
        code, *operands, output = self.program.codes[row].tolist()
        operation = OPERATIONS[code]
        given = [self.memory[kind][place] for kind, place in zip(operation.inputs, operands, strict=False)]
        kind, _, name = operation.name.partition("_")
        target = self.memory[operation.output][output] if operation.output else np.zeros(())
        constants = dict(zip(operation.constants, self.program.constants[row].tolist(), strict=False))
        if operation.name == "no_op":
            return
        if operation.constants:
            target[...] = self.constant(target, row, constants)
        elif operation.name == "scalar_heaviside":
            target[...] = float(given[0] >= 0)
        elif operation.name in OTHERS or name in OTHERS:
            target[...] = OTHERS.get(operation.name, OTHERS.get(name))(*(a if a.ndim else float(a) for a in given))
        elif name == "broadcast":
            target[...] = given[0][:, None] if kind == "column" else given[0]
        elif len(given) == 2:
            target[...] = np.vectorize(PAIRWISE[name], otypes=[float])(*given)
        else:
            target[...] = np.vectorize(lambda x: guarded(SINGLE[name], x), otypes=[float])(*given)

    def constant(self, target: np.ndarray, row: int, constants: dict[str, float]) -> np.ndarray:
        """What a constant or a random operation writes."""
        if "value" in constants:
            filled, value, *fractions = target.copy(), *constants.values()
            filled[tuple(element(fraction, self.form.features) for fraction in fractions)] = value
            return filled
        stream = self.streams[row]
        draw = stream.uniform if "low" in constants else stream.gaussian
        if target.ndim == 2:
            return np.array([draw(len(target), *constants.values()) for _ in target]).T
        return np.array(draw(target.size, *constants.values())).reshape(target.shape)

    def at(self, address: tuple[str, int]) -> np.ndarray:
        return self.memory[address[0]][address[1]]

    @property
    def outputs(self) -> np.ndarray:
        return self.at(self.form.prediction).reshape(-1)[: self.form.n_outputs]

    def learn(self, features: np.ndarray, labels: np.ndarray, order: np.ndarray) -> tuple[list[float], int]:
        """Errors of the examples up to the one at which it stopped, and how many were right."""
        errors, right = [], 0
        for example in order:
            self.answer(features[example])
            self.squash()
            wanted = np.eye(self.form.n_outputs)[labels[example]] if self.form.vector_labels else [labels[example]]
            error = 0.0
            for wish, value in zip(wanted, self.outputs.tolist(), strict=True):
                error += abs(wish - value)
            errors.append(error / self.form.n_outputs)
            if not errors[-1] <= 100:
                break
            answer = self.outputs.argmax() if self.form.vector_labels else self.outputs[0] > 0.5
            right += answer == labels[example]
            self.at(self.form.label).reshape(-1)[: self.form.n_outputs] = wanted
            self.execute(LEARN)
            self.at(self.form.label)[...] = 0
        return errors, right

    def answer(self, features: np.ndarray) -> np.ndarray:
        """Predict from features [F]."""
        self.memory["v"][0][...] = features
        self.execute(PREDICT)
        return self.outputs.copy()

    def squash(self) -> None:
        with np.errstate(all="ignore"):
            if self.form.vector_labels:
                powers = [guarded(math.exp, x - float(self.outputs.max())) for x in self.outputs.tolist()]
                everything = 0.0
                for power in powers:  # `sum` would be more exact
                    everything += power
                self.outputs[...] = [divided(power, everything) for power in powers]
            else:
                self.outputs[...] = divided(1.0, 1.0 + guarded(math.exp, -float(self.outputs[0])))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Answers [n, outputs]; memory is afterwards as before."""
        trained = {kind: [values.copy() for values in held] for kind, held in self.memory.items()}
        places = [stream.place for stream in self.streams]
        answers = []
        for x in features:
            for stream in self.streams:
                stream.place = 0
            answers.append(self.answer(x))
            if self.carries:
                self.squash()
            else:
                self.restore(trained)
        self.restore(trained)
        for stream, place in zip(self.streams, places, strict=True):
            stream.place = place
        return np.array(answers)

    def restore(self, trained: dict[str, list[np.ndarray]]) -> None:
        for kind, held in self.memory.items():
            for values, before in zip(held, trained[kind], strict=True):
                values[...] = before
