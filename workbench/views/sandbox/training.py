"""Training in the sandbox: the panel with the live curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.errors import WorkbenchError
from workbench.individuals import TrainResult
from workbench.settings import settings_of
from workbench.space import DropsWeights, SearchSpace, obeys
from workbench.training import TrainConfig
from workbench.views.base.background import Background
from workbench.views.base.markup import alert, quiet
from workbench.views.base.plot import Plot
from workbench.views.base.view import button
from workbench.views.inspect.data import TrainingCurves
from workbench.views.inspect.figure import draw_curves
from workbench.views.sandbox.panels import controls_of, row, with_values

TRAINED = ("epochs", "learning_rate")
"""Settings of a training that have a control; the others are those of the search."""

MOST_EPOCHS = 200
"""A network may be trained for longer here than in a search."""


class TrainingPanel(ipw.VBox):
    """Trains in a thread of `background` with a live curve; also has the button for putting into the population.

    Without `data` there is no training, and `missing` says the way out; without `insert` there is no search to put it
    into. `train` and `insert` are called for the buttons.
    """

    def __init__(
        self,
        space: SearchSpace,
        data: Dataset | None,
        config: TrainConfig,
        background: Background,
        train: Callable[[], None],
        insert: Callable[[], None] | None,
        missing: str = "Make the sandbox with data.",
    ) -> None:
        self._space, self._data, self.config, self._background = space, data, config, background
        self._missing = missing
        self._stopping = self.is_training = False
        self._rows: list[Mapping[str, float]] = []
        self._drawn: object = None
        self._before: float | None = None
        obeyed = (one for one in settings_of(TrainConfig) if one.name in TRAINED and obeys(space, f"train.{one.name}"))
        self.controls = controls_of(obeyed, config)
        if "epochs" in self.controls:
            self.controls["epochs"].max = max(MOST_EPOCHS, config.epochs)
        self.train = button("Train", "wb-train", "Train the network as it is now", train, "play")
        self.halt = button("Stop", "wb-stop-training", "Stop after the epoch in progress", self.stop, "stop")
        self.can_insert = insert is not None
        help = "Rank it with the population of the search, with origin “by hand”"
        if not self.can_insert:
            help = "There is no live search to put it into: make the sandbox with search=..."
        self.insert = button("Put into the population", "wb-insert", help, insert or (lambda: None), "sign-in")
        self.note, self.curve = ipw.HTML(), Plot()
        super().__init__([*self.controls.values(), row(self.train, self.halt, self.insert), self.note, self.curve])
        self.enable(False)

    def enable(self, has_genome: bool) -> None:
        """Enable the buttons that can be used now."""
        self.train.disabled = not has_genome or self._data is None or self.is_training
        self.halt.disabled = not self.is_training
        self.insert.disabled = not has_genome or not self.can_insert or self.is_training
        if self._data is None:
            self.note.value = quiet(f"Training and accuracies need the images. {self._missing}")

    def begin(self, genome: Any, seed: int, before: float | None, done: Callable[[TrainResult | None], None]) -> None:
        """Train `genome`, of accuracy `before` if it is known; `done` gets the result, None if training failed."""
        data = self._data
        if data is None or self.is_training:
            return
        config = with_values(self.config, self.controls)
        self._before, self._stopping, self.is_training = before, False, True
        rows = self._rows = []

        def on_epoch(row: Mapping[str, float]) -> bool:
            rows.append(dict(row))
            return self._stopping

        def finish(result: TrainResult) -> None:
            self.is_training, self._before = False, result.initial_val_accuracy
            self.note.value = quiet(f"Trained {result.epochs} epochs: validation accuracy {result.val_accuracy:.2%}.")
            done(result)

        def fail(error: Exception) -> None:
            self.is_training = False
            kind = "" if isinstance(error, WorkbenchError) else f"{type(error).__name__}: "
            self.note.value = alert(f"{kind}{error}")
            done(None)

        self.note.value = quiet(f"Training {config.epochs} epochs …")
        self._background.start(partial(trained, self._space, genome, data, config, seed, on_epoch), finish, fail)

    def stop(self) -> None:
        """Stop training after the epoch in progress; what it reached is kept."""
        self._stopping = True

    def draw(self) -> None:
        """Bring the curve up to date."""
        rows, state = list(self._rows), (len(self._rows), id(self._rows), self.is_training)
        if not rows or state == self._drawn:
            return
        self._drawn = state
        epochs = with_values(self.config, self.controls).epochs if self.is_training else 0
        before = float("nan") if self._before is None else self._before
        self.curve.show(draw_curves(TrainingCurves.from_history(rows, before), epochs=epochs, height=300))
        if self.is_training:
            self.note.value = quiet(f"Training: epoch {len(rows)}, validation accuracy {rows[-1]['val_accuracy']:.2%}.")


def trained(
    space: SearchSpace,
    genome: Any,
    data: Dataset,
    config: TrainConfig,
    seed: int,
    on_epoch: Callable[[Mapping[str, float]], bool] | None = None,
) -> TrainResult:
    """What training gives; `WorkbenchError` if it failed."""
    result = space.train(genome, data, config, seed=seed, stream=(seed,), on_epoch=on_epoch)
    if result.failure is not None:
        raise WorkbenchError(result.failure)
    return result


def measured(space: SearchSpace, genome: Any, data: Dataset, config: TrainConfig, seed: int) -> tuple[Any, float]:
    """A genome with first weights where it lacks some, and its accuracy on the validation split.

    Raises:
        WorkbenchError: if it cannot be trained.
    """
    if isinstance(space, DropsWeights) and space.has_weights(genome):
        return genome, space.evaluate(genome, data, "validation")
    result = trained(space, genome, data, replace(config, epochs=0), seed)
    return result.genome, result.val_accuracy
