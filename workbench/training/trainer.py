"""What all backends share: the settings of a training, and the loop over epochs."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.builder import NEW_EDGE_SCALE
from workbench.datasets import Dataset
from workbench.individuals import TrainResult
from workbench.settings import check_settings, documented, setting

CALIBRATION_IMAGES = 2048
"""Batch normalisation begins with the statistics of so many images, or those of a batch if it has more."""

SCHEDULES = ("one_cycle", "cosine", "constant")

StreamKey = tuple[int, ...]
"""Whole numbers that seed the stream, such as (root seed, generation)."""

History = list[dict[str, float]]
"""One row per epoch: epoch, train_loss, train_accuracy, val_accuracy, learning_rate, seconds, and processor_seconds of
the thread that trains, which other work of the machine does not prolong."""

OnEpoch = Callable[[Mapping[str, float]], bool | None]
"""Called with each epoch's row; if it returns True, training ends there."""


@documented
@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training; `ConfigError` if one is out of range."""

    epochs: int = setting(
        5, "passes over the training set; 0 only measures", label="epochs per child", low=0, high=10**6, slider=(1, 40)
    )
    batch_size: int = setting(
        128, "images per step; the last batch of an epoch may be smaller", low=1, high=10**6, slider=(16, 512)
    )
    learning_rate: float = setting(
        0.005,
        "peak learning rate of the schedule (AdamW)",
        label="peak learning rate",
        above=0,
        slider=(1e-4, 0.32),
        log=True,
    )
    schedule: str = setting(
        "one_cycle",
        '"one_cycle" (rises linearly during `warmup`, then falls as a cosine), "cosine" or "constant"',
        choices=SCHEDULES,
    )
    warmup: float = setting(0.2, "fraction of the steps in which a one-cycle rate rises", low=0, below=1)
    weight_decay: float = setting(
        0.01, "decoupled weight decay of AdamW, on weights but not on biases", low=0, slider=(0, 0.1)
    )
    dropout: float = setting(0.0, "probability that a hidden neuron is dropped", low=0, below=1)
    label_smoothing: float = setting(0.0, "share of the target that is spread evenly over all classes", low=0, below=1)
    distillation: float = setting(
        0.5, "share of the target that is a teacher's answer, where there is a teacher", low=0, high=1
    )
    temperature: float = setting(
        1.0, "by which the teacher's logits are divided; above 1 it is less sure", above=0, high=1000, slider=(1, 10)
    )
    shift: int = setting(
        0, "augmentation: largest random shift, in both directions", unit="pixels", low=0, high=1000, slider=(0, 4)
    )
    mirror: bool = setting(False, "augmentation: mirror left to right with probability 1/2")
    cutout: int = setting(
        0,
        "augmentation: side of a square of mean values, at a random place and in part perhaps outside the image",
        unit="pixels",
        low=0,
        high=1000,
        slider=(0, 16),
    )
    mixup: float = setting(
        0.0,
        "augmentation: each image, and its target, is mixed with another of its batch by a share from Beta(mixup, "
        "mixup); 0 for none",
        low=0,
        high=100,
        slider=(0, 1),
    )
    average: float = setting(
        0.0,
        "share of the steps so far over which weights are averaged, for what is measured and returned; 0 for none",
        label="weight averaging",
        low=0,
        high=1,
        slider=(0, 0.5),
    )
    new_edge_scale: float = setting(
        NEW_EDGE_SCALE,
        "initial size of new edges into trained neurons, relative to those into new ones",
        label="initial size of new edges",
        low=0,
        high=10,
        slider=(0, 1),
    )
    divergence: float = setting(
        1e3,
        "training fails when an epoch's mean loss exceeds this",
        label="loss limit",
        above=0,
        slider=(1, 1e4),
        log=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)


def learning_rates(config: TrainConfig, steps: np.ndarray, total: int) -> np.ndarray:
    """The learning rates of `steps` (int, from 0) out of `total`, float64 [steps].

    One-cycle after Smith (2018), "Super-Convergence": a linear rise from 1/25 of the peak, then half a cosine to 0.
    """
    progress, peak = steps / max(1, total), config.learning_rate
    if config.schedule == "constant":
        return np.full(len(steps), peak)
    warmup = 0.0 if config.schedule == "cosine" else config.warmup
    falling = peak * 0.5 * (1 + np.cos(np.pi * (progress - warmup) / (1 - warmup)))
    if warmup == 0:
        return falling
    return np.where(progress < warmup, peak * (1 / 25 + (1 - 1 / 25) * progress / warmup), falling)


def averaging_factors(config: TrainConfig, first_step: int, count: int) -> np.ndarray:
    """How far each of `count` steps moves the averages towards the weights, float64 [count]; of length 0 for none.

    An exponential average over so many steps as a share of those so far, as of polynomial decay (Shamir and Zhang
    2013): with a share of 1 it is the mean of all.
    """
    steps = np.arange(first_step, first_step + count if config.average else first_step)
    return 1 / (1 + config.average * steps)


def accuracy_of(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of logits [images, outputs] that are right; NaN counts as wrong."""
    right = (logits.argmax(axis=1) == labels) & ~np.isnan(logits).any(axis=1)
    return float(right.mean())


