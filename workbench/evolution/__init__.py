"""The loop (pure): ranking, selection, survival, archive, hypervolume."""

from workbench.evolution.choices import SELECTIONS, SURVIVALS
from workbench.evolution.evolution import Evolution, Proposal
from workbench.evolution.ranking import HypervolumeBounds, front_of, hypervolume, objectives, rank

__all__ = [
    "SELECTIONS",
    "SURVIVALS",
    "Evolution",
    "HypervolumeBounds",
    "Proposal",
    "front_of",
    "hypervolume",
    "objectives",
    "rank",
]
