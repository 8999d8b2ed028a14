"""What one run reaches and what it has spent: its front and hypervolume over cost (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.evolution import HypervolumeBounds, hypervolume
from workbench.evolution.ranking import front_of
from workbench.settings import from_values
from workbench.views.front.data import rising, staircase

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Run

COSTS = {
    "training": "training: epochs × FLOPs",
    "process": "processor seconds of the whole search",
    "processor": "processor seconds of training",
    "seconds": "seconds of all children, summed over workers",
    "individuals": "individuals trained",
    "epochs": "epochs trained",
    "minutes": "minutes of the search",
}
"""What a run may be measured against. FLOPs say nothing of how fast a backend is, and seconds favour the faster one, so
`training` and the first known of `TIMES` are always shown together."""

TIMES = ("process", "processor", "seconds", "minutes")
"""From the fairest on: processor seconds are not prolonged by other work. Those of the whole search, mutating and
storing included, are known where it had a process of its own (`workbench.results.timed`); older runs have none."""

COLUMNS = {"individuals": ("n_evaluated", 1), "epochs": ("epochs", 1), "minutes": ("wall_seconds", 60)}
"""The column of the generations that has each of these costs, and the size of its unit there."""


class _Point(NamedTuple):
    """What the front and its hypervolume need of an individual."""

    id: int
    val_accuracy: float
    flops: int
    ok: bool = True


@dataclass(frozen=True, eq=False)
class Tried:
    """All networks that a run tried, in order."""

    ids: np.ndarray  # int64 [networks]
    flops: np.ndarray  # float64; NaN if it failed
    accuracy: np.ndarray  # on the validation split; NaN if it failed
    costs: Mapping[str, np.ndarray]  # spent by the end of each


@dataclass(frozen=True, eq=False)
class Curve:
    """The front of one run, by rising FLOPs, and its hypervolume over what the run had spent."""

    name: str
    flops: np.ndarray  # float64 [members]
    accuracy: np.ndarray  # on the validation split, float64 [members]
    costs: Mapping[str, np.ndarray]  # by names of `COSTS`: spent by the end of each generation, [generations]
    hypervolume: np.ndarray  # by then, within the bounds of the runs compared, float64 [generations]
    ids: Sequence[int] = ()  # of the members, if they are known
    tried: Tried | None = None  # None if only the final front is known
    bounds: HypervolumeBounds = field(default_factory=HypervolumeBounds)  # of the hypervolume

    def spent(self, cost: str) -> float:
        """In all, also in a generation that was not finished."""
        known = (
            [self.costs[cost]]
            if self.tried is None or cost == "minutes"
            else [self.costs[cost], self.tried.costs[cost]]
        )
        return max((float(each[-1]) for each in known if len(each)), default=0.0)

    def hypervolume_at(self, cost: str, spent: float) -> float:
        """Hypervolume at the last generation that had cost no more; before the first, of the networks until then."""
        done = int(np.searchsorted(self.costs[cost], spent * (1 + 1e-12), side="right"))
        if done or self.tried is None:
            return float(self.hypervolume[done - 1]) if done else 0.0
        then = self.at(cost, spent)
        members = zip(then.ids, then.accuracy.tolist(), then.flops.tolist(), strict=True)
        found: list[Any] = [_Point(id, accuracy, int(flops)) for id, accuracy, flops in members]
        return hypervolume(found, self.bounds) if found else 0.0

    def at(self, cost: str, spent: float) -> Curve:
        """This run with the front that it had when it had spent no more; as it is if that is not known."""
        if self.tried is None:
            return self
        good = np.flatnonzero((self.tried.costs[cost] <= spent * (1 + 1e-12)) & np.isfinite(self.tried.accuracy))
        order = good[np.lexsort((-self.tried.accuracy[good], self.tried.flops[good]))]
        front = order[rising(self.tried.accuracy[order])]
        flops, accuracy, ids = (each[front] for each in (self.tried.flops, self.tried.accuracy, self.tried.ids))
        return replace(self, flops=flops, accuracy=accuracy, ids=ids.tolist())

    def accuracy_at(self, flops: np.ndarray) -> np.ndarray:
        """The best accuracy at no more than these FLOPs, float64 [points]; NaN below the smallest member."""
        if not len(self.flops):
            return np.full(len(flops), np.nan)
        place = np.searchsorted(self.flops, flops, side="right")
        return np.where(place > 0, self.accuracy[np.maximum(place - 1, 0)], np.nan)


def curve_of(run: Run, name: str, bounds: HypervolumeBounds | None = None) -> Curve:
    """One run; its hypervolumes are computed anew if it was made with other bounds than `bounds`."""
    table, generations = run.individuals.sort_values(["generation", "id"]), run.generations
    front = staircase(table[table["on_front"]].sort_values("flops"))
    volumes = generations["hypervolume"].to_numpy(float)
    if bounds is not None and bounds_of(run) != bounds:
        volumes = _hypervolumes(table, generations["generation"], bounds)
    costs = {cost: np.cumsum(generations[name].to_numpy(float)) / unit for cost, (name, unit) in COLUMNS.items()}
    tried = _tried(run, table, costs["minutes"])
    last = np.searchsorted(table["generation"].to_numpy(int), generations["generation"].to_numpy(int), side="right")
    costs |= {cost: np.append(0.0, spent)[last] for cost, spent in tried.costs.items() if cost not in costs}
    return Curve(
        name=name,
        flops=front["flops"].to_numpy(float),
        accuracy=front["val_accuracy"].to_numpy(float),
        costs={cost: costs[cost] for cost in COSTS if cost in costs},
        hypervolume=volumes,
        ids=front["id"].tolist(),
        tried=tried,
        bounds=bounds or bounds_of(run),
    )


def _tried(run: Run, table: pd.DataFrame, minutes: np.ndarray) -> Tried:
    """What each individual of `table` reached and had cost; `minutes` [generations] are those of the search."""
    flops, ok = table["flops"].astype(float).to_numpy(float), (table["status"] == "ok").to_numpy(bool)
    generation, trained = table["generation"].to_numpy(int), run.spent().set_index("id").loc[table["id"]]
    spent = {
        "training": trained["training_flops"].to_numpy(float),
        "seconds": table["wall_seconds"].fillna(0).to_numpy(float),
        "individuals": np.ones(len(table)),
        "epochs": table["epochs"].fillna(0).to_numpy(float),
    }
    processor = trained["processor_seconds"].to_numpy(float)
    if np.isfinite(processor).all() and processor.any():
        spent["processor"] = processor
    by_then = np.append(minutes, np.inf)[np.minimum(generation, len(minutes))]  # inf: the generation is not finished
    costs = {cost: np.cumsum(values) for cost, values in spent.items()} | {"minutes": by_then}
    accuracy = np.where(ok, table["val_accuracy"].to_numpy(float), np.nan)
    return Tried(table["id"].to_numpy(int), np.where(ok, flops, np.nan), accuracy, costs)


def curve_of_steps(name: str, steps: Tried, spent: Mapping[str, float], bounds: HypervolumeBounds) -> Curve:
    """A run of which only the steps of its front are known: the networks that no earlier one dominated.

    They are all that its front and hypervolume at any cost depend on. `spent` is what the run cost in all.
    """
    front: list[Any] = []
    volumes = [0.0]
    for id, accuracy, flops in zip(steps.ids.tolist(), steps.accuracy.tolist(), steps.flops.tolist(), strict=True):
        point: Any = _Point(id, accuracy, int(flops))
        front = front_of([*front, point])
        volumes.append(hypervolume(front, bounds))
    costs = {cost: np.append(values, spent[cost]) for cost, values in steps.costs.items()}
    ended = Tried(np.append(steps.ids, -1), np.append(steps.flops, np.nan), np.append(steps.accuracy, np.nan), costs)
    return Curve(
        name=name,
        flops=np.array([one.flops for one in front], float),
        accuracy=np.array([one.val_accuracy for one in front], float),
        costs=costs,
        hypervolume=np.array([*volumes[1:], volumes[-1]]),
        ids=[one.id for one in front],
        tried=ended,
        bounds=bounds,
    )


def bounds_of(run: Run) -> HypervolumeBounds:
    """The box in which a run measured its hypervolume."""
    values = run.config.get("hypervolume")
    return from_values(HypervolumeBounds, values if isinstance(values, Mapping) else {})


def around(bounds: Sequence[HypervolumeBounds]) -> HypervolumeBounds:
    """The smallest box around several."""
    return HypervolumeBounds(
        max(each.max_error for each in bounds),
        min(each.min_flops for each in bounds),
        max(each.max_flops for each in bounds),
    )


def _hypervolumes(table: Any, generations: Any, bounds: HypervolumeBounds) -> np.ndarray:
    good = table[(table["status"] == "ok") & table["val_accuracy"].notna() & table["flops"].notna()]
    front: list[Any] = []
    volumes: list[float] = []
    for generation in generations:
        rows = good[good["generation"] == generation]
        made: list[Any] = [_Point(int(row.id), float(row.val_accuracy), int(row.flops)) for row in rows.itertuples()]
        front = front_of([*front, *made])  # latency left out: hypervolume does not count it
        volumes.append(hypervolume(front, bounds))
    return np.array(volumes, float)
