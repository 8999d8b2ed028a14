"""How many times fewer operations our networks need than hand-made ones of the same test accuracy, as a curve.

What a hand-made network of an accuracy would cost is known only where one was measured. Their envelope is the lower
convex hull, both the error and the operations logarithmic: as if all networks on the lines between two measured ones
could be had, and no measured one were badly made. Ours count as they were measured, as steps. Both favour the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workbench.results.files import ABOUT, ResultFile, markdown
from workbench.results.retraining import FOUND, FRESH

COUNTS = ("flops", "flops_total")
"""Ways to count operations, as the entries of results name them."""

WAYS = (FOUND, FRESH)
"""Of training ours: with the weights that the search left, or its topology from scratch."""

ACCURACIES: dict[str, tuple[float, ...]] = {
    "mnist": (0.93, 0.95, 0.97, 0.98, 0.985, 0.988, 0.99, 0.991, 0.992, 0.993, 0.994),
    "cifar10": (0.58, 0.60, 0.62, 0.64, 0.66, 0.68, 0.70, 0.72, 0.74, 0.76, 0.78, 0.79),
}
"""Those of the tables; on other data `even_accuracies`."""

LEAST_ERROR = 1e-4
"""Smaller ones count as this much: a logarithm of 0 has no place on a line."""


class Point(NamedTuple):
    """A network: operations an image, and mean test accuracy over its trainings."""

    operations: float
    accuracy: float


@dataclass(frozen=True)
class Ratios:
    """What networks of each accuracy cost, float64 [accuracies]; NaN where it is reached by none or not measured."""

    accuracies: np.ndarray  # rising, as fractions
    made: np.ndarray  # operations of hand-made networks, by their envelope
    ours: np.ndarray  # the geometric mean over the searches that reach it
    searches: np.ndarray  # how many of the searches do

    @property
    def ratio(self) -> np.ndarray:
        """How many times fewer operations ours need."""
        return self.made / self.ours


def pareto(points: Iterable[Point]) -> list[Point]:
    """Those that no other one beats in both respects, by rising operations and accuracy."""
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.operations, -one.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def steps(points: Iterable[Point], accuracies: np.ndarray) -> np.ndarray:
    """The fewest operations of a network that reaches each accuracy, float64 [accuracies]; NaN where none does."""
    front = pareto(points)
    places = np.searchsorted([point.accuracy for point in front], accuracies)
    return np.array([*(point.operations for point in front), np.nan])[places]


def envelope(points: Iterable[Point], accuracies: np.ndarray) -> np.ndarray:
    """The lower convex hull at each accuracy, operations as float64 [accuracies]; a further network never raises it.

    Below the front the cheapest network counts, down to the least accurate one measured; NaN outside.
    """
    points = list(points)
    corners: list[tuple[float, float]] = []
    for operations, accuracy in pareto(points):
        corner = -float(log_error(accuracy)), float(np.log(operations))
        while len(corners) > 1 and _is_above(corners[-2], corners[-1], corner):
            corners.pop()
        corners.append(corner)
    if not corners:
        return np.full(len(accuracies), np.nan)
    measured = [point.accuracy for point in points]
    known = (accuracies >= min(measured)) & (accuracies <= max(measured))
    return np.where(known, np.exp(np.interp(-log_error(accuracies), *np.array(corners).T)), np.nan)


def _is_above(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether the middle of three points by rising first coordinate lies on or above the line through the others."""
    (x, y), (right, up) = first, last
    return (middle[1] - y) * (right - x) >= (up - y) * (middle[0] - x)


def log_error(accuracies: np.ndarray | float) -> np.ndarray:
    """The logarithm of 1 − accuracy."""
    return np.log(np.maximum(1 - np.asarray(accuracies), LEAST_ERROR))


def ratios(made: Iterable[Point], searches: Sequence[Iterable[Point]], accuracies: np.ndarray) -> Ratios:
    """Compare hand-made networks with those of searches, at each of the accuracies.

    A search has its own curve, so that many searches are no better than one; the mean is over those that reach an
    accuracy.
    """
    found = np.array([steps(points, accuracies) for points in searches]).reshape(len(searches), len(accuracies))
    reaching = (~np.isnan(found)).sum(axis=0)
    logarithms = np.where(np.isnan(found), 0, np.log(found)).sum(axis=0)
    mean = np.exp(np.divide(logarithms, reaching, out=np.full(len(accuracies), np.nan), where=reaching > 0))
    return Ratios(accuracies, envelope(made, accuracies), mean, reaching)


