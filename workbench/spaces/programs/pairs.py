"""The space of programs that tell pairs of classes apart, as published."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from workbench.datasets import DataFacts, Dataset
from workbench.errors import ConfigError, DataError
from workbench.settings import documented, setting
from workbench.space import SpacePreset
from workbench.spaces.programs.base import AbstractProgramSpace
from workbench.spaces.programs.features import REDUCTIONS, Examples, Pair, Preparation
from workbench.spaces.programs.presets import pairs_preset
from workbench.spaces.programs.program import MAX_ADDRESSES, MAX_FEATURES, MAX_LENGTH, Form

MAX_TASKS = 100

PUBLISHED_PAIRS = "0-5 0-9 1-8 2-9 3-5 3-6 3-8 4-6 8-9"
"""Pairs of CIFAR-10's classes on which the published searches ran."""

FEW_CLASSES = 5
"""Of which all pairs are taken, where there are not ten classes."""


@documented
@dataclass(frozen=True)
class PairsSpace(AbstractProgramSpace):
    """Programs that tell pairs of classes apart, each with memory of its own: the published tasks.

    Label and prediction are numbers, and the logistic function squashes. Features have mean 0 and deviation 1 over the
    training images of a pair. Implements `workbench.space.SearchSpace`; answers for all classes there are none.
    """

    pairs: str = setting(
        "",
        f'pairs of classes, counted from 0, such as "0-5 0-9"; empty for "{PUBLISHED_PAIRS}" of ten classes, else for '
        f"all pairs of the first {FEW_CLASSES}",
    )
    train_images: int = setting(8000, "training images of a pair at most", low=2, high=10**6)
    validation_images: int = setting(1000, "validation images of a pair at most", low=2, high=10**6)
    setup: int = setting(6, "instructions of Setup at most", low=1, high=MAX_LENGTH)
    predict: int = setting(10, "instructions of Predict at most", low=1, high=MAX_LENGTH)
    learn: int = setting(22, "instructions of Learn at most", low=1, high=MAX_LENGTH)
    scalars: int = setting(5, "addresses of numbers: s0, s1, …", low=2, high=MAX_ADDRESSES)
    vectors: int = setting(9, "addresses of vectors: v0, v1, …", low=3, high=MAX_ADDRESSES)
    matrices: int = setting(2, "addresses of matrices: m0, m1, …", low=0, high=MAX_ADDRESSES)
    features: int = setting(
        16, "features of an image at most, which is the length of vectors", low=1, high=MAX_FEATURES
    )
    reduction: str = setting(
        "project",
        "how images become features: averaged over squares, or projected by a random matrix of each pair; auto "
        "averages images, and projects rows of tables",
        choices=REDUCTIONS,
    )

    name = "pairs"
    measure = "pairs"

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """ "quick" (minutes on two cores), "paper" (the published sizes) or "linear" (one pair, from nothing)."""
        return pairs_preset(name, data)

    @cached_property
    def tasks(self) -> tuple[Pair, ...]:
        """One for each pair, with a projection of its own."""
        return tuple(
            Pair(
                pair,
                Preparation(self.input_shape, self.features, 1, self.reduction, task),
                self.train_images,
                self.validation_images,
            )
            for task, pair in enumerate(pairs_of(self.pairs, self.n_outputs))
        )

    @property
    def n_tasks(self) -> int:
        """One for each pair."""
        return len(self.tasks)

    @cached_property
    def form(self) -> Form:
        """Vectors have a value for each feature."""
        features = self.tasks[0].preparation.features
        return Form(features, 1, self.scalars, self.vectors, self.matrices, vector_labels=False)

    @property
    def preparation_flops(self) -> int:
        """Of projection or averages, and of standardising."""
        return self.tasks[0].preparation.flops + 2 * self.form.features

    def examples_of(self, data: Dataset, split: str) -> list[Examples]:
        """The images of each pair."""
        found = [task.examples(data, split) for task in self.tasks]
        for task, examples in zip(self.tasks, found, strict=True):
            if not len(examples.labels):
                raise DataError(
                    f"expected images of classes {task.classes[0]} and {task.classes[1]} in the {split} split of "
                    f"{data.name}, got none; leave this pair out of the setting `pairs`, or take more data"
                )
        return found

    def right(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """The fraction of answers on the right side of 0."""
        return float((((outputs[:, 0] > 0) == labels) & ~np.isnan(outputs[:, 0])).mean())


def pairs_of(text: str, n_classes: int) -> list[tuple[int, int]]:
    """The pairs of classes that the setting says; `ConfigError` on a bad one."""
    if n_classes < 2:
        raise ConfigError(f"the space 'pairs' expects data with at least 2 classes, got {n_classes}")
    if not text.strip():
        some = combinations(range(min(n_classes, FEW_CLASSES)), 2)
        text = PUBLISHED_PAIRS if n_classes == 10 else " ".join(f"{first}-{second}" for first, second in some)
    found: list[tuple[int, int]] = []
    for word in text.replace(",", " ").split():
        match = re.fullmatch(r"(\d{1,9})-(\d{1,9})", word, re.ASCII)
        pair = (int(match[1]), int(match[2])) if match else (0, 0)
        if pair[0] == pair[1] or max(pair) >= n_classes or pair in found:
            raise ConfigError(
                f"PairsSpace.pairs expects different pairs of classes from 0 to {n_classes - 1} such as 0-1, with "
                f"spaces between them, got {word!r:.80}"
            )
        found.append(pair)
    if len(found) > MAX_TASKS:
        raise ConfigError(f"PairsSpace.pairs expects up to {MAX_TASKS} pairs, got {len(found)}; leave some out")
    return found
