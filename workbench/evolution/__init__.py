"""The loop (pure): ranking, selection, survival, archive, hypervolume."""

from workbench.evolution.choices import SELECTIONS, SURVIVALS
from workbench.evolution.evolution import Evolution, Proposal
from workbench.evolution.ranking import HypervolumeBounds, front_of, hypervolume, objectives, rank
from workbench.evolution.stopping import StoppingBar

__all__ = [
    "SELECTIONS",
    "SURVIVALS",
    "Evolution",
    "HypervolumeBounds",
    "Proposal",
    "StoppingBar",
    "front_of",
    "hypervolume",
    "objectives",
    "rank",
]
