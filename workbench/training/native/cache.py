"""What threads that train with the same key make once: filled together, kept in memory that is used again."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike

T = TypeVar("T")

RECENT_STREAMS = 2  # streams whose results are kept: a generation has one, and earlier generations do not come back
PART = 32  # tiles that a thread fills at a time: about a millisecond


class CooperativeFill(Generic[T]):
    """`count` tiles that any number of threads fill together, each part once, by `fill(first, last)`."""

    def __init__(self, result: T, count: int, fill: Callable[[int, int], object]) -> None:
        self._result, self._fill = result, fill
        self._unclaimed = [(first, min(first + PART, count)) for first in range(0, count, PART)]
        self._unfinished = len(self._unclaimed)
        self._changed = threading.Condition()

    def finish(self) -> T:
        """Fill unclaimed parts, wait for parts claimed by other threads, and return the result."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unclaimed or not self._unfinished)
                if not self._unfinished:
                    return self._result
                part = self._unclaimed.pop()
            try:
                self._fill(*part)
            except BaseException:  # interrupted: leave the part to others
                with self._changed:
                    self._unclaimed.append(part)
                    self._changed.notify_all()
                raise
            with self._changed:
                self._unfinished -= 1
                if not self._unfinished:
                    self._changed.notify_all()


class BufferPool:
    """Makes arrays from the memory of earlier ones: touching fresh memory can cost as much as filling it.

    Works without a lock, since memory may come back at any moment: a deque's operations are atomic. At most `limit`
    bytes of free memory are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free: deque[np.ndarray] = deque()

    @property
    def nbytes(self) -> int:
        """Bytes of free memory."""
        return sum(block.nbytes for block in list(self._free))

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """An array with arbitrary contents; its memory returns to the pool with the last reference to it or a view."""
        block = self._take(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        flat = np.frombuffer(block.data, dtype)  # no view of `block`, so that its own views keep it alive
        weakref.finalize(flat, self._give_back, block).atexit = False
        return flat.reshape(shape)

    def _take(self, size: int) -> np.ndarray:
        with contextlib.suppress(IndexError):  # another thread took the last one
            for _ in range(len(self._free)):
                block = self._free.popleft()
                if block.nbytes == size:
                    return block
                self._free.append(block)
        return np.empty(size, np.uint8)

    def shrink(self, limit: int) -> None:
        """Release free memory beyond `limit` bytes."""
        with contextlib.suppress(IndexError):  # another thread took the last one
            while self.nbytes > limit:
                self._free.popleft()

    def _give_back(self, block: np.ndarray) -> None:
        self._free.append(block)
        self.shrink(self._limit)


class Cache(Generic[T]):
    """The most recently used results, which have `nbytes`: each made once, by all threads that ask for it meanwhile.

    A key begins with the stream that the result belongs to, or None. Results of streams that are no longer recent are
    dropped before others are made, which then reuse their memory. `limit` bounds the bytes of results and of the
    pool's free memory together.
    """

    def __init__(self, limit: int, pool: BufferPool) -> None:
        self._limit, self._pool = limit, pool
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._in_progress: dict[tuple[object, ...], CooperativeFill[T]] = {}
        self._streams: OrderedDict[object, None] = OrderedDict()
        self._latest_size = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all results in the cache."""
        return sum(each.nbytes for each in self._kept.values())

    def get(self, key: tuple[object, ...], begin: Callable[[], CooperativeFill[T]]) -> T:
        """The result under a key; if there is none yet, the one that `begin` begins."""
        with self._lock:
            self._use_stream(key[0])
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(T, self._kept[key])
            if key not in self._in_progress:
                self._make_room(self._latest_size)
                self._in_progress[key] = begin()
            in_progress = self._in_progress[key]
        result: Any = in_progress.finish()
        with self._lock:
            if self._in_progress.pop(key, None) is not None:  # this thread is the first to return
                self._kept[key], self._latest_size = result, result.nbytes
                self._make_room(0)
        return cast(T, result)

    def _make_room(self, size: int) -> None:
        """Drop the results used longest ago until `size` more bytes fit; their memory goes to the pool."""
        while self.nbytes + size > self._limit and len(self._kept) > 1:
            self._kept.popitem(last=False)
        self._pool.shrink(max(0, self._limit - self.nbytes))

    def _use_stream(self, stream: object) -> None:
        if stream is None:
            return
        self._streams[stream] = None
        self._streams.move_to_end(stream)
        while len(self._streams) > RECENT_STREAMS:
            old, _ = self._streams.popitem(last=False)
            for key in [key for key in self._kept if key[0] == old]:
                del self._kept[key]
