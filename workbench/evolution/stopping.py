"""Which children are hopeless and stop early; decided from finished generations only, so that timing changes nothing.

A child is hopeless after an epoch if, even with the gain that 95 % of recent children made from there to the end, it
would lie further below the front at its FLOPs (and latency, if that is an objective) than three quarters of the
population do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        accuracies: of the front; rising, if latency is no objective.
        slack: how far below the front three quarters of the population lie.
        gains: for each epoch but the last, what nearly all children gained from there to the end.
        latencies: predicted, of the front, microseconds; empty if latency is no objective.
    """

    flops: tuple[int, ...]
    accuracies: tuple[float, ...]
    slack: float
    gains: tuple[float, ...]
    latencies: tuple[float, ...] = ()

    def is_hopeless(self, flops: int, epoch: int, accuracy: float, latency_us: float | None = None) -> bool:
        """Whether a child of `flops` and predicted latency with `accuracy` after `epoch` (from 1) should stop."""
        if epoch > len(self.gains):
            return False
        return accuracy + self.gains[epoch - 1] < self.front_at(flops, latency_us) - self.slack

    def front_at(self, flops: int, latency_us: float | None = None) -> float:
        """The front's accuracy at no more than `flops` (and latency, if an objective); 0 if no member is so small."""
        if self.latencies and latency_us is not None:
            members = zip(self.flops, self.latencies, self.accuracies, strict=True)
            return max((reached for size, time, reached in members if size <= flops and time <= latency_us), default=0)
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
        [row["val_accuracy"] for row in child.result.history]
        for child in recent
        if child.ok and child.result and len(child.result.history) == epochs
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
        tuple(member.latency_us for member in front if member.latency_us is not None),
    )
    below = [bar.front_at(member.flops, member.latency_us) - member.val_accuracy for member in population]
    return replace(bar, slack=float(np.quantile(below, SLACK_QUANTILE)))
