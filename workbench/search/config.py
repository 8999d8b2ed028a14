"""The settings of a search, in one immutable record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workbench.errors import ConfigError
from workbench.evolution import ADAPTATIONS, SELECTIONS, SURVIVALS, HypervolumeBounds
from workbench.objectives import LATENCY, TWO, LatencyModel, Objective, objectives_of
from workbench.training import TrainConfig

KEEPS = ("needed", "all")


MOST, MOST_WORKERS = 10**6, 10**4
"""Bounds of sizes: a run file from a stranger may ask for anything."""


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    Attributes:
        population: individuals alive (P).
        children: children per generation (M).
        generations: generations after the initial population (T).
        budget: training, in epochs × FLOPs summed over the individuals, after which a search ends with the generation;
            None for no limit but `generations`.
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
        adapt: how mutation rates follow what paid lately, with `rates` as their base: "matching", "pursuit"
            (`workbench.evolution.adaptive`), or None.
        objectives: what ranking trades off: "accuracy" and at least one of "flops", "latency" and "parameters".
        latency: the model that predicts latency (`calibrate_latency` measures one); giving one makes latency an
            objective. None if it is none.
        hypervolume: the box in which hypervolume is measured, always of accuracy and FLOPs alone, so that runs compare.
        workers: children trained at once; None for as many as the executor has, one per core in threads. Does not
            change results.
        attempts: workers that a child may take down before it is recorded as failed.
        child_seconds: how long a child may be in training before it is recorded as failed; None for no limit.
        keep: whose weights stay in the run file: "needed" (of individuals alive, on the all-time front, or put in by
            hand; of the others the topology, which keeps the file small) or "all". Does not change results.
    """

    population: int = 60
    children: int = 15
    generations: int = 40
    budget: float | None = None
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
    adapt: str | None = None
    objectives: tuple[str, ...] = tuple(one.name for one in TWO)
    latency: LatencyModel | None = None
    hypervolume: HypervolumeBounds = field(default_factory=HypervolumeBounds)
    workers: int | None = None
    attempts: int = 3
    child_seconds: float | None = None
    keep: str = "needed"

    def __post_init__(self) -> None:
        for name in ("population", "children", "tournament", "attempts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"SearchConfig.{name} expects at least 1, got {getattr(self, name)}")
        if self.generations < 0:
            raise ConfigError(f"SearchConfig.generations expects at least 0, got {self.generations}")
        for name in ("population", "children", "tournament", "attempts", "generations"):
            if getattr(self, name) > MOST:
                raise ConfigError(f"SearchConfig.{name} expects at most {MOST:,}, got {getattr(self, name)}")
        if self.budget is not None and not self.budget > 0:
            raise ConfigError(f"SearchConfig.budget expects a number above 0, or None, got {self.budget}")
        if self.seed < 0:
            raise ConfigError(f"SearchConfig.seed expects a number from 0 up, got {self.seed}")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"SearchConfig.workers expects at least 1, got {self.workers}")
        if self.workers is not None and self.workers > MOST_WORKERS:
            raise ConfigError(f"SearchConfig.workers expects at most {MOST_WORKERS:,}, got {self.workers}")
        if self.child_seconds is not None and not self.child_seconds > 0:
            raise ConfigError(f"SearchConfig.child_seconds expects a number above 0, got {self.child_seconds}")
        if self.selection not in SELECTIONS:
            raise ConfigError(f"SearchConfig.selection expects one of {', '.join(SELECTIONS)}, got {self.selection!r}")
        if self.survival not in SURVIVALS:
            raise ConfigError(f"SearchConfig.survival expects one of {', '.join(SURVIVALS)}, got {self.survival!r}")
        if self.adapt is not None and self.adapt not in ADAPTATIONS:
            raise ConfigError(f"SearchConfig.adapt expects none or one of {', '.join(ADAPTATIONS)}, got {self.adapt!r}")
        if self.latency is not None and not isinstance(self.latency, LatencyModel):
            raise ConfigError(
                f"SearchConfig.latency expects a LatencyModel or None, got {self.latency!r}; "
                "calibrate_latency(data.shape, data.n_classes) gives one"
            )
        names = {*self.objectives, LATENCY.name} if self.latency is not None else self.objectives
        object.__setattr__(self, "objectives", tuple(one.name for one in objectives_of(names)))
        if LATENCY.name in self.objectives and self.latency is None:
            raise ConfigError(
                "SearchConfig.objectives names latency, which expects a model in SearchConfig.latency, got none; give "
                "calibrate_latency(data.shape, data.n_classes), or leave latency out of the objectives"
            )
        if self.keep not in KEEPS:
            raise ConfigError(f"SearchConfig.keep expects one of {', '.join(KEEPS)}, got {self.keep!r}")
        low, high = self.flops_bounds
        if not 0 <= low <= high:
            raise ConfigError(f"SearchConfig expects 0 <= flops_min <= flops_max, got {low} and {high}")

    @property
    def ranked_by(self) -> tuple[Objective, ...]:
        """The objectives."""
        return objectives_of(self.objectives)

    @property
    def flops_bounds(self) -> tuple[float, float]:
        """Smallest and largest FLOPs allowed."""
        low = 0.0 if self.flops_min is None else self.flops_min
        return low, float("inf") if self.flops_max is None else self.flops_max

    @property
    def individuals(self) -> int:
        """Individuals over the whole search."""
        return self.population + self.children * self.generations


FREE_SETTINGS = ("generations", "workers", "attempts", "child_seconds", "keep")
"""What may differ when a run is resumed."""

LIVE_SETTINGS = ("children", "tournament", "train", "rates", "adapt", "flops_min", "flops_max")
"""What may change while a search runs."""
