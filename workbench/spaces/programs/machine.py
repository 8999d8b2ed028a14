"""A program with its memory: learning from examples, and answering."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.errors import DataError, WeightsError
from workbench.spaces.programs.liveness import answering, kept, live, size_of, split
from workbench.spaces.programs.native import LANES
from workbench.spaces.programs.operations import CODES, MATRIX, OPERATIONS, SCALAR, VECTOR, element
from workbench.spaces.programs.program import FIRST, LEARN, OPERATION, OUTPUT, SECOND, SETUP, Form, Program

if TYPE_CHECKING:
    from types import ModuleType

    from workbench.spaces.programs.native.interpreter import Layout

_KINDS = (SCALAR, VECTOR, MATRIX)


_PLACED = np.array(
    [
        [_KINDS.index(kind) for kind in (operation.output or SCALAR) + operation.inputs.ljust(2, SCALAR)]
        for operation in OPERATIONS
    ]
)
"""By code, types of the output and two operands."""

_WRITES_PART = np.array([operation.writes_part for operation in OPERATIONS])
_DRAWS = np.array([operation.draws for operation in OPERATIONS])
_USES_MATRIX = np.array([MATRIX in operation.inputs + operation.output for operation in OPERATIONS])


def _executed(code: int) -> int:
    """The code that the interpreter executes: a matrix's, if a vector has the same, is that of the vector."""
    operation = OPERATIONS[code]
    same = operation.name.replace("matrix", "vector", 1)
    return code if operation.writes_part else CODES.get(same, code)


_EXECUTED = np.array([_executed(code) for code in range(len(OPERATIONS))])


class Learned(NamedTuple):
    """What came of learning some examples."""

    examples: int  # learned before it stopped
    error: float  # mean |label - prediction| of these, over all outputs; 0 without any
    right: float  # fraction of them that was predicted rightly, before learning them


class _Places(NamedTuple):
    """Where things are in memory."""

    starts: np.ndarray  # the first address of each type in `_KINDS`
    apart: np.ndarray  # values from an address to the next one, by type
    end: int
    first: np.ndarray  # by code, where the first addresses of the types of output and operands are
    steps: np.ndarray  # by code, how far apart those are
    columns: np.ndarray  # by code, 1, or F where there is a matrix

    def of(self, address: tuple[str, int]) -> int:
        """Where an address is."""
        kind = _KINDS.index(address[0])
        return int(self.starts[kind] + self.apart[kind] * address[1])


