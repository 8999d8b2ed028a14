"""Tiles in the making, filled by all threads that wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")

PART = 32
"""Tiles that a thread fills at a time: about a millisecond."""


class Filling(Generic[Made]):
    """Something whose parts any thread may fill, each once.

    Args:
        made: what is complete in the end.
        count: how many tiles it has.
        fill: fills the tiles from a first to a last (excluded); must not depend on the others.
    """

    def __init__(self, made: Made, count: int, fill: Callable[[int, int], object]) -> None:
        self._made, self._fill = made, fill
        self._todo = [(first, min(first + PART, count)) for first in range(0, count, PART)]
        self._left = len(self._todo)
        self._changed = threading.Condition()

    def finish(self) -> Made:
        """Fill what nobody has begun, wait for the rest; what was made."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._todo or not self._left)
                if not self._left:
                    return self._made
                part = self._todo.pop()
            try:
                self._fill(*part)
            except BaseException:  # interrupted: others go on
                with self._changed:
                    self._todo.append(part)
                    self._changed.notify_all()
                raise
            with self._changed:
                self._left -= 1
                if not self._left:
                    self._changed.notify_all()
