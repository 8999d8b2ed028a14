"""The loop over epochs, which all backends share."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.individuals import TrainResult
from workbench.training.batches import StreamKey
from workbench.training.config import TrainConfig, learning_rates

History = list[dict[str, float]]
"""One row per epoch: epoch, train_loss, train_accuracy, val_accuracy, learning_rate, seconds."""

OnEpoch = Callable[[Mapping[str, float]], bool | None]
"""Called with each epoch's row; if it returns True, training ends there."""


class Diverged(Exception):
    """The loss became NaN, infinite or too large.

    Attributes:
        history: the epochs so far, the last one included.
    """

    def __init__(self, reason: str, history: History) -> None:
        super().__init__(reason)
        self.history = history


class Trainer(ABC):
    """One network on one backend."""

    data: Dataset

    @abstractmethod
    def predict(self, split: str) -> np.ndarray:
        """Logits of a split's images, float32 [images, outputs]."""

    @abstractmethod
    def train_epoch(
        self, config: TrainConfig, key: StreamKey, epoch: int, rates: np.ndarray, first_step: int
    ) -> tuple[float, float]:
        """Train for one epoch, with a learning rate for each batch, which are counted from `first_step`.

        Returns:
            Mean loss, and fraction of the training images that were classified correctly meanwhile.
        """

    def accuracy(self, split: str) -> float:
        """Fraction of a split that is classified correctly; NaN logits count as wrong."""
        logits = self.predict(split)
        right = (logits.argmax(axis=1) == self.data.labels(split)) & ~np.isnan(logits).any(axis=1)
        return float(right.mean())

    def fit(self, config: TrainConfig, key: StreamKey, on_epoch: OnEpoch | None = None) -> History:
        """Train in place; `Diverged` if a mean loss is not finite or exceeds `config.divergence`.

        Args:
            config: the recipe.
            key: of the prepared data.
            on_epoch: called with each epoch's row of the history.
        """
        steps = -(-self.data.size("train") // config.batch_size)
        history: History = []
        for epoch in range(config.epochs):
            started = time.perf_counter()
            first, total = epoch * steps, config.epochs * steps
            rates = learning_rates(config, np.arange(first, first + steps), total)
            loss, right = self.train_epoch(config, key, epoch, rates, first)
            row = {
                "epoch": epoch + 1,
                "train_loss": loss,
                "train_accuracy": right,
                "val_accuracy": self.accuracy("validation"),
                "learning_rate": float(rates[-1]),
                "seconds": time.perf_counter() - started,
            }
            history.append(row)
            if not math.isfinite(loss) or loss > config.divergence:
                raise Diverged(f"training diverged: mean loss {loss:.3g} in epoch {epoch + 1}", history)
            if on_epoch and on_epoch(row):
                break
        return history

    def train(
        self, start: Any, trained: Callable[[], Any], config: TrainConfig, key: StreamKey, on_epoch: OnEpoch | None
    ) -> TrainResult:
        """Train, and report divergence in the result.

        Args:
            start: the genome before training, which the result has if training diverges.
            trained: makes the genome from the trained weights.
            config: the recipe.
            key: of the prepared data.
            on_epoch: called with each epoch's row of the history.
        """
        before = self.accuracy("validation")
        try:
            history = self.fit(config, key, on_epoch)
        except Diverged as error:
            return TrainResult(start, float("nan"), before, tuple(error.history), str(error))
        after = history[-1]["val_accuracy"] if history else before
        return TrainResult(trained(), after, before, tuple(history))
