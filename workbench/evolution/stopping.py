"""Which children are hopeless and stop early; decided from finished generations only, so that timing changes nothing.

A child is hopeless after an epoch if, even with the gain that 95 % of recent children made from there to the end, it
would lie further below the front at its FLOPs than three quarters of the population do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.individuals import Individual

RECENT = 60
"""Children whose gains count: the latest of the finished generations."""

FEWEST = 20
"""With fewer of them nobody stops."""

GAIN_QUANTILE = 0.95
SLACK_QUANTILE = 0.75


@dataclass(frozen=True)
class StoppingBar:
    """What a child of one generation must reach to go on.

    Attributes:
        flops: of the front, rising.
        accuracies: of the front, rising.
        slack: how far below the front three quarters of the population lie.
        gains: for each epoch but the last, what nearly all children gained from there to the end.
    """

    flops: tuple[int, ...]
    accuracies: tuple[float, ...]
    slack: float
    gains: tuple[float, ...]

    def is_hopeless(self, flops: int, epoch: int, accuracy: float) -> bool:
        """Whether a child of `flops` with `accuracy` after `epoch` (from 1) should stop."""
        if epoch > len(self.gains):
            return False
        return accuracy + self.gains[epoch - 1] < self.front_at(flops) - self.slack

    def front_at(self, flops: int) -> float:
        """The front's accuracy at no more than `flops`; 0 below its smallest member."""
        place = int(np.searchsorted(self.flops, flops, side="right"))
        return self.accuracies[place - 1] if place else 0.0


def stopping_bar(
    front: Sequence[Individual], population: Sequence[Individual], recent: Sequence[Individual], epochs: int
) -> StoppingBar | None:
    """The bar for the children of a generation; None if too little is known.

    Args:
        front: the all-time front, by rising FLOPs.
        population: those alive.
        recent: the latest children of finished generations.
        epochs: that a child trains; only children that trained as many tell of gains.
    """
    curves = [
        [row["val_accuracy"] for row in child.outcome.history]
        for child in recent
        if child.ok and child.outcome and len(child.outcome.history) == epochs
    ]
    if epochs < 2 or len(curves) < FEWEST:
        return None
    reached = np.array(curves)
    gains = np.quantile(reached[:, -1:] - reached[:, :-1], GAIN_QUANTILE, axis=0)
    bar = StoppingBar(
        tuple(member.flops for member in front),
        tuple(member.val_accuracy for member in front),
        0.0,
        tuple(float(gain) for gain in gains),
    )
    below = [bar.front_at(member.flops) - member.val_accuracy for member in population]
    return StoppingBar(bar.flops, bar.accuracies, float(np.quantile(below, SLACK_QUANTILE)), bar.gains)
