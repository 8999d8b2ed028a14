"""What the figures of the front and of the hypervolume show (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.errors import ConfigError, WorkbenchError
from workbench.objectives import FLOPS, LATENCY, PARAMETERS, TWO, Objective
from workbench.views.individuals.data import Individuals, told_of
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
    Baseline("depthwise CNN 6-12-24-24", "cifar10", 137_568, 0.5809, f"{_RECIPE}40 epochs, {_MIRRORED}"),
    Baseline("depthwise CNN 8-16-32-32", "cifar10", 199_808, 0.6235, f"{_RECIPE}40 epochs, {_MIRRORED}"),
    Baseline("depthwise CNN 12-24-24-48-48", "cifar10", 450_240, 0.6901, f"{_RECIPE}40 epochs, {_MIRRORED}"),
    Baseline("depthwise CNN 12-24-32-32-64-64", "cifar10", 888_064, 0.7555, f"{_RECIPE}40 epochs, {_MIRRORED}"),
    Baseline("depthwise CNN 16-32-48-48-96-96", "cifar10", 1_626_496, 0.7882, f"{_RECIPE}40 epochs, {_MIRRORED}"),
)


def baselines_for(dataset: str) -> tuple[Baseline, ...]:
    """The hand-made networks known for a data set."""
    return tuple(one for one in BASELINES if one.dataset == dataset)


SIZE = Objective("size", "size", "size")
"""The count by which a space tells how large a network is, such as hidden layers."""

X_AXES = {one.name: one for one in (FLOPS, PARAMETERS, LATENCY, SIZE)}
"""What a front may be drawn against."""


def x_axis_of(name: str, size_fact: str) -> Objective:
    """What a front is drawn against, by name; the size is labelled by what it counts."""
    return replace(SIZE, label=size_fact) if name == SIZE.name and size_fact else X_AXES[name]


Y_AXES = ("accuracy", "error")
"""Error is 1 − accuracy, on a logarithmic axis on which better is up, too."""

LEAST_ERROR = 1e-4
"""Smaller ones are drawn here: a logarithmic axis has no 0."""


@dataclass(frozen=True)
class Group:
    """Individuals that are drawn alike."""

    rows: np.ndarray  # of `COLUMNS`, [individuals]
    told: Sequence[str] = ()  # what hovering tells of each

    def __len__(self) -> int:
        return len(self.rows)

    def sorted(self, by: str) -> Group:
        """The same by a rising column; those in which it is unknown are left out."""
        order = np.argsort(self.rows[by], kind="stable")
        order = order[~np.isnan(self.rows[by][order])]
        return Group(self.rows[order], [self.told[place] for place in order] if self.told else ())


@dataclass(frozen=True)
class FrontInfo:
    """What a front figure shows."""

    groups: Mapping[str, Group]  # from back to front; the last is the all-time front
    title: str = ""
    generation: int = 0  # the newest one shown
    kinds: Sequence[str] = ()  # of mutation, in the order of the palette
    objectives: tuple[Objective, ...] = TWO  # of the run
    size_fact: str = ""  # what sizes count
    tested: bool = False  # whether accuracies are of the test images, not of the validation images

    @property
    def front(self) -> Group:
        """The all-time front."""
        return list(self.groups.values())[-1]


def cost_axis(objectives: Sequence[Objective]) -> Objective:
    """The objective that accuracy is drawn against: FLOPs, or the first cost of a run that does not rank by FLOPs."""
    return FLOPS if FLOPS in objectives else objectives[1]


def followed(run: Run) -> Individuals:
    """All individuals of a run, its kinds of mutation in the order of its space, if that is known here."""
    kinds, size_fact = tuple[str, ...](), ""
    with suppress(WorkbenchError):
        kinds, size_fact = run.space.mutation_kinds, getattr(run.space, "size_fact", "")
    found = Individuals(run, kinds, size_fact)
    found.update()
    return found


def front_info(run: Run, generation: int | None = None) -> FrontInfo:
    """Sort the individuals of a run into front, alive and dead, as they are now or were at the end of a generation.

    Raises:
        RunError: if there is no such finished generation.
    """
    known = followed(run)
    if generation is None:
        table = run.individuals.sort_values(cost_axis(run.objectives).column)
        alive, front = (table["id"][table[which]].tolist() for which in ("alive", "on_front"))
        groups = known.groups_now(alive, (), front)
        del groups["new"]
    else:
        run.population(generation)  # raises if there is none
        groups = known.groups_at(generation)
    made = {name: Group(known.rows[places], known.told(places)) for name, places in groups.items()}
    at = "" if generation is None else f" after generation {generation}"
    total = sum(map(len, made.values()))
    title = f"{run.dataset.get('name', '')}: {total} networks{at}, {len(made['all-time front'])} on the front"
    newest = int(known.rows["generation"].max(initial=0)) if generation is None else generation
    return FrontInfo(made, title, newest, tuple(known.kinds), run.objectives, known.size_fact)


def front_group(run: Run, accuracies: Mapping[int, float] | None = None) -> Group:
    """The all-time front of a run; or the individuals of `accuracies` (of other images than those of validation)."""
    known = followed(run)
    if accuracies is None:
        places = known.places(run.front()["id"].tolist())
        return Group(known.rows[places], known.told(places))
    rows = known.rows[known.places(accuracies)]
    rows["val_accuracy"], rows["parent_accuracy"] = list(accuracies.values()), np.nan
    return Group(rows, [told_of(row, known.made_words(int(row["made"])), known.size_fact) for row in rows])


def accuracy_range(values: Iterable[float], y: str = "accuracy", *, everything: bool = False) -> list[float] | None:
    """The range of the vertical axis, in plotly's units: what the front's accuracies (and others that must be seen)
    span, and half of that below, so that what lies far below does not squeeze the front. None for all: without
    accuracies, or if `everything` is wanted.
    """
    shown = np.array([value for value in values if not np.isnan(value)])
    if not len(shown) or everything:
        return None
    if y == "accuracy":
        span = max(float(np.ptp(shown)), 0.02)
        low, high = float(shown.min()) - span / 2, float(shown.max()) + span / 8
        return [max(low, -span / 20), min(high, 1 + span / 20)]
    errors = np.log10(np.maximum(1 - shown, LEAST_ERROR))
    span = max(float(np.ptp(errors)), 0.1)
    return [float(errors.max()) + span / 2, float(errors.min()) - span / 8]  # better is up


def rising(values: np.ndarray) -> np.ndarray:
    """Which values exceed all before them, bool [values]."""
    return values > np.concatenate([[-np.inf], np.maximum.accumulate(values)[:-1]]) if len(values) else values > 0


def staircase(front: pd.DataFrame) -> pd.DataFrame:
    """Rows of a front, by rising cost, that are more accurate than all cheaper ones.

    All of them, unless there are more than two objectives; then what a line can go through.
    """
    return front[rising(front["val_accuracy"].to_numpy(float))]


COLORINGS = ("status", "generation", "age", "mutation", "size")
"""What the colour of a point may tell. Age counts generations since birth."""


@dataclass(frozen=True)
class Coloring:
    """What the colour of a point tells."""

    by: str = "status"  # one of `COLORINGS`
    kinds: tuple[str, ...] = ()  # names of the mutations, in the order of the palette
    generation: int = 0  # the newest one
    size_fact: str = ""  # what sizes count

    def __post_init__(self) -> None:
        if self.by not in COLORINGS:
            raise ConfigError(f"color expects one of {', '.join(COLORINGS)}, got {self.by!r}")

    def values(self, rows: np.ndarray) -> np.ndarray:
        """Where each of `rows` (of `COLUMNS`) is on the colour scale."""
        if self.by == "size":
            return rows["size"].copy()
        values = {"mutation": rows["made"], "age": self.generation - rows["generation"]}.get(self.by)
        return rows["generation"].copy() if values is None else values.copy()

    @property
    def is_shown(self) -> bool:
        """Whether there is a colour bar."""
        return self.by != "status"


def relatives(known: Individuals, id: int | None) -> np.ndarray:
    """Pairs of rows, parent and child, int64 [pairs, 2]: an individual's parent and it, it and its children."""
    place = known.place.get(-1 if id is None else id)
    if place is None:
        return np.zeros((0, 2), np.int64)
    rows = known.rows
    children = np.flatnonzero((rows["parent"] == id) & rows["ok"])
    parent = known.place.get(int(rows["parent"][place]))
    pairs = [(place, int(child)) for child in children] + ([(parent, place)] if parent is not None else [])
    return np.array(pairs, np.int64).reshape(-1, 2)


def born_in(known: Individuals, generation: int) -> np.ndarray:
    """Pairs of rows, parent and child, int64 [pairs, 2], of all children of a generation."""
    rows = known.rows
    children = np.flatnonzero((rows["generation"] == generation) & rows["ok"] & (rows["parent"] >= 0))
    parents = known.places(rows["parent"][children].tolist())
    return np.stack([parents, children], axis=1) if len(parents) == len(children) else np.zeros((0, 2), np.int64)


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


def hypervolume_spread(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray] | None:
    """Hypervolume of several runs by generation; None if none has finished one.

    Returns:
        The generations that all runs have finished, [points], and the hypervolume by then, [runs, points].
    """
    volumes = [run.generations["hypervolume"].to_numpy(float) for run in runs]
    volumes = [each for each in volumes if len(each)]
    if not volumes:
        return None
    shortest = min(map(len, volumes))
    return np.arange(shortest), np.stack([each[:shortest] for each in volumes])
