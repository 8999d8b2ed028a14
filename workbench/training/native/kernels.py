"""Training in compiled code: a tile forward and backward, the optimiser, and passes over all tiles.

Forward and backward pass go through consecutive edges. So inner edges stand in two orders: by source is where they are
trained, and after each step their weights are copied to where they stand by target.

A tile holds one image per column; its width, the number of its columns, is one of `WIDTHS`. All kernels release
the GIL and are deterministic.
"""

from __future__ import annotations

import numpy as np

from workbench.compiler.plan import MOMENTUM
from workbench.genome import EPS
from workbench.training.native import formulas
from workbench.training.native.arrays import address, row_at
from workbench.training.native.batch_norm import (
    mark_images,
    normalise_maps,
    normalise_maps_back,
)
from workbench.training.native.jit import kernel
from workbench.training.native.loss import cross_entropy
from workbench.training.native.widths import TILE


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
def forward(net, learner, share, dropout, random, buffers):
    """out_l = ReLU(LayerNorm(Σ_{k<l} out_k · W_kl + b_l)), layer by layer; logits without norm and ReLU.

    If there are maps, and `share` is above 0, maps are normalised over the images of the tile instead, and `share` is
    what the tile counts in their running averages.
    """
    out, mean, width = buffers.out, buffers.scratch[0], buffers.out.shape[1]
    last_layer, by_batch = len(net.normalised) - 1, len(net.maps) > 0 and share > 0
    for layer in range(1, last_layer + 1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        for row in range(first, last):
            start, count = net.input_starts[row], net.input_starts[row + 1] - net.input_starts[row]
            inner, inner_count = net.inner_starts[row], net.inner_starts[row + 1] - net.inner_starts[row]
            bias = learner.offsets[row - net.n_inputs]
            if by_batch and net.maps[row - net.n_inputs] >= 0:
                bias -= learner.biases[row - net.n_inputs]  # which is added after normalising
            formulas.sum_edges(
                width, net.packs, address(learner.input_weights, start), address(net.input_columns, start), count,
                address(learner.inner_weights, inner), address(net.inner_columns, inner), inner_count,
                out.ctypes.data, bias, row_at(out, row),
            )  # fmt: skip
        if layer == last_layer:
            break
        inverse = buffers.inverse[layer]
        if net.normalised[layer]:
            moments(first, last, out, mean, inverse)
        else:
            mean[:] = 0
            inverse[:] = 1
        if by_batch:
            normalise_maps(net, learner, layer, share, buffers)
        else:
            rows = row_at(out, first), row_at(buffers.normed, first)
            formulas.activate(width, rows[0], rows[1], mean.ctypes.data, inverse.ctypes.data, last - first)
        if dropout > 0:
            drop(first, last, dropout, random, out)


@kernel(inner=True)
def moments(first, last, out, mean, inverse):
    """LayerNorm's mean and 1 / sqrt(variance + eps) over the rows `first` to `last`, per image."""
    count, width = np.float32(last - first), out.shape[1]
    formulas.sum_rows(width, row_at(out, first), last - first, mean.ctypes.data)
    for k in range(width):
        mean[k] /= count
    formulas.sum_squares(width, row_at(out, first), mean.ctypes.data, last - first, inverse.ctypes.data)
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
def backward(net, learner, dropout, buffers):
    """Backpropagation: adds the derivatives by all weights, biases and gains to those of the learner."""
    weights, edge_grads, bias_grads = learner.weights, learner.edge_grads, learner.bias_grads
    out, normed, grad, means = buffers.out, buffers.normed, buffers.grad, buffers.scratch
    scale, n_input_edges, width = np.float32(1 / (1 - dropout)), net.input_starts[-1], out.shape[1]
    for layer in range(len(net.normalised) - 2, 0, -1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        for row in range(first, last):  # by the outputs of this layer: from all later ones
            start = net.back_starts[row - net.n_inputs]
            count, edge = net.back_starts[row - net.n_inputs + 1] - start, n_input_edges + start
            formulas.edges_back(
                width, address(weights, edge), address(edge_grads, edge), address(net.back_targets, start), count,
                grad.ctypes.data, row_at(out, row), scale, row_at(grad, row),
            )  # fmt: skip
        if len(net.maps):
            normalise_maps_back(net, learner, layer, buffers)
        elif net.normalised[layer]:
            rows = row_at(grad, first), row_at(normed, first)
            formulas.sum_rows(width, rows[0], last - first, means[0].ctypes.data)
            formulas.sum_products(width, rows[0], rows[1], last - first, means[1].ctypes.data)
            for k in range(width):
                means[0, k] /= np.float32(last - first)
                means[1, k] /= np.float32(last - first)
            inverse = buffers.inverse[layer]
            formulas.normalise_back(width, rows[0], rows[1], means.ctypes.data, inverse.ctypes.data, last - first)
    for row in range(net.n_inputs, out.shape[0]):
        start, count = net.input_starts[row], net.input_starts[row + 1] - net.input_starts[row]
        dots, mine, columns = address(edge_grads, start), row_at(grad, row), address(net.input_columns, start)
        scales, means = address(net.scales, start), address(net.means, start)
        whole = formulas.edge_dots(width, net.packs, dots, mine, columns, count, out.ctypes.data, scales, means)
        if not len(net.maps) or net.maps[row - net.n_inputs] < 0:
            bias_grads[row - net.n_inputs] += whole


@kernel(inner=True)
def share_grads(places, group_starts, grads):
    """What shares a weight or bias gets the sum of their derivatives; the optimiser then changes all of them alike."""
    for group in range(len(group_starts) - 1):
        members = places[group_starts[group] : group_starts[group + 1]]
        total = np.float32(0)
        for place in members:
            total += grads[place]
        for place in members:
            grads[place] = total


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
        weights, scaled = address(learner.weights, start), address(learner.input_weights, start)
        scales, means = address(net.scales, start), address(net.means, start)
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
        share = mark_images(labels[tile], buffers) * MOMENTUM / TILE if len(net.maps) else 0.0
        forward(net, learner, share, dropout, key, buffers)
        first_output = net.layer_starts[-2]
        tile_loss, tile_right = cross_entropy(
            labels[tile], targets[tile : tile + 1], smoothing, np.float32(count), first_output, buffers.out,
            buffers.grad, buffers.scratch,
        )  # fmt: skip
        loss += tile_loss
        right += tile_right
        backward(net, learner, dropout, buffers)
    return loss, right


@kernel
def train_epoch(
    net, learner, images, labels, targets, pixels, tiles_per_batch, rates, first_step, decay, dropout, smoothing, seed,
    averages, factors, buffers,
):  # fmt: skip
    """Train on all tiles in order, a batch being `tiles_per_batch` of them; returns mean loss and accuracy.

    `rates` [batches] are the learning rates, `first_step` the number of batches before this epoch. The `averages` of
    weights, biases, and what maps have measured move towards them by `factors` [batches], unless these are of length 0.
    The epoch ends early if the loss is not finite.
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
        share_grads(net.shared_biases, net.bias_group_starts, learner.bias_grads)
        adamw(learner.weights, learner.edge_grads, learner.weight_moments, rates[batch], decay, step)
        adamw(learner.biases, learner.bias_grads, learner.bias_moments, rates[batch], 0.0, step)
        if len(factors):
            follow(averages[0], learner.weights, np.float32(factors[batch]))
            follow(averages[1], learner.biases, np.float32(factors[batch]))
            follow(averages[2], learner.map_moments[0], np.float32(factors[batch]))
            follow(averages[3], learner.map_moments[1], np.float32(factors[batch]))
        order_inner(net, learner.weights, learner.inner_weights)
        if net.packs:
            scale_inputs(net, learner)
    return loss / seen, right / seen


@kernel
def calibrate(net, learner, images, labels, pixels, buffers):
    """Sets the running averages of all maps to their averages over these tiles; see `batch_grads` for the arguments."""
    seen = 0
    for tile in range(len(labels)):
        here = mark_images(labels[tile], buffers)
        seen += here
        load_images(images[tile], pixels[0], pixels[1], buffers.out, net.packs)
        forward(net, learner, here / seen, 0.0, np.uint64(0), buffers)


@kernel
def infer(net, learner, images, pixels, buffers, logits):
    """logits [tiles, outputs, width] of prepared tiles."""
    first_output = net.layer_starts[-2]
    for tile in range(len(images)):
        load_images(images[tile], pixels[0], pixels[1], buffers.out, net.packs)
        forward(net, learner, 0.0, 0.0, np.uint64(0), buffers)
        for row in range(first_output, len(buffers.out)):
            for k in range(logits.shape[2]):
                logits[tile, row - first_output, k] = buffers.out[row, k]
