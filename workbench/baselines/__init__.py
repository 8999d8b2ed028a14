"""Hand-made networks to compare with, trained and counted in the same way as ours."""

from workbench.baselines.networks import (
    BASELINES,
    SUITES,
    Baseline,
    Convolution,
    Dense,
    Layer,
    MaxPooling,
    baseline,
    cost_of,
    trace,
)
from workbench.baselines.training import BaselineRecord, recipe, train, train_pruned

__all__ = [
    "BASELINES",
    "SUITES",
    "Baseline",
    "BaselineRecord",
    "Convolution",
    "Dense",
    "Layer",
    "MaxPooling",
    "baseline",
    "cost_of",
    "recipe",
    "trace",
    "train",
    "train_pruned",
]
