"""The formulas of training as SIMD code, one function each; `kernels` has the table of the arrays."""

from __future__ import annotations

from functools import partial, reduce
from operator import add

from llvmlite import ir

from workbench.training.native.pixels import BIT, PACKS, first_of, load_pixels, scaled, store_pixels
from workbench.training.native.simd import LANES, MANY_REGISTERS, SUMS, simd_function
from workbench.training.native.widths import TILE

AHEAD = 12
"""How many edges ahead a row is prefetched, to hide memory latency; lists of columns are this much longer."""

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8  # AdamW, as torch's defaults


def _scale_rows(code, load, scale, offset, count, out):
    def each(i, _):
        a, b = (code.splat(code.load_float(numbers, i)) for numbers in (scale, offset))
        code.store(load(i) * a + b, out, i)

    code.loop(count, each)


@simd_function("address", "address", "address", "count", "address")
def scale_bytes(code, pixels, scale, offset, count, out):
    """out_i = pixels_i · scale_i + offset_i, for `count` rows of bytes."""
    _scale_rows(code, partial(code.load_pixels, pixels), scale, offset, count, out)


@simd_function("address", "address", "address", "count", "address")
def scale_floats(code, pixels, scale, offset, count, out):
    """out_i = pixels_i · scale_i + offset_i, for `count` rows of floats."""
    _scale_rows(code, partial(code.load, pixels), scale, offset, count, out)


def _row(code, rows, places, edge):
    """rows[place_edge], after prefetching the row needed `AHEAD` edges later."""
    code.prefetch(rows, code.load_int(places, code.add(edge, AHEAD)))
    return code.load(rows, code.load_int(places, edge))


@simd_function("address", "count", "address")
def pack_bytes(code, pixels, count, out):
    """out_i = pixels_i for `count` rows of bytes, packed."""
    code.loop(count, lambda i, _: store_pixels(code, code.load_pixels(pixels, i), out, i))


@simd_function("address", "address", "address", "count", "address", returns="float", widths=[LANES])
def scale_weights(code, weights, scales, means, count, out):
    """out_e = weight_e · scale_e for `count` edges and up to a vector more; returns Σ_e out_e · mean_e."""

    def each(block, sums):
        scaled = code.load(weights, block) * code.load(scales, block)
        code.store(scaled, out, block)
        left = code.builder.sub(count, code.mul(block, LANES))
        return [first_of(code, scaled, left).fma(code.load(means, block), sums[0])]

    blocks = code.builder.ashr(code.add(count, LANES - 1), ir.Constant(count.type, LANES.bit_length() - 1))
    _, (total,) = code.loop(blocks, each, [code.splat(0.0)])
    return code.horizontal_sum(total.partial_sum())


def _pixels(code, rows, places, edge):
    """As `_row`, of packed pixels."""
    code.prefetch(rows, code.load_int(places, code.add(edge, AHEAD)), 2)
    return load_pixels(code, rows, code.load_int(places, edge))


def _weighted_sums(code, weights, count, row, sums):
    """Σ_e weight_e · row(e) over `count` edges, added to `sums` in turns."""

    def term(edge, total):
        return row(edge).fma(code.splat(code.load_float(weights, edge)), total)

    def two(edge, sums):
        sums[0] = term(edge, sums[0])
        sums[-1] = term(code.add(edge, 1), sums[-1])
        return sums

    done, sums = code.loop(count, two, sums, step=2)
    _, sums = code.loop(count, lambda edge, sums: [term(edge, sums[0]), *sums[1:]], sums, start=done)
    return sums


def _either(code, packs, generate):
    """Generate code for packed pixels and for plain rows; which of them runs is known when it does."""
    if not PACKS:
        generate(_row)
        return
    with code.builder.if_else(code.builder.trunc(packs, BIT)) as (packed, plain):
        with packed:
            generate(_pixels)
        with plain:
            generate(_row)


@simd_function("count", *["address", "address", "count"] * 2, "address", "float", "address")
def sum_edges(code, packs, weights, columns, count, inner_weights, inner_columns, inner_count, rows, bias, out):
    """out = bias + Σ_e weight_e · rows[column_e], over `count` edges from inputs and `inner_count` from neurons.

    If `packs` is 1, inputs are packed pixels, else 0.
    """

    def generate(load):
        sums = [code.splat(bias), code.splat(0.0)][:SUMS]
        sums = _weighted_sums(code, weights, count, partial(load, code, rows, columns), sums)
        sums = _weighted_sums(code, inner_weights, inner_count, partial(_row, code, rows, inner_columns), sums)
        code.store(reduce(add, sums), out)

    _either(code, packs, generate)


