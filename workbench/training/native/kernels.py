"""The formulas of training, one small compiled kernel each.

| array | shape | what |
|---|---|---|
| out | [neurons, TILE] | output of each row of the plan for the images of a tile; inputs first |
| normed | [neurons, TILE] | what goes into the ReLU: normalised sums |
| grad | [neurons, TILE] | derivative of the loss by `out`, then by the sums |
| inverse | [layers, TILE] | 1 / deviation of a normalised layer, per image |
| weights, edge_grads | [edges] | weight and derivative of each edge, in plan order |
| parameters | [weights] | what is trained: one per edge, or one per group of edges that share it |
| biases | [neurons - inputs] | one per hidden or output row |

A tile holds `TILE` images, one per column. All kernels release the GIL and are deterministic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from workbench.training.native.vectors import TILE, edge_dots, gather_sum, gather_sum_by

EPS = np.float32(1e-5)
"""Added to the variance in LayerNorm."""

BETA1, BETA2, ADAM_EPS = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
"""AdamW, as torch's defaults."""


class Net(NamedTuple):
    """A plan as the kernels take it.

    Attributes:
        n_inputs: inputs are the first rows.
        layer_starts: int64 [layers + 1].
        normalised: bool [layers].
        row_starts: CSR row pointer, int64 [neurons + 1].
        columns: row of each edge's source, int32 [edges].
        back_starts: for each hidden row where its outgoing edges start, int64 [hidden + 1].
        back_targets: row of each outgoing edge's target, int32.
        back_edges: which edge it is, int32.
        parameter_of: index of each edge's parameter, int64 [edges]; empty without sharing.
    """

    n_inputs: int
    layer_starts: np.ndarray
    normalised: np.ndarray
    row_starts: np.ndarray
    columns: np.ndarray
    back_starts: np.ndarray
    back_targets: np.ndarray
    back_edges: np.ndarray
    parameter_of: np.ndarray


class Buffers(NamedTuple):
    """Room to work in: see the table above."""

    out: np.ndarray
    normed: np.ndarray
    grad: np.ndarray
    inverse: np.ndarray


@njit(nogil=True, cache=True, inline="always")
def _address(array, index):
    return array.ctypes.data + index * array.itemsize


@njit(nogil=True, cache=True)
def load_images(images, scale, offset, out):
    """out[input] = raw pixel · scale + offset: centred and scaled. `images` [inputs, TILE] are uint8 or float32."""
    for row in range(images.shape[0]):
        a, b = scale[row], offset[row]
        for k in range(TILE):
            out[row, k] = np.float32(images[row, k]) * a + b


@njit(nogil=True, cache=True)
def sum_inputs(net, weights, biases, first, last, out):
    """out_r = b_r + Σ_k W_rk · out_k for rows `first` to `last`."""
    for row in range(first, last):
        bias = biases[row - net.n_inputs]
        for k in range(TILE):
            out[row, k] = bias
        start = net.row_starts[row]
        gather_sum(
            _address(out, row * TILE),
            _address(weights, start),
            _address(net.columns, start),
            net.row_starts[row + 1] - start,
            out.ctypes.data,
        )


@njit(nogil=True, cache=True)
def moments_of(first, last, values, mean, inverse):
    """Mean and 1 / sqrt(variance + eps) over the rows `first` to `last`, per image."""
    count = np.float32(last - first)
    mean[:] = 0
    inverse[:] = 0
    for row in range(first, last):
        for k in range(TILE):
            mean[k] += values[row, k]
    for k in range(TILE):
        mean[k] /= count
    for row in range(first, last):
        for k in range(TILE):
            difference = values[row, k] - mean[k]
            inverse[k] += difference * difference
    for k in range(TILE):
        inverse[k] = np.float32(1) / np.sqrt(inverse[k] / count + EPS)


@njit(nogil=True, cache=True)
def activate(first, last, mean, inverse, normed, out):
    """normed = (out - mean) · inverse, then out = ReLU(normed); without normalisation mean is 0 and inverse 1."""
    for row in range(first, last):
        for k in range(TILE):
            value = (out[row, k] - mean[k]) * inverse[k]
            normed[row, k] = value
            out[row, k] = max(value, np.float32(0))


@njit(nogil=True, cache=True)
def normalise_back(first, last, inverse, normed, grad):
    """Through LayerNorm: grad = inverse · (grad - mean(grad) - normed · mean(grad · normed))."""
    count = np.float32(last - first)
    mean = np.zeros(TILE, np.float32)
    product = np.zeros(TILE, np.float32)
    for row in range(first, last):
        for k in range(TILE):
            mean[k] += grad[row, k]
            product[k] += grad[row, k] * normed[row, k]
    for k in range(TILE):
        mean[k] /= count
        product[k] /= count
    for row in range(first, last):
        for k in range(TILE):
            grad[row, k] = inverse[k] * (grad[row, k] - mean[k] - normed[row, k] * product[k])


@njit(nogil=True, cache=True)
def drop(first, last, probability, random, out):
    """Inverted dropout after the ReLU; `random` (uint64) keys the numbers, which are hashes of key, row and image."""
    threshold = np.uint64(probability * 2.0**32)
    scale = np.float32(1 / (1 - probability))
    for row in range(first, last):
        for k in range(TILE):
            state = random + np.uint64(row * TILE + k) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            keep = ((state ^ (state >> np.uint64(31))) >> np.uint64(32)) >= threshold
            out[row, k] = out[row, k] * scale if keep else np.float32(0)


