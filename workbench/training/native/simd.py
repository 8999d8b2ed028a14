"""A small language for SIMD code: formulas over rows of floats, from which LLVM code is generated.

A *row* is the values of one neuron (or of one statistic) for the images of a tile: as many as the tile is wide. Numba's
plain loops keep sums in memory and use half the processor's vector width; here sums stay in registers from the first
edge to the last.

    @simd_function("address", "address", "count")
    def scale_rows(code, out, factor, count):
        f = code.load(factor)

        def each(i, _):
            code.store(code.load(out, i) * f, out, i)

        code.loop(count, each)

makes a function that compiled code calls as `scale_rows(width, out.ctypes.data, factor.ctypes.data, n)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

from workbench.training.native.jit import generated
from workbench.training.native.widths import TILE, WIDTHS, for_each

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Floats per vector: as many as a register of the processor holds; LLVM splits vectors where it holds fewer."""

HALVES = (8, 4, 2, 1) if LANES == 16 else (4, 2, 1)  # lanes added to as many others in each step of a horizontal sum

MANY_REGISTERS = LANES == 16
"""With AVX-512 there are 32 of them, and a row of `TILE` takes 4; else 16, and it takes 8."""

SUMS = 2 if MANY_REGISTERS else 1
"""Independent accumulators, so that additions do not wait for each other; few registers hold only one."""

LINE_PAIR = 128  # bytes of two neighbouring cache lines, which processors fetch together

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _WHOLES = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT32, LANES)
_KINDS = {"address": types.intp, "count": types.intp, "float": types.float32}


def halving_lanes(size: int) -> list[int]:
    """Lanes of two concatenated vectors to which the lanes `size` further on are added, which halves both."""
    block = max(2 * size, 4)  # within quarters of a vector it is a single instruction
    return [
        vector + start + lane
        for base in range(0, LANES, block)
        for vector in (0, LANES)
        for start in range(base, base + block, 2 * size)
        for lane in range(size)
    ]


def lane_order(count: int) -> dict[int, int]:
    """The order in which the sums of `count` vectors arrive when they are added up by halves, and a lane of each."""
    level = [[leaf] * LANES for leaf in range(count)]
    for size in HALVES:
        pairs = [(level[i], level[(i + 1) % len(level)]) for i in range(0, len(level), 2)]
        level = [[(a + b)[lane] for lane in halving_lanes(size)] for a, b in pairs]
    return {leaf: level[0].index(leaf) for leaf in dict.fromkeys(level[0])}


class Row:
    """As many floats as a tile is wide, in vector registers."""

    def __init__(self, code: Emitter, vectors: Sequence[Any]) -> None:
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

    def fma(self, factor: Row, summand: Row) -> Row:
        """Fused multiply-add: self · factor + summand, rounded once."""
        return self._each(partial(self.code.call, "llvm.fma"), factor, summand)

    def sqrt(self) -> Row:
        """Element by element."""
        return self._each(partial(self.code.call, "llvm.sqrt"))

    def exp(self) -> Row:
        """e^x for x ≤ 0, to 2 units in the last place: 2^n · e^r with a polynomial for small r."""
        code, splat = self.code, self.code.splat
        power = self._each(code.maximum, splat(-87.0)) * splat(math.log2(math.e))
        whole = power._each(partial(code.call, "llvm.rint"))
        high, low = 0.693359375, math.log(2) - 0.693359375  # products with `high` are exact
        rest = whole.fma(splat(-high), self._each(code.maximum, splat(-87.0)))
        rest = whole.fma(splat(-low), rest)
        result = splat(1 / 5040)
        for factorial in (720, 120, 24, 6, 2, 1, 1):
            result = result.fma(rest, splat(1 / factorial))
        return result * whole._each(code.exp2)

    def where_positive(self, other: Row) -> Row:
        """self where `other` > 0 or NaN (so that NaN does not go unseen), else 0."""
        builder, zero = self.code.builder, ir.Constant(_VECTOR, [0.0] * LANES)
        return self._each(lambda a, b: builder.select(builder.fcmp_ordered("<=", b, zero), zero, a), other)

    def partial_sum(self) -> Any:
        """A vector whose lanes add up to the sum of all values."""
        return reduce(self.code.builder.fadd, self.vectors)

    def partial_dot(self, other: Row) -> Any:
        """A vector whose lanes add up to Σ self · other."""
        total = self.code.builder.fmul(self.vectors[0], other.vectors[0])
        for a, b in zip(self.vectors[1:], other.vectors[1:], strict=True):
            total = self.code.call("llvm.fma", a, b, total)
        return total