def _store_sum(code, count, add, address):
    """Start from 0 and apply total = add(i, total) to each of `count` rows; store the total."""
    _, (total,) = code.loop(count, lambda i, sums: [add(i, sums[0])], [code.splat(0.0)])
    code.store(total, address)


@simd_function("address", "count", "address")
def sum_rows(code, values, count, total):
    """total = Σ_i values_i, over `count` rows."""
    _store_sum(code, count, lambda i, so_far: so_far + code.load(values, i), total)


@simd_function("address", "address", "count", "address")
def sum_products(code, values, others, count, total):
    """total = Σ_i values_i · others_i, over `count` rows."""
    _store_sum(code, count, lambda i, so_far: code.load(values, i).fma(code.load(others, i), so_far), total)


@simd_function("address", "address", "count", "address")
def sum_squares(code, values, mean, count, total):
    """total = Σ_i (values_i - mean)², over `count` rows."""
    centre = code.load(mean)

    def add(i, so_far):
        difference = code.load(values, i) - centre
        return difference.fma(difference, so_far)

    _store_sum(code, count, add, total)


@simd_function("address", "address", "address", "address", "count")
def activate(code, out, normed, mean, inverse, count):
    """normed_i = (out_i - mean) · inverse;  out_i = ReLU(normed_i), for `count` rows."""
    centre, scale = code.load(mean), code.load(inverse)

    def each(i, _):
        value = (code.load(out, i) - centre) * scale
        code.store(value, normed, i)
        code.store(value.where_positive(value), out, i)

    code.loop(count, each)


@simd_function("address", "address", "address", "address", "count")
def normalise_back(code, grad, normed, means, inverse, count):
    """grad_i = inverse · (grad_i - means_0 - normed_i · means_1): back through LayerNorm, for `count` rows."""
    mean, product, scale = code.load(means, 0), code.load(means, 1), code.load(inverse)

    def each(i, _):
        code.store((code.load(grad, i) - mean - code.load(normed, i) * product) * scale, grad, i)

    code.loop(count, each)


def _for_rows(code, count, body):
    """body(first, number) for `count` rows in groups: of as many as a vector has lanes, of 4, and single ones."""
    done = None
    for number in (LANES, 4, 1):
        done, _ = code.loop(count, lambda first, _, number=number: body(first, number), start=done, step=number)


def _store_sums(code, vector, first, number, out):
    """out_i = the sum of the lanes of vector(i), for `number` rows from `first` on."""
    if number == 1:
        code.store_float(code.horizontal_sum(vector(first)), out, first)
        return
    sums = code.horizontal_sums(lambda lane: vector(code.add(first, lane)), number)
    code.store_float(sums, out, first)


@simd_function("address", "address", "count", "address")
def row_sums(code, values, mask, count, sums):
    """sums_i = Σ values_i · mask, over the columns of `count` rows."""
    inside = code.load(mask)
    _for_rows(
        code,
        count,
        lambda first, number: _store_sums(
            code, lambda i: code.load(values, i).partial_dot(inside), first, number, sums
        ),
    )


@simd_function("address", "address", "address", "count", "address")
def row_squares(code, values, mask, means, count, sums):
    """sums_i = Σ ((values_i - means_i) · mask)², over the columns of `count` rows."""
    inside = code.load(mask)

    def square(i):
        difference = (code.load(values, i) - code.splat(code.load_float(means, i))) * inside
        return difference.partial_dot(difference)

    _for_rows(code, count, lambda first, number: _store_sums(code, square, first, number, sums))


@simd_function("address", "address", "address", "address", "address", "address", "count")
def normalise_rows(code, out, normed, means, inverse, gains, biases, count):
    """normed_i = (out_i - mean_i) · inverse_i;  out_i = ReLU(gain_i · normed_i + bias_i), for `count` rows."""

    def each(i, _):
        mean, scale, gain, bias = (code.splat(code.load_float(each, i)) for each in (means, inverse, gains, biases))
        value = (code.load(out, i) - mean) * scale
        code.store(value, normed, i)
        value = value.fma(gain, bias)
        code.store(value.where_positive(value), out, i)

    code.loop(count, each)


@simd_function("address", "address", "count", "address", "address")
def row_products(code, grad, normed, count, sums, products):
    """sums_i = Σ grad_i;  products_i = Σ grad_i · normed_i, over the columns of `count` rows."""

    def both(first, number):
        _store_sums(code, lambda i: code.load(grad, i).partial_sum(), first, number, sums)
        _store_sums(code, lambda i: code.load(grad, i).partial_dot(code.load(normed, i)), first, number, products)

    _for_rows(code, count, both)


