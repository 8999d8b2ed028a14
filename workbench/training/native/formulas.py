"""The formulas of training as vector code, one function each; `kernels` has the table of the arrays."""

from __future__ import annotations

from workbench.training.native.vectors import LANES, SUMS, vector_code

AHEAD = 12
"""Edges between asking for a source's row and using it, which hides how far away it is; lists of columns are this
much longer."""

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8
"""AdamW, as torch's defaults."""


def _weighted_sum(code, count, row, weight, start):
    """start + Σ_e weight(e) · row(e), over `count` edges."""

    def add(edge, total):
        return row(edge).times_plus(code.spread(weight(edge)), total)

    def add_two(edge, sums):
        sums[0] = add(edge, sums[0])
        sums[-1] = add(code.plus(edge, 1), sums[-1])
        return sums

    done, (total, *others) = code.loop(count, add_two, [start, code.spread(0.0)][:SUMS], step=2)
    for other in others:
        total = total + other
    _, (total,) = code.loop(count, lambda edge, sums: [add(edge, sums[0])], [total], start=done)
    return total


def _source(code, rows, columns, edge):
    """rows[column_edge], and the one `AHEAD` of it is on its way."""
    code.fetch(rows, code.whole(columns, code.plus(edge, AHEAD)))
    return code.row(rows, code.whole(columns, edge))


@vector_code("address", "address", "count", "address", "float", "address")
def sum_edges(code, weights, columns, count, rows, bias, out):
    """out = bias + Σ_e weight_e · rows[column_e]."""

    def source(edge):
        return _source(code, rows, columns, edge)

    value = _weighted_sum(code, count, source, lambda edge: code.number(weights, edge), code.spread(bias))
    code.put(value, out)


@vector_code("address", "count", "address")
def sum_rows(code, values, count, total):
    """total = Σ_i values_i, over `count` rows."""
    _, (result,) = code.loop(count, lambda i, sums: [sums[0] + code.row(values, i)], [code.spread(0.0)])
    code.put(result, total)


@vector_code("address", "address", "count", "address")
def sum_products(code, values, others, count, total):
    """total = Σ_i values_i · others_i, over `count` rows."""

    def add(i, sums):
        return [code.row(values, i).times_plus(code.row(others, i), sums[0])]

    _, (result,) = code.loop(count, add, [code.spread(0.0)])
    code.put(result, total)


@vector_code("address", "address", "count", "address")
def sum_squares(code, values, mean, count, total):
    """total = Σ_i (values_i - mean)², over `count` rows."""
    centre = code.row(mean)

    def add(i, sums):
        difference = code.row(values, i) - centre
        return [difference.times_plus(difference, sums[0])]

    _, (result,) = code.loop(count, add, [code.spread(0.0)])
    code.put(result, total)


@vector_code("address", "address", "address", "address", "count")
def activate(code, out, normed, mean, inverse, count):
    """normed_i = (out_i - mean) · inverse;  out_i = ReLU(normed_i), for `count` rows."""
    centre, scale = code.row(mean), code.row(inverse)

    def each(i, _):
        value = (code.row(out, i) - centre) * scale
        code.put(value, normed, i)
        code.put(value.where_positive(value), out, i)
        return []

    code.loop(count, each)


@vector_code("address", "address", "address", "count", "address", "address", "float", "address")
def sum_back(code, weights, edges, targets, count, rows, out, scale, grad):
    """grad = scale · Σ_e weight_e · rows[target_e] where out > 0, else 0: back through edges, dropout and ReLU."""

    def target(edge):
        return code.row(rows, code.whole(targets, edge))

    def weight(edge):
        return code.number(weights, code.whole(edges, edge))

    value = _weighted_sum(code, count, target, weight, code.spread(0.0))
    code.put((value * code.spread(scale)).where_positive(code.row(out)), grad)


@vector_code("address", "address", "address", "address", "count")
def normalise_back(code, grad, normed, means, inverse, count):
    """grad_i = inverse · (grad_i - means_0 - normed_i · means_1): back through LayerNorm, for `count` rows."""
    mean, product, scale = code.row(means, 0), code.row(means, 1), code.row(inverse)

    def each(i, _):
        code.put((code.row(grad, i) - mean - code.row(normed, i) * product) * scale, grad, i)
        return []

    code.loop(count, each)


@vector_code("address", "address", "count", "address", "address")
def exp_rows(code, values, most, count, out, total):
    """out_i = exp(values_i - most), for `count` rows;  total = Σ_i out_i."""
    largest = code.row(most)

    def each(i, sums):
        result = (code.row(values, i) - largest).exp()
        code.put(result, out, i)
        return [sums[0] + result]

    _, (result,) = code.loop(count, each, [code.spread(0.0)])
    code.put(result, total)


def _dots(code, count, one_row, other_row, add):
    """Σ one_row · other_row(e) for each of `count` edges, several at a time; add(sums, e, number) takes them."""

    def several(number):
        def body(edge, _):
            sums = code.sum_lanes_of(lambda lane: other_row(code.plus(edge, lane)).dot_lanes(one_row), number)
            add(sums, edge, number)
            return []

        return body

    done, _ = code.loop(count, several(LANES), step=LANES)
    done, _ = code.loop(count, several(4), start=done, step=4)

    def one(edge, _):
        add(code.sum_lanes(other_row(edge).dot_lanes(one_row)), edge, 1)
        return []

    code.loop(count, one, start=done)


@vector_code("address", "address", "address", "count", "address", returns="float")
def edge_dots(code, dots, grad, columns, count, rows):
    """dots_e += grad · rows[column_e] for `count` edges into one neuron; returns Σ grad."""
    gradient = code.row(grad)

    def source(edge):
        return _source(code, rows, columns, edge)

    _dots(code, count, gradient, source, lambda sums, edge, _: code.add_to(sums, dots, edge))
    return code.sum_lanes(gradient.lanes())


@vector_code("address", "address", "address", "count", "address", "address")
def edge_dots_back(code, dots, edges, targets, count, rows, out):
    """dots[edge_e] += out · rows[target_e] for `count` edges out of one neuron."""

    def target(edge):
        return code.row(rows, code.whole(targets, edge))

    def add(sums, edge, number):
        for lane in range(number):
            value = sums if number == 1 else code.lane(sums, lane)
            code.add_to(value, dots, code.whole(edges, code.plus(edge, lane)))

    _dots(code, count, code.row(out), target, add)


@vector_code("address", "address", "address", "address", "count", "float", "float", "float")
def adamw_rows(code, values, grads, first, second, count, shrink, size, correction):
    """m += (g - m)(1 - β1);  v = v β2 + (1 - β2) g²;  x = x · shrink - size · m / (√v · correction + ε)."""

    def each(i, _):
        g, m, v = code.row(grads, i), code.row(first, i), code.row(second, i)
        m = (g - m).times_plus(code.spread(1 - BETA1), m)
        v = (g * g).times_plus(code.spread(1 - BETA2), v * code.spread(BETA2))
        root = v.sqrt().times_plus(code.spread(correction), code.spread(ADAM_EPS))
        change = code.spread(size) * m / root
        code.put(m, first, i)
        code.put(v, second, i)
        code.put(code.row(values, i) * code.spread(shrink) - change, values, i)
        return []

    code.loop(count, each)
