"""Individuals without training, for tests of the loop."""

from __future__ import annotations

import math

from workbench.individuals import FAILED, OK, Cost, Individual, TrainResult


def trained(id: int, accuracy: float = 0.5, flops: int = 1000, generation: int = 0) -> Individual:
    """An individual that was trained to `accuracy`."""
    result = TrainResult(f"genome {id}", accuracy, 0.1, ({},))
    return Individual(id, None, generation, "initial", {}, id, OK, None, Cost(flops, flops, flops), result, 0.0)


def lost(id: int, generation: int = 0) -> Individual:
    """An individual that diverged in training: it has a cost and a genome, but no accuracy."""
    result = TrainResult(f"genome {id}", math.nan, 0.1, ({},), "diverged")
    return Individual(id, None, generation, "initial", {}, id, FAILED, "diverged", Cost(2, 2, 2), result, 0.0)


def population(points: list[tuple[float, int]]) -> list[Individual]:
    """Trained individuals of (accuracy, FLOPs), with ids from 0."""
    return [trained(id, accuracy, flops) for id, (accuracy, flops) in enumerate(points)]


def dominates(one: Individual, other: Individual) -> bool:
    """Pareto dominance by its definition."""
    as_good = one.val_accuracy >= other.val_accuracy and one.flops <= other.flops
    return as_good and (one.val_accuracy, one.flops) != (other.val_accuracy, other.flops)