@simd_function("address", "address", "address", "address", "address", "address", "count")
def normalise_rows_back(code, grad, normed, mask, means, products, factors, count):
    """grad_i = factor_i · (grad_i - mean_i - normed_i · product_i) · mask: back through batch normalisation."""
    inside = code.load(mask)

    def each(i, _):
        mean, product, factor = (code.splat(code.load_float(each, i)) for each in (means, products, factors))
        value = code.load(grad, i) - mean - code.load(normed, i) * product
        code.store(value * factor * inside, grad, i)

    code.loop(count, each)


@simd_function("address", returns="float")
def row_total(code, values):
    """The sum of a row."""
    return code.horizontal_sum(code.load(values).partial_sum())


@simd_function("address", "address", "count", "address", "address")
def exp_rows(code, values, most, count, out, total):
    """out_i = exp(values_i - most), for `count` rows;  total = Σ_i out_i."""
    largest = code.load(most)

    def add(i, so_far):
        result = (code.load(values, i) - largest).exp()
        code.store(result, out, i)
        return so_far + result

    _store_sum(code, count, add, total)


def _dots(code, count, mine, row, dots, weights=None, sums=(), change=lambda total, edge: total):
    """dots_e += change(mine · row(e)) for each of `count` edges; to `sums`, if any, are added weight_e · row(e)."""

    def several(number):
        def body(edge, sums):
            def dot(lane):
                each = code.add(edge, lane)
                value = row(each)
                if sums:
                    weight = code.splat(code.load_float(weights, each))
                    sums[lane % SUMS] = value.fma(weight, sums[lane % SUMS])
                return value.partial_dot(mine)

            total = code.horizontal_sums(dot, number) if number > 1 else code.horizontal_sum(dot(0))
            code.add_to(change(total, edge), dots, edge)
            return sums

        return body

    done = None
    for number in (LANES, 4, 1):
        done, sums = code.loop(count, several(number), sums, start=done, step=number)
    return sums


@simd_function("count", *["address"] * 3, "count", *["address"] * 3, returns="float")
def edge_dots(code, packs, dots, grad, columns, count, rows, scales, means):
    """dots_e += grad · rows[column_e] for `count` edges into one neuron; returns Σ grad.

    If `packs` is 1, rows are packed pixels, and dots_e += scale_e · (grad · rows[column_e] - mean_e · Σ grad).
    """
    gradient = code.load(grad)
    whole = code.horizontal_sum(gradient.partial_sum())

    def generate(load):
        def change(total, edge):
            return scaled(code, total, whole, scales, means, edge) if load is _pixels else total

        _dots(code, count, gradient, partial(load, code, rows, columns), dots, change=change)

    _either(code, packs, generate)
    return whole


@simd_function("address", "address", "address", "count", "address", "address", "float", "address")
def edges_back(code, weights, dots, targets, count, rows, out, scale, grad):
    """Back through `count` edges out of one neuron, dropout and ReLU.

    dots_e += out · rows[target_e];  grad = scale · Σ_e weight_e · rows[target_e] where out > 0, else 0.
    """
    row, sums = partial(_row, code, rows, targets), [code.splat(0.0)] * SUMS
    if MANY_REGISTERS:
        sums = _dots(code, count, code.load(out), row, dots, weights, sums)
    else:
        sums = _weighted_sums(code, weights, count, row, sums)
        _dots(code, count, code.load(out), lambda edge: code.load(rows, code.load_int(targets, edge)), dots)
    code.store((reduce(add, sums) * code.splat(scale)).where_positive(code.load(out)), grad)


@simd_function("address", "address", "address", "address", "count", "float", "float", "float", widths=[TILE])
def adamw_rows(code, values, grads, first, second, count, shrink, size, correction):
    """m += (g - m)(1 - β1);  v = v β2 + (1 - β2) g²;  x = x · shrink - size · m / (√v · correction + ε);  g = 0."""

    def each(i, _):
        g, m, v = code.load(grads, i), code.load(first, i), code.load(second, i)
        m = (g - m).fma(code.splat(1 - BETA1), m)
        v = (g * g).fma(code.splat(1 - BETA2), v * code.splat(BETA2))
        root = v.sqrt().fma(code.splat(correction), code.splat(ADAM_EPS))
        change = code.splat(size) * m / root
        code.store(m, first, i)
        code.store(v, second, i)
        code.store(code.load(values, i) * code.splat(shrink) - change, values, i)
        code.store(code.splat(0.0), grads, i)

    code.loop(count, each)
