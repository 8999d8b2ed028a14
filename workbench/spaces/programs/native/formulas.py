"""The operations on vectors and matrices, for compiled code.

`out`, `a` and `b` are addresses; an output may be an operand except where it is said. Values are taken in chunks of
`LANES`: `chunks` is their number, for a matrix those of a column, or of all its columns where nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.spaces.programs.native import LANES
from workbench.spaces.programs.native.lanes import Emitter, lane_function


def _pairwise(name: str, formula: Callable[[Emitter, Any, Any], Any]) -> Any:
    """A function (out, a, b, chunks) that does something to each value of `a` and that of `b`."""

    def pairwise(code, out, a, b, chunks):
        def each(chunk, _):
            code.store(formula(code, code.load(a, chunk), code.load(b, chunk)), out, chunk)

        code.loop(chunks, each)

    pairwise.__name__ = name
    return lane_function("address", "address", "address", "count")(pairwise)


def _one_by_one(name: str, formula: Callable[[Emitter, Any], Any]) -> Any:
    """A function (out, a, chunks) that does something to each value of `a`."""

    def one_by_one(code, out, a, chunks):
        def each(chunk, _):
            code.store(formula(code, code.load(a, chunk)), out, chunk)

        code.loop(chunks, each)

    one_by_one.__name__ = name
    return lane_function("address", "address", "count")(one_by_one)


def _extreme(sign: str) -> Callable[[Emitter, Any, Any], Any]:
    """NumPy's minimum or maximum: NaN if there is one; of two zeros the second."""

    def formula(code: Emitter, a: Any, b: Any) -> Any:
        return code.where("==", a, a, code.where(sign, a, b, a, b), a)

    return formula


add = _pairwise("add", lambda code, a, b: code.builder.fadd(a, b))
subtract = _pairwise("subtract", lambda code, a, b: code.builder.fsub(a, b))
multiply = _pairwise("multiply", lambda code, a, b: code.builder.fmul(a, b))
divide = _pairwise("divide", lambda code, a, b: code.builder.fdiv(a, b))
minimum = _pairwise("minimum", _extreme("<"))
maximum = _pairwise("maximum", _extreme(">"))

heaviside = _one_by_one(
    "heaviside", lambda code, a: code.where(">", a, code.splat(0.0), code.splat(1.0), code.splat(0.0))
)
copy = _one_by_one("copy", lambda code, a: a)
absolute = _one_by_one("absolute", lambda code, a: code.call("llvm.fabs", a))
reciprocal = _one_by_one("reciprocal", lambda code, a: code.builder.fdiv(code.splat(1.0), a))


@lane_function("address", "number", "address", "count")
def scale(code, out, factor, a, chunks):
    """out = factor · a."""
    vector = code.splat(factor)

    def each(chunk, _):
        code.store(code.builder.fmul(vector, code.load(a, chunk)), out, chunk)

    code.loop(chunks, each)


@lane_function("address", "number", "count")
def fill(code, out, number, chunks):
    """out = number, everywhere."""
    vector = code.splat(number)

    def each(chunk, _):
        code.store(vector, out, chunk)

    code.loop(chunks, each)


def _squares(code: Emitter, values: Any, centre: Any) -> Any:
    difference = code.builder.fsub(values, centre)
    return code.builder.fmul(difference, difference)


def _total(code: Emitter, features: Any, columns: Any, chunks: Any, value: Callable[[Any], Any]) -> Any:
    """The sum of value(index of a chunk) over all values of columns, a number."""

    def term(column: Any, chunk: Any) -> Any:
        index = code.builder.add(code.mul(column, chunks), chunk)
        return code.inside(value(index), chunk, features)

    return code.across(code.total(columns, term, chunks))


@lane_function("address", "address", "count", "count", "count", returns="number")
def dot(code, a, b, features, columns, chunks):
    """Σ a · b."""
    return _total(code, features, columns, chunks, lambda i: code.builder.fmul(code.load(a, i), code.load(b, i)))


@lane_function("address", "count", "count", "count", returns="number")
def total(code, a, features, columns, chunks):
    """Σ a."""
    return _total(code, features, columns, chunks, lambda i: code.load(a, i))


@lane_function("address", "number", "count", "count", "count", returns="number")
def total_squares(code, a, centre, features, columns, chunks):
    """Σ (a - centre)²."""
    middle = code.splat(centre)

    return _total(code, features, columns, chunks, lambda i: _squares(code, code.load(a, i), middle))


