from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evolution_samples import trained

from workbench.evolution.stopping import FEWEST, EarlyStopping
from workbench.individuals import Cost, Individual, TrainResult
from workbench.objectives import FLOPS, LATENCY


def with_curve(id: int, curve: list[float], flops: int = 1000) -> Individual:
    history = tuple({"epoch": epoch + 1, "val_accuracy": value} for epoch, value in enumerate(curve))
    result = TrainResult(None, curve[-1], curve[0], history)
    return replace(trained(id, curve[-1], flops, generation=1), result=result)


FRONT = ((0.8, (100,)), (0.9, (1000,)))
RULE = EarlyStopping((FLOPS,), FRONT, gains=(0.1, 0.02), slack=0.05)


def cost(flops: int) -> Cost:
    return Cost(flops, flops, flops)


def test_the_front_is_a_staircase():
    assert [RULE.front_at(cost(flops)) for flops in (99, 100, 999, 1000, 5000)] == [0, 0.8, 0.8, 0.9, 0.9]


def test_what_cannot_come_near_the_front_stops():
    assert RULE.should_stop(cost(1000), 1, 0.74)  # 0.74 + 0.1 < 0.9 - 0.05
    assert not RULE.should_stop(cost(1000), 1, 0.76)
    assert not RULE.should_stop(cost(500), 1, 0.74)  # measured at its own FLOPs
    assert RULE.should_stop(cost(1000), 2, 0.82)
    assert not RULE.should_stop(cost(1000), 3, 0.0)  # the last epoch stops nobody
    assert not RULE.should_stop(cost(50), 1, 0.0)  # smaller than anything known


def test_each_cost_counts():
    rule = EarlyStopping((FLOPS, LATENCY), ((0.8, (100, 50.0)), (0.9, (1000, 5.0))), gains=(0.0,))
    for flops, latency_us, reached in ((100, 50.0, 0.8), (100, 49.0, 0.0), (1000, 50.0, 0.9), (1000, 4.0, 0.0)):
        assert rule.front_at(Cost(flops, flops, 1, latency_us)) == reached


def test_a_rule_that_ends_training_after_some_epochs():
    rule = EarlyStopping.after(3)
    assert [rule.should_stop(cost(1), epoch, 1.0) for epoch in (1, 2, 3)] == [False, False, True]


def test_gains_and_slack_are_quantiles_of_what_is_known():
    recent = [with_curve(id, [0.5 + 0.001 * id, 0.7, 0.8]) for id in range(40)]
    front = [with_curve(100, [0.9], flops=1000)]
    population = [with_curve(200 + i, [0.9 - 0.01 * i], flops=2000) for i in range(11)]
    rule = EarlyStopping.from_history(front, population, recent, epochs=3)
    assert rule is not None
    gains = np.quantile([0.3 - 0.001 * id for id in range(40)], 0.95), 0.1
    assert rule.gains == pytest.approx(gains)
    assert rule.slack == pytest.approx(0.075)


def test_nobody_stops_while_little_is_known():
    few = [with_curve(id, [0.5, 0.8]) for id in range(FEWEST - 1)]
    front = [with_curve(100, [0.9])]
    assert EarlyStopping.from_history(front, front, few, epochs=2) is None
    other_length = [with_curve(id, [0.5, 0.7, 0.8]) for id in range(50)]
    assert EarlyStopping.from_history(front, front, other_length, epochs=2) is None
    assert EarlyStopping.from_history(front, front, [with_curve(id, [0.5]) for id in range(50)], epochs=1) is None
