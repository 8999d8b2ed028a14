"""How a network is trained: one immutable record, and the learning-rate schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.errors import ConfigError

SCHEDULES = ("one_cycle", "cosine", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training.

    Attributes:
        epochs: passes over the training set; 0 only measures.
        batch_size: images per step; the last batch of an epoch may be smaller.
        learning_rate: the largest rate of the schedule (AdamW).
        schedule: "one_cycle" (rises linearly over `warmup`, then falls as a cosine), "cosine" or "constant".
        warmup: share of the steps in which a one-cycle rate rises.
        weight_decay: decoupled weight decay of AdamW, on weights only (not on biases).
        dropout: probability that a hidden neuron is dropped.
        label_smoothing: share of the target spread evenly over all classes.
        shift: augmentation: largest random shift in pixels, in both directions.
        mirror: augmentation: mirror left to right with probability 1/2.
        new_edge_scale: how small new edges into trained neurons start (see `workbench.initial.initialise`).
        divergence: training stops as failed when an epoch's mean loss exceeds this.
    """

    epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 0.005
    schedule: str = "one_cycle"
    warmup: float = 0.2
    weight_decay: float = 0.01
    dropout: float = 0.0
    label_smoothing: float = 0.0
    shift: int = 0
    mirror: bool = False
    new_edge_scale: float = 0.1
    divergence: float = 1e3

    def __post_init__(self) -> None:
        checks = {
            "epochs": 0 <= self.epochs <= 10**6,
            "batch_size": 1 <= self.batch_size <= 10**6,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "schedule": self.schedule in SCHEDULES,
            "warmup": 0 <= self.warmup < 1,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "dropout": 0 <= self.dropout < 1,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "shift": 0 <= self.shift <= 1000,
            "new_edge_scale": 0 <= self.new_edge_scale <= 10,
            "divergence": self.divergence > 0,
        }
        for name, fine in checks.items():
            if not fine:
                raise ConfigError(f"TrainConfig.{name} is out of range: {getattr(self, name)!r}")


def learning_rates(config: TrainConfig, steps: np.ndarray, total: int) -> np.ndarray:
    """The rates of these steps (from 0) of `total`, float64.

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
