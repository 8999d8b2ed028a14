"""Hand-made networks to compare with, trained as ours are and counted as ours are."""

from workbench.baselines.architectures import BASELINES, SUITES, Baseline, baseline
from workbench.baselines.layers import Convolution, Dense, Layer, MaxPooling, cost_of, trace
from workbench.baselines.recipes import recipe
from workbench.baselines.training import BaselineRecord, train, train_pruned

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
