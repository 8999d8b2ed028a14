"""The two inner loops of sparse training, written as vector code for LLVM.

Both work on rows of `TILE` = 64 floats, one per image, and walk the edges of one neuron:

    gather_sum   out[:]   += Σ_e  weight[e] · rows[column[e], :]        forward sums, input gradients
    edge_dots    dot[e]   +=      grad[:]   · rows[column[e], :]        weight gradients (and Σ grad, the bias's)

Plain loops in numba keep the sums in memory; here they stay in registers from the first edge to the last. The code is
built from 16-lane vectors, which LLVM maps to whatever the processor has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

TILE = 64
"""Images that are handled at once; a constant of the compiled code."""

LANES = 16
VECTORS = TILE // LANES

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, LANES)
_ROW_BYTES = TILE * 4
_SIX_ADDRESSES = types.void(*(types.intp,) * 6)
_FIVE_ADDRESSES = types.void(*(types.intp,) * 5)


def _at(builder: Any, address: Any, index: Any, size: int) -> Any:
    """Address of element `index` (an int or a value) of an array of elements of `size` bytes."""
    if isinstance(index, int):
        return builder.add(address, ir.Constant(_INT64, index * size))
    return builder.add(address, builder.mul(index, ir.Constant(_INT64, size)))


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, ir.PointerType(kind)), align=4)


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, ir.PointerType(value.type)), align=4)


def _load_row(builder: Any, address: Any) -> list[Any]:
    return [_load(builder, _at(builder, address, vector, LANES * 4), _VECTOR) for vector in range(VECTORS)]


def _store_row(builder: Any, vectors: Sequence[Any], address: Any) -> None:
    for vector, value in enumerate(vectors):
        _store(builder, value, _at(builder, address, vector, LANES * 4))


def _load_index(builder: Any, address: Any, index: Any) -> Any:
    return builder.sext(_load(builder, _at(builder, address, index, 4), _INT32), _INT64)


def _spread(builder: Any, scalar: Any) -> Any:
    """A vector with `scalar` in every lane."""
    blank = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(blank, scalar, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, blank, ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES))


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
    return builder.call(fma, [a, b, c])


def _sum_lanes(builder: Any, vector: Any) -> Any:
    kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
    reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f32")
    return builder.call(reduce, [ir.Constant(_FLOAT, 0.0), vector], fastmath=["reassoc"])


def _sum_lanes_of_sixteen(builder: Any, vectors: list[Any]) -> Any:
    """One vector whose lane i is the sum of all lanes of `vectors[i]`: a tree of even + odd shuffles."""
    lanes = ir.VectorType(_INT32, LANES)
    even = ir.Constant(lanes, [2 * lane for lane in range(LANES)])
    odd = ir.Constant(lanes, [2 * lane + 1 for lane in range(LANES)])
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [
            builder.fadd(builder.shuffle_vector(a, b, even), builder.shuffle_vector(a, b, odd)) for a, b in pairs
        ]
    return vectors[0]


def _loop(
    builder: Any, start: Any, end: Any, step: int, body: Callable[[Any, list[Any]], list[Any]], carried: list[Any]
) -> tuple[Any, list[Any]]:
    """`for i in range(start, end, step)` as long as a whole step fits; `carried` values go from turn to turn.

    Returns where it stopped, and the carried values.
    """
    before = builder.block
    head, inside, after = (builder.function.append_basic_block(name) for name in ("head", "inside", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_INT64)
    index.add_incoming(start, before)
    values = [builder.phi(value.type) for value in carried]
    for phi, value in zip(values, carried, strict=True):
        phi.add_incoming(value, before)
    following = builder.add(index, ir.Constant(_INT64, step))
    builder.cbranch(builder.icmp_signed("<=", following, end), inside, after)
    builder.position_at_end(inside)
    updated = body(index, values)
    index.add_incoming(following, builder.block)
    for phi, value in zip(values, updated, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return index, values


def _sum_of_rows(builder: Any, out: Any, count: Any, rows: Any, edge: Callable[[Any], tuple[Any, Any]]) -> None:
    """out[:] += Σ weight · rows[column, :], with (weight, column) = edge(i); two edges at a time, each in own sums."""

    def add(index: Any, sums: list[Any]) -> list[Any]:
        weight, column = edge(index)
        row = _load_row(builder, _at(builder, rows, column, _ROW_BYTES))
        spread = _spread(builder, weight)
        return [_multiply_add(builder, x, spread, total) for x, total in zip(row, sums, strict=True)]

    def two(index: Any, sums: list[Any]) -> list[Any]:
        second = builder.add(index, ir.Constant(_INT64, 1))
        return add(index, sums[:VECTORS]) + add(second, sums[VECTORS:])

    zeros = [ir.Constant(_VECTOR, [0.0] * LANES)] * VECTORS
    done, sums = _loop(builder, ir.Constant(_INT64, 0), count, 2, two, _load_row(builder, out) + zeros)
    total = [builder.fadd(a, b) for a, b in zip(sums[:VECTORS], sums[VECTORS:], strict=True)]
    _, total = _loop(builder, done, count, 1, add, total)
    _store_row(builder, total, out)


@intrinsic
def gather_sum(typingctx: Any, out: Any, weights: Any, columns: Any, count: Any, rows: Any) -> Any:
    """out[TILE] += Σ_e weights[e] · rows[columns[e], TILE]; all arguments but `count`, the edges, are addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, weights, columns, count, rows = arguments

        def edge(index: Any) -> tuple[Any, Any]:
            return _load(builder, _at(builder, weights, index, 4), _FLOAT), _load_index(builder, columns, index)

        _sum_of_rows(builder, out, count, rows, edge)
        return context.get_dummy_value()

    return _FIVE_ADDRESSES, generate


