"""Running programs: one instruction after the other, over the examples of an epoch, or for answers.

| array | shape | what |
|---|---|---|
| words | int64 [instructions, 5] | code, where its output and operands are in memory, columns (1, or F of a matrix) |
| constants | float64 [instructions, 3] | fractions of F as elements |
| seeds | uint64 [instructions] | of random streams |
| drawn | int64 [instructions] | how far each stream is |
| memory | float64 [values] | see `lanes`; behind all addresses there is room for one more matrix |

Codes are those of `operations.OPERATIONS`; what a matrix has in common with a vector of as many values has the
vector's. In the functions that execute them, `o`, `a` and `b` are the addresses of output and operands. All kernels
release the GIL, and are deterministic. Division by zero gives an infinity or NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.spaces.programs.native import LANES, draws, formulas
from workbench.spaces.programs.native.lanes import SIZE, get, put
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
def _scalars(code, o, a, b):
    """Operations 1 to 17, on numbers."""
    if code == 1:
        put(o, get(a) + get(b))
    elif code == 2:
        put(o, get(a) - get(b))
    elif code == 3:
        put(o, get(a) * get(b))
    elif code == 4:
        put(o, get(a) / get(b))
    elif code == 5:
        put(o, get(a) if get(a) < get(b) or get(a) != get(a) else get(b))
    elif code == 6:
        put(o, get(a) if get(a) > get(b) or get(a) != get(a) else get(b))
    elif code == 7:
        put(o, np.abs(get(a)))
    elif code == 8:
        put(o, 1.0 / get(a))
    elif code == 9:
        put(o, np.sin(get(a)))
    elif code == 10:
        put(o, np.cos(get(a)))
    elif code == 11:
        put(o, np.tan(get(a)))
    elif code == 12:
        put(o, np.arcsin(get(a)))
    elif code == 13:
        put(o, np.arccos(get(a)))
    elif code == 14:
        put(o, np.arctan(get(a)))
    elif code == 15:
        put(o, np.exp(get(a)))
    elif code == 16:
        put(o, np.log(get(a)))
    elif code == 17:
        put(o, 1.0 if get(a) >= 0 else 0.0)


@kernel(inline="always", error_model="numpy")
def _vectors(code, o, a, b, features, columns, chunks):
    """Operations 18 to 30, on vectors or on matrices of as many columns."""
    count = np.float64(features * columns)
    if code == 18:
        formulas.heaviside(o, a, columns * chunks)
    elif code == 19:
        formulas.absolute(o, a, columns * chunks)
    elif code == 20:
        formulas.reciprocal(o, a, columns * chunks)
    elif code == 21:
        put(o, np.sqrt(formulas.total_squares(a, 0.0, features, columns, chunks)))
    elif code == 22:
        put(o, formulas.total(a, features, columns, chunks) / count)
    elif code == 23:
        mean = formulas.total(a, features, columns, chunks) / count
        put(o, np.sqrt(formulas.total_squares(a, mean, features, columns, chunks) / count))
    elif code == 24:
        formulas.add(o, a, b, columns * chunks)
    elif code == 25:
        formulas.subtract(o, a, b, columns * chunks)
    elif code == 26:
        formulas.multiply(o, a, b, columns * chunks)
    elif code == 27:
        formulas.divide(o, a, b, columns * chunks)
    elif code == 28:
        formulas.minimum(o, a, b, columns * chunks)
    elif code == 29:
        formulas.maximum(o, a, b, columns * chunks)
    elif code == 30:
        put(o, formulas.dot(a, b, features, columns, chunks))


@kernel(inline="always", error_model="numpy")
def _matrices(code, o, a, b, features, chunks, spare):
    """Operations 31 to 49 that are matrices' own; a product's output may be an operand."""
    if code == 31:
        formulas.outer(o, a, b, features, chunks)
    elif code == 36:
        formulas.column_norms(o, a, features, chunks)
    elif code == 37:
        formulas.row_norms(o, a, features, chunks)
    elif code == 38:
        formulas.transpose(o, a, chunks)
    elif code == 40:
        formulas.row_means(o, a, features, chunks)
    elif code == 41:
        formulas.row_deviations(o, a, features, chunks)
    elif code == 49:
        target = spare if o in (a, b) else o
        for column in range(features):
            start = column * chunks * LANES * SIZE
            formulas.matrix_vector(target + start, a, b + start, features, chunks)
        if target != o:
            formulas.copy(o, target, features * chunks)


@kernel(inline="always", error_model="numpy")
def _mixed(code, o, a, b, features, columns, chunks, spare):
    """Operations 50 to 55, from one type to another."""
    if code == 50:
        formulas.scale(o, get(a), b, columns * chunks)
    elif code == 52:
        target = spare if o == b else o
        formulas.matrix_vector(target, a, b, features, chunks)
        if target != o:
            formulas.copy(o, target, chunks)
    elif code == 53:
        formulas.fill(o, get(a), chunks)
    elif code == 54:
        formulas.columns(o, a, features, chunks)
    elif code == 55:
        formulas.rows(o, a, features, chunks)


@kernel(inline="always", error_model="numpy")
def _constants(code, o, features, columns, chunks, first, second, third, seed, place):
    """Operations 56 to 62, constants and draws; returns the place of the random stream."""
    height = chunks * LANES * SIZE
    if code == 56:
        put(o, first)
    elif code == 57:
        put(o + np.int64(second) * SIZE, first)
    elif code == 58:
        put(o + np.int64(third) * height + np.int64(second) * SIZE, first)
    elif code == 59:
        place = draws.fill_uniform(o, 1, first, second, seed, place)
    elif code == 60:
        place = draws.fill_gaussian(o, 1, first, second, seed, place)
    elif code == 61:
        for column in range(columns):
            place = draws.fill_uniform(o + column * height, features, first, second, seed, place)
    elif code == 62:
        for column in range(columns):
            place = draws.fill_gaussian(o + column * height, features, first, second, seed, place)
    return place


@kernel(error_model="numpy", inner=True)
def _run(words, constants, seeds, drawn, base, layout, first, last):
    """Execute the instructions from `first` to before `last`, on the memory at the address `base`."""
    features, spare = layout.features, base + layout.spare * SIZE
    chunks = (features + LANES - 1) // LANES
    for row in range(first, last):
        code, columns = words[row, 0], words[row, 4]
        o, a, b = base + words[row, 1] * SIZE, base + words[row, 2] * SIZE, base + words[row, 3] * SIZE
        if code < 18:
            _scalars(code, o, a, b)
        elif code < 31:
            _vectors(code, o, a, b, features, columns, chunks)
        elif code < 50:
            _matrices(code, o, a, b, features, chunks, spare)
        elif code < 56:
            _mixed(code, o, a, b, features, columns, chunks, spare)
        else:
            x, y, z = constants[row, 0], constants[row, 1], constants[row, 2]
            drawn[row] = _constants(code, o, features, columns, chunks, x, y, z, seeds[row], drawn[row])


@kernel
def run(words, constants, seeds, drawn, memory, layout, first, last):
    """Execute the instructions from `first` to before `last`."""
    _run(words, constants, seeds, drawn, memory.ctypes.data, layout, first, last)


@kernel(error_model="numpy", inner=True)
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


@kernel(error_model="numpy", inner=True)
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
    base, total, right = memory.ctypes.data, 0.0, 0
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
        _run(words, constants, seeds, drawn, base, layout, predict, learning)
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
        _run(words, constants, seeds, drawn, base, layout, learning, len(words))
        memory[place] = 0.0
    return len(order), total, right


@kernel(inner=True)
def _put_back(memory, changed, before, everything):
    """Copy parts of memory back from `before`, where they lie one after the other: the needed ones, or all."""
    place = 0
    for k in range(len(changed)):
        start, size = changed[k, 0], changed[k, 1]
        if everything or changed[k, 2]:
            for i in range(size):
                memory[start + i] = before[place + i]
        place += size


@kernel(error_model="numpy")
def answer(words, constants, seeds, drawn, memory, changed, before, layout, carries, features, predictions):
    """Predictions [n, outputs] before squashing, for features [n, F].

    Parts of memory that change, `changed` [parts, 3] (start, values, whether it is needed as it was), are put back: the
    needed ones before each answer, all at the end. With `carries` memory runs through, squashed.
    """
    base, place = memory.ctypes.data, 0
    for k in range(len(changed)):
        for i in range(changed[k, 1]):
            before[place + i] = memory[changed[k, 0] + i]
        place += changed[k, 1]
    for example in range(len(features)):
        for i in range(layout.features):
            memory[layout.inputs + i] = features[example, i]
        _put_back(memory, changed, before, False)
        for row in range(len(words)):
            drawn[row] = 0
        _run(words, constants, seeds, drawn, base, layout, 0, len(words))
        for i in range(layout.n_outputs):
            predictions[example, i] = memory[layout.prediction + i]
        if carries:
            _squash(memory, layout)
    _put_back(memory, changed, before, True)
