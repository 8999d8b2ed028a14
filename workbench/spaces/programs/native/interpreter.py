"""Running programs: one instruction after the other, over the examples of an epoch, or for answers.

| array | shape | what |
|---|---|---|
| words | int64 [instructions, 5] | code, where its output and operands are in memory, columns (1, or F of a matrix) |
| constants | float64 [instructions, 3] | fractions of F as elements |
| seeds | uint64 [instructions] | of random streams |
| drawn | int64 [instructions] | how far each stream is |
| memory | float64 [values] | see `lanes`; behind all addresses there is room for one more matrix |

Codes are those of `operations.OPERATIONS`; what a matrix has in common with a vector of as many values has the
vector's. All kernels release the GIL, and are deterministic. Division by zero gives an infinity or NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.spaces.programs.native import LANES, draws, formulas
from workbench.training.native.jit import kernel

LARGEST_ERROR = 100.0
"""Learning stops at a larger one, and at NaN."""


class Layout(NamedTuple):
    """Where things are in memory."""

    features: int  # F; a vector of them is at `inputs`
    inputs: int
    label: int
    prediction: int
    n_outputs: int
    vector_labels: bool
    spare: int


@kernel(inline="always", error_model="numpy")
def _scalars(code, memory, o, a, b):
    """Operations 1 to 17, on numbers."""
    if code == 1:
        memory[o] = memory[a] + memory[b]
    elif code == 2:
        memory[o] = memory[a] - memory[b]
    elif code == 3:
        memory[o] = memory[a] * memory[b]
    elif code == 4:
        memory[o] = memory[a] / memory[b]
    elif code == 5:
        memory[o] = memory[a] if memory[a] < memory[b] or memory[a] != memory[a] else memory[b]
    elif code == 6:
        memory[o] = memory[a] if memory[a] > memory[b] or memory[a] != memory[a] else memory[b]
    elif code == 7:
        memory[o] = np.abs(memory[a])
    elif code == 8:
        memory[o] = 1.0 / memory[a]
    elif code == 9:
        memory[o] = np.sin(memory[a])
    elif code == 10:
        memory[o] = np.cos(memory[a])
    elif code == 11:
        memory[o] = np.tan(memory[a])
    elif code == 12:
        memory[o] = np.arcsin(memory[a])
    elif code == 13:
        memory[o] = np.arccos(memory[a])
    elif code == 14:
        memory[o] = np.arctan(memory[a])
    elif code == 15:
        memory[o] = np.exp(memory[a])
    elif code == 16:
        memory[o] = np.log(memory[a])
    elif code == 17:
        memory[o] = 1.0 if memory[a] >= 0 else 0.0


@kernel(inline="always", error_model="numpy")
def _vectors(code, memory, o, a, b, features, columns, chunks):
    """Operations 18 to 30, on vectors or on matrices of as many columns."""
    count = np.float64(features * columns)
    if code == 18:
        formulas.heaviside(_at(memory, o), _at(memory, a), columns * chunks)
    elif code == 19:
        formulas.absolute(_at(memory, o), _at(memory, a), columns * chunks)
    elif code == 20:
        formulas.reciprocal(_at(memory, o), _at(memory, a), columns * chunks)
    elif code == 21:
        memory[o] = np.sqrt(formulas.total_squares(_at(memory, a), 0.0, features, columns, chunks))
    elif code == 22:
        memory[o] = formulas.total(_at(memory, a), features, columns, chunks) / count
    elif code == 23:
        mean = formulas.total(_at(memory, a), features, columns, chunks) / count
        memory[o] = np.sqrt(formulas.total_squares(_at(memory, a), mean, features, columns, chunks) / count)
    elif code == 24:
        formulas.add(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 25:
        formulas.subtract(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 26:
        formulas.multiply(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 27:
        formulas.divide(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 28:
        formulas.minimum(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 29:
        formulas.maximum(_at(memory, o), _at(memory, a), _at(memory, b), columns * chunks)
    elif code == 30:
        memory[o] = formulas.dot(_at(memory, a), _at(memory, b), features, columns, chunks)


@kernel(inline="always", error_model="numpy")
def _matrices(code, memory, o, a, b, features, chunks, spare):
    """Operations 31 to 49 that are matrices' own; a product's output may be an operand."""
    if code == 31:
        formulas.outer(_at(memory, o), _at(memory, a), _at(memory, b), features, chunks)
    elif code == 36:
        formulas.column_norms(_at(memory, o), _at(memory, a), features, chunks)
    elif code == 37:
        formulas.row_norms(_at(memory, o), _at(memory, a), features, chunks)
    elif code == 38:
        _transpose(memory, o, a, features, chunks * LANES)
    elif code == 40:
        formulas.row_means(_at(memory, o), _at(memory, a), features, chunks)
    elif code == 41:
        formulas.row_deviations(_at(memory, o), _at(memory, a), features, chunks)
    elif code == 49:
        target = spare if o in (a, b) else o
        for column in range(features):
            start = column * chunks * LANES
            formulas.matrix_vector(
                _at(memory, target + start), _at(memory, a), _at(memory, b + start), features, chunks
            )
        if target != o:
            formulas.copy(_at(memory, o), _at(memory, target), features * chunks)


@kernel(inline="always", error_model="numpy")
def _mixed(code, memory, o, a, b, features, columns, chunks, spare):
    """Operations 50 to 55, from one type to another."""
    if code == 50:
        formulas.scale(_at(memory, o), memory[a], _at(memory, b), columns * chunks)
    elif code == 52:
        target = spare if o == b else o
        formulas.matrix_vector(_at(memory, target), _at(memory, a), _at(memory, b), features, chunks)
        if target != o:
            formulas.copy(_at(memory, o), _at(memory, target), chunks)
    elif code == 53:
        formulas.fill(_at(memory, o), memory[a], chunks)
    elif code == 54:
        formulas.columns(_at(memory, o), _at(memory, a), features, chunks)
    elif code == 55:
        formulas.rows(_at(memory, o), _at(memory, a), features, chunks)


@kernel(inline="always", error_model="numpy")
def _constants(code, memory, o, features, columns, chunks, constants, seed, place):
    """Operations 56 to 62, constants and draws; returns the place of the random stream."""
    if code == 56:
        memory[o] = constants[0]
    elif code == 57:
        memory[o + np.int64(constants[1])] = constants[0]
    elif code == 58:
        memory[o + np.int64(constants[2]) * chunks * LANES + np.int64(constants[1])] = constants[0]
    elif code == 59:
        place = draws.fill_uniform(memory, o, 1, constants[0], constants[1], seed, place)
    elif code == 60:
        place = draws.fill_gaussian(memory, o, 1, constants[0], constants[1], seed, place)
    elif code == 61:
        for column in range(columns):
            start = o + column * chunks * LANES
            place = draws.fill_uniform(memory, start, features, constants[0], constants[1], seed, place)
    elif code == 62:
        for column in range(columns):
            start = o + column * chunks * LANES
            place = draws.fill_gaussian(memory, start, features, constants[0], constants[1], seed, place)
    return place


@kernel(inline="always")
def _at(memory, place):
    return memory.ctypes.data + place * 8


@kernel
def _transpose(memory, o, a, features, size):
    """Matrices of columns of `size` values; the output may be the operand."""
    for i in range(features):
        for j in range(i + 1):
            upper, lower = memory[a + i * size + j], memory[a + j * size + i]
            memory[o + j * size + i] = upper
            memory[o + i * size + j] = lower


@kernel(error_model="numpy")
def run(words, constants, seeds, drawn, memory, features, spare, first, last):
    """Execute the instructions from `first` to before `last`."""
    chunks = (features + LANES - 1) // LANES
    for row in range(first, last):
        code, o, a, b, columns = words[row, 0], words[row, 1], words[row, 2], words[row, 3], words[row, 4]
        if code < 18:
            _scalars(code, memory, o, a, b)
        elif code < 31:
            _vectors(code, memory, o, a, b, features, columns, chunks)
        elif code < 50:
            _matrices(code, memory, o, a, b, features, chunks, spare)
        elif code < 56:
            _mixed(code, memory, o, a, b, features, columns, chunks, spare)
        else:
            drawn[row] = _constants(code, memory, o, features, columns, chunks, constants[row], seeds[row], drawn[row])


@kernel(error_model="numpy")
def _squash(memory, layout):
    """Softmax over the first values of the prediction, or its sigmoid, in place."""
    at = layout.prediction
    if not layout.vector_labels:
        memory[at] = 1.0 / (1.0 + np.exp(-memory[at]))
        return
    most, total = memory[at], 0.0
    for i in range(1, layout.n_outputs):
        most = max(most, memory[at + i])
    for i in range(layout.n_outputs):
        memory[at + i] = np.exp(memory[at + i] - most)
        total += memory[at + i]
    for i in range(layout.n_outputs):
        memory[at + i] /= total


@kernel(error_model="numpy")
def _judge(memory, layout, label):
    """The mean |label - prediction| over the outputs, and whether the label is the likeliest, the first of equals."""
    at = layout.prediction
    if not layout.vector_labels:
        return np.abs(label - memory[at]), (memory[at] > 0.5) == (label == 1)
    error, winner = 0.0, 0
    for i in range(layout.n_outputs):
        error += np.abs((1.0 if i == label else 0.0) - memory[at + i])
        if memory[at + i] > memory[at + winner]:
            winner = i
    return error / layout.n_outputs, winner == label


@kernel(error_model="numpy")
def learn(
    words, constants, seeds, drawn, memory, layout, predict, learning, features, labels, order, errors
):  # fmt: skip
    """Predict, squash and learn each example in turn; returns how many, the sum of errors, and how many were right.

    The instructions before `predict` are Setup, those from `learning` on are Learn. `errors` [0] or [examples] takes
    the error of each. The number is -1 if an example or a label does not exist.
    """
    total, right = 0.0, 0
    n_labels = layout.n_outputs if layout.vector_labels else 2
    for k in range(len(order)):
        example = order[k]
        if not 0 <= example < len(labels):
            return -1, total, right
        label = labels[example]
        if not 0 <= label < n_labels:
            return -1, total, right
        for i in range(layout.features):
            memory[layout.inputs + i] = features[example, i]
        run(words, constants, seeds, drawn, memory, layout.features, layout.spare, predict, learning)
        _squash(memory, layout)
        error, hit = _judge(memory, layout, label)
        if len(errors):
            errors[k] = error
        if not error <= LARGEST_ERROR:
            return k, total, right
        total += error
        right += hit
        place, value = layout.label, np.float64(label)
        if layout.vector_labels:
            place, value = layout.label + label, 1.0
        memory[place] = value
        run(words, constants, seeds, drawn, memory, layout.features, layout.spare, learning, len(words))
        memory[place] = 0.0
    return len(order), total, right


@kernel(error_model="numpy")
def answer(words, constants, seeds, memory, trained, restored, layout, carries, features, predictions):
    """Predictions [n, outputs] before squashing, for features [n, F].

    Before each, ranges `restored` (start, count) of memory are as `trained`; with `carries` it runs through, squashed.
    """
    drawn = np.zeros(len(words), np.int64)
    for example in range(len(features)):
        for i in range(layout.features):
            memory[layout.inputs + i] = features[example, i]
        for k in range(len(restored)):
            for i in range(restored[k, 0], restored[k, 0] + restored[k, 1]):
                memory[i] = trained[i]
        drawn[:] = 0
        run(words, constants, seeds, drawn, memory, layout.features, layout.spare, 0, len(words))
        for i in range(layout.n_outputs):
            predictions[example, i] = memory[layout.prediction + i]
        if carries:
            _squash(memory, layout)
