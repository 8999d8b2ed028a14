"""What the figures of the front and of the hypervolume show (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import ConfigError
from workbench.objectives import FLOPS, TWO, Objective
from workbench.views.run.data import Change, run_changes

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Run


class Baseline(NamedTuple):
    """A hand-made network, trained once with this project's own training."""

    name: str
    dataset: str
    flops: int  # 2 per multiply-accumulate, per image
    accuracy: float  # on the test set
    recipe: str  # how it was trained


_RECIPE = "AdamW, one-cycle rate, batch 128, one seed, "
_SHIFTED, _MIRRORED = "shifts of 1 pixel", "shifts of 2 pixels and mirroring"

BASELINES = (
    Baseline("strided CNN 3-8", "mnist", 43_360, 0.9834, f"{_RECIPE}20 epochs, {_SHIFTED}"),
    Baseline("strided CNN 6-12", "mnist", 81_600, 0.9898, f"{_RECIPE}20 epochs, {_SHIFTED}"),
    Baseline("LeNet-300-100", "mnist", 532_400, 0.9893, f"{_RECIPE}20 epochs, {_SHIFTED}"),
    Baseline("LeNet-5", "mnist", 833_040, 0.9931, f"{_RECIPE}15 epochs, {_SHIFTED}"),
    Baseline("strided CNN 8-16-24", "cifar10", 276_624, 0.6586, f"{_RECIPE}40 epochs, {_MIRRORED}"),
    Baseline("small CNN", "cifar10", 1_453_920, 0.7127, f"{_RECIPE}40 epochs, {_MIRRORED}"),
)


def baselines_for(dataset: str) -> tuple[Baseline, ...]:
    """The hand-made networks known for a data set."""
    return tuple(one for one in BASELINES if one.dataset == dataset)


@dataclass(frozen=True)
class FrontInfo:
    """What a front figure shows: tables with the columns of `Run.individuals`."""

    front: pd.DataFrame  # the all-time front, by rising cost
    alive: pd.DataFrame | None = None  # members of the population that are not on the front; None for the front alone
    dead: pd.DataFrame | None = None  # the others that were trained, or None
    title: str = ""
    accuracy: str = "val_accuracy"  # column of the vertical axis; or "test_accuracy"
    objectives: tuple[Objective, ...] = TWO  # of the run

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The tables by name, from back to front."""
        tables = {"dead": self.dead, "alive": self.alive, "all-time front": self.front}
        return {name: table for name, table in tables.items() if table is not None}


def cost_axis(objectives: Sequence[Objective]) -> Objective:
    """The objective that accuracy is drawn against: FLOPs, or the first cost of a run that does not rank by FLOPs."""
    return FLOPS if FLOPS in objectives else objectives[1]


def front_info(run: Run) -> FrontInfo:
    """Sort the individuals of a run into front, alive and dead."""
    table = run.individuals
    table = table[table["status"] == "ok"]
    front = table[table["on_front"]].sort_values(cost_axis(run.objectives).column)
    others = table[~table["on_front"]]
    title = f"{run.dataset.get('name', '')}: {len(table)} networks, {len(front)} on the front"
    return FrontInfo(front, others[others["alive"]], others[~others["alive"]], title, objectives=run.objectives)


def staircase(front: pd.DataFrame) -> pd.DataFrame:
    """Rows of a front, by rising cost, that are more accurate than all cheaper ones.

    All of them, unless there are more than two objectives; then what a line can go through.
    """
    before = front["val_accuracy"].cummax().shift(fill_value=-np.inf)
    return front[front["val_accuracy"] > before]


COLORINGS = ("status", "generation", "age", "mutation")
"""What the colour of a point may tell. Age counts generations since birth."""


@dataclass(frozen=True)
class Coloring:
    """What the colour of a point tells."""

    by: str = "status"  # one of `COLORINGS`
    kinds: tuple[str, ...] = ()  # names of the mutations, in the order of the palette
    generation: int = 0  # the newest one

    def __post_init__(self) -> None:
        if self.by not in COLORINGS:
            raise ConfigError(f"color expects one of {', '.join(COLORINGS)}, got {self.by!r}")

    def values(self, points: Iterable[Any]) -> np.ndarray:
        """Where each point is on the colour scale; points have `generation` and `mutation`."""
        if self.by == "mutation":
            code = {kind: number for number, kind in enumerate(self.kinds, 1)}
            return np.array([code.get(point.mutation, 0) for point in points], np.int32)
        born = np.array([point.generation for point in points], np.int32)
        return self.generation - born if self.by == "age" else born

    @property
    def is_shown(self) -> bool:
        """Whether there is a colour bar."""
        return self.by != "status"


@dataclass(frozen=True)
class HypervolumeInfo:
    """What the figure of one run's hypervolume shows."""

    individuals: Sequence[int] = ()  # numbers of individuals finished, rising
    hypervolume: Sequence[float] = ()  # of the front by then
    changes: Sequence[Change] = ()  # live changes


def hypervolume_info(run: Run) -> HypervolumeInfo:
    """Hypervolume at the end of each generation, and the live changes."""
    generations = run.generations
    individuals = np.cumsum(generations["n_evaluated"].to_numpy())
    return HypervolumeInfo(individuals.tolist(), generations["hypervolume"].tolist(), run_changes(run))


AGAINST = {"generation": "generation", "training": "training spent: epochs × FLOPs, summed over individuals"}
"""What the hypervolume of several runs may be drawn against."""


def hypervolume_spread(runs: Sequence[Run], against: str = "generation") -> tuple[np.ndarray, np.ndarray] | None:
    """Hypervolume of several runs at equal cost; None if none has finished a generation.

    Returns:
        What was spent, [points], and the hypervolume by then, [runs, points], linear in between.
    """
    curves = [_curve(run, against) for run in runs]
    curves = [(spent, volumes) for spent, volumes in curves if len(spent)]
    if not curves:
        return None
    first, last = max(spent[0] for spent, _ in curves), min(spent[-1] for spent, _ in curves)
    at = curves[0][0] if len(curves) == 1 else np.linspace(first, last, 200)
    return at, np.stack([np.interp(at, *curve) for curve in curves])


def _curve(run: Run, against: str) -> tuple[np.ndarray, np.ndarray]:
    """What was spent by the end of each generation, and the hypervolume then."""
    generations = run.generations
    spent = generations["generation"].to_numpy(float) if against == "generation" else training_spent(run)
    return spent, generations["hypervolume"].to_numpy(float)


def training_spent(run: Run) -> np.ndarray:
    """Epochs × FLOPs, summed over all individuals up to the end of each generation, float64 [generations]."""
    table = run.individuals
    costs = table["epochs"].fillna(0).astype(float) * table["flops"].fillna(0).astype(float)
    return costs.groupby(table["generation"]).sum().cumsum().reindex(run.generations["generation"]).to_numpy(float)
