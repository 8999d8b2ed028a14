"""The space of programs that tell all classes of a data set apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.datasets import DataFacts, Dataset
from workbench.errors import ConfigError
from workbench.settings import documented
from workbench.space import SpacePreset
from workbench.spaces.programs.base import AbstractProgramSpace
from workbench.spaces.programs.features import Examples, Preparation, class_examples
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.presets import programs_preset
from workbench.spaces.programs.program import MAX_FEATURES, Form, Program


@documented
@dataclass(frozen=True)
class ProgramSpace(AbstractProgramSpace):
    """Programs for all classes of a data set: label and prediction are vectors, and softmax squashes.

    Implements `workbench.space.SearchSpace`.
    """

    name = "programs"

    def __post_init__(self) -> None:
        if not 1 <= self.n_outputs <= MAX_FEATURES:
            raise ConfigError(
                f"the space 'programs' has a value of a vector for each class and expects 1 to {MAX_FEATURES} of them, "
                f"got {self.n_outputs!r}; use another space, or 'pairs' for pairs of classes"
            )
        super().__post_init__()

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """ "quick": minutes on two cores."""
        return programs_preset(name, data)

    @cached_property
    def preparation(self) -> Preparation:
        """How images become features."""
        return Preparation(self.input_shape, self.features, self.n_outputs, self.reduction)

    @property
    def tasks(self) -> tuple[Preparation]:
        """All classes together."""
        return (self.preparation,)

    @cached_property
    def form(self) -> Form:
        """Vectors have a value for each feature, and for each class."""
        return Form(self.preparation.features, self.n_outputs, self.scalars, self.vectors, self.matrices)

    @property
    def preparation_flops(self) -> int:
        """Of averages or projection."""
        return self.preparation.flops

    def examples_of(self, data: Dataset, split: str) -> tuple[Examples]:
        """The whole split."""
        return (class_examples(data, split, self.preparation),)

    def right(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """The fraction of answers whose largest value is that of the class."""
        logits = _rounded(outputs)
        return float(((logits.argmax(axis=1) == labels) & ~np.isnan(logits).any(axis=1)).mean())

    def logits(self, genome: Program, images: np.ndarray) -> np.ndarray:
        """Prepared images float32 [n, c, h, w] -> float32 [n, classes]; `WeightsError` if it lacks memory."""
        self.check_images(images)
        return _rounded(self.machine(genome).predict(self.preparation(images)))

    def answers(self, genome: Program, batch: int) -> Mapping[str, Callable[[], object]]:
        """The compiled interpreter, on noise: what images show changes no time. Preparation is included."""
        machine = self.machine(genome) if self.has_weights(genome) else Machine(genome, self.form, carries=self.carries)
        images = np.random.default_rng(0).standard_normal((batch, *self.input_shape), np.float32)
        return {"interpreter": lambda: machine.predict(self.preparation(images))}


def _rounded(outputs: np.ndarray) -> np.ndarray:
    """As float32; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return outputs.astype(np.float32)
