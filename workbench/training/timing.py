"""Timing inference: networks take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from workbench.datasets import Dataset
from workbench.genome import Genome

Answer = Callable[[], object]
"""Computes the logits of a fixed batch."""


def time_in_turns(answers: Sequence[Answer], rounds: int, round_seconds: float) -> list[list[float]]:
    """Seconds of every repetition of each answer, after one uncounted repetition that compiles and allocates.

    Args:
        answers: what to time.
        rounds: turns of each.
        round_seconds: shortest duration of a turn.
    """
    seconds: list[list[float]] = [[] for _ in answers]
    for answer in answers:
        answer()
    for _ in range(rounds):
        for times, answer in zip(seconds, answers, strict=True):
            times += _turn(answer, round_seconds)
    return seconds


def _turn(answer: Answer, at_least: float) -> list[float]:
    """Seconds of each repetition in one turn."""
    times: list[float] = []
    while not times or sum(times) < at_least:
        started = time.perf_counter()
        answer()
        times.append(time.perf_counter() - started)
    return times


def raw_images(data: Dataset, batch: int) -> np.ndarray:
    """Images of the validation split as they are stored, [batch, c, h, w], repeated if there are too few."""
    images = data.images("validation")
    return np.ascontiguousarray(images[np.arange(batch) % len(images)])


def native_answer(genome: Genome, data: Dataset, batch: int) -> Answer:
    """Inference by the compiled kernels on `batch` raw images, including the time to put them into tiles."""
    from workbench.training.native.tiles import plain_tiles
    from workbench.training.native.trainer import NativeTrainer

    trainer, images, labels = NativeTrainer(genome, data), raw_images(data, batch), np.zeros(batch, np.int64)
    return lambda: trainer.logits(plain_tiles(images, labels).finish())
