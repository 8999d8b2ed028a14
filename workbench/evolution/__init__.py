"""The loop (pure): ranking, selection, survival, archive, hypervolume."""

from workbench.evolution.adaptive import ADAPTATIONS, Credits, adapted
from workbench.evolution.choices import SELECTIONS, SURVIVALS
from workbench.evolution.evolution import Evolution, Proposal
from workbench.evolution.ranking import HypervolumeBounds, front_of, hypervolume, most_accurate, objectives, rank
from workbench.evolution.stopping import StoppingBar

__all__ = [
    "ADAPTATIONS",
    "SELECTIONS",
    "SURVIVALS",
    "Credits",
    "Evolution",
    "HypervolumeBounds",
    "Proposal",
    "StoppingBar",
    "adapted",
    "front_of",
    "hypervolume",
    "most_accurate",
    "objectives",
    "rank",
]
