"""Training of a program: one example after the other, for some epochs, in each of its tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

from workbench.spaces.programs.features import Examples, example_order
from workbench.spaces.programs.machine import Machine
from workbench.training import OnEpoch, TrainConfig


@dataclass(frozen=True)
class Training:
    """One program while it learns: of the settings, only `epochs` and `divergence` have an effect."""

    learners: Sequence[Machine]  # one a task
    tasks: Sequence[Examples]  # what they learn from
    accuracy: Callable[[], float]  # of the learners as they are, on the validation split
    config: TrainConfig
    stream: tuple[int, ...]  # keys the order of examples
    examples: int  # of an epoch and task; 0 = all
    flops: int  # of learning from one example, its answer included

    def run(self, on_epoch: OnEpoch | None) -> tuple[list[dict[str, float]], str | None]:
        """One row an epoch, and why it failed, if the program died or its mean error exceeds the limit."""
        history: list[dict[str, float]] = []
        for epoch in range(1, self.config.epochs + 1):
            started, busy = time.perf_counter(), time.thread_time()
            row, failure = self._epoch(epoch)
            row["val_accuracy"] = nan if failure else self.accuracy()
            row["seconds"], row["processor_seconds"] = time.perf_counter() - started, time.thread_time() - busy
            history.append(row)
            if not failure and row["train_loss"] > self.config.divergence:
                failure = f"training diverged: mean error {row['train_loss']:.3g} in epoch {epoch}"
            if failure:
                return history, failure
            if on_epoch and on_epoch(row):
                break
        return history, None

    def _epoch(self, epoch: int) -> tuple[dict[str, float], str | None]:
        """Mean error and accuracy before learning over all tasks, what it cost, and how it died if it did."""
        count, error, right, seen, failure = 0, 0.0, 0.0, 0.0, None
        for task, (learner, (features, labels)) in enumerate(zip(self.learners, self.tasks, strict=True)):
            order = example_order(len(labels), self.examples, self.stream, epoch)
            learned = learner.learn(features, labels, order)
            count += learned.examples
            error += learned.error * learned.examples
            right += learned.right * learned.examples
            seen += learned.examples / max(1, len(labels))
            if learned.examples < len(order):
                of_task = f" of task {task + 1}" if len(self.tasks) > 1 else ""
                failure = (
                    f"the program died at example {learned.examples + 1:,} of {len(order):,} in epoch {epoch}"
                    f"{of_task}: its prediction was not a number, or more than 100 away from the label"
                )
                break
        row = {
            "epoch": epoch,
            "train_loss": error / count if count else nan,
            "train_accuracy": right / count if count else nan,
            "training_flops": self.flops / 3 * seen,
        }
        return row, failure
