from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evolution_samples import trained

from workbench.evolution.stopping import FEWEST, StoppingBar, stopping_bar
from workbench.individuals import Individual, TrainResult


def with_curve(id: int, curve: list[float], flops: int = 1000) -> Individual:
    history = tuple({"epoch": epoch + 1, "val_accuracy": value} for epoch, value in enumerate(curve))
    result = TrainResult(None, curve[-1], curve[0], history)
    return replace(trained(id, curve[-1], flops, generation=1), result=result)


def test_the_front_is_a_staircase():
    bar = StoppingBar((100, 1000), (0.8, 0.9), 0.05, (0.1, 0.02))
    assert [bar.front_at(flops) for flops in (99, 100, 999, 1000, 5000)] == [0, 0.8, 0.8, 0.9, 0.9]


def test_hopeless_is_what_cannot_come_near_the_front():
    bar = StoppingBar((100, 1000), (0.8, 0.9), 0.05, (0.1, 0.02))
    assert bar.is_hopeless(1000, 1, 0.74)  # 0.74 + 0.1 < 0.9 - 0.05
    assert not bar.is_hopeless(1000, 1, 0.76)
    assert not bar.is_hopeless(500, 1, 0.74)  # measured at its own FLOPs
    assert bar.is_hopeless(1000, 2, 0.82)
    assert not bar.is_hopeless(1000, 3, 0.0)  # the last epoch stops nobody
    assert not bar.is_hopeless(50, 1, 0.0)  # smaller than anything known


def test_gains_and_slack_are_quantiles_of_what_is_known():
    recent = [with_curve(id, [0.5 + 0.001 * id, 0.7, 0.8]) for id in range(40)]
    front = [with_curve(100, [0.9], flops=1000)]
    population = [with_curve(200 + i, [0.9 - 0.01 * i], flops=2000) for i in range(11)]
    bar = stopping_bar(front, population, recent, epochs=3)
    assert bar is not None
    gains = np.quantile([0.3 - 0.001 * id for id in range(40)], 0.95), 0.1
    assert bar.gains == pytest.approx(gains)
    assert bar.slack == pytest.approx(0.075)


def test_nobody_stops_while_little_is_known():
    few = [with_curve(id, [0.5, 0.8]) for id in range(FEWEST - 1)]
    front = [with_curve(100, [0.9])]
    assert stopping_bar(front, front, few, epochs=2) is None
    other_length = [with_curve(id, [0.5, 0.7, 0.8]) for id in range(50)]
    assert stopping_bar(front, front, other_length, epochs=2) is None
    assert stopping_bar(front, front, [with_curve(id, [0.5]) for id in range(50)], epochs=1) is None
