"""The settings of a search, in one immutable record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workbench.errors import ConfigError
from workbench.evolution import SELECTIONS, SURVIVALS, HypervolumeBounds
from workbench.training import TrainConfig


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    Attributes:
        population: individuals alive (P).
        children: children per generation (M).
        generations: generations after the initial population (T).
        seed: root seed; one seed, one result.
        tournament: individuals that compete to be a parent.
        selection: what they compare: "pareto" (rank, then crowding distance), "accuracy", or "random" (no parents:
            random search).
        survival: who dies: "oldest", "worst" (least accurate) or "nsga2".
        flops_min: smallest FLOPs of a child; None for no floor.
        flops_max: largest FLOPs of a child; None for no ceiling.
        initial_epochs: epochs of the initial individuals; None for as many as a child.
        stop_hopeless: whether children that will not come near the front stop early (`workbench.evolution.stopping`).
        train: how a child is trained.
        rates: mutation rates: the space's record, or a mapping of what differs from its defaults.
        hypervolume: the box in which hypervolume is measured.
        workers: children trained at once; None for one per core. Does not change results.
    """

    population: int = 60
    children: int = 15
    generations: int = 40
    seed: int = 0
    tournament: int = 3
    selection: str = "pareto"
    survival: str = "oldest"
    flops_min: float | None = None
    flops_max: float | None = None
    initial_epochs: int | None = None
    stop_hopeless: bool = False
    train: TrainConfig = field(default_factory=TrainConfig)
    rates: Any = field(default_factory=dict)
    hypervolume: HypervolumeBounds = field(default_factory=HypervolumeBounds)
    workers: int | None = None

    def __post_init__(self) -> None:
        for name in ("population", "children", "tournament"):
            if getattr(self, name) < 1:
                raise ConfigError(f"SearchConfig.{name} expects at least 1, got {getattr(self, name)}")
        if self.generations < 0:
            raise ConfigError(f"SearchConfig.generations expects at least 0, got {self.generations}")
        if self.seed < 0:
            raise ConfigError(f"SearchConfig.seed expects a number from 0 up, got {self.seed}")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"SearchConfig.workers expects at least 1, got {self.workers}")
        if self.selection not in SELECTIONS:
            raise ConfigError(f"SearchConfig.selection expects one of {', '.join(SELECTIONS)}, got {self.selection!r}")
        if self.survival not in SURVIVALS:
            raise ConfigError(f"SearchConfig.survival expects one of {', '.join(SURVIVALS)}, got {self.survival!r}")
        low, high = self.flops_bounds
        if not 0 <= low <= high:
            raise ConfigError(f"SearchConfig expects 0 <= flops_min <= flops_max, got {low} and {high}")

    @property
    def flops_bounds(self) -> tuple[float, float]:
        """Smallest and largest FLOPs allowed."""
        low = 0.0 if self.flops_min is None else self.flops_min
        return low, float("inf") if self.flops_max is None else self.flops_max

    @property
    def individuals(self) -> int:
        """Individuals over the whole search."""
        return self.population + self.children * self.generations


LIVE_SETTINGS = ("children", "tournament", "train", "rates", "flops_min", "flops_max")
"""What may change while a search runs."""
