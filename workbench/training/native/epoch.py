"""Passes over prepared tiles as single compiled calls: an epoch of training, and inference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.training.native.jit import kernel
from workbench.training.native.kernels import (
    adamw,
    backward,
    cross_entropy,
    forward,
    load_images,
    share_grads,
    share_weights,
)


class Learner(NamedTuple):
    """The state that training changes.

    Attributes:
        parameters: float32 [weights], padded.
        biases: float32 [neurons - inputs], padded.
        weights: float32 [edges], padded; the same array as `parameters` without sharing.
        parameter_moments: AdamW's running averages, float32 [2, weights], padded.
        bias_moments: the same for the biases.
    """

    parameters: np.ndarray
    biases: np.ndarray
    weights: np.ndarray
    parameter_moments: np.ndarray
    bias_moments: np.ndarray


@kernel
def batch_grads(net, learner, images, labels, pixels, dropout, smoothing, random, buffers, edge_grads, bias_grads):
    """Derivatives of a batch's mean loss, in edge_grads and bias_grads; returns the summed loss and the correct images.

    `images` [tiles, inputs, TILE] and `labels` [tiles, TILE] are the tiles of the batch; `pixels` [2, inputs] scale and
    offset of the raw pixels.
    """
    count = 0
    for tile in range(labels.shape[0]):
        for k in range(labels.shape[1]):
            count += labels[tile, k] >= 0
    edge_grads[:] = 0
    bias_grads[:] = 0
    loss, right = 0.0, 0
    for tile in range(labels.shape[0]):
        key = random + np.uint64(tile) * np.uint64(0xD1342543DE82EF95)
        load_images(images[tile], pixels[0], pixels[1], buffers.out)
        forward(net, learner.weights, learner.biases, dropout, key, buffers)
        first_output = net.layer_starts[-2]
        tile_loss, tile_right = cross_entropy(
            labels[tile], smoothing, np.float32(count), first_output, buffers.out, buffers.grad, buffers.scratch
        )
        loss += tile_loss
        right += tile_right
        backward(net, learner.weights, dropout, buffers, edge_grads, bias_grads)
    return loss, right


@kernel
def train_epoch(
    net, learner, images, labels, pixels, tiles_per_batch, rates, first_step, decay, dropout, smoothing, seed, buffers
):
    """Train on all tiles in order, a batch being `tiles_per_batch` of them; returns mean loss and accuracy.

    `rates` [batches] are the learning rates, `first_step` the number of batches before this epoch. The epoch ends early
    if the loss is not finite.
    """
    edge_grads = np.empty_like(learner.weights)
    shares = len(net.parameter_of) > 0
    parameter_grads = np.empty_like(learner.parameters) if shares else edge_grads
    bias_grads = np.empty_like(learner.biases)
    loss, right, seen = 0.0, 0, 0
    for batch in range(len(rates)):
        first, last = batch * tiles_per_batch, min((batch + 1) * tiles_per_batch, len(labels))
        step = first_step + batch + 1
        random = np.uint64(seed) + np.uint64(step) * np.uint64(0x2545F4914F6CDD1D)
        batch_loss, batch_right = batch_grads(
            net, learner, images[first:last], labels[first:last], pixels, dropout, smoothing, random, buffers,
            edge_grads, bias_grads,
        )  # fmt: skip
        loss += batch_loss
        right += batch_right
        for tile in range(first, last):
            for k in range(labels.shape[1]):
                seen += labels[tile, k] >= 0
        if not np.isfinite(loss):
            break
        if shares:
            share_grads(net.parameter_of, edge_grads, parameter_grads)
        adamw(learner.parameters, parameter_grads, learner.parameter_moments, rates[batch], decay, step)
        adamw(learner.biases, bias_grads, learner.bias_moments, rates[batch], 0.0, step)
        if shares:
            share_weights(net.parameter_of, learner.parameters, learner.weights)
    return loss / seen, right / seen


@kernel
def infer(net, weights, biases, images, pixels, buffers, logits):
    """logits [tiles, outputs, TILE] of prepared tiles."""
    first_output = net.layer_starts[-2]
    for tile in range(len(images)):
        load_images(images[tile], pixels[0], pixels[1], buffers.out)
        forward(net, weights, biases, 0.0, np.uint64(0), buffers)
        logits[tile] = buffers.out[first_output:]
