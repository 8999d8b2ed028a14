"""A small language for vector code: rows of `TILE` floats, written as formulas, generated for LLVM.

A *row* is the values of one neuron (or of one statistic) for the `TILE` images of a tile. Numba's plain loops keep sums
in memory and use half the processor's vector width; here sums stay in registers from the first edge to the last.

    @vector_code("address", "address", "count")
    def scale_rows(code, out, factor, count):
        f = code.row(factor)

        def each(i, _):
            code.put(code.row(out, i) * f, out, i)
            return []

        code.loop(count, each)

makes a function that compiled code calls as `scale_rows(out.ctypes.data, factor.ctypes.data, n)`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from workbench.training.native.lanes import HALVES, LANES, first_halves, order_of

TILE = 64
"""Images that are handled at once; a constant of the compiled code."""

SUMS = 2 if LANES == 16 else 1
"""Rows to add up side by side, so that they do not wait for each other; without AVX-512 registers hold one only."""

LINE_PAIR = 128
"""Bytes of two neighbouring lines of the cache."""

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _WHOLES = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT32, LANES)
_KINDS = {"address": types.intp, "count": types.intp, "float": types.float32}


class Row:
    """`TILE` floats in registers."""

    def __init__(self, code: Code, vectors: Sequence[Any]) -> None:
        self.code, self.vectors = code, list(vectors)

    def _each(self, operation: Callable[..., Any], *others: Row) -> Row:
        return Row(self.code, [operation(*v) for v in zip(self.vectors, *(o.vectors for o in others), strict=True)])

    def __add__(self, other: Row) -> Row:
        return self._each(self.code.builder.fadd, other)

    def __sub__(self, other: Row) -> Row:
        return self._each(self.code.builder.fsub, other)

    def __mul__(self, other: Row) -> Row:
        return self._each(self.code.builder.fmul, other)

    def __truediv__(self, other: Row) -> Row:
        return self._each(self.code.builder.fdiv, other)

    def times_plus(self, factor: Row, summand: Row) -> Row:
        """self · factor + summand, in one rounding."""
        fma = self.code.llvm_function("llvm.fma", _VECTOR, 3)
        return self._each(lambda *arguments: self.code.builder.call(fma, arguments), factor, summand)

    def sqrt(self) -> Row:
        """Square roots."""
        root = self.code.llvm_function("llvm.sqrt", _VECTOR, 1)
        return self._each(lambda value: self.code.builder.call(root, [value]))

    def exp(self) -> Row:
        """e to these powers, of at most 0, to 2 units in the last place: 2^n · e^r with a polynomial for small r."""
        code, spread = self.code, self.code.spread
        power = self._each(code.at_least, spread(-87.0)) * spread(math.log2(math.e))
        whole = power._each(code.rounded)
        high, low = 0.693359375, math.log(2) - 0.693359375  # products with `high` are exact
        rest = whole.times_plus(spread(-high), self._each(code.at_least, spread(-87.0)))
        rest = whole.times_plus(spread(-low), rest)
        result = spread(1 / 5040)
        for factorial in (720, 120, 24, 6, 2, 1, 1):
            result = result.times_plus(rest, spread(1 / factorial))
        return result * whole._each(code.power_of_two)

    def where_positive(self, other: Row) -> Row:
        """self where `other` > 0, else 0; where `other` is NaN, self, so that NaN does not go unseen."""
        builder, zero = self.code.builder, ir.Constant(_VECTOR, [0.0] * LANES)
        return self._each(lambda a, b: builder.select(builder.fcmp_ordered("<=", b, zero), zero, a), other)

    def lanes(self) -> Any:
        """One vector whose lanes add up to the sum of all values."""
        total = self.vectors[0]
        for vector in self.vectors[1:]:
            total = self.code.builder.fadd(total, vector)
        return total

    def dot_lanes(self, other: Row) -> Any:
        """One vector whose lanes add up to Σ self · other."""
        fma, builder = self.code.llvm_function("llvm.fma", _VECTOR, 3), self.code.builder
        total = builder.fmul(self.vectors[0], other.vectors[0])
        for a, b in zip(self.vectors[1:], other.vectors[1:], strict=True):
            total = builder.call(fma, [a, b, total])
        return total


class Code:
    """Generates the body of one function."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    # ------------------------------------------------------------------ reading and writing
    def row(self, address: Any, index: Any = 0) -> Row:
        """Row `index` of the array at `address`."""
        start = self._place(address, index, TILE * 4)
        return Row(self, [self._load(self._place(start, v, LANES * 4), _VECTOR) for v in range(TILE // LANES)])

    def put(self, row: Row, address: Any, index: Any = 0) -> None:
        """Store `row` as row `index` of the array at `address`."""
        start = self._place(address, index, TILE * 4)
        for v, vector in enumerate(row.vectors):
            self._store(vector, self._place(start, v, LANES * 4))

    def number(self, address: Any, index: Any) -> Any:
        """Float `index` of the array at `address`."""
        return self._load(self._place(address, index, 4), _FLOAT)

    def whole(self, address: Any, index: Any) -> Any:
        """Whole number (int32) `index` of the array at `address`."""
        return self.builder.sext(self._load(self._place(address, index, 4), _INT32), _INT64)

    def add_to(self, value: Any, address: Any, index: Any) -> None:
        """Add a float, or a vector of the next `LANES` floats, to the array at `address`."""
        place = self._place(address, index, 4)
        self._store(self.builder.fadd(self._load(place, value.type), value), place)

    def fetch(self, address: Any, index: Any) -> None:
        """Bring row `index` of the array at `address` into the cache, for later; processors fetch lines in pairs."""
        pointer = ir.PointerType(ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), [pointer, _INT32, _INT32, _INT32])
        prefetch = self.builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read_data_to_keep = [ir.Constant(_INT32, option) for option in (0, 3, 1)]
        start = self._place(address, index, TILE * 4)
        for pair in range(TILE * 4 // LINE_PAIR):
            place = self.builder.inttoptr(self._place(start, pair, LINE_PAIR), pointer)
            self.builder.call(prefetch, [place, *read_data_to_keep])

    def spread(self, number: Any) -> Row:
        """A row with a number (a Python float or a value) everywhere."""
        if isinstance(number, float):
            return Row(self, [ir.Constant(_VECTOR, [number] * LANES)] * (TILE // LANES))
        blank = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(blank, number, ir.Constant(_INT32, 0))
        lanes = ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES)
        return Row(self, [self.builder.shuffle_vector(first, blank, lanes)] * (TILE // LANES))

    # ------------------------------------------------------------------ control
    def loop(
        self,
        count: Any,
        body: Callable[[Any, list[Row]], list[Row]],
        carried: Sequence[Row] = (),
        *,
        start: Any = None,
        step: int = 1,
    ) -> tuple[Any, list[Row]]:
        """For i from `start` (0) in steps, as long as a whole step fits below `count`: carried = body(i, carried).

        Returns where it stopped, and the carried rows.
        """
        builder, function = self.builder, self.builder.function
        begin = ir.Constant(_INT64, 0) if start is None else start
        before = builder.block
        head, inside, after = (function.append_basic_block(name) for name in ("head", "inside", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(_INT64)
        index.add_incoming(begin, before)
        rows = [Row(self, [builder.phi(_VECTOR) for _ in row.vectors]) for row in carried]
        following = builder.add(index, ir.Constant(_INT64, step))
        builder.cbranch(builder.icmp_signed("<=", following, count), inside, after)
        builder.position_at_end(inside)
        updated = body(index, list(rows))
        index.add_incoming(following, builder.block)
        for row, first, later in zip(rows, carried, updated, strict=True):
            for phi, a, b in zip(row.vectors, first.vectors, later.vectors, strict=True):
                phi.add_incoming(a, before)
                phi.add_incoming(b, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return index, rows

    # ------------------------------------------------------------------ vectors
    def at_least(self, vector: Any, least: Any) -> Any:
        """The larger of both; NaN stays."""
        return self.builder.select(self.builder.fcmp_ordered("<", vector, least), least, vector)

    def rounded(self, vector: Any) -> Any:
        """The nearest whole numbers, as floats."""
        return self.builder.call(self.llvm_function("llvm.rint", _VECTOR, 1), [vector])

    def power_of_two(self, vector: Any) -> Any:
        """2 to these whole powers (as floats), made of the bits of an exponent."""
        whole = self.builder.fptosi(vector, _WHOLES)
        biased = self.builder.add(whole, ir.Constant(_WHOLES, [127] * LANES))
        return self.builder.bitcast(self.builder.shl(biased, ir.Constant(_WHOLES, [23] * LANES)), _VECTOR)

    # ------------------------------------------------------------------ whole numbers
    def plus(self, index: Any, offset: int) -> Any:
        """index + offset."""
        return self.builder.add(index, ir.Constant(_INT64, offset))

    def times(self, index: Any, factor: int) -> Any:
        """index · factor."""
        return self.builder.mul(index, ir.Constant(_INT64, factor))

    def add(self, a: Any, b: Any) -> Any:
        """a + b, of two whole numbers."""
        return self.builder.add(a, b)

    # ------------------------------------------------------------------ bytes
    def copy_bytes(self, source: Any, target: Any, count: Any) -> None:
        """Copy `count` bytes from one address to another."""
        pointer, flag = ir.PointerType(ir.IntType(8)), ir.IntType(1)
        copy = self.builder.module.declare_intrinsic("llvm.memcpy", [pointer, pointer, _INT64])
        places = [self.builder.inttoptr(address, pointer) for address in (target, source)]
        self.builder.call(copy, [*places, count, ir.Constant(flag, 0)])

    def sixteen_bytes(self, address: Any) -> Any:
        """A vector of the 16 bytes at `address`."""
        return self._load(address, ir.VectorType(ir.IntType(8), 16), align=1)

    def interleave(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The vectors of 16 a0 b0 a1 b1 … a7 b7 and a8 b8 … a15 b15."""
        pairs = [[lane for i in range(start, start + 8) for lane in (i, 16 + i)] for start in (0, 8)]
        kind = ir.VectorType(_INT32, 16)
        low, high = (self.builder.shuffle_vector(a, b, ir.Constant(kind, lanes)) for lanes in pairs)
        return low, high

    def put_vector(self, vector: Any, address: Any) -> None:
        """Store a vector at `address`."""
        self._store(vector, address, align=1)

    # ------------------------------------------------------------------ sums over lanes
    def lane(self, vector: Any, number: int) -> Any:
        """One of a vector's floats."""
        return self.builder.extract_element(vector, ir.Constant(_INT32, number))

    def sum_lanes(self, vector: Any) -> Any:
        """The sum of one vector's lanes."""
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        reduce = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(reduce, [ir.Constant(_FLOAT, 0.0), vector], fastmath=["reassoc"])

    def sum_lanes_of(self, vector: Callable[[int], Any], count: int) -> Any:
        """A vector of floats, the sums of the lanes of vector(0) … vector(count - 1); `count` a power of 2.

        Two vectors become one by adding first halves to second halves, of all lanes, then of ever fewer. As soon as
        there are two they are added, so that few have to be held in registers.
        """
        lanes = order_of(count)
        leaves = list(lanes)

        def tree(first: int, number: int) -> Any:
            if number == 1:
                return vector(leaves.index(first))
            half = number // 2
            return self._add_halves(tree(first, half), tree(first + half, half), LANES // number)

        total = tree(0, count)
        for size in HALVES[count.bit_length() - 1 :]:
            total = self._add_halves(total, total, size)
        return total if count == LANES else self._lanes(total, total, list(lanes.values()))

    def _add_halves(self, a: Any, b: Any, size: int) -> Any:
        first = first_halves(size)
        return self.builder.fadd(self._lanes(a, b, first), self._lanes(a, b, [lane + size for lane in first]))

    def _lanes(self, a: Any, b: Any, lanes: Sequence[int]) -> Any:
        chosen = ir.Constant(ir.VectorType(_INT32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, chosen)

    # ------------------------------------------------------------------ LLVM
    def llvm_function(self, name: str, kind: Any, arity: int) -> Any:
        """An LLVM function on vectors, such as `llvm.sqrt`."""
        full = f"{name}.v{LANES}f32"
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(kind, [kind] * arity), full)

    def _place(self, address: Any, index: Any, size: int) -> Any:
        if isinstance(index, int):
            return self.builder.add(address, ir.Constant(_INT64, index * size))
        return self.builder.add(address, self.builder.mul(index, ir.Constant(_INT64, size)))

    def _load(self, address: Any, kind: Any, align: int = 4) -> Any:
        return self.builder.load(self.builder.inttoptr(address, ir.PointerType(kind)), align=align)

    def _store(self, value: Any, address: Any, align: int = 4) -> None:
        self.builder.store(value, self.builder.inttoptr(address, ir.PointerType(value.type)), align=align)


def vector_code(*kinds: str, returns: str | None = None) -> Callable[[Callable[..., Any]], Any]:
    """Make a function for compiled code from one that generates it.

    Args:
        kinds: of the arguments: "address", "count" or "float".
        returns: "float" if the generating function returns a value.
    """
    argument_types = [_KINDS[kind] for kind in kinds]
    result_type = types.void if returns is None else _KINDS[returns]

    def make(generate: Callable[..., Any]) -> Any:
        def typed(typingctx: Any, *arguments: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                result = generate(Code(builder), *values)
                return context.get_dummy_value() if returns is None else result

            return result_type(*argument_types), codegen

        typed.__name__, typed.__doc__ = generate.__name__, generate.__doc__
        # numba wants to see each argument: those of `generate`, its `code` being numba's typing context
        typed.__signature__ = inspect.signature(generate)  # type: ignore[attr-defined]
        return intrinsic(typed)

    return make
