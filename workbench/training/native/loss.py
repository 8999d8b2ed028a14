"""The loss of a tile and its derivative: softmax cross-entropy with labels, or with targets of any shares."""

from __future__ import annotations

import numpy as np

from workbench.training.native import formulas
from workbench.training.native.jit import kernel


@kernel(inner=True)
def cross_entropy(labels, targets, smoothing, count, first, out, grad, scratch):
    """Softmax cross-entropy of a tile, and its derivative by the logits divided by `count`, the images of the batch.

    Columns without an image have the label -1: no loss, no derivative. `targets` [1, outputs, width] has the share of
    each class in what the network should say; if its length is 0, that is the label's class, smoothed. Returns the
    summed loss and the number of images whose label is right.
    """
    n_outputs, width = out.shape[0] - first, out.shape[1]
    most, total = scratch[0], scratch[1]
    for k in range(width):
        most[k] = out[first, k]
    for row in range(first + 1, out.shape[0]):
        for k in range(width):
            most[k] = max(most[k], out[row, k])
    logits, exps = out[first:].ctypes.data, grad[first:].ctypes.data
    formulas.exp_rows(width, logits, most.ctypes.data, n_outputs, exps, total.ctypes.data)
    loss, right = 0.0, 0
    for k in range(width):
        label = labels[k]
        if label < 0:
            grad[first:, k] = 0
            continue
        winner, logits_sum = n_outputs, np.float32(0)
        for row in range(n_outputs - 1, -1, -1):
            logits_sum += out[first + row, k] - most[k]
            if out[first + row, k] == most[k]:
                winner = row
        right += winner == label and not np.isnan(logits_sum)
        log_total = np.log(total[k])
        if len(targets):
            loss += towards_targets(targets[0], k, log_total, most[k], total[k], count, first, out, grad)
            continue
        loss += (1 - smoothing) * (log_total - (out[first + label, k] - most[k]))
        loss += smoothing * (log_total - logits_sum / n_outputs)
        off = np.float32(smoothing / n_outputs)
        for row in range(first, out.shape[0]):
            grad[row, k] = (grad[row, k] / total[k] - off) / count
        grad[first + label, k] -= np.float32(1 - smoothing) / count
    return loss, right


@kernel(inner=True)
def towards_targets(targets, k, log_total, most, total, count, first, out, grad):
    """Loss and derivative of image `k`, Σ_c target_c · (log Σ exp - logit_c); `grad` has the exponentials."""
    loss = 0.0
    for row in range(first, out.shape[0]):
        target = targets[row - first, k]
        loss += target * (log_total - (out[row, k] - most))
        grad[row, k] = (grad[row, k] / total - target) / count
    return loss
