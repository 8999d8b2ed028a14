"""Training in compiled code: a tile forward and backward, the optimiser, and passes over all tiles.

| array | shape | what |
|---|---|---|
| out | [neurons, width] | output of each row of the plan for the images of a tile; inputs first |
| normed | [neurons, width] | what goes into the ReLU: normalised sums |
| grad | [neurons, width] | derivative of the loss by `out`, then by the sums |
| inverse | [layers, width] | 1 / deviation of a normalised layer, per image |
| scratch | [2, width] | sums over the neurons of a layer, per image |
| weights, edge_grads | [edges] | weights and derivatives: edges from inputs by target, then inner ones by source |
| inner_weights | [inner edges] | weights of inner edges, those from hidden neurons, by target |
| biases, bias_grads | [neurons - inputs] | one per hidden or output row |

All but the first five and `inner_weights` are padded with zeros to a multiple of `TILE`, so that they can be processed
in whole rows. Derivatives are 0 before each batch: what uses them up leaves zeros, which is faster than a pass of its
own.

Forward and backward pass go through consecutive edges. So inner edges stand in two orders: by source is where they are
trained, and after each step their weights are copied to where they stand by target.

A tile holds one image per column; its width, the number of its columns, is one of `WIDTHS`. All kernels release
the GIL and are deterministic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.genome import EPS
from workbench.training.native import formulas
from workbench.training.native.jit import kernel
from workbench.training.native.loss import cross_entropy
from workbench.training.native.widths import TILE


class Net(NamedTuple):
    """A plan in the form that the kernels take."""

    n_inputs: int  # inputs are the first rows
    layer_starts: np.ndarray  # int64 [layers + 1]
    normalised: np.ndarray  # bool [layers]
    input_starts: np.ndarray  # CSR row pointer of the edges from inputs, int64 [neurons + 1]
    inner_starts: np.ndarray  # CSR row pointer of the inner edges, which leave hidden rows, int64 [neurons + 1]
    back_starts: np.ndarray  # for each hidden row, where the edges that leave it start, int64 [hidden + 1]
    input_columns: np.ndarray  # source of each edge from an input, int32 [input edges + AHEAD], as kernels prefetch
    inner_columns: np.ndarray  # source of each inner edge, by target, int32 [inner edges + AHEAD]
    back_targets: np.ndarray  # target of each inner edge, by source, int32 [inner edges + AHEAD]
    inner_places: np.ndarray  # place by source of each inner edge by target, uint32 [inner edges]
    shared_edges: np.ndarray  # edges that share their weight with others, uint32, group by group
    group_starts: np.ndarray  # where each group starts there, and the end, int64 [groups + 1]
    packs: int  # 1 if inputs are packed pixels, else 0
    scales: np.ndarray  # then the scale of each edge's pixel, float32 [input edges]
    means: np.ndarray  # and its mean


class Learner(NamedTuple):
    """The state that training changes."""

    weights: np.ndarray  # float32 [edges], padded
    biases: np.ndarray  # float32 [neurons - inputs], padded
    inner_weights: np.ndarray  # float32 [inner edges], a copy
    input_weights: np.ndarray  # float32 [input edges]: of packed pixels; else they are the weights themselves
    offsets: np.ndarray  # float32 [neurons - inputs]: biases for packed pixels; else they are the biases themselves
    edge_grads: np.ndarray  # float32 [edges], padded
    bias_grads: np.ndarray  # float32 [neurons - inputs], padded
    weight_moments: np.ndarray  # AdamW's running averages, float32 [2, edges], padded
    bias_moments: np.ndarray  # the same for the biases


class Buffers(NamedTuple):
    """Work space: see the table above."""

    out: np.ndarray
    normed: np.ndarray
    grad: np.ndarray
    inverse: np.ndarray
    scratch: np.ndarray


@kernel(inline="always")
def _address(array, index):
    return array.ctypes.data + index * array.itemsize


@kernel(inline="always")
def _row(array, row):
    return array.ctypes.data + row * array.strides[0]


@kernel(inner=True)
def load_images(images, scale, offset, out, packs):
    """out[input] = raw pixel · scale + offset: centred and scaled. `images` [inputs, width] are uint8 or float32.

    Or the raw pixels, packed into the first half of that place.
    """
    width, raw, count = images.shape[1], images.ctypes.data, len(images)
    if packs:
        formulas.pack_bytes(width, raw, count, out.ctypes.data)
    elif images.itemsize == 1:
        formulas.scale_bytes(width, raw, scale.ctypes.data, offset.ctypes.data, count, out.ctypes.data)
    else:
        formulas.scale_floats(width, raw, scale.ctypes.data, offset.ctypes.data, count, out.ctypes.data)


@kernel(inner=True)
def forward(net, learner, dropout, random, buffers):
    """out_l = ReLU(LayerNorm(Σ_{k<l} out_k · W_kl + b_l)), layer by layer; logits without norm and ReLU."""
    out, mean, width = buffers.out, buffers.scratch[0], buffers.out.shape[1]
    last_layer = len(net.normalised) - 1
    for layer in range(1, last_layer + 1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        for row in range(first, last):
            start, count = net.input_starts[row], net.input_starts[row + 1] - net.input_starts[row]
            inner, inner_count = net.inner_starts[row], net.inner_starts[row + 1] - net.inner_starts[row]
            formulas.sum_edges(
                width, net.packs, _address(learner.input_weights, start), _address(net.input_columns, start), count,
                _address(learner.inner_weights, inner), _address(net.inner_columns, inner), inner_count,
                out.ctypes.data, learner.offsets[row - net.n_inputs], _row(out, row),
            )  # fmt: skip
        if layer == last_layer:
            break
        inverse = buffers.inverse[layer]
        if net.normalised[layer]:
            moments(first, last, out, mean, inverse)
        else:
            mean[:] = 0
            inverse[:] = 1
        rows = _row(out, first), _row(buffers.normed, first)
        formulas.activate(width, rows[0], rows[1], mean.ctypes.data, inverse.ctypes.data, last - first)
        if dropout > 0:
            drop(first, last, dropout, random, out)


@kernel(inner=True)
def moments(first, last, out, mean, inverse):
    """LayerNorm's mean and 1 / sqrt(variance + eps) over the rows `first` to `last`, per image."""
    count, width = np.float32(last - first), out.shape[1]
    formulas.sum_rows(width, _row(out, first), last - first, mean.ctypes.data)
    for k in range(width):
        mean[k] /= count
    formulas.sum_squares(width, _row(out, first), mean.ctypes.data, last - first, inverse.ctypes.data)
    for k in range(width):
        inverse[k] = np.float32(1) / np.sqrt(inverse[k] / count + np.float32(EPS))