@njit(nogil=True, cache=True)
def forward(net, weights, biases, dropout, random, buffers):
    """out_l = ReLU(LayerNorm(Σ_{k<l} out_k · W_kl + b_l)), layer by layer; logits without norm and ReLU."""
    last_layer = len(net.normalised) - 1
    mean = np.empty(TILE, np.float32)
    for layer in range(1, last_layer + 1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        sum_inputs(net, weights, biases, first, last, buffers.out)
        if layer == last_layer:
            break
        inverse = buffers.inverse[layer]
        mean[:] = 0
        inverse[:] = 1
        if net.normalised[layer]:
            moments_of(first, last, buffers.out, mean, inverse)
        activate(first, last, mean, inverse, buffers.normed, buffers.out)
        if dropout > 0:
            drop(first, last, dropout, random, buffers.out)


@njit(nogil=True, cache=True)
def cross_entropy(labels, smoothing, count, first, out, grad):
    """Softmax cross-entropy of a tile, and its derivative by the logits divided by `count`, the images of the batch.

    Columns without an image have the label -1: no loss, no derivative. Returns the summed loss and the images that
    are right.
    """
    n_outputs = out.shape[0] - first
    loss, right = 0.0, 0
    off = np.float32(smoothing / n_outputs)
    for k in range(TILE):
        label = labels[k]
        if label < 0:
            for row in range(first, out.shape[0]):
                grad[row, k] = 0
            continue
        best = out[first, k]
        winner, sane = 0, True
        for row in range(first, out.shape[0]):
            sane &= not np.isnan(out[row, k])
            if out[row, k] > best:
                best, winner = out[row, k], row - first
        total, logits = np.float32(0), np.float32(0)
        for row in range(first, out.shape[0]):
            grad[row, k] = np.exp(out[row, k] - best)
            total += grad[row, k]
            logits += out[row, k] - best
        log_total = np.log(total)
        loss += (1 - smoothing) * (log_total - (out[first + label, k] - best))
        loss += smoothing * (log_total - logits / n_outputs)
        right += winner == label and sane
        for row in range(first, out.shape[0]):
            grad[row, k] = (grad[row, k] / total - off) / count
        grad[first + label, k] -= np.float32(1 - smoothing) / count
    return loss, right


@njit(nogil=True, cache=True)
def backward(net, weights, dropout, buffers, edge_grads, bias_grads):
    """From the derivative by the logits to those by all weights (added to `edge_grads`) and biases (likewise)."""
    out, normed, grad = buffers.out, buffers.normed, buffers.grad
    scale = np.float32(1 / (1 - dropout))
    for layer in range(len(net.normalised) - 2, 0, -1):
        first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
        for row in range(first, last):  # by the outputs of this layer: from all later ones
            for k in range(TILE):
                grad[row, k] = 0
            start = net.back_starts[row - net.n_inputs]
            gather_sum_by(
                _address(grad, row * TILE),
                weights.ctypes.data,
                _address(net.back_edges, start),
                _address(net.back_targets, start),
                net.back_starts[row - net.n_inputs + 1] - start,
                grad.ctypes.data,
            )
            for k in range(TILE):  # through dropout and ReLU: what came out as 0 passes nothing on
                grad[row, k] = grad[row, k] * scale if out[row, k] > 0 else np.float32(0)
        if net.normalised[layer]:
            normalise_back(first, last, buffers.inverse[layer], normed, grad)
    for row in range(net.n_inputs, out.shape[0]):
        start = net.row_starts[row]
        bias_grads[row - net.n_inputs] += edge_dots(
            _address(edge_grads, start),
            _address(grad, row * TILE),
            _address(net.columns, start),
            net.row_starts[row + 1] - start,
            out.ctypes.data,
        )


@njit(nogil=True, cache=True)
def share_grads(parameter_of, edge_grads, parameter_grads):
    """The derivative by a shared weight is the sum over the edges that share it."""
    parameter_grads[:] = 0
    for edge in range(len(parameter_of)):
        parameter_grads[parameter_of[edge]] += edge_grads[edge]


@njit(nogil=True, cache=True)
def share_weights(parameter_of, parameters, weights):
    """Every edge gets the weight of its group."""
    for edge in range(len(parameter_of)):
        weights[edge] = parameters[parameter_of[edge]]


@njit(nogil=True, cache=True)
def adamw(values, grads, moments, rate, decay, step):
    """One step of AdamW (Loshchilov and Hutter 2019), number `step` from 1; `moments` [2, n] are its memory."""
    first, second = moments[0], moments[1]
    shrink = np.float32(1 - rate * decay)
    size = np.float32(rate / (1 - float(BETA1) ** step))
    correction = np.float32(1 / np.sqrt(1 - float(BETA2) ** step))
    for i in range(len(values)):
        g = grads[i]
        m = first[i] + (g - first[i]) * (np.float32(1) - BETA1)
        v = second[i] * BETA2 + (np.float32(1) - BETA2) * g * g
        first[i] = m
        second[i] = v
        values[i] = values[i] * shrink - size * m / (np.sqrt(v) * correction + ADAM_EPS)