def history_row(
    epoch: int, loss: float, right: float, accuracy: float, rate: float, seconds: float, processor_seconds: float
) -> dict[str, float]:
    """The row of an epoch, which is counted from 0; `right` is the fraction in training."""
    return {
        "epoch": epoch + 1,
        "train_loss": loss,
        "train_accuracy": right,
        "val_accuracy": accuracy,
        "learning_rate": rate,
        "seconds": seconds,
        "processor_seconds": processor_seconds,
    }


def divergence(row: Mapping[str, float], config: TrainConfig) -> str:
    """Why training fails after an epoch with this row; empty if it goes on."""
    loss = row["train_loss"]
    if math.isfinite(loss) and loss <= config.divergence:
        return ""
    return f"training diverged: mean loss {loss:.3g} in epoch {row['epoch']}"


class Diverged(Exception):
    """The loss became NaN, infinite or too large."""

    def __init__(self, reason: str, history: History) -> None:
        super().__init__(reason)
        self.history = history  # the last epoch included


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
        """Train for one epoch, with a rate for each batch, counted from `first_step`; mean loss and accuracy."""

    def accuracy(self, split: str) -> float:
        """Fraction of a split that is classified correctly; NaN logits count as wrong."""
        return accuracy_of(self.predict(split), self.data.labels(split))

    def fit(self, config: TrainConfig, key: StreamKey, on_epoch: OnEpoch | None = None) -> History:
        """Train in place; `Diverged` if a mean loss is not finite or exceeds `config.divergence`."""
        steps = -(-self.data.size("train") // config.batch_size)
        history: History = []
        for epoch in range(config.epochs):
            started, busy = time.perf_counter(), time.thread_time()
            first, total = epoch * steps, config.epochs * steps
            rates = learning_rates(config, np.arange(first, first + steps), total)
            loss, right = self.train_epoch(config, key, epoch, rates, first)
            accuracy = self.accuracy("validation")
            seconds = time.perf_counter() - started, time.thread_time() - busy
            row = history_row(epoch, loss, right, accuracy, float(rates[-1]), *seconds)
            history.append(row)
            if reason := divergence(row, config):
                raise Diverged(reason, history)
            if on_epoch and on_epoch(row):
                break
        return history

    def train(
        self, start: Any, trained: Callable[[], Any], config: TrainConfig, key: StreamKey, on_epoch: OnEpoch | None
    ) -> TrainResult:
        """Train; if training diverges, the result says so and has the genome `start`, else the one from `trained`."""
        before = self.accuracy("validation")
        try:
            history = self.fit(config, key, on_epoch)
        except Diverged as error:
            return TrainResult(start, float("nan"), before, tuple(error.history), str(error))
        after = history[-1]["val_accuracy"] if history else before
        return TrainResult(trained(), after, before, tuple(history))