@kernel(inner=True)
def drop(first, last, probability, random, out):
    """Inverted dropout after the ReLU; `random` (uint64) keys the numbers, which are hashes of key, row and image."""
    threshold = np.uint64(probability * 2.0**32)
    scale = np.float32(1 / (1 - probability))
    for row in range(first, last):
        for k in range(out.shape[1]):
            state = random + np.uint64(row * TILE + k) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            keep = ((state ^ (state >> np.uint64(31))) >> np.uint64(32)) >= threshold
            out[row, k] = out[row, k] * scale if keep else np.float32(0)


@kernel(inner=True)
def backward(net, weights, dropout, buffers, edge_grads, bias_grads):
    """Backpropagation: adds the derivatives by all weights to `edge_grads`, by all biases to `bias_grads`."""
    out, normed, grad, means = buffers.out, buffers.normed, buffers.grad, buffers.scratch
    scale, n_input_edges, width = np.float32(1 / (1 - dropout)), net.input_starts[-1], out.shape[1]
    for layer in range(len(net.normalised) - 2, 0, -1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        for row in range(first, last):  # by the outputs of this layer: from all later ones
            start = net.back_starts[row - net.n_inputs]
            count, edge = net.back_starts[row - net.n_inputs + 1] - start, n_input_edges + start
            formulas.edges_back(
                width, _address(weights, edge), _address(edge_grads, edge), _address(net.back_targets, start), count,
                grad.ctypes.data, _row(out, row), scale, _row(grad, row),
            )  # fmt: skip
        if net.normalised[layer]:
            rows = _row(grad, first), _row(normed, first)
            formulas.sum_rows(width, rows[0], last - first, means[0].ctypes.data)
            formulas.sum_products(width, rows[0], rows[1], last - first, means[1].ctypes.data)
            for k in range(width):
                means[0, k] /= np.float32(last - first)
                means[1, k] /= np.float32(last - first)
            inverse = buffers.inverse[layer]
            formulas.normalise_back(width, rows[0], rows[1], means.ctypes.data, inverse.ctypes.data, last - first)
    for row in range(net.n_inputs, out.shape[0]):
        start, count = net.input_starts[row], net.input_starts[row + 1] - net.input_starts[row]
        dots, mine, columns = _address(edge_grads, start), _row(grad, row), _address(net.input_columns, start)
        scales, means = _address(net.scales, start), _address(net.means, start)
        bias_grads[row - net.n_inputs] += formulas.edge_dots(
            width, net.packs, dots, mine, columns, count, out.ctypes.data, scales, means
        )


@kernel(inner=True)
def share_grads(edges, group_starts, edge_grads):
    """Edges that share a weight get the sum of their derivatives; the optimiser then changes all of them alike."""
    for group in range(len(group_starts) - 1):
        members = edges[group_starts[group] : group_starts[group + 1]]
        total = np.float32(0)
        for edge in members:
            total += edge_grads[edge]
        for edge in members:
            edge_grads[edge] = total


@kernel
def order_inner(net, weights, inner_weights):
    """Copy the weights of inner edges from where they stand by source to where they stand by target."""
    by_source = weights[net.input_starts[-1] :]
    for edge in range(len(net.inner_places)):
        inner_weights[edge] = by_source[net.inner_places[edge]]


@kernel
def scale_inputs(net, learner):
    """Weights and biases for packed pixels: Σ w · scale · (pixel - mean) + bias = Σ input_weight · pixel + offset."""
    for row in range(net.n_inputs, len(net.input_starts) - 1):
        start, count = net.input_starts[row], net.input_starts[row + 1] - net.input_starts[row]
        weights, scaled = _address(learner.weights, start), _address(learner.input_weights, start)
        scales, means = _address(net.scales, start), _address(net.means, start)
        total = formulas.scale_weights(weights, scales, means, count, scaled)
        learner.offsets[row - net.n_inputs] = learner.biases[row - net.n_inputs] - total


@kernel(inner=True)
def adamw(values, grads, moments, rate, decay, step):
    """Step number `step` (from 1) of AdamW (Loshchilov and Hutter 2019); `moments` [2, n] are its running averages.

    The derivatives become 0.
    """
    shrink, size = np.float32(1 - rate * decay), np.float32(rate / (1 - formulas.BETA1**step))
    correction = np.float32(1 / np.sqrt(1 - formulas.BETA2**step))
    first, second = moments[0].ctypes.data, moments[1].ctypes.data
    formulas.adamw_rows(
        values.ctypes.data, grads.ctypes.data, first, second, len(values) // TILE, shrink, size, correction
    )


@kernel(inner=True)
def follow(averages, values, factor):
    """averages += (values - averages) · factor."""
    for place in range(len(values)):
        averages[place] += (values[place] - averages[place]) * factor


@kernel(inner=True)
def batch_grads(net, learner, images, labels, targets, pixels, dropout, smoothing, random, buffers):
    """Adds the derivatives of a batch's mean loss to those of the learner; returns summed loss and correct images.

    `images` [tiles, inputs, width] and `labels` [tiles, width] are the tiles of the batch, `targets` [tiles, outputs,
    width] as of `cross_entropy`, or of length 0; `pixels` [2, inputs] scale and offset of the raw pixels.
    """
    count = 0
    for tile in range(labels.shape[0]):
        for k in range(labels.shape[1]):
            count += labels[tile, k] >= 0
    loss, right = 0.0, 0
    for tile in range(labels.shape[0]):
        key = random + np.uint64(tile) * np.uint64(0xD1342543DE82EF95)
        load_images(images[tile], pixels[0], pixels[1], buffers.out, net.packs)
        forward(net, learner, dropout, key, buffers)
        first_output = net.layer_starts[-2]
        tile_loss, tile_right = cross_entropy(
            labels[tile], targets[tile : tile + 1], smoothing, np.float32(count), first_output, buffers.out,
            buffers.grad, buffers.scratch,
        )  # fmt: skip
        loss += tile_loss
        right += tile_right
        backward(net, learner.weights, dropout, buffers, learner.edge_grads, learner.bias_grads)
    return loss, right


@kernel
def train_epoch(
    net, learner, images, labels, targets, pixels, tiles_per_batch, rates, first_step, decay, dropout, smoothing, seed,
    averages, factors, buffers,
):  # fmt: skip
    """Train on all tiles in order, a batch being `tiles_per_batch` of them; returns mean loss and accuracy.

    `rates` [batches] are the learning rates, `first_step` the number of batches before this epoch. The
    `averages` of weights and biases move towards them by `factors` [batches], unless these are of length 0. The epoch
    ends early if the loss is not finite.
    """
    learner.edge_grads[:] = 0  # an epoch that ended early left others
    learner.bias_grads[:] = 0
    loss, right, seen = 0.0, 0, 0
    for batch in range(len(rates)):
        first, last = batch * tiles_per_batch, min((batch + 1) * tiles_per_batch, len(labels))
        step = first_step + batch + 1
        random = np.uint64(seed) + np.uint64(step) * np.uint64(0x2545F4914F6CDD1D)
        batch_loss, batch_right = batch_grads(
            net, learner, images[first:last], labels[first:last], targets[first:last], pixels, dropout, smoothing,
            random, buffers,
        )  # fmt: skip
        loss += batch_loss
        right += batch_right
        for tile in range(first, last):
            for k in range(labels.shape[1]):
                seen += labels[tile, k] >= 0
        if not np.isfinite(loss):
            break
        share_grads(net.shared_edges, net.group_starts, learner.edge_grads)
        adamw(learner.weights, learner.edge_grads, learner.weight_moments, rates[batch], decay, step)
        adamw(learner.biases, learner.bias_grads, learner.bias_moments, rates[batch], 0.0, step)
        if len(factors):
            follow(averages[0], learner.weights, np.float32(factors[batch]))
            follow(averages[1], learner.biases, np.float32(factors[batch]))
        order_inner(net, learner.weights, learner.inner_weights)
        if net.packs:
            scale_inputs(net, learner)
    return loss / seen, right / seen


@kernel
def infer(net, learner, images, pixels, buffers, logits):
    """logits [tiles, outputs, width] of prepared tiles."""
    first_output = net.layer_starts[-2]
    for tile in range(len(images)):
        load_images(images[tile], pixels[0], pixels[1], buffers.out, net.packs)
        forward(net, learner, 0.0, np.uint64(0), buffers)
        for row in range(first_output, len(buffers.out)):
            for k in range(logits.shape[2]):
                logits[tile, row - first_output, k] = buffers.out[row, k]
