"""Hand-made networks to compare with, trained and counted in the same way as ours."""

from workbench.baselines.networks import (
    BASELINES,
    SUITES,
    Architecture,
    Convolution,
    Dense,
    MaxPooling,
    baseline,
    cost_of,
    suite,
)
from workbench.baselines.training import BaselineRecord, recipe, train, train_pruned