@lane_function("address", "address", "address", "count", "count")
def matrix_vector(code, out, a, b, features, chunks):
    """out = a · b, of a matrix and another vector than `out`."""

    def each(chunk, _):
        def term(column, _):
            values = code.load(a, code.builder.add(code.mul(column, chunks), chunk))
            return code.builder.fmul(values, code.splat(code.load_number(b, column)))

        code.store(code.total(features, term), out, chunk)

    code.loop(chunks, each)


def _by_row(code: Emitter, out: Any, a: Any, features: Any, chunks: Any, formula: Callable[[Any], Any]) -> None:
    """out = formula(total) of each row; total(value) is the sum of value(a) over the columns."""

    def each(chunk, _):
        def total(value):
            def term(column, _):
                return value(code.load(a, code.builder.add(code.mul(column, chunks), chunk)))

            return code.total(features, term)

        code.store(formula(total), out, chunk)

    code.loop(chunks, each)


@lane_function("address", "address", "count", "count")
def row_norms(code, out, a, features, chunks):
    """out = square root of Σ a² of each row."""

    def norms(total):
        return code.call("llvm.sqrt", total(lambda x: code.builder.fmul(x, x)))

    _by_row(code, out, a, features, chunks, norms)


@lane_function("address", "address", "count", "count")
def row_means(code, out, a, features, chunks):
    """out = mean of each row."""
    _by_row(code, out, a, features, chunks, lambda total: code.builder.fdiv(total(lambda x: x), code.count(features)))


@lane_function("address", "address", "count", "count")
def row_deviations(code, out, a, features, chunks):
    """out = standard deviation of each row."""
    builder, count = code.builder, code.count(features)

    def deviations(total):
        means = builder.fdiv(total(lambda x: x), count)
        return code.call("llvm.sqrt", builder.fdiv(total(lambda x: _squares(code, x, means)), count))

    _by_row(code, out, a, features, chunks, deviations)


@lane_function("address", "address", "count", "count")
def column_norms(code, out, a, features, chunks):
    """out = square root of Σ a² of each column."""
    size = code.mul(chunks, LANES)

    def each(column, _):
        start = code.place(a, code.mul(column, size))

        def term(_, chunk):
            return code.inside(_squares(code, code.load(start, chunk), code.splat(0.0)), chunk, features)

        sums = code.splat(code.across(code.total(code.index(1), term, chunks)))
        code.store_number(code.first(code.call("llvm.sqrt", sums)), out, column)

    code.loop(features, each)


@lane_function("address", "address", "address", "count", "count")
def outer(code, out, a, b, features, chunks):
    """out = a bᵀ."""
    size = code.mul(chunks, LANES)

    def each(column, _):
        factor, target = code.splat(code.load_number(b, column)), code.place(out, code.mul(column, size))
        code.loop(chunks, lambda chunk, _: code.store(code.builder.fmul(code.load(a, chunk), factor), target, chunk))

    code.loop(features, each)


@lane_function("address", "address", "count", "count")
def columns(code, out, a, features, chunks):
    """out = a, in each column."""
    size = code.mul(chunks, LANES)

    def each(column, _):
        target = code.place(out, code.mul(column, size))
        code.loop(chunks, lambda chunk, _: code.store(code.load(a, chunk), target, chunk))

    code.loop(features, each)


@lane_function("address", "address", "count", "count")
def rows(code, out, a, features, chunks):
    """out = a, in each row."""
    size = code.mul(chunks, LANES)

    def each(column, _):
        value, target = code.splat(code.load_number(a, column)), code.place(out, code.mul(column, size))
        code.loop(chunks, lambda chunk, _: code.store(value, target, chunk))

    code.loop(features, each)


@lane_function("address", "address", "count")
def transpose(code, out, a, chunks):
    """out = aᵀ, by blocks of `LANES` rows and columns; what a matrix has room for is transposed too."""

    def block(address, row, column):
        first = code.builder.add(code.mul(code.mul(column, LANES), chunks), row)
        return [(address, code.builder.add(first, code.mul(chunks, i))) for i in range(LANES)]

    def each(row, _):
        def pair(column, _):
            below, above = ([code.load(*place) for place in block(a, *at)] for at in ((row, column), (column, row)))
            for values, at in ((below, (column, row)), (above, (row, column))):
                for value, place in zip(code.transposed(values), block(out, *at), strict=True):
                    code.store(value, *place)

        code.loop(code.builder.add(row, code.index(1)), pair)

    code.loop(chunks, each)
