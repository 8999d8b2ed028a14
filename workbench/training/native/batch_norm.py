"""Batch normalisation of maps (Ioffe and Szegedy 2015, "Batch Normalization"), which exists in training only.

In a convolution a channel is normalised over its places and the images of the batch; so is a map here, over its neurons
and the images of a tile. Batches of at most 64 images regularise (Hoffer et al. 2017, "Train longer, generalize
better", who call them ghost batches), and a tile's values are in the cache.

    out = ReLU(gain · (z - mean) / sqrt(variance + eps) + bias),    z = Σ_e weight_e · source_e

with a gain for each map and a bias for each neuron. At inference the running averages take the place of mean and
variance, and the whole is folded into weights and biases: see `folding`.
"""

from __future__ import annotations

import numpy as np

from workbench.genome import EPS
from workbench.training.native import formulas
from workbench.training.native.arrays import row_at
from workbench.training.native.jit import kernel


@kernel(inner=True)
def mark_images(labels, buffers):
    """Note which columns of a tile have an image, those with a label; returns how many."""
    count = 0
    for k in range(len(labels)):
        buffers.scratch[2, k] = labels[k] >= 0
        count += labels[k] >= 0
    return count


@kernel(inner=True)
def count_images(buffers):
    """How many columns of the tile have an image, float32."""
    return formulas.row_total(buffers.out.shape[1], row_at(buffers.scratch, 2))


@kernel(inner=True)
def measure(row, images, buffers):
    """Note mean and squares of a row's sums, while they are in the cache."""
    rows = row_at(buffers.out, row), row_at(buffers.scratch, 2)
    formulas.row_moments(buffers.out.shape[1], rows[0], rows[1], images, row_at(buffers.row_sums, row))


@kernel(inner=True)
def normalise_maps(net, learner, layer, images, share, buffers):
    """Normalise the rows of a layer that were measured, add biases, apply the ReLU; running averages follow."""
    out, sums, maps, n_inputs = buffers.out, buffers.row_sums, net.maps, net.n_inputs
    means, inverse = buffers.map_sums[0], buffers.map_sums[1]
    first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
    for m in range(net.map_starts[layer], net.map_starts[layer + 1]):
        means[m] = inverse[m] = 0
    for row in range(first, last):
        if maps[row - n_inputs] >= 0:
            means[maps[row - n_inputs]] += sums[row, 0] / np.float32(net.map_sizes[maps[row - n_inputs]])
    for row in range(first, last):  # squares about the map's mean, from those about the row's (Chan et al. 1979)
        m = maps[row - n_inputs]
        if m >= 0:
            inverse[m] += sums[row, 1] + images * (sums[row, 0] - means[m]) * (sums[row, 0] - means[m])
    for m in range(net.map_starts[layer], net.map_starts[layer + 1]):
        count = images * np.float32(net.map_sizes[m])
        average, variance = learner.map_moments[0], learner.map_moments[1]
        average[m] += (means[m] - average[m]) * np.float32(share)
        variance[m] += (inverse[m] / max(count - np.float32(1), np.float32(1)) - variance[m]) * np.float32(share)
        inverse[m] = np.float32(1) / np.sqrt(inverse[m] / count + np.float32(EPS))
    gains = learner.biases[len(out) - n_inputs :]
    for row in range(first, last):
        m, mean, factor, gain, bias = maps[row - n_inputs], np.float32(0), np.float32(1), np.float32(1), np.float32(0)
        if m >= 0:
            bias = learner.biases[row - n_inputs]
            if not learner.passing[m]:
                mean, factor, gain = means[m], inverse[m], gains[m]
        formulas.normalise_row(out.shape[1], row_at(out, row), row_at(buffers.normed, row), mean, factor, gain, bias)


@kernel(inner=True)
def normalise_maps_back(net, learner, layer, buffers):
    """Back through `normalise_maps`: from the derivatives by a layer's values before the ReLU to those by its sums.

    Adds the derivatives by biases and gains to those of the learner.
    """
    grad, normed, sums, maps, n_inputs = buffers.grad, buffers.normed, buffers.row_sums, net.maps, net.n_inputs
    inverse, means, products = buffers.map_sums[1], buffers.map_sums[2], buffers.map_sums[3]
    first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
    for m in range(net.map_starts[layer], net.map_starts[layer + 1]):
        means[m] = products[m] = 0
    for row in range(first, last):
        m = maps[row - n_inputs]
        if m >= 0:
            formulas.row_sums(grad.shape[1], row_at(grad, row), row_at(normed, row), row_at(sums, row))
            learner.bias_grads[row - n_inputs] += sums[row, 0]
            means[m] += sums[row, 0]
            products[m] += sums[row, 1]
    images, gains = count_images(buffers), learner.biases[len(grad) - n_inputs :]
    gain_grads = learner.bias_grads[len(grad) - n_inputs :]
    for m in range(net.map_starts[layer], net.map_starts[layer + 1]):
        gain_grads[m] += products[m]
        means[m] /= images * np.float32(net.map_sizes[m])
        products[m] /= images * np.float32(net.map_sizes[m])
    mask = row_at(buffers.scratch, 2)
    for row in range(first, last):
        m = maps[row - n_inputs]
        if m >= 0:
            rows, factor = (row_at(grad, row), row_at(normed, row)), gains[m] * inverse[m]
            formulas.normalise_row_back(grad.shape[1], rows[0], rows[1], mask, means[m], products[m], factor)
