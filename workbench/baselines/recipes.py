"""How baselines are trained: the optimiser, schedule, batch and augmentation of the searches."""

from __future__ import annotations

from typing import Any

from workbench.baselines.architectures import Baseline
from workbench.training import TrainConfig

AUGMENTATION: dict[str, dict[str, Any]] = {
    "mnist": {"shift": 1},
    "cifar10": {"shift": 2, "mirror": True},
    "digits": {"batch_size": 32},
}
"""As children of a search are trained on each data set."""


def recipe(baseline: Baseline, dataset: str) -> TrainConfig:
    """The recipe of a baseline on a data set; no augmentation on one that is not known."""
    return TrainConfig(epochs=baseline.epochs, learning_rate=baseline.learning_rate, **AUGMENTATION.get(dataset, {}))
