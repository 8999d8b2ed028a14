"""Which children stop early; decided from finished generations only, so that timing changes nothing.

A child stops after an epoch if, even with the gain that 95 % of recent children made from there to the end, it would
lie further below the front at its costs than three quarters of the population do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.individuals import Cost, Individual
from workbench.objectives import ACCURACY, TWO, Objective

RECENT = 60  # children whose gains count: the latest of the finished generations
FEWEST = 20  # with fewer of them no child stops early
GAIN_QUANTILE = 0.95
SLACK_QUANTILE = 0.75


@dataclass(frozen=True)
class EarlyStopping:
    """What a child of one generation must reach to train on."""

    costs: tuple[Objective, ...]  # the objectives of the run besides accuracy
    front: tuple[tuple[float, tuple[float, ...]], ...]  # accuracy and costs of each member
    gains: tuple[float, ...]  # for each epoch but the last, what nearly all children gained from there to the end
    slack: float = 0.0  # how far below the front three quarters of the population lie

    @classmethod
    def after(cls, epochs: int) -> EarlyStopping:
        """A stopping rule that ends training after exactly `epochs` epochs."""
        return cls((), ((1.0, ()),), (float("inf"),) * (epochs - 1) + (float("-inf"),))

    @classmethod
    def from_history(
        cls,
        front: Sequence[Individual],
        population: Sequence[Individual],
        recent: Sequence[Individual],
        epochs: int,
        objectives: Sequence[Objective] = TWO,
    ) -> EarlyStopping | None:
        """The rule for the children of a generation, each to train `epochs`; None if too little is known.

        `front` is the all-time one, `population` those alive, `recent` the latest children of finished generations, of
        which only those that trained as many epochs count.
        """
        curves = [
            [row["val_accuracy"] for row in child.result.history]
            for child in recent
            if child.ok and child.result and child.result.epochs == epochs
        ]
        if epochs < 2 or len(curves) < FEWEST:
            return None
        reached = np.array(curves)  # [children, epochs]
        gains = np.quantile(reached[:, -1:] - reached[:, :-1], GAIN_QUANTILE, axis=0)
        costs = tuple(objective for objective in objectives if objective != ACCURACY)
        members = tuple((member.val_accuracy, tuple(cost.of(member) for cost in costs)) for member in front)
        rule = cls(costs, members, tuple(float(gain) for gain in gains))
        below = [rule.front_at(member) - member.val_accuracy for member in population]
        return replace(rule, slack=float(np.quantile(below, SLACK_QUANTILE)))

    def should_stop(self, cost: Cost, epoch: int, accuracy: float) -> bool:
        """Whether a child of this cost, with `accuracy` after `epoch` (from 1), should stop."""
        if epoch > len(self.gains):
            return False
        return accuracy + self.gains[epoch - 1] < self.front_at(cost) - self.slack

    def front_at(self, cost: Cost | Individual) -> float:
        """The highest accuracy of the front at no more than these costs; 0 if no member is so small."""
        limits = [objective.of(cost) for objective in self.costs]
        fitting = (
            accuracy
            for accuracy, costs in self.front
            if all(one <= limit for one, limit in zip(costs, limits, strict=True))
        )
        return max(fitting, default=0.0)
