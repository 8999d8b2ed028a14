"""What individuals make of a whole split: worked out in a thread, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workbench.views.base.background import Background
from workbench.views.base.source import Source
from workbench.views.inspect.data import Confusion, confusion

KEPT = 8
"""Individuals (or splits) whose predictions are kept."""


class Predictions:
    """Predictions by individual and split.

    Args:
        source: what is followed.
        ready: called in the kernel's loop when more are known.
        failed: called there with the error if some cannot be made.
    """

    def __init__(self, source: Source, ready: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._source, self._ready, self._failed = source, ready, failed
        self._kept: dict[tuple[int, str], Confusion] = {}
        self._asked: set[tuple[int, str]] = set()
        self._background = Background(lambda: None)

    def of(self, id: int, split: str) -> Confusion | None:
        """The predictions of an individual on a split; None if they are not known yet, but will be.

        Raises:
            WeightsError: if its weights were not kept.
            WorkbenchError: if the data set is missing, or the space does not tell what its networks predict.
        """
        key = id, split
        if key not in self._kept and key not in self._asked:
            source = self._source
            work = partial(confusion, source.trained_genome(id), source.needed_data(), split, source.space)
            self._asked.add(key)
            self._background.start(work, partial(self._take, key), partial(self._fail, key))
        return self._kept.get(key)

    def _take(self, key: tuple[int, str], found: Confusion) -> None:
        self._asked.discard(key)
        while len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = found
        self._ready()

    def _fail(self, key: tuple[int, str], error: Exception) -> None:
        self._asked.discard(key)
        self._failed(error)

    def wait(self) -> None:
        """Block until all that was asked for is known; for scripts."""
        self._background.wait()
