"""The history of a training: one row per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

History = list[dict[str, float]]
OnEpoch = Callable[[Mapping[str, float]], bool | None]
"""Called with each epoch's row; if it returns True, training ends there."""


class Diverged(Exception):
    """The loss went to NaN, infinity or beyond the limit; `train` turns this into a failure that is reported.

    Attributes:
        history: the epochs so far, the last one included.
    """

    def __init__(self, reason: str, history: History) -> None:
        super().__init__(reason)
        self.history = history


def record(history: History, row: dict[str, float], divergence: float, on_epoch: OnEpoch | None) -> bool:
    """Add a row (epoch, train_loss, train_accuracy, val_accuracy, learning_rate, seconds); returns whether to stop.

    Raises:
        Diverged: if the loss is not finite or larger than `divergence`.
    """
    history.append(row)
    loss = row["train_loss"]
    if not math.isfinite(loss) or loss > divergence:
        raise Diverged(f"training diverged: mean loss {loss:.3g} in epoch {int(row['epoch'])}", history)
    return bool(on_epoch and on_epoch(row))