@intrinsic
def gather_sum_by(typingctx: Any, out: Any, weights: Any, edges: Any, columns: Any, count: Any, rows: Any) -> Any:
    """out[TILE] += Σ_e weights[edges[e]] · rows[columns[e], TILE]: the same for edges in another order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, weights, edges, columns, count, rows = arguments

        def edge(index: Any) -> tuple[Any, Any]:
            place = _load_index(builder, edges, index)
            return _load(builder, _at(builder, weights, place, 4), _FLOAT), _load_index(builder, columns, index)

        _sum_of_rows(builder, out, count, rows, edge)
        return context.get_dummy_value()

    return _SIX_ADDRESSES, generate


@intrinsic
def edge_dots(typingctx: Any, dots: Any, grad: Any, columns: Any, count: Any, rows: Any) -> Any:
    """dots[e] += grad[TILE] · rows[columns[e], TILE] for all edges e; returns Σ grad[TILE].

    All arguments but `count`, the number of edges, are addresses.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        dots, grad, columns, count, rows = arguments
        gradient = _load_row(builder, grad)

        def products(index: Any) -> Any:
            row = _load_row(builder, _at(builder, rows, _load_index(builder, columns, index), _ROW_BYTES))
            total = builder.fmul(row[0], gradient[0])
            for x, g in zip(row[1:], gradient[1:], strict=True):
                total = _multiply_add(builder, x, g, total)
            return total

        def sixteen(index: Any, _: list[Any]) -> list[Any]:
            each = [products(builder.add(index, ir.Constant(_INT64, edge))) for edge in range(LANES)]
            place = _at(builder, dots, index, 4)
            sums = _sum_lanes_of_sixteen(builder, each)
            _store(builder, builder.fadd(_load(builder, place, _VECTOR), sums), place)
            return []

        def one(index: Any, _: list[Any]) -> list[Any]:
            place = _at(builder, dots, index, 4)
            total = _sum_lanes(builder, products(index))
            _store(builder, builder.fadd(_load(builder, place, _FLOAT), total), place)
            return []

        done, _ = _loop(builder, ir.Constant(_INT64, 0), count, LANES, sixteen, [])
        _loop(builder, done, count, 1, one, [])
        total = gradient[0]
        for vector in gradient[1:]:
            total = builder.fadd(total, vector)
        return _sum_lanes(builder, total)

    return types.float32(*(types.intp,) * 5), generate
