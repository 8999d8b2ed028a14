"""Loops over vectors and matrices, from which LLVM code for 8 float64 at a time is generated.

A vector of F values takes F rounded up to a multiple of `LANES`; a matrix is its F columns one after the other, so that
a product with a vector needs no sums across lanes, and room for as many columns as that. What the rounding adds holds
anything and is left out of sums.

Each sum has four parts that do not wait for each other, in an order that is the same on every machine: columns 0, 4, …
go to the first part, 1, 5, … to the second, and so on, those of an incomplete four at the end to the first; then the
parts are added as (0 + 1) + (2 + 3), and a sum across lanes adds lanes k and k + 4, then k and k + 2, then k and k + 1.
A vector counts as one column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from workbench.spaces.programs.native import LANES
from workbench.training.native.jit import generated

PARTS = 4  # of a sum
SIZE = 8  # bytes of a float64

_FLOAT, _INT32, _INT64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _WHOLES = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT64, LANES)
_ZERO = ir.Constant(_VECTOR, [0.0] * LANES)
_KINDS = {
    "address": types.intp,
    "count": types.intp,
    "number": types.float64,
}

Term = Callable[[Any, Any], Any]
"""What a column, and a chunk of it, add to a sum: a vector."""


class Emitter:
    """Generates the body of one function; an `index` is an int64 of the generated code, or a Python int."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    @staticmethod
    def index(number: int) -> Any:
        """A number as an index."""
        return ir.Constant(_INT64, number)

    def place(self, address: Any, index: Any, size: int = SIZE) -> Any:
        """The address of element `index` of an array at `address`, of `size` bytes each."""
        return self.builder.add(address, self.mul(index, size))

    def mul(self, a: Any, b: Any) -> Any:
        """a · b, of two indices."""
        return self.builder.mul(*(self.index(x) if isinstance(x, int) else x for x in (a, b)))

    def load(self, address: Any, chunk: Any = 0) -> Any:
        """Chunk number `chunk` of the array at `address`."""
        place = self.builder.inttoptr(self.place(address, chunk, SIZE * LANES), ir.PointerType(_VECTOR))
        return self.builder.load(place, align=SIZE)

    def store(self, value: Any, address: Any, chunk: Any = 0) -> None:
        """Store a vector as chunk number `chunk` of the array at `address`."""
        place = self.builder.inttoptr(self.place(address, chunk, SIZE * LANES), ir.PointerType(_VECTOR))
        self.builder.store(value, place, align=SIZE)

    def load_number(self, address: Any, index: Any = 0) -> Any:
        """Element `index` of the array at `address`."""
        return self.builder.load(self.builder.inttoptr(self.place(address, index), ir.PointerType(_FLOAT)), align=SIZE)

    def store_number(self, number: Any, address: Any, index: Any = 0) -> None:
        """Store a number as element `index` of the array at `address`."""
        place = self.builder.inttoptr(self.place(address, index), ir.PointerType(_FLOAT))
        self.builder.store(number, place, align=SIZE)

    def splat(self, number: Any) -> Any:
        """A vector whose lanes all hold one number (a Python float or one of the generated code)."""
        if isinstance(number, float):
            return ir.Constant(_VECTOR, [number] * LANES)
        blank = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(blank, number, ir.Constant(_INT32, 0))
        return self._lanes(first, [0] * LANES)

    def count(self, number: Any) -> Any:
        """A vector whose lanes all hold an index as a number."""
        return self.splat(self.builder.sitofp(number, _FLOAT))

    def inside(self, vector: Any, chunk: Any, features: Any) -> Any:
        """A chunk with 0 in place of what lies beyond F."""
        rest = self.builder.sub(features, self.mul(chunk, LANES))
        blank = ir.Constant(_WHOLES, ir.Undefined)
        first = self.builder.insert_element(blank, rest, ir.Constant(_INT32, 0))
        rests = self._lanes(first, [0] * LANES)
        within = self.builder.icmp_signed("<", ir.Constant(_WHOLES, list(range(LANES))), rests)
        return self.builder.select(within, vector, _ZERO)

    def where(self, sign: str, a: Any, b: Any, yes: Any, no: Any) -> Any:
        """`yes` where a < b (or another sign) holds, else, and where there is NaN, `no`."""
        return self.builder.select(self.builder.fcmp_ordered(sign, a, b), yes, no)

    def call(self, name: str, vector: Any) -> Any:
        """The result of an LLVM function of one vector, such as `llvm.sqrt`."""
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, f"{name}.v8f64"), [vector])

    def across(self, vector: Any) -> Any:
        """The sum of a vector's lanes."""
        for size in (4, 2, 1):
            moved = self._lanes(vector, [(lane + size) % LANES for lane in range(LANES)])
            vector = self.builder.fadd(vector, moved)
        return self.first(vector)

    def first(self, vector: Any) -> Any:
        """The first lane of a vector."""
        return self.builder.extract_element(vector, ir.Constant(_INT32, 0))

    def _lanes(self, vector: Any, lanes: Sequence[int], other: Any = None) -> Any:
        """Some lanes of two vectors; those of the second are `LANES` and more."""
        chosen = ir.Constant(ir.VectorType(_INT32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(vector, vector if other is None else other, chosen)

    def transposed(self, vectors: Sequence[Any]) -> list[Any]:
        """The columns of a block whose rows are `LANES` vectors."""
        vectors = list(vectors)
        for size in (4, 2, 1):
            low = [lane + LANES - size if lane & size else lane for lane in range(LANES)]
            high = [lane + LANES if lane & size else lane + size for lane in range(LANES)]
            for i in [i for i in range(LANES) if not i & size]:
                a, b = vectors[i], vectors[i + size]
                vectors[i], vectors[i + size] = self._lanes(a, low, b), self._lanes(a, high, b)
        return vectors

    def loop(
        self,
        count: Any,
        body: Callable[[Any, list[Any]], list[Any] | None],
        carried: Sequence[Any] = (),
        *,
        start: Any = None,
        step: int = 1,
    ) -> tuple[Any, list[Any]]:
        """For i from `start` (0), in steps that fit below `count` entirely: carried = body(i, carried).

        Returns the first index that is left, and the carried vectors; a body that carries none returns None.
        """
        builder, function = self.builder, self.builder.function
        before = builder.block
        head, inside, after = (function.append_basic_block(name) for name in ("head", "inside", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(_INT64)
        index.add_incoming(self.index(0) if start is None else start, before)
        vectors = [builder.phi(_VECTOR) for _ in carried]
        following = builder.add(index, self.index(step))
        builder.cbranch(builder.icmp_signed("<=", following, count), inside, after)
        builder.position_at_end(inside)
        updated = body(index, list(vectors)) or []
        index.add_incoming(following, builder.block)
        for phi, first, later in zip(vectors, carried, updated, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return index, vectors

    def total(self, columns: Any, term: Term, chunks: Any = None) -> Any:
        """Σ term(column, chunk) over all columns, and all chunks of each if there are any, in this module's order."""
        builder = self.builder

        def add(columns: list[Any], sums: list[Any]) -> list[Any]:
            def each(chunk: Any, sums: list[Any]) -> list[Any]:
                return [builder.fadd(total, term(one, chunk)) for one, total in zip(columns, sums, strict=True)]

            return each(None, sums) if chunks is None else self.loop(chunks, each, sums)[1]

        def four(column: Any, sums: list[Any]) -> list[Any]:
            return add([builder.add(column, self.index(part)) for part in range(PARTS)], sums)

        rest, sums = self.loop(columns, four, [_ZERO] * PARTS, step=PARTS)
        _, (first,) = self.loop(columns, lambda column, sums: add([column], sums), sums[:1], start=rest)
        return builder.fadd(builder.fadd(first, sums[1]), builder.fadd(sums[2], sums[3]))


def lane_function(*kinds: str, returns: str | None = None) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: a function for compiled code, from one that generates its body with an `Emitter`.

    Arguments are of the `kinds` "address", "count" or "number"; `returns` is "number" or None.
    """
    return generated(Emitter, [_KINDS[kind] for kind in kinds], None if returns is None else _KINDS[returns])


@lane_function("address", returns="number")
def get(code, address):
    """The number at an address."""
    return code.load_number(address)


@lane_function("address", "number")
def put(code, address, number):
    """Store a number at an address."""
    code.store_number(number, address)


@lane_function("address", "count", "number")
def put_at(code, address, index, number):
    """Store element `index` of the array at an address, so that a loop may store several at once."""
    first = code.builder.inttoptr(address, ir.PointerType(_FLOAT))
    code.builder.store(number, code.builder.gep(first, [index]), align=SIZE)
