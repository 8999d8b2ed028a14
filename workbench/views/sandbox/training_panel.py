"""Training the network for a few epochs, with a curve that lives, and putting it into the population."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.individuals import TrainResult
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.markup import escape
from workbench.views.sandbox.background import Background
from workbench.views.sandbox.controls import button, number, row
from workbench.views.sandbox.tables import curve_svg


class TrainingPanel(ipw.VBox):
    """Trains in a thread of its own; the kernel stays free.

    Args:
        space: how genomes are trained.
        data: on what; None = training is not possible.
        config: the recipe; its epochs and learning rate can be changed here.
        background: whose threads do it.
        train: called for "Train".
        insert: called for "Put into the population"; None = there is no search to put it into.

    Attributes:
        epochs, learning_rate: controls.
        is_training: whether it is being trained now.
    """

    def __init__(
        self,
        space: NeuronSpace,
        data: Dataset | None,
        config: TrainConfig,
        background: Background,
        train: Callable[[], None],
        insert: Callable[[], None] | None,
    ) -> None:
        self._space, self._data, self._config, self._background = space, data, config, background
        self._stopping = self.is_training = False
        self._rows: list[Mapping[str, float]] = []
        self._drawn: tuple[Any, ...] = ()
        self._start: float | None = None
        self.epochs = number("epochs", "train-epochs", "Passes over the training set", config.epochs, 1, 200)
        self.learning_rate = ipw.FloatLogSlider(
            value=config.learning_rate,
            min=-4,
            max=-0.5,
            step=0.05,
            description="learning rate",
            readout_format=".4f",
            tooltip="Largest rate of the schedule",
            style={"description_width": "7em"},
        )
        self.learning_rate.add_class("wb-train-rate")
        self.train = button("Train", "train", "Train the network as it is now", train, "play")
        self.halt = button("Stop", "stop-training", "End the training after the epoch in progress", self.stop, "stop")
        help = "Rank it with the population of the search, with origin “by hand”"
        if insert is None:
            help = "There is no live search to put it into: make the sandbox with search=..."
        self.insert = button("Put into the population", "insert", help, insert or (lambda: None), "sign-in")
        self.can_insert = insert is not None
        self.curve, self.note = ipw.HTML(), ipw.HTML()
        children = [
            self.learning_rate,
            row(self.epochs, self.train, self.halt, self.insert),
            self.note,
            self.curve,
        ]
        super().__init__(children)
        self.enable(False)

    def enable(self, has_genome: bool) -> None:
        """Let the buttons fit what can be done."""
        self.train.disabled = not has_genome or self._data is None or self.is_training
        self.halt.disabled = not self.is_training
        self.insert.disabled = not has_genome or not self.can_insert or self.is_training
        if self._data is None:
            self.say("Training and accuracies need the images: make the sandbox with data.")

    def begin(self, genome: Genome, seed: int, start: float | None, done: Callable[[TrainResult | None], None]) -> None:
        """Train `genome` in a thread; `done` gets the result in the kernel's loop, None if it failed."""
        data = self._data
        if data is None or self.is_training:
            return
        config = replace(self._config, epochs=self.epochs.value, learning_rate=self.learning_rate.value)
        self._rows, self._start, self._stopping, self.is_training = [], start, False, True
        rows = self._rows

        def on_epoch(row: Mapping[str, float]) -> bool:
            rows.append(dict(row))
            return self._stopping

        def work() -> TrainResult:
            return self._space.train(genome, data, config, seed=seed, stream=(seed,), on_epoch=on_epoch)

        def finish(result: TrainResult) -> None:
            self.is_training = False
            if result.failure is not None:
                self.fail(result.failure)
                return done(None)
            self._start = result.initial_val_accuracy
            self.say(f"Trained {result.epochs} epochs: validation accuracy {result.val_accuracy:.2%}.")
            done(result)
            self.draw()

        def failed(error: Exception) -> None:
            self.is_training = False
            self.fail(f"{type(error).__name__}: {error}")
            done(None)

        self.say(f"Training {config.epochs} epochs …")
        self.enable(True)
        self._background.start(work, finish, failed)

    def stop(self) -> None:
        """End the training after the epoch in progress; what it reached is kept."""
        self._stopping = True

    def draw(self) -> None:
        """Bring the curve up to date."""
        state = (len(self._rows), id(self._rows), self._start)
        if self._rows and state != self._drawn:
            self._drawn = state
            epochs = max(self.epochs.value, len(self._rows)) if self.is_training else len(self._rows)
            self.curve.value = curve_svg(list(self._rows), epochs, self._start)
        if self.is_training and self._rows:
            accuracy = self._rows[-1]["val_accuracy"]
            self.say(f"Training: epoch {len(self._rows)}, validation accuracy {accuracy:.2%}.")

    def say(self, text: str) -> None:
        """One line on what goes on."""
        self.note.value = f'<p class="wb-quiet" role="status">{escape(text)}</p>'

    def fail(self, text: str) -> None:
        """An error, in full."""
        self.note.value = f'<div role="alert" class="wb-alert">{escape(text)}</div>'
        self.enable(True)
