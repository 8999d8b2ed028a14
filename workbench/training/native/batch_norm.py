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


@kernel(inner=True, error_model="numpy")
def normalise_maps(net, learner, layer, share, buffers):
    """Normalise the maps of a layer, add biases, apply the ReLU; running averages follow.

    What is in no map passes as it is, to the ReLU.
    """
    out, n_inputs, width = buffers.out, net.n_inputs, buffers.out.shape[1]
    first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
    begin, end = net.map_starts[layer], net.map_starts[layer + 1]
    maps, biases, gains = (
        net.maps[first - n_inputs :],
        learner.biases[first - n_inputs :],
        learner.biases[len(net.maps) :],
    )
    means, inverse, images = buffers.map_sums[0], buffers.map_sums[1], count_images(buffers)
    of_rows, mask = buffers.row_sums[:, first:], row_at(buffers.scratch, 2)
    for m in range(begin, end):
        means[m] = inverse[m] = 0
    formulas.row_sums(width, row_at(out, first), mask, last - first, row_at(of_rows, 0))
    for i in range(last - first):
        if maps[i] >= 0:
            means[maps[i]] += of_rows[0, i]
    for m in range(begin, end):
        means[m] /= images * np.float32(net.map_sizes[m])
    for i in range(last - first):
        of_rows[0, i] = means[maps[i]] if maps[i] >= 0 else np.float32(0)
    formulas.row_squares(width, row_at(out, first), mask, row_at(of_rows, 0), last - first, row_at(of_rows, 1))
    for i in range(last - first):
        if maps[i] >= 0:
            inverse[maps[i]] += of_rows[1, i]
    for m in range(begin, end):
        count = images * np.float32(net.map_sizes[m])
        mean, variance = learner.map_moments[0], learner.map_moments[1]
        mean[m] += (means[m] - mean[m]) * np.float32(share)
        variance[m] += (inverse[m] / max(count - np.float32(1), np.float32(1)) - variance[m]) * np.float32(share)
        inverse[m] = np.float32(1) / np.sqrt(inverse[m] / count + np.float32(EPS))
    for i in range(last - first):
        m = maps[i]
        passes = m < 0 or learner.passing[m]
        of_rows[0, i] = np.float32(0) if passes else means[m]
        of_rows[1, i] = np.float32(1) if passes else inverse[m]
        of_rows[2, i] = np.float32(1) if passes else gains[m]
        of_rows[3, i] = np.float32(0) if m < 0 else biases[i]
    rows = row_at(out, first), row_at(buffers.normed, first)
    arrays = row_at(of_rows, 0), row_at(of_rows, 1), row_at(of_rows, 2), row_at(of_rows, 3)
    formulas.normalise_rows(width, rows[0], rows[1], arrays[0], arrays[1], arrays[2], arrays[3], last - first)


@kernel(inner=True, error_model="numpy")
def normalise_maps_back(net, learner, layer, buffers):
    """Back through `normalise_maps`: from the derivatives by a layer's values before the ReLU to those by its sums.

    Adds the derivatives by biases and gains to those of the learner.
    """
    n_inputs, width = net.n_inputs, buffers.out.shape[1]
    first, last = net.layer_starts[layer], net.layer_starts[layer + 1]
    begin, end = net.map_starts[layer], net.map_starts[layer + 1]
    maps, bias_grads, gains = (
        net.maps[first - n_inputs :],
        learner.bias_grads[first - n_inputs :],
        learner.biases[len(net.maps) :],
    )
    inverse, means, products = buffers.map_sums[1], buffers.map_sums[2], buffers.map_sums[3]
    of_rows, gain_grads, images = (
        buffers.row_sums[:, first:],
        learner.bias_grads[len(net.maps) :],
        count_images(buffers),
    )
    for m in range(begin, end):
        means[m] = products[m] = 0
    rows = row_at(buffers.grad, first), row_at(buffers.normed, first)
    formulas.row_products(width, rows[0], rows[1], last - first, row_at(of_rows, 0), row_at(of_rows, 1))
    for i in range(last - first):
        m = maps[i]
        if m >= 0:
            bias_grads[i] += of_rows[0, i]
            means[m] += of_rows[0, i]
            products[m] += of_rows[1, i]
    for m in range(begin, end):
        gain_grads[m] += products[m]
        means[m] /= images * np.float32(net.map_sizes[m])
        products[m] /= images * np.float32(net.map_sizes[m])
    for i in range(last - first):
        m = maps[i]
        of_rows[0, i] = np.float32(0) if m < 0 else means[m]
        of_rows[1, i] = np.float32(0) if m < 0 else products[m]
        of_rows[2, i] = np.float32(1) if m < 0 else gains[m] * inverse[m]
    arrays, mask = (row_at(of_rows, 0), row_at(of_rows, 1), row_at(of_rows, 2)), row_at(buffers.scratch, 2)
    formulas.normalise_rows_back(width, rows[0], rows[1], mask, arrays[0], arrays[1], arrays[2], last - first)
