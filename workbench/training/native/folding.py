"""Batch normalisation between training and rest: statistics and gains are folded into weights and biases, and back.

A network at rest computes ReLU(W x + b) and no more. There the running averages of its maps are 0 and their gains
sqrt(eps), so that folding once more changes no bit.
"""

from __future__ import annotations

import numpy as np

from workbench.genome import EPS
from workbench.training.native.arrays import Buffers, Learner, Net
from workbench.training.native.kernels import calibrate, order_inner, scale_inputs


def fold(net: Net, learner: Learner) -> None:
    """Bring a learner to rest: with s = gain / sqrt(variance + eps), weights become s · W, biases b - s · mean."""
    members = net.maps >= 0
    if not members.any():
        return
    gains, biases = learner.biases[len(net.maps) :][: len(net.map_sizes)], learner.biases[: len(net.maps)]
    mean, variance = learner.map_moments
    scales = np.ones(len(net.maps), np.float32)  # of each row
    scales[members] = (gains / np.sqrt(variance + np.float32(EPS)))[net.maps[members]]
    biases[members] -= scales[members] * mean[net.maps[members]]
    targets = np.repeat(np.arange(len(net.input_starts) - 1), np.diff(net.input_starts))
    targets = np.concatenate([targets, net.back_targets[: len(net.inner_places)]])
    learner.weights[: len(targets)] *= scales[targets - net.n_inputs]
    learner.map_moments[:] = 0
    gains[:] = np.sqrt(np.float32(EPS))
    _copy(net, learner)


def folded(net: Net, learner: Learner) -> Learner:
    """A learner at rest that computes what this one does with its running averages."""
    if not len(net.map_sizes):
        return learner
    names = ("weights", "biases", "inner_weights", "map_moments", "input_weights", "offsets")
    copies = {name: getattr(learner, name).copy() for name in names}
    if not net.packs:
        copies |= {"input_weights": copies["weights"], "offsets": copies["biases"]}
    copy = learner._replace(**copies)
    fold(net, copy)
    return copy


def unfold(
    net: Net, learner: Learner, images: np.ndarray, labels: np.ndarray, pixels: np.ndarray, buffers: Buffers
) -> None:
    """Give the maps of a learner the statistics that they have on these tiles, without changing what it computes.

    Gains become the deviations, and biases grow by the means. But a map none of whose neurons has a bias has not been
    trained yet: it begins with a gain of 1 and biases of 0, as those that are new usually do.
    """
    members, n_maps = net.maps >= 0, len(net.map_sizes)
    if not n_maps:
        return
    fold(net, learner)
    gains, biases = learner.biases[len(net.maps) :][:n_maps], learner.biases[: len(net.maps)]
    trained = np.bincount(net.maps[members], weights=biases[members] != 0, minlength=n_maps) > 0
    gains[:], learner.passing[:] = 1, trained
    calibrate(net, learner, images, labels, pixels, buffers)
    learner.passing[:] = False
    mean, variance = learner.map_moments
    gains[trained] = np.sqrt(variance + np.float32(EPS))[trained]
    biases[members] += np.where(trained, mean, 0)[net.maps[members]]
    _copy(net, learner)


def _copy(net: Net, learner: Learner) -> None:
    """Bring copies of weights and biases up to date."""
    order_inner(net, learner.weights, learner.inner_weights)
    if net.packs:
        scale_inputs(net, learner)
