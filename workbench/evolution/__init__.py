"""The loop (pure): ranking, selection, survival, archive, hypervolume."""

from workbench.evolution.adaptive import ADAPTATIONS, Credits, adapted
from workbench.evolution.evolution import SELECTIONS, SURVIVALS, Evolution, Proposal
from workbench.evolution.ranking import HypervolumeBounds, front_of, hypervolume, minimised, most_accurate, rank
from workbench.evolution.stopping import EarlyStopping