@lru_cache(maxsize=64)
def _places(form: Form) -> _Places:
    column = -(-form.features // LANES) * LANES
    apart = np.array([1, column, column * column])
    sizes = apart * [-(-form.scalars // LANES) * LANES, form.vectors, form.matrices]
    ends = np.cumsum(sizes)
    starts, columns = ends - sizes, np.where(_USES_MATRIX, form.features, 1)
    return _Places(starts, apart, int(ends[-1]), starts[_PLACED], apart[_PLACED], columns)


class _Listing(NamedTuple):
    """Instructions as the interpreter takes them; see `native.interpreter`."""

    words: np.ndarray
    constants: np.ndarray
    seeds: np.ndarray


class Machine:
    """A program with the memory that it works on, for one task: a stream of random numbers.

    Memory is zero at first, then Setup is executed; `learn` continues from there. Only live instructions are executed,
    and random numbers depend on an instruction's key and the task alone: so whatever is not live changes nothing. With
    `carries`, memory runs through from answer to answer; without, each answer starts from the trained memory.
    """

    def __init__(self, program: Program, form: Form, *, task: int = 0, carries: bool = False) -> None:
        self._begin(program, form, task, carries)
        runs = live(program, form, carries=carries)
        self._training = self._listing(runs)
        lengths = [int(runs[section].sum()) for section in program.sections]
        self._predict, self._learn = lengths[SETUP], sum(lengths[:LEARN])
        self._drawn = np.zeros(len(self._training.words), np.int64)
        if self._predict:
            _kernels().run(*self._training, self._drawn, self._memory, self._layout, 0, self._predict)

    def _begin(self, program: Program, form: Form, task: int, carries: bool) -> None:
        self.program, self.form, self.task, self.carries = program, form, task, carries
        self._places = _places(form)
        self._memory = _aligned(self._places.end + self._places.apart[-1])
        self._learn = -1

    @classmethod
    def with_memory(
        cls, program: Program, form: Form, memory: np.ndarray, *, task: int = 0, carries: bool = False
    ) -> Machine:
        """A trained program, from what `memory` of its machine was: float64 [values]. It answers, and cannot learn.

        Raises:
            WeightsError: if the memory is not of the size that this program needs.
        """
        made = cls.__new__(cls)
        made._begin(program, form, task, carries)
        addresses = kept(program, form, carries=carries)
        size = sum(size_of(kind, form) for kind, _ in addresses)
        if memory.shape != (size,):
            raise WeightsError(
                f"expected the {size} values of memory that this program needs, got an array of shape {memory.shape}; "
                "train it again"
            )
        for address, values in split(memory, addresses, form).items():
            made._at(address)[...] = values
        return made

    @property
    def memory(self) -> np.ndarray:
        """What answers need of the trained memory: float64 [values], in the order of `liveness.kept`."""
        addresses = kept(self.program, self.form, carries=self.carries)
        return np.concatenate([np.zeros(0), *(self._at(address).reshape(-1) for address in addresses)])

    def learn(
        self, features: np.ndarray, labels: np.ndarray, order: np.ndarray, errors: np.ndarray | None = None
    ) -> Learned:
        """Predict and learn examples one by one: `order` [k] are places in features [n, F] and labels [n].

        Stops where the prediction is NaN or its error larger than 100: what has been learned is then useless. `errors`
        float64 [k] takes the error of each example.

        Raises:
            DataError: if an example or a label is none, or the arrays do not fit.
        """
        if self._learn < 0:
            raise WeightsError("this program has only the memory that answers need; make a `Machine` to train it anew")
        self._check(features)
        noted = np.empty(0) if errors is None else errors
        if len(labels) != len(features) or (errors is not None and (len(noted), noted.dtype) != (len(order), float)):
            raise DataError(
                f"expected a label for each of the {len(features)} examples, and room for a float64 error of each of "
                f"{len(order)}; got {len(labels)} labels, and errors {noted.dtype} {list(noted.shape)}"
            )
        n, total, right = _kernels().learn(
            *self._training, self._drawn, self._memory, self._layout, self._predict, self._learn,
            _read_only(features, np.float64), _read_only(labels, np.int64), _read_only(order, np.int64), noted,
        )  # fmt: skip
        if n < 0:
            raise DataError(
                f"expected places from 0 to {len(features) - 1} and labels from 0 to "
                f"{self.form.n_outputs - 1 if self.form.vector_labels else 1}; got places {order} and labels {labels}"
            )
        return Learned(n, total / n if n else 0.0, right / n if n else 0.0)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predictions float64 [n, outputs] before squashing, for features [n, F]; the label is 0."""
        self._check(features)
        predictions = np.empty((len(features), self.form.n_outputs))
        listing, written = self._answering
        drawn, before = np.zeros(len(listing[0]), np.int64), np.empty(written[:, 1].sum())
        _kernels().answer(
            *listing, drawn, self._memory, written, before, self._layout, self.carries,
            _read_only(features, np.float64), predictions,
        )  # fmt: skip
        return predictions

    def _check(self, features: np.ndarray) -> None:
        if features.ndim != 2 or features.shape[1] != self.form.features:
            raise DataError(
                f"expected features of the shape (examples, {self.form.features}), got {features.shape}; the space's "
                "preparation gives them"
            )

    @cached_property
    def _answering(self) -> tuple[_Listing, np.ndarray]:
        """The instructions that answer, and the parts of memory that they change: int64 [parts, 3].

        Of each part it is its start, its length, and whether an answer needs to find there what training left.
        """
        runs = answering(self.program, self.form, carries=self.carries)
        needed = set() if self.carries else set(kept(self.program, self.form))
        codes = self.program.codes[runs][:, [OPERATION, OUTPUT]].tolist()
        changed = {(_KINDS[_PLACED[code, 0]], output) for code, output in codes} | {self.form.prediction}
        places, sizes = self._places, dict(zip(_KINDS, self._places.apart, strict=True))
        parts = [(places.of(address), sizes[address[0]], address in needed) for address in sorted(changed)]
        return self._listing(runs), np.array(parts, np.int64)

    @cached_property
    def _layout(self) -> Layout:
        form, place = self.form, self._places.of
        return _kernels().Layout(
            form.features, place((VECTOR, 0)), place(form.label), place(form.prediction), form.n_outputs,
            form.vector_labels, self._places.end,
        )  # fmt: skip

    def _listing(self, runs: np.ndarray) -> _Listing:
        """Instructions as the interpreter takes them."""
        codes, constants, places = self.program.codes[runs], self.program.constants[runs], self._places
        operations = codes[:, OPERATION]
        words = np.empty((len(codes), 5), np.int64)
        words[:, 0] = _EXECUTED[operations]
        words[:, 1:4] = places.first[operations] + places.steps[operations] * codes[:, [OUTPUT, FIRST, SECOND]]
        words[:, 4] = places.columns[operations]
        for row in _WRITES_PART[operations].nonzero()[0]:
            constants[row, 1:] = [element(fraction, self.form.features) for fraction in constants[row, 1:]]
        seeds = np.zeros(len(codes), np.uint64)
        if _DRAWS[operations].any():
            seeds = _seeds(self.program.keys[runs], self.task)
        return _Listing(words, constants, seeds)

    def _at(self, address: tuple[str, int]) -> np.ndarray:
        """The values at an address, a view: [], [F] or [F, F]."""
        start, features, column = self._places.of(address), self.form.features, int(self._places.apart[1])
        if address[0] == MATRIX:
            return self._memory[start : start + column * column].reshape(column, column)[:features, :features].T
        return self._memory[start : start + (features if address[0] == VECTOR else 1)]


def draw(name: str, key: int, task: int, constants: Sequence[float], features: int) -> np.ndarray:
    """What an instruction with the random operation `name` gives first: float64 [], [F] or [F, F]."""
    from workbench.spaces.programs.native import draws

    fill = draws.fill_uniform if "low" in OPERATIONS[CODES[name]].constants else draws.fill_gaussian
    shape = {SCALAR: (), VECTOR: (features,), MATRIX: (features, features)}[OPERATIONS[CODES[name]].output]
    low_or_mean, high_or_std = (float(constant) for constant in constants[:2])
    values, place, seed = np.empty(shape), 0, _seeds(np.array([key]), task)[0]
    for column in values.T if len(shape) == 2 else [values.reshape(-1)]:
        drawn = np.empty(len(column))
        place = fill(drawn.ctypes.data, len(column), low_or_mean, high_or_std, seed, place)
        column[...] = drawn
    return values


def _kernels() -> ModuleType:
    """The compiled code, which takes a moment to import."""
    from workbench.spaces.programs.native import interpreter

    return interpreter


def _seeds(keys: np.ndarray, task: int) -> np.ndarray:
    """Seeds of the random streams of some instructions: uint64 [keys]; mixed as in `native.draws`."""
    state = keys.astype(np.uint64)
    for added in (task, 1):
        state = (state + np.uint64(added)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def _aligned(size: int) -> np.ndarray:
    """Zeros whose chunks of `LANES` do not lie across cache lines, which would take twice the time."""
    room = np.zeros(size + LANES)
    start = -room.ctypes.data // room.itemsize % LANES
    return room[start : start + size]


def _read_only(array: np.ndarray, dtype: type) -> np.ndarray:
    """The array in one kind, as compiled code is of one kind."""
    view: np.ndarray = np.ascontiguousarray(array, dtype).view()
    view.flags.writeable = False
    return view
