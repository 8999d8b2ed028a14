"""Inputs as raw pixels: whole numbers up to 255, which bfloat16 holds exactly, so that their rows take half the room.

An input's value is (pixel - mean) · scale. Rows keep pixels; scales and means go into weights, biases and derivatives.
Loading rows is what takes the time. Widening takes instructions, so that only processors with many registers gain.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from workbench.training.native.simd import LANES, MANY_REGISTERS, Emitter, Row

PACKS = MANY_REGISTERS
"""Whether pixels of a byte are packed on this processor."""

LEAST_CONTRAST = 0.01
"""Deviation of a channel, relative to its mean, below which pixels are not packed: too many digits would cancel."""

BIT = ir.IntType(1)
_FLOATS, _WHOLES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
_NONE = ir.Constant(ir.IntType(32), 0)
_SIXTEEN, _UPPER = (ir.Constant(_WHOLES, [number] * LANES) for number in (16, -(1 << 16)))


def _pairs(code: Emitter) -> Emitter | None:
    """What loads and stores rows of two vectors in the room of one; None where a row is a single vector."""
    return Emitter(code.builder, code.width // 2) if code.width > LANES else None


def store_pixels(code: Emitter, row: Row, address: Any, index: Any) -> None:
    """Store pixels as row `index` of the packed array at `address`."""
    pairs, build = _pairs(code), code.builder
    if pairs is None:
        code.store(row, address, index)
        return
    bits = [build.bitcast(vector, _WHOLES) for vector in row.vectors]
    packed = [build.or_(build.lshr(low, _SIXTEEN), high) for low, high in zip(bits[::2], bits[1::2], strict=True)]
    pairs.store(Row(pairs, [build.bitcast(both, _FLOATS) for both in packed]), address, index)


def load_pixels(code: Emitter, address: Any, index: Any) -> Row:
    """Row `index` of the packed array at `address`."""
    pairs, build = _pairs(code), code.builder
    if pairs is None:
        return code.load(address, index)
    packed = [build.bitcast(vector, _WHOLES) for vector in pairs.load(address, index).vectors]
    bits = [part for both in packed for part in (build.shl(both, _SIXTEEN), build.and_(both, _UPPER))]
    return Row(code, [build.bitcast(part, _FLOATS) for part in bits])


def first_of(code: Emitter, row: Row, count: Any) -> Row:
    """A row of one vector with zeros after the first `count` numbers."""
    build = code.builder
    limit = build.insert_element(ir.Constant(_WHOLES, ir.Undefined), build.trunc(count, ir.IntType(32)), _NONE)
    limits = build.shuffle_vector(limit, ir.Constant(_WHOLES, ir.Undefined), ir.Constant(_WHOLES, [0] * LANES))
    chosen = build.icmp_signed("<", ir.Constant(_WHOLES, list(range(LANES))), limits)
    return Row(code, [build.select(chosen, row.vectors[0], ir.Constant(_FLOATS, [0.0] * LANES))])


def scaled(code: Emitter, total: Any, whole: Any, scales: Any, means: Any, edge: Any) -> Any:
    """scale_e · (total_e - mean_e · whole) for as many edges from `edge` on as `total` has numbers."""
    build, kind = code.builder, total.type

    def numbers(address: Any) -> Any:
        place = code.add(address, code.mul(edge, 4))
        return build.load(build.inttoptr(place, ir.PointerType(kind)), align=4)

    if kind != whole.type:
        blank, lanes = ir.Constant(kind, ir.Undefined), ir.VectorType(ir.IntType(32), kind.count)
        first = build.insert_element(blank, whole, _NONE)
        whole = build.shuffle_vector(first, blank, ir.Constant(lanes, [0] * kind.count))
    return build.fmul(numbers(scales), build.fsub(total, build.fmul(numbers(means), whole)))
