"""From images to the features that programs read: averages over squares, or random projections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.spaces.programs.program import MAX_FEATURES

REDUCTIONS = ("auto", "average", "project")

BATCH = 2000
"""Images prepared at a time."""

T = TypeVar("T")


class Examples(NamedTuple):
    """What a program reads of a split."""

    features: np.ndarray  # float64 [n, F]
    labels: np.ndarray  # int64 [n]


@dataclass(frozen=True)
class Preparation:
    """How prepared images, as `Dataset.arrays` gives them, become F features.

    "average" averages over the smallest squares of pixels that leave at most `most` values; "project" multiplies by a
    fixed normal matrix [values, most], so that the variance stays about 1; "auto" averages images, and projects rows of
    a table with more than `most` columns, whose neighbours have nothing in common. Where classes are more, zeros
    follow.

    Raises:
        ConfigError: if images have more channels than features, so that no square is large enough.
    """

    input_shape: tuple[int, int, int]  # channels, height, width
    most: int  # features
    least: int = 1  # features
    how: str = "auto"
    seed: int = 0  # of the projection

    def __post_init__(self) -> None:
        if self.how == "average" and self.side is None:
            raise ConfigError(
                f"images of {'×'.join(map(str, self.input_shape))} have more channels than {self.most} features; "
                f'set features to {self.input_shape[0]} or more (at most {MAX_FEATURES}), or reduction to "project"'
            )

    @cached_property
    def side(self) -> int | None:
        """Pixels along each side of the squares that are averaged; None if no square is large enough."""
        channels, height, width = self.input_shape
        for side in range(1, max(height, width) + 1):
            if channels * -(-height // side) * -(-width // side) <= self.most:
                return side
        return None

    @cached_property
    def projects(self) -> bool:
        """Whether images are projected."""
        is_table = self.input_shape[:2] == (1, 1)
        return self.how == "project" or (self.how == "auto" and (self.side is None or (is_table and self.side > 1)))

    @cached_property
    def taken(self) -> int:
        """Features that have values of the image."""
        if self.projects:
            return self.most
        channels, height, width = self.input_shape
        side = self.side or 1
        return channels * -(-height // side) * -(-width // side)

    @property
    def features(self) -> int:
        """F."""
        return max(self.taken, self.least)

    @cached_property
    def flops(self) -> int:
        """Additions of the averages, or multiplications and additions of the projection, per image."""
        values = prod(self.input_shape)
        if self.projects:
            return 2 * values * self.most
        return values if self.side != 1 else 0

    @cached_property
    def projection(self) -> np.ndarray:
        """Normal float32 [values, features taken], of deviation 1 / sqrt(values)."""
        values = prod(self.input_shape)
        drawn = np.random.default_rng(self.seed).standard_normal((values, self.taken), np.float32)
        return drawn / np.float32(np.sqrt(values))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Prepared images float32 [n, c, h, w] -> float64 [n, F]."""
        found = np.zeros((len(images), self.features))
        if self.projects:
            found[:, : self.taken] = images.reshape(len(images), -1) @ self.projection
        else:
            found[:, : self.taken] = self._averages(images)
        return found

    def _averages(self, images: np.ndarray) -> np.ndarray:
        """Means over squares, float64 [n, features taken]; those at the ends are smaller."""
        side = self.side or 1
        if side == 1:
            return images.reshape(len(images), self.taken)
        rows, columns = np.arange(0, images.shape[2], side), np.arange(0, images.shape[3], side)
        sums = np.add.reduceat(np.add.reduceat(images.astype(float), rows, axis=2), columns, axis=3)
        heights, widths = np.diff(rows, append=images.shape[2]), np.diff(columns, append=images.shape[3])
        return (sums / np.outer(heights, widths)).reshape(len(images), self.taken)


class Cache:
    """What was computed of a data set, as long as that lives; several threads wait for the first that computes it."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Dataset, dict[Any, Any]] = WeakKeyDictionary()
        self._lock = threading.RLock()

    def get(self, data: Dataset, key: Any, compute: Callable[[], T]) -> T:
        """The value of `key`, computed if it is not there."""
        with self._lock:
            kept = self._kept.setdefault(data, {})
            if key not in kept:
                kept[key] = compute()
            found: T = kept[key]
            return found


_CACHE = Cache()


def class_examples(data: Dataset, split: str, preparation: Preparation) -> Examples:
    """Features and labels of a split, computed once."""

    def compute() -> Examples:
        rows = np.arange(data.size(split))
        return Examples(_prepared(data, split, rows, preparation), data.labels(split))

    return _CACHE.get(data, (split, preparation), compute)


@dataclass(frozen=True)
class Pair:
    """A task: to tell two classes apart, with labels 0 and 1."""

    classes: tuple[int, int]
    preparation: Preparation
    train: int  # images of the training split at most
    validation: int  # likewise; of the other splits all are taken

    def examples(self, data: Dataset, split: str) -> Examples:
        """Features and labels, computed once; each feature has mean 0 and deviation 1 over the training images."""

        def standardised() -> Examples:
            features, labels = self._raw(data, split)
            mean, deviation = self.moments(data)
            return Examples((features - mean) / deviation, labels)

        return _CACHE.get(data, (split, self), standardised)

    def moments(self, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Mean of each feature over the training images, and its deviation, 1 where that is 0; float64 [F], kept."""

        def computed() -> tuple[np.ndarray, np.ndarray]:
            features, _ = self._raw(data, "train")
            deviation = features.std(axis=0)
            return features.mean(axis=0), np.where(deviation > 0, deviation, 1)

        return _CACHE.get(data, ("moments", self), computed)

    def _raw(self, data: Dataset, split: str) -> Examples:
        most = {"train": self.train, "validation": self.validation}.get(split, data.size(split))
        labels, half = data.labels(split), -(-most // 2)
        each = [np.flatnonzero(labels == one)[:half] for one in self.classes]  # as many of each
        rows = np.sort(np.concatenate(each))
        return Examples(
            _prepared(data, split, rows, self.preparation), (labels[rows] == self.classes[1]).astype(np.int64)
        )


def _prepared(data: Dataset, split: str, rows: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Features of some images of a split, float64 [rows, F]."""
    images, found = data.images(split), np.empty((len(rows), preparation.features))
    for at in range(0, len(rows), BATCH):
        found[at : at + BATCH] = preparation(data.standardised(images[rows[at : at + BATCH]]))
    return found


@lru_cache(maxsize=256)
def example_order(n: int, count: int, stream: tuple[int, ...], epoch: int) -> np.ndarray:
    """The examples of an epoch in their order: `count` of `n`, all if that is 0; int64, read-only."""
    order = np.random.default_rng([*stream, epoch]).permutation(n)[: count or n]
    order.flags.writeable = False
    return order
