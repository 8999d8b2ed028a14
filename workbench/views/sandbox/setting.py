"""What a sandbox works with, from what it was given: the space, its rates, the recipe; and measured accuracies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.mutations import MutationRates
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.source import Source
from workbench.views.sandbox.background import Background
from workbench.views.sandbox.history import Step


@dataclass(frozen=True)
class Setting:
    """What a sandbox works with.

    Attributes:
        space: of the networks.
        rates: where the sizes of mutations stand at first.
        train: the recipe of trainings.
    """

    space: NeuronSpace
    rates: MutationRates
    train: TrainConfig

    @classmethod
    def of(cls, data: Dataset | None, genome: Genome | None, source: Source | None) -> Setting:
        """That of the search, else the defaults for the data, else those for the genome.

        Raises:
            ConfigError: if the search is not over networks of neurons, or there is nothing to begin with.
        """
        if source is not None:
            if not isinstance(source.space, NeuronSpace):
                raise ConfigError(
                    f"the sandbox changes networks of single neurons, not those of the space {source.space.name!r}"
                )
            settings = source.settings
            return cls(source.space, settings.rates, settings.config.train)
        if data is not None:
            return cls(NeuronSpace.for_data(data), MutationRates(), TrainConfig())
        if genome is not None:
            return cls(NeuronSpace(genome.input_shape, genome.n_outputs), MutationRates(), TrainConfig())
        raise ConfigError("expected data, a genome or a search to begin with, got none; try Sandbox(data)")


class Measures:
    """Accuracies of steps on the validation split, measured in threads.

    Args:
        space: how genomes are evaluated.
        data: on what; None = nothing is measured.
        background: whose threads do it.
    """

    def __init__(self, space: NeuronSpace, data: Dataset | None, background: Background) -> None:
        self._space, self._data, self._background = space, data, background
        self._known: dict[int, float] = {}

    def of(self, step: Step) -> float | None:
        """A step's accuracy; None if it is not known (yet)."""
        return self._known.get(step.serial)

    def put(self, step: Step, accuracy: float) -> None:
        """An accuracy that is known from training."""
        self._known[step.serial] = accuracy

    def measure(self, step: Step, done: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        """Measure a step; `done` or `failed` is called in the kernel's loop."""
        data = self._data
        if data is None:
            return

        def take(accuracy: float) -> None:
            self.put(step, accuracy)
            done()

        self._background.start(lambda: self._space.evaluate(step.genome, data, "validation"), take, failed)
