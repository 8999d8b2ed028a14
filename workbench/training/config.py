"""How a network is trained: one immutable record, and the learning-rate schedules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.initial import NEW_EDGE_SCALE
from workbench.settings import check_settings, documented, setting

SCHEDULES = ("one_cycle", "cosine", "constant")


@documented
@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training; `ConfigError` if one is out of range."""

    epochs: int = setting(
        5, "passes over the training set; 0 only measures", low=0, high=10**6, slider=(1, 40), live=True
    )
    batch_size: int = setting(
        128,
        "images per step; the last batch of an epoch may be smaller",
        low=1,
        high=10**6,
        slider=(16, 512),
        live=True,
    )
    learning_rate: float = setting(
        0.005, "peak learning rate of the schedule (AdamW)", above=0, slider=(1e-4, 0.32), log=True, live=True
    )
    schedule: str = setting(
        "one_cycle",
        '"one_cycle" (rises linearly during `warmup`, then falls as a cosine), "cosine" or "constant"',
        choices=SCHEDULES,
        live=True,
    )
    warmup: float = setting(0.2, "fraction of the steps in which a one-cycle rate rises", low=0, below=1, live=True)
    weight_decay: float = setting(
        0.01, "decoupled weight decay of AdamW, on weights but not on biases", low=0, slider=(0, 0.1), live=True
    )
    dropout: float = setting(0.0, "probability that a hidden neuron is dropped", low=0, below=1, live=True)
    label_smoothing: float = setting(
        0.0, "share of the target that is spread evenly over all classes", low=0, below=1, live=True
    )
    shift: int = setting(
        0,
        "augmentation: largest random shift, in both directions",
        unit="pixels",
        low=0,
        high=1000,
        slider=(0, 4),
        live=True,
    )
    mirror: bool = setting(False, "augmentation: mirror left to right with probability 1/2", live=True)
    new_edge_scale: float = setting(
        NEW_EDGE_SCALE,
        "initial size of new edges into trained neurons, relative to those into new ones",
        low=0,
        high=10,
        slider=(0, 1),
        live=True,
    )
    divergence: float = setting(
        1e3, "training fails when an epoch's mean loss exceeds this", above=0, slider=(1, 1e4), log=True, live=True
    )

    def __post_init__(self) -> None:
        check_settings(self)


def learning_rates(config: TrainConfig, steps: np.ndarray, total: int) -> np.ndarray:
    """The learning rates of `steps` (counted from 0) out of `total`, float64.

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
