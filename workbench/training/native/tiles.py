"""Prepared tiles: shuffled, augmented, transposed images, shared by all children that train with the same key.

A tile is [inputs, TILE]: one row per pixel, one column per image, raw values (uint8 where the data are). Tiles are a
pure function of (data, key, epoch, batch size, augmentation), so keeping them is only a cache.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.datasets import Dataset
from workbench.training.config import TrainConfig
from workbench.training.native.filling import Filling
from workbench.training.native.images import fill_tiles
from workbench.training.native.recycling import Recycler
from workbench.training.native.vectors import TILE
from workbench.training.stream import StreamKey, draw_epoch

CACHE_BYTES = 25 << 25
"""Tiles that are kept, and memory that waits for new ones: six epochs of CIFAR-10, or twenty-one of MNIST."""

RECENT_STREAMS = 2
"""Streams whose tiles are kept: a generation has one, and earlier generations do not come back."""

_MEMORY = Recycler(CACHE_BYTES)


@dataclass(frozen=True)
class Tiles:
    """Images and labels in tiles.

    Attributes:
        images: raw values [tiles, inputs, TILE]; 0 where a column has no image.
        labels: int32 [tiles, TILE]; -1 where a column has no image.
        per_batch: tiles of a batch.
    """

    images: np.ndarray
    labels: np.ndarray
    per_batch: int

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.images.nbytes + self.labels.nbytes


def make_tiles(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray, shifts: np.ndarray, mirrored: np.ndarray, batch: int
) -> Tiles:
    """Tiles of `images` [n, c, h, w] in `order`, in batches of `batch` images (each batch starts a tile)."""
    return begin_tiles(images, labels, order, shifts, mirrored, batch).finish()


def begin_tiles(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray, shifts: np.ndarray, mirrored: np.ndarray, batch: int
) -> Filling[Tiles]:
    """The tiles of `make_tiles`, still to be filled."""
    per_batch = -(-batch // TILE)
    starts = range(0, len(order), batch)
    chosen = np.full((len(starts), per_batch * TILE), -1, np.int64)
    for number, start in enumerate(starts):
        part = order[start : start + batch]
        chosen[number, : len(part)] = part
    chosen = chosen.reshape(-1, TILE)
    used = int(np.flatnonzero((chosen >= 0).any(axis=1)).max()) + 1  # the last batch may need fewer tiles
    chosen = chosen[:used]
    raw = _MEMORY.empty((used, int(np.prod(images.shape[1:])), TILE), images.dtype)
    tiles = Tiles(raw, np.where(chosen >= 0, labels[chosen], -1).astype(np.int32), per_batch)
    images = np.ascontiguousarray(images)

    def fill(first: int, last: int) -> None:
        fill_tiles(images, chosen[first:last], shifts, mirrored, raw[first:last])

    return Filling(tiles, used, fill)


class _Cache:
    """The most recently used tiles, each made once, by all threads that ask for it meanwhile.

    A key begins with the stream that the tiles are part of, or None. Those of streams that are no longer recent go
    before others are made, which then get their memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[object, ...], Tiles] = OrderedDict()
        self._making: dict[tuple[object, ...], Filling[Tiles]] = {}
        self._streams: OrderedDict[object, None] = OrderedDict()
        self._size = 0  # of the last that were made

    def get(self, key: tuple[object, ...], begin: Callable[[], Filling[Tiles]]) -> Tiles:
        with self._lock:
            self._use(key[0])
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
            if key not in self._making:
                self._make_room(self._size)
                self._making[key] = begin()
            filling = self._making[key]
        tiles = filling.finish()
        with self._lock:
            if self._making.pop(key, None) is not None:  # the first to know that they are complete
                self._made[key], self._size = tiles, tiles.nbytes
                self._make_room(0)
        return tiles

    def _make_room(self, size: int) -> None:
        """Keep so many bytes free within the limit; the tiles that go leave their memory to those that come."""
        kept = sum(each.nbytes for each in self._made.values())
        while kept + size > self._limit and len(self._made) > 1:
            kept -= self._made.popitem(last=False)[1].nbytes
        _MEMORY.shrink(max(0, self._limit - kept))

    def _use(self, stream: object) -> None:
        if stream is None:
            return
        self._streams[stream] = None
        self._streams.move_to_end(stream)
        while len(self._streams) > RECENT_STREAMS:
            old, _ = self._streams.popitem(last=False)
            for key in [key for key in self._made if key[0] == old]:
                del self._made[key]


_TILES = _Cache(CACHE_BYTES)


def training_tiles(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> Tiles:
    """The tiles of one epoch of training."""

    def begin() -> Filling[Tiles]:
        draw = draw_epoch(data, config, key, epoch)
        return begin_tiles(data.images("train"), data.labels("train"), *draw, config.batch_size)

    name = ((data.fingerprint, key), epoch, config.batch_size, config.shift, config.mirror)
    return _TILES.get(name, begin)


def split_tiles(data: Dataset, split: str) -> Tiles:
    """The tiles of a whole split, in order and without augmentation."""

    def begin() -> Filling[Tiles]:
        n = data.size(split)
        still, plain = np.zeros((n, 2), np.int64), np.zeros(n, bool)
        return begin_tiles(data.images(split), data.labels(split), np.arange(n), still, plain, TILE)

    return _TILES.get((None, data.fingerprint, split), begin)
