"""Hand-made networks to compare with, trained and counted in the same way as ours."""

from workbench.baselines.networks import (
    BASELINES,
    SUITES,
    WELL_MADE,
    Architecture,
    Block,
    Convolution,
    Dense,
    GlobalPooling,
    MaxPooling,
    baseline,
    cost_of,
    suite,
)
from workbench.baselines.training import EPOCHS, BaselineRecord, recipe, train, train_pruned
