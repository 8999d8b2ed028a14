"""Memory for prepared tiles, used again: touching fresh memory can cost as much as filling it."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
from numpy.typing import DTypeLike


class Recycler:
    """Makes arrays out of the memory of earlier ones that nobody holds any more.

    Works without a lock, since memory may come back at any moment: a deque's steps are atomic.

    Args:
        limit: bytes that wait for use at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free: deque[np.ndarray] = deque()

    @property
    def nbytes(self) -> int:
        """Bytes that wait for use."""
        return sum(block.nbytes for block in list(self._free))

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """An array with arbitrary contents; its memory comes back once neither it nor any view of it is held."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        block = self._take(size)
        flat = np.frombuffer(block.data, dtype)  # no view of `block`, so that its own views keep it alive
        weakref.finalize(flat, self._give_back, block).atexit = False
        return flat.reshape(shape)

    def _take(self, size: int) -> np.ndarray:
        try:
            for _ in range(len(self._free)):
                block = self._free.popleft()
                if block.nbytes == size:
                    return block
                self._free.append(block)
        except IndexError:  # another thread was quicker
            pass
        return np.empty(size, np.uint8)

    def shrink(self, most: int) -> None:
        """Let go of what waits for use beyond `most` bytes."""
        try:
            while self.nbytes > most:
                self._free.popleft()
        except IndexError:  # another thread was quicker
            pass

    def _give_back(self, block: np.ndarray) -> None:
        self._free.append(block)
        self.shrink(self._limit)
