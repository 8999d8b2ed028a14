"""Class-balanced, seeded splits of a training set."""

import operator
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError

Counts = NDArray[np.int64]
SPLITS = ("train", "validation", "selection", "test")


def seeded(seed: int) -> np.random.Generator:
    """A generator from a seed; `DataError` unless the seed is an integer from 0 upwards."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise DataError(f"expected a seed that is an integer from 0 upwards, got {seed!r}; pass for example seed=0")
    return np.random.default_rng(operator.index(seed))


def held_out_count(asked: float, n_images: int, what: str) -> int:
    """The number of images `asked` for: a fraction of `n_images` (0 < float < 1) or a count (int); else `DataError`."""
    if isinstance(asked, Integral) and not isinstance(asked, bool) and asked >= 1:
        return operator.index(asked)
    if isinstance(asked, Real) and not isinstance(asked, Integral) and 0 < asked < 1:
        return max(1, round(float(asked) * n_images))
    raise DataError(
        f"expected {what} as a fraction between 0 and 1 (float) or a number of images from 1 upwards (int), "
        f"got {asked!r}; pass for example {what}=0.1 or {what}=100"
    )


def draw_balanced(labels: NDArray[np.int64], n_classes: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `n` of the samples, from each class in proportion to its size, within one sample.

    `labels` are [samples], 0..n_classes-1. Returns increasing indices into them, [n].
    """
    counts = np.bincount(labels, minlength=n_classes)
    take = _share_out(counts, n, counts, np.zeros_like(counts), rng)
    return np.flatnonzero(_rank_in_class(labels, counts, rng) < take[labels])


def split_training(
    labels: NDArray[np.int64], n_classes: int, n_validation: int, n_selection: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split a training set into train, validation and selection, which together cover it.

    Validation and selection take the same share of each class, within one sample, unless a class is so small that a
    sample must be kept for each of the other splits. Returns increasing indices into `labels` [samples]; `DataError`
    if a class has fewer than 3 samples, or too few are left to train on.
    """
    n = len(labels)
    if n < 3 * n_classes:  # also before a stray huge label makes a huge table
        raise DataError(
            f"expected at least 3 training images of each of the {n_classes} classes (one for each of train, "
            f"validation and selection), got {n} training images in all; add images, or number the "
            f"classes 0, 1, 2, ... without gaps"
        )
    counts = np.bincount(labels, minlength=n_classes)
    tiny = np.flatnonzero(counts < 3)
    if tiny.size:
        found = ", ".join(f"class {c}: {counts[c]}" for c in tiny[:5]) + (", ..." if tiny.size > 5 else "")
        raise DataError(
            f"expected at least 3 training images of each class (one for each of train, validation and "
            f"selection), got {found}; add images of these classes, or leave them out and renumber the rest"
        )
    if n_validation + n_selection > n - n_classes:
        raise DataError(
            f"expected validation and selection to leave at least one training image of each of the "
            f"{n_classes} classes, got {n} training images of which validation takes {n_validation} and "
            f"selection {n_selection}; ask for smaller splits"
        )
    spare = counts - 2 if (counts - 2).sum() >= n_validation else counts - 1
    validation = _share_out(counts, n_validation, spare, np.zeros_like(counts), rng)
    owed = counts * n_validation - validation * n
    selection = _share_out(counts, n_selection, counts - validation - 1, owed, rng)
    rank = _rank_in_class(labels, counts, rng)
    held_out, in_validation = rank < (validation + selection)[labels], rank < validation[labels]
    return np.flatnonzero(~held_out), np.flatnonzero(in_validation), np.flatnonzero(held_out & ~in_validation)


def _share_out(counts: Counts, n: int, capacity: Counts, owed: Counts, rng: np.random.Generator) -> Counts:
    """Divide `n` samples among the classes [classes] by the largest-remainder method, exact in integers.

    At most `capacity` are taken of a class; `owed` is what an earlier call took too little, times sum(counts).
    """
    total = counts.sum()
    take = np.minimum(counts * n // total, capacity)
    tie_break = rng.permutation(len(counts))
    while (short := n - take.sum()) > 0:
        remainder = counts * n - take * total + owed
        order = np.lexsort((tie_break, -remainder, take > 0))  # classes with none taken come first
        take[order[take[order] < capacity[order]][:short]] += 1
    return take


def _rank_in_class(labels: NDArray[np.int64], counts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random rank 0, 1, ... of each sample among those of its class [samples]."""
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    first_of_class = np.cumsum(counts) - counts
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - np.repeat(first_of_class, counts)
    return rank
