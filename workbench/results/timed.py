"""A search that ends when its process has used so many processor seconds, over all its stops."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.outputs import writing
from workbench.search import Search, SearchConfig
from workbench.search.watch import noted_interrupts
from workbench.space import SearchSpace

LOOK_SECONDS = 0.1
"""How often the clock is looked at: the end is as exact."""

NOTE_SECONDS = 1.0
"""How much may be spent without being noted: what a kill can make forgotten."""


class Spending:
    """What a run had spent when: lines "individuals seconds" of a text file beside it, kept while it searches.

    Attributes:
        path: the file, named as the run with the ending `.seconds`.
        individuals: stored by then, int64 [notes], not falling.
        seconds: of the processor, used by the run's process by then, float64 [notes], not falling.
    """

    def __init__(self, run: str | os.PathLike[str]) -> None:
        self.path = Path(run).with_suffix(".seconds")
        text = self.path.read_text() if self.path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a kill may have left half a line
        try:
            notes = np.array([line.split() for line in whole.splitlines()], float).reshape(-1, 2)
        except ValueError:
            raise RunError(f"{self.path} does not hold what a run has spent; move it and the run away") from None
        if whole != text:
            self.path.write_text(whole)
        self.individuals, self.seconds = notes[:, 0].astype(np.int64), notes[:, 1]

    @property
    def total(self) -> float:
        """Processor seconds in all."""
        return float(self.seconds[-1]) if len(self.seconds) else 0.0

    def note(self, individuals: int, seconds: float) -> None:
        """Add a line."""
        self.individuals, self.seconds = np.append(self.individuals, individuals), np.append(self.seconds, seconds)
        with writing(self.path), self.path.open("a") as file:
            file.write(f"{individuals} {seconds:.3f}\n")

    def by(self, individuals: int) -> np.ndarray:
        """What was spent by the time that the first, the second, … was stored, float64 [individuals]."""
        places = np.searchsorted(self.individuals, np.arange(1, individuals + 1))
        return np.append(self.seconds, self.total)[places]


def run_for(search: Search, seconds: float, is_over: Callable[[], bool] = lambda: False) -> bool:
    """Search until the process has used so many processor seconds for it, those before a stop included.

    Everything that the process does from here on is counted: proposing, mutating, training, storing and ranking, in
    all threads; what it did before, such as loading data, is not. A child that is not done by then is abandoned, so
    that no search gets more than another because its last network is a large one.

    Args:
        search: not yet started; one worker is meant.
        seconds: of the processor.
        is_over: asked all the time; if it says so, or after Ctrl-C or SIGTERM, the search is stopped as it is.

    Returns:
        Whether all seconds are spent, so nothing is left to be done.
    """
    spending = Spending(search.path)
    before, began, total = spending.total, time.process_time(), -1
    if before >= seconds:
        return True
    with noted_interrupts() as noted:
        search.start()
        ended = False
        while not ended:
            ended = search.join(LOOK_SECONDS)
            stored = search.snapshot().total  # first: these were stored with what is spent by now
            spent = before + time.process_time() - began
            if stored != total or ended or spent > spending.total + NOTE_SECONDS:
                total = stored
                spending.note(stored, spent)
            if spent >= seconds or noted or is_over():
                search.stop(now=True)
    return spending.total >= seconds


def warm_up(data: Dataset, config: SearchConfig, space: SearchSpace) -> None:
    """Import and compile all that a search of a space needs, by a tiny one, so that no run pays for it."""
    few: dict[str, Any] = {"population": 4, "children": 2, "generations": 1, "initial_epochs": 1, "budget": None}
    tiny = replace(config, **few, train=replace(config.train, epochs=1))
    images = data.subset(min(data.size("train"), max(data.n_classes, 4 * config.train.batch_size)))
    with tempfile.TemporaryDirectory() as folder:
        search = Search(images, tiny, Path(folder) / "warm-up.sqlite", space)
        search.start()
        search.join()
        search.close()
