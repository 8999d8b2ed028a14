"""The formulas of training as SIMD code, one function each; `kernels` has the table of the arrays."""

from __future__ import annotations

from functools import partial

from workbench.training.native.simd import LANES, SUMS, simd_function
from workbench.training.native.widths import TILE

AHEAD = 12
"""How many edges ahead a source's row is prefetched, to hide memory latency; lists of columns are this much longer."""

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8  # AdamW, as torch's defaults


def _weighted_sum(code, count, row, weight, start):
    """start + Σ_e weight(e) · row(e), over `count` edges."""

    def add(edge, total):
        return row(edge).fma(code.splat(weight(edge)), total)

    def add_two(edge, sums):
        sums[0] = add(edge, sums[0])
        sums[-1] = add(code.add(edge, 1), sums[-1])
        return sums

    done, (total, *others) = code.loop(count, add_two, [start, code.splat(0.0)][:SUMS], step=2)
    for other in others:
        total = total + other
    _, (total,) = code.loop(count, lambda edge, sums: [add(edge, sums[0])], [total], start=done)
    return total


def _source(code, rows, columns, edge):
    """rows[column_edge], after prefetching the row needed `AHEAD` edges later."""
    code.prefetch(rows, code.load_int(columns, code.add(edge, AHEAD)))
    return code.load(rows, code.load_int(columns, edge))


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


@simd_function("address", "address", "count", "address", "float", "address")
def sum_edges(code, weights, columns, count, rows, bias, out):
    """out = bias + Σ_e weight_e · rows[column_e]."""
    source, weight = partial(_source, code, rows, columns), partial(code.load_float, weights)
    code.store(_weighted_sum(code, count, source, weight, code.splat(bias)), out)


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


@simd_function("address", "address", "address", "count", "address", "address", "float", "address")
def sum_back(code, weights, edges, targets, count, rows, out, scale, grad):
    """grad = scale · Σ_e weight_e · rows[target_e] where out > 0, else 0: back through edges, dropout and ReLU."""
    value = _weighted_sum(
        code,
        count,
        lambda edge: code.load(rows, code.load_int(targets, edge)),
        lambda edge: code.load_float(weights, code.load_int(edges, edge)),
        code.splat(0.0),
    )
    code.store((value * code.splat(scale)).where_positive(code.load(out)), grad)


@simd_function("address", "address", "address", "address", "count")
def normalise_back(code, grad, normed, means, inverse, count):
    """grad_i = inverse · (grad_i - means_0 - normed_i · means_1): back through LayerNorm, for `count` rows."""
    mean, product, scale = code.load(means, 0), code.load(means, 1), code.load(inverse)

    def each(i, _):
        code.store((code.load(grad, i) - mean - code.load(normed, i) * product) * scale, grad, i)

    code.loop(count, each)


@simd_function("address", "address", "count", "address", "address")
def exp_rows(code, values, most, count, out, total):
    """out_i = exp(values_i - most), for `count` rows;  total = Σ_i out_i."""
    largest = code.load(most)

    def add(i, so_far):
        result = (code.load(values, i) - largest).exp()
        code.store(result, out, i)
        return so_far + result

    _store_sum(code, count, add, total)


def _dots(code, count, one_row, other_row, add):
    """Σ one_row · other_row(e) for each of `count` edges; add(sums, e, number) takes `number` of them at a time."""

    def several(number):
        def body(edge, _):
            sums = code.horizontal_sums(lambda lane: other_row(code.add(edge, lane)).partial_dot(one_row), number)
            add(sums, edge, number)

        return body

    done, _ = code.loop(count, several(LANES), step=LANES)
    done, _ = code.loop(count, several(4), start=done, step=4)

    def one(edge, _):
        add(code.horizontal_sum(other_row(edge).partial_dot(one_row)), edge, 1)

    code.loop(count, one, start=done)


@simd_function("address", "address", "address", "count", "address", returns="float")
def edge_dots(code, dots, grad, columns, count, rows):
    """dots_e += grad · rows[column_e] for `count` edges into one neuron; returns Σ grad."""
    gradient, source = code.load(grad), partial(_source, code, rows, columns)
    _dots(code, count, gradient, source, lambda sums, edge, _: code.add_to(sums, dots, edge))
    return code.horizontal_sum(gradient.partial_sum())


@simd_function("address", "address", "address", "count", "address", "address")
def edge_dots_back(code, dots, edges, targets, count, rows, out):
    """dots[edge_e] += out · rows[target_e] for `count` edges out of one neuron."""

    def add(sums, edge, number):
        for lane in range(number):
            value = sums if number == 1 else code.extract(sums, lane)
            code.add_to(value, dots, code.load_int(edges, code.add(edge, lane)))

    _dots(code, count, code.load(out), lambda edge: code.load(rows, code.load_int(targets, edge)), add)


@simd_function("address", "address", "address", "address", "count", "float", "float", "float", widths=[TILE])
def adamw_rows(code, values, grads, first, second, count, shrink, size, correction):
    """m += (g - m)(1 - β1);  v = v β2 + (1 - β2) g²;  x = x · shrink - size · m / (√v · correction + ε)."""

    def each(i, _):
        g, m, v = code.load(grads, i), code.load(first, i), code.load(second, i)
        m = (g - m).fma(code.splat(1 - BETA1), m)
        v = (g * g).fma(code.splat(1 - BETA2), v * code.splat(BETA2))
        root = v.sqrt().fma(code.splat(correction), code.splat(ADAM_EPS))
        change = code.splat(size) * m / root
        code.store(m, first, i)
        code.store(v, second, i)
        code.store(code.load(values, i) * code.splat(shrink) - change, values, i)

    code.loop(count, each)