class Emitter:
    """Generates the body of one function, for rows of `width` floats."""

    def __init__(self, builder: Any, width: int = TILE) -> None:
        self.builder, self.width = builder, width

    def load(self, address: Any, index: Any = 0) -> Row:
        """Row `index` of the array at `address`."""
        start = self._place(address, index, self.width * 4)
        return Row(self, [self._load(self._place(start, v, LANES * 4), _VECTOR) for v in range(self.width // LANES)])

    def load_pixels(self, address: Any, index: Any) -> Row:
        """Row `index` of the uint8 array at `address`, as floats."""
        start, vectors = self._place(address, index, self.width), range(self.width // LANES)
        raw = [self.load_bytes(self._place(start, v, LANES), LANES) for v in vectors]
        return Row(self, [self.builder.uitofp(vector, _VECTOR) for vector in raw])

    def store(self, row: Row, address: Any, index: Any = 0) -> None:
        """Store `row` as row `index` of the array at `address`."""
        start = self._place(address, index, self.width * 4)
        for v, vector in enumerate(row.vectors):
            self._store(vector, self._place(start, v, LANES * 4))

    def load_float(self, address: Any, index: Any) -> Any:
        """Element `index` of the float32 array at `address`."""
        return self._load(self._place(address, index, 4), _FLOAT)

    def load_int(self, address: Any, index: Any) -> Any:
        """Element `index` of the int32 array at `address`, as int64."""
        return self.builder.sext(self._load(self._place(address, index, 4), _INT32), _INT64)

    def gather(self, address: Any, indices: Any, index: Any) -> Row:
        """`LANES` elements of the float32 array at `address`, which the int32 array at `indices` names from `index` on.

        They are loaded one by one, in half the time that a processor's instruction for it takes.
        """
        vector = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            element = self.load_float(address, self.load_int(indices, self.add(index, lane)))
            vector = self.builder.insert_element(vector, element, ir.Constant(_INT32, lane))
        return Row(self, [vector])

    def store_float(self, value: Any, address: Any, index: Any) -> None:
        """Store a float, or a vector of floats, in the array at `address` from `index` on."""
        self._store(value, self._place(address, index, 4))

    def add_to(self, value: Any, address: Any, index: Any) -> None:
        """Add a float, or a vector of `LANES` floats, to the array at `address` from `index` on."""
        place = self._place(address, index, 4)
        self._store(self.builder.fadd(self._load(place, value.type), value), place)

    def prefetch(self, address: Any, index: Any, size: int = 4) -> None:
        """Prefetch row `index` of an array of `size` bytes a number, if tiles are so wide that it pays."""
        if self.width < TILE:
            return
        pointer = ir.PointerType(ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), [pointer, _INT32, _INT32, _INT32])
        prefetch = self.builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read_data_to_keep = [ir.Constant(_INT32, option) for option in (0, 3, 1)]
        start = self._place(address, index, self.width * size)
        for pair in range(self.width * size // LINE_PAIR):
            place = self.builder.inttoptr(self._place(start, pair, LINE_PAIR), pointer)
            self.builder.call(prefetch, [place, *read_data_to_keep])

    def splat(self, number: Any) -> Row:
        """A row whose elements all have one value (a Python float or one of the generated code)."""
        if isinstance(number, float):
            return Row(self, [ir.Constant(_VECTOR, [number] * LANES)] * (self.width // LANES))
        blank = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(blank, number, ir.Constant(_INT32, 0))
        lanes = ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES)
        return Row(self, [self.builder.shuffle_vector(first, blank, lanes)] * (self.width // LANES))

    def loop(
        self,
        count: Any,
        body: Callable[[Any, list[Row]], list[Row] | None],
        carried: Sequence[Row] = (),
        *,
        start: Any = None,
        step: int = 1,
    ) -> tuple[Any, list[Row]]:
        """For i from `start` (0), in steps that fit below `count` entirely: carried = body(i, carried).

        Returns the first index that is left, and the carried rows; a body that carries none returns None.
        """
        builder, function = self.builder, self.builder.function
        begin = ir.Constant(_INT64, 0) if start is None else start
        before = builder.block
        head, inside, after = (function.append_basic_block(name) for name in ("head", "inside", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(_INT64)
        index.add_incoming(begin, before)
        rows = [Row(self, [builder.phi(vector.type) for vector in row.vectors]) for row in carried]
        following = builder.add(index, ir.Constant(_INT64, step))
        builder.cbranch(builder.icmp_signed("<=", following, count), inside, after)
        builder.position_at_end(inside)
        updated = body(index, list(rows)) or []
        index.add_incoming(following, builder.block)
        for row, first, later in zip(rows, carried, updated, strict=True):
            for phi, a, b in zip(row.vectors, first.vectors, later.vectors, strict=True):
                phi.add_incoming(a, before)
                phi.add_incoming(b, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return index, rows

    def maximum(self, vector: Any, least: Any) -> Any:
        """Element by element; NaN stays."""
        return self.builder.select(self.builder.fcmp_ordered("<", vector, least), least, vector)

    def exp2(self, vector: Any) -> Any:
        """2^n for integers n, given as floats, by setting the bits of the exponent."""
        whole = self.builder.fptosi(vector, _WHOLES)
        biased = self.builder.add(whole, ir.Constant(_WHOLES, [127] * LANES))
        return self.builder.bitcast(self.builder.shl(biased, ir.Constant(_WHOLES, [23] * LANES)), _VECTOR)

    def add(self, a: Any, b: Any) -> Any:
        """a + b, of two integers; `b` may be a Python number."""
        return self.builder.add(a, ir.Constant(_INT64, b) if isinstance(b, int) else b)

    def mul(self, a: Any, b: Any) -> Any:
        """a · b, of two integers; `b` may be a Python number."""
        return self.builder.mul(a, ir.Constant(_INT64, b) if isinstance(b, int) else b)

    def copy_bytes(self, source: Any, target: Any, count: Any) -> None:
        """Copy `count` bytes from one address to another."""
        pointer, flag = ir.PointerType(ir.IntType(8)), ir.IntType(1)
        copy = self.builder.module.declare_intrinsic("llvm.memcpy", [pointer, pointer, _INT64])
        places = [self.builder.inttoptr(address, pointer) for address in (target, source)]
        self.builder.call(copy, [*places, count, ir.Constant(flag, 0)])

    def load_bytes(self, address: Any, count: int) -> Any:
        """A vector of the `count` bytes at `address`."""
        return self._load(address, ir.VectorType(ir.IntType(8), count), align=1)

    def interleave(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The two vectors a0 b0 a1 b1 … a7 b7 and a8 b8 … a15 b15."""
        low, high = ([lane for i in range(start, start + 8) for lane in (i, 16 + i)] for start in (0, 8))
        return self._lanes(a, b, low), self._lanes(a, b, high)

    def store_bytes(self, vector: Any, address: Any) -> None:
        """Store a vector at `address`."""
        self._store(vector, address, align=1)

    def extract(self, vector: Any, number: int) -> Any:
        """One lane of a vector."""
        return self.builder.extract_element(vector, ir.Constant(_INT32, number))

    def horizontal_sum(self, vector: Any) -> Any:
        """The sum of a vector's lanes."""
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        reduce = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(reduce, [ir.Constant(_FLOAT, 0.0), vector], fastmath=["reassoc"])

    def horizontal_sums(self, vector: Callable[[int], Any], count: int) -> Any:
        """The horizontal sums of vector(0) … vector(count - 1) as one vector of floats; `count` a power of 2.

        Pairs of vectors become one by adding halves, as soon as a pair is there, so that registers hold few vectors.
        """
        lanes = lane_order(count)
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
        first = halving_lanes(size)
        return self.builder.fadd(self._lanes(a, b, first), self._lanes(a, b, [lane + size for lane in first]))

    def _lanes(self, a: Any, b: Any, lanes: Sequence[int]) -> Any:
        chosen = ir.Constant(ir.VectorType(_INT32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, chosen)

    def call(self, name: str, *vectors: Any) -> Any:
        """The result of an LLVM function on vectors, such as `llvm.sqrt`."""
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(vectors))
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"{name}.v{LANES}f32")
        return self.builder.call(function, vectors)

    def _place(self, address: Any, index: Any, size: int) -> Any:
        if isinstance(index, int):
            return self.builder.add(address, ir.Constant(_INT64, index * size))
        return self.builder.add(address, self.builder.mul(index, ir.Constant(_INT64, size)))

    def _load(self, address: Any, kind: Any, align: int = 4) -> Any:
        return self.builder.load(self.builder.inttoptr(address, ir.PointerType(kind)), align=align)

    def _store(self, value: Any, address: Any, align: int = 4) -> None:
        self.builder.store(value, self.builder.inttoptr(address, ir.PointerType(value.type)), align=align)


def simd_function(
    *kinds: str, returns: str | None = None, widths: Sequence[int] = WIDTHS
) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: a function for compiled code, from one that generates its body with an `Emitter`.

    Arguments are of the `kinds` "address", "count" or "float"; `returns` is "float" or None. Before them the function
    takes the width of rows, one of the `widths`, unless there is only one.
    """
    make = generated(
        partial(Emitter, width=widths[-1]),
        [_KINDS[kind] for kind in ("count", *kinds)[len(widths) == 1 :]],
        None if returns is None else _KINDS[returns],
    )
    return lambda formula: make(formula if len(widths) == 1 else for_each(widths, formula))
