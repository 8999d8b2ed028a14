"""Programs learn and answer as an obvious, slow interpreter does, and only live instructions matter."""

from __future__ import annotations

import numpy as np
import pytest
from spaces.program_samples import CLASSES, LINEAR_CLASSES, LINEAR_PAIRS, NETWORK_CLASSES, NETWORK_PAIRS, PAIRS

from workbench.errors import DataError, WeightsError
from workbench.spaces.programs.liveness import kept, kept_size, split
from workbench.spaces.programs.machine import Machine

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 16))
ORDER = RNG.permutation(60)
RATE = 0.01


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def parts(machine, program, form):
    return {key: values.copy() for key, values in split(machine.memory, kept(program, form), form).items()}


def test_a_linear_program_of_pairs_is_sgd():
    labels = (FEATURES[:, 0] > 0.2).astype(np.int64)
    machine, weights = Machine(LINEAR_PAIRS, PAIRS), np.zeros(16)
    learned = machine.learn(FEATURES, labels, ORDER)
    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        weights += RATE * (y - sigmoid(weights @ x)) * x
    np.testing.assert_allclose(machine.memory, weights, rtol=1e-12)
    np.testing.assert_allclose(machine.predict(FEATURES), (FEATURES @ weights)[:, None], rtol=1e-12)
    assert learned.examples == 60
    assert 0 < learned.error < 0.6
    assert learned.right > 0.5


def test_a_network_of_pairs_is_sgd():
    labels = (FEATURES[:, 0] * FEATURES[:, 1] > 0).astype(np.int64)
    machine = Machine(NETWORK_PAIRS, PAIRS)
    start = parts(machine, NETWORK_PAIRS, PAIRS)
    last, first = start["v", 1], start["m", 0]
    assert 0.05 < first.std() < 0.15
    machine.learn(FEATURES, labels, ORDER)
    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        hidden = first @ x
        active = np.maximum(hidden, 0)
        step = RATE * (y - sigmoid(last @ active))
        first += np.outer(step * (hidden > 0) * last, x)
        last += step * active
    nothing = np.zeros(16)  # for the maximum
    np.testing.assert_allclose(machine.memory, np.concatenate([last, nothing, first.ravel()]), rtol=1e-9)


def test_programs_of_classes_are_sgd():
    labels = RNG.integers(10, size=60)
    linear, network = Machine(LINEAR_CLASSES, CLASSES), Machine(NETWORK_CLASSES, CLASSES)
    start = parts(network, NETWORK_CLASSES, CLASSES)
    weights, first, last = np.zeros((16, 16)), start["m", 0], start["m", 1]

    def error(outputs, y):
        squashed = np.concatenate([softmax(outputs[:10]), outputs[10:]])
        return np.eye(16)[y] - squashed

    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        weights += RATE * np.outer(error(weights @ x, y), x)
        hidden = first @ x
        active = np.maximum(hidden, 0)
        step = RATE * error(last @ active, y)
        back = (last.T @ step) * (hidden > 0)
        last += np.outer(step, active)
        first += np.outer(back, x)
    linear.learn(FEATURES, labels, ORDER)
    network.learn(FEATURES, labels, ORDER)
    np.testing.assert_allclose(linear.memory, weights.ravel(), rtol=1e-9, atol=1e-15)
    nothing = np.zeros(16)  # for the maximum
    expected = np.concatenate([nothing, first.ravel(), last.ravel()])
    np.testing.assert_allclose(network.memory, expected, rtol=1e-9, atol=1e-15)
    assert kept_size(NETWORK_CLASSES, CLASSES) == len(expected)


def test_what_does_not_fit_is_refused():
    machine = Machine(LINEAR_PAIRS, PAIRS)
    labels = np.zeros(60, np.int64)
    with pytest.raises(DataError, match="shape"):
        machine.predict(FEATURES[:, :5])
    with pytest.raises(DataError, match="places"):
        machine.learn(FEATURES, labels, np.array([60]))
    with pytest.raises(DataError, match="labels"):
        machine.learn(FEATURES, labels + 2, ORDER)
    with pytest.raises(WeightsError, match="16 values"):
        Machine.with_memory(LINEAR_PAIRS, PAIRS, np.zeros(15))
    with pytest.raises(WeightsError, match="train it anew"):
        Machine.with_memory(LINEAR_PAIRS, PAIRS, machine.memory).learn(FEATURES, labels, ORDER)