def even_accuracies(points: Iterable[Point], n: int = 12) -> np.ndarray:
    """From the least to the highest accuracy measured, evenly spaced in the logarithm of the error, float64 [n]."""
    measured = np.array([point.accuracy for point in points])
    if not len(measured):
        return measured
    ends = measured.min(), measured.max()
    found = np.clip(1 - np.exp(np.linspace(log_error(ends[0]), log_error(ends[1]), n)), *ends)
    found[[0, -1]] = ends  # exactly
    return found


# ---------------------------------------------------------------------- from stored results
def hand_made(file: ResultFile, count: str, epochs: float = np.inf) -> list[Point]:
    """Hand-made networks of a file `baselines-*.json`, of all trainings for at most so many epochs."""
    groups: dict[str, list[Point]] = {}
    for _, entry in file.items():
        if entry["epochs"] <= epochs:
            groups.setdefault(entry["title"], []).append(Point(entry[count], entry["test_accuracy"]))
    return _means(groups)


def ours(files: Iterable[ResultFile], way: str, count: str) -> list[Point]:
    """Networks of one search, from its files `retrain-*.json` and `finish-*.json`; the latter has none from scratch."""
    groups: dict[tuple[str, Any], list[Point]] = {}
    for name, key, entry in _entries(files, way):
        group = key if way == FOUND else entry["id"]
        groups.setdefault((name, group), []).append(Point(entry[count], entry["test_accuracy"]))
    return _means(groups)


def _entries(files: Iterable[ResultFile], way: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in files:
        for key, entry in file.items():
            if key != ABOUT and entry.get("start", FOUND) == way:
                yield file.path.name, key, entry


def _means(groups: Mapping[Any, Sequence[Point]]) -> list[Point]:
    return [Point(*np.mean(points, axis=0).tolist()) for points in groups.values()]


def stored_ratios(
    made: ResultFile, searches: Sequence[Sequence[ResultFile]], way: str, count: str, accuracies: np.ndarray
) -> Ratios:
    """The curve of a study's results.

    As found, ours have trained through many generations, and hand-made networks may have trained for as long as they
    will. From scratch, they have trained no longer than ours, which leaves out the pruned ones, too.

    Args:
        made: the file `baselines-*.json`.
        searches: of each search its files `retrain-*.json` and `finish-*.json`.
        way: one of `WAYS`.
        count: one of `COUNTS`.
        accuracies: float64 [accuracies], rising.
    """
    epochs = [entry["epochs"] for files in searches for _, _, entry in _entries(files, way)]
    points = hand_made(made, count, max(epochs, default=0) if way == FRESH else np.inf)
    return ratios(points, [ours(files, way, count) for files in searches], accuracies)


def ratio_table(made: ResultFile, searches: Sequence[Sequence[ResultFile]]) -> str:
    """A row per accuracy: what hand-made networks and ours need, and how many times fewer operations that is."""
    dataset = next((entry["dataset"] for _, entry in made.items()), "")
    accuracies = even_accuracies(hand_made(made, COUNTS[0]))
    if dataset in ACCURACIES:
        accuracies = np.array(ACCURACIES[dataset])
    curves = [[stored_ratios(made, searches, way, count, accuracies) for count in COUNTS] for way in WAYS]
    rows = [
        (f"{100 * accuracy:.4g} %", *(cell for pair in curves for cell in _cells(place, pair, len(searches))))
        for place, accuracy in enumerate(accuracies)
    ]
    head = ["test accuracy"]
    for way in ("as found", "from scratch"):
        head += [f"{way}: hand-made FLOPs", "ours", "times fewer FLOPs", "times fewer operations"]
    return f"FLOPs at equal test accuracy, ours against the envelope of hand-made networks\n\n{markdown(head, rows)}"


def _cells(place: int, curves: Sequence[Ratios], searches: int) -> tuple[str, ...]:
    flops = curves[0]
    made, mine, some = flops.made[place], flops.ours[place], int(flops.searches[place])
    few = f" ({some} of {searches})" if some < searches else ""
    times = ("–" if np.isnan(each.ratio[place]) else f"{each.ratio[place]:.1f}×" for each in curves)
    return "–" if np.isnan(made) else f"{made:,.0f}", "–" if np.isnan(mine) else f"{mine:,.0f}{few}", *times
