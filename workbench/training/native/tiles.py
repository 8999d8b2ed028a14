"""Prepared tiles: shuffled, augmented, transposed images, shared by all children that train with the same key.

Images are augmented and transposed: a tile is [inputs, width], one row per pixel, one column per image, raw values
(uint8 where the data are). Tiles are a pure function of (data, key, epoch, batch size, augmentation), so keeping them
is only a cache.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench.datasets import Dataset
from workbench.training.augmentation import MIXED, Draw, draw_epoch, mixed_with, plain_draw, raw_mean
from workbench.training.native.cache import BufferPool, Cache, CooperativeFill
from workbench.training.native.jit import kernel
from workbench.training.native.simd import simd_function
from workbench.training.native.widths import TILE, width_for
from workbench.training.trainer import StreamKey, TrainConfig

CACHE_BYTES = 25 << 25
"""Limit for tiles in the cache and free memory together: six epochs of CIFAR-10, or twenty-one of MNIST."""

BLOCK = 16  # pixels and images that are transposed together


@dataclass(frozen=True)
class Tiles:
    """Images and labels in tiles."""

    images: np.ndarray  # raw values [tiles, inputs, width]; 0 where a column has no image
    labels: np.ndarray  # int32 [tiles, width]; -1 where a column has no image
    per_batch: int  # tiles per batch
    others: np.ndarray | None = None  # labels of the images that they are mixed with, int32 [tiles, width]
    shares: np.ndarray | None = None  # and the share of each image itself, float32 [tiles, width]

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        arrays = (self.images, self.labels, self.others, self.shares)
        return sum(array.nbytes for array in arrays if array is not None)


_POOL = BufferPool(CACHE_BYTES)
_CACHE: Cache[Tiles] = Cache(CACHE_BYTES, _POOL)


def begin_tiles(data: Dataset, split: str, draw: Draw, batch: int, side: int = 0) -> CooperativeFill[Tiles]:
    """Begin tiles of a split's images, in batches of `batch` images (each batch starts a tile).

    `side` is that of the squares that are cut out, if any are drawn.
    """
    images, labels, mean = data.images(split), data.labels(split), raw_mean(data)
    width = width_for(batch)
    per_batch, order = -(-batch // width), draw.order
    starts = range(0, len(order), batch)
    chosen = np.full((len(starts), per_batch * width), -1, np.int64)
    for number, start in enumerate(starts):
        part = order[start : start + batch]
        chosen[number, : len(part)] = part
    chosen = chosen.reshape(-1, width)
    used = int(np.flatnonzero((chosen >= 0).any(axis=1)).max()) + 1  # the last batch may need fewer tiles
    chosen = chosen[:used]
    raw = _POOL.empty((used, int(np.prod(images.shape[1:])), width), images.dtype)
    tiles = Tiles(raw, np.where(chosen >= 0, labels[chosen], -1).astype(np.int32), per_batch)
    if len(draw.shares):
        tiles = replace(tiles, others=labels[mixed_with(chosen)].astype(np.int32), shares=draw.shares[chosen])
    images = np.ascontiguousarray(images)

    def fill(first: int, last: int) -> None:
        fill_tiles(images, chosen[first:last], draw, side, mean, raw[first:last], *staging(images, width))

    return CooperativeFill(tiles, used, fill)


def staging(images: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Work space of `fill_tiles`, for tiles of that width."""
    size = int(np.prod(images.shape[2:])) + 64  # 64: rows must not all map to the same cache lines
    return np.zeros((width, images.itemsize), np.uint8), np.zeros((width + 1, size), images.dtype)


def name_of(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> tuple[object, ...]:
    """All that the tiles of one epoch of training depend on, beginning with their stream."""
    augmentation = config.shift, config.mirror, config.cutout, config.mixup
    return (data.fingerprint, key), epoch, config.batch_size, *augmentation


def training_tiles(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> Tiles:
    """The tiles of one epoch of training."""

    def begin() -> CooperativeFill[Tiles]:
        draw = draw_epoch(data, config, key, epoch)
        return begin_tiles(data, "train", draw, config.batch_size, config.cutout)

    return _CACHE.get(name_of(data, config, key, epoch), begin)


def split_tiles(data: Dataset, split: str) -> Tiles:
    """The tiles of a whole split, in order and without augmentation."""
    key = (None, data.fingerprint, split)
    return _CACHE.get(key, lambda: begin_tiles(data, split, plain_draw(data.size(split)), TILE))


@simd_function("address", "address", "count", widths=[TILE])
def copy_bytes(code, source, target, count):
    """target_i = source_i, for `count` bytes that do not overlap."""
    code.copy_bytes(source, target, count)


@simd_function("address", "count", "address", "count", "count", "count", widths=[TILE])
def transpose_bytes(code, source, stride, target, width, groups, blocks):
    """target[pixel, image] = source[image, pixel] for `groups` times `BLOCK` images and `blocks` times `BLOCK` pixels.

    A pixel is a byte; images lie `stride` bytes apart in the source, pixels `width` bytes apart in the target. Four
    rounds of interleaving the first half of the rows with the second half transpose a block of 16 × 16.
    """

    def of_pixels(block, _):
        first = code.mul(block, BLOCK)

        def of_images(group, _):
            image = code.mul(group, BLOCK)
            start = code.add(code.add(source, first), code.mul(image, stride))
            rows = [code.load_bytes(code.add(start, code.mul(stride, number)), BLOCK) for number in range(BLOCK)]
            for _ in range(4):
                rows = [half for i in range(8) for half in code.interleave(rows[i], rows[i + 8])]
            start = code.add(code.add(target, code.mul(first, width)), image)
            for pixel, row in enumerate(rows):
                code.store_bytes(row, code.add(start, code.mul(width, pixel)))

        code.loop(groups, of_images)

    code.loop(blocks, of_pixels)


@simd_function("address", "address", "address", "count")
def exchange_bytes(code, values, others, mask, count):
    """Exchange values_i and others_i where mask_i is 255, for `count` times as many bytes as a tile is wide."""

    def each(i, _):
        places = [code.add(address, code.mul(i, code.width)) for address in (values, others, mask)]
        a, b, chosen = (code.load_bytes(place, code.width) for place in places)
        difference = code.builder.and_(code.builder.xor(a, b), chosen)
        for value, place in zip((a, b), places, strict=False):
            code.store_bytes(code.builder.xor(value, difference), place)

    code.loop(count, each)


@kernel
def fill_tiles(images, chosen, draw, side, mean, tiles, mask, staged):
    """tiles[t, pixel, k] = pixel of image chosen[t, k] shifted, cut, mixed and mirrored as drawn; -1 = none.

    `images` [n, c, h, w], `mean` [c, h, w] and `tiles` [tiles, c · h · w, width] are of one type; `chosen` is int64
    [tiles, width]. Work space: `mask` uint8 [width, bytes of a pixel], `staged` [width + 1, at least h · w].
    """
    n, channels, height, width = images.shape
    size, columns = height * width, chosen.shape[1]
    planes = images.reshape(n, channels, size)
    for tile in range(len(chosen)):
        mirrors = False
        for k in range(columns):
            is_mirrored = chosen[tile, k] >= 0 and draw.mirrored[chosen[tile, k]]
            mask[k] = 255 if is_mirrored else 0
            mirrors = mirrors or is_mirrored
        for channel in range(channels):
            for k in range(columns):
                image = chosen[tile, k]
                if image < 0:
                    staged[k] = 0
                else:
                    shift(planes[image, channel], height, width, draw.shifts[image], staged[k])
                    if side:
                        cut(staged[k], mean[channel], draw.corners[image], side)
            if len(draw.shares):
                mix(staged, chosen[tile], draw.shares, size)
            plane = tiles[tile, channel * size : (channel + 1) * size]
            transpose(staged, plane)
            if mirrors:
                mirror(plane, width, mask)


@kernel(inner=True)
def shift(plane, height, width, by, shifted):
    """shifted[row, column] = plane[row - by_0, column - by_1], 0 from outside; both flat.

    Copies the whole plane at once, then clears the pixels that wrapped around from neighbouring rows.
    """
    down, right = by
    offset, itemsize = down * width + right, plane.itemsize
    if offset or right:
        shifted[:] = 0
    first, last = max(0, offset), min(height * width, height * width + offset)
    if first < last:
        source, target = plane.ctypes.data + (first - offset) * itemsize, shifted.ctypes.data + first * itemsize
        copy_bytes(source, target, (last - first) * itemsize)
    columns = (0, min(right, width)) if right > 0 else (max(0, width + right), width)
    if right:
        for row in range(height):
            for column in range(columns[0], columns[1]):
                shifted[row * width + column] = 0


@kernel(inner=True)
def cut(plane, mean, corner, side):
    """The square of `side` pixels from `corner` (row, column) on, as far as it lies within, is as `mean` [h, w]."""
    height, width = mean.shape
    for row in range(max(corner[0], 0), min(corner[0] + side, height)):
        for column in range(max(corner[1], 0), min(corner[1] + side, width)):
            plane[row * width + column] = mean[row, column]


@kernel(inner=True)
def mix(staged, chosen, shares, size):
    """staged[k] = share · staged[k] + (1 - share) · that of the next image in its group; bytes are rounded."""
    columns, half = len(chosen), np.float32(0.5 if staged.itemsize == 1 else 0)
    first_image = staged[columns]
    for k in range(columns):
        if chosen[k] < 0:
            continue
        if k % MIXED == 0:
            for pixel in range(size):
                first_image[pixel] = staged[k, pixel]
        is_last = k + 1 == columns or (k + 1) % MIXED == 0 or chosen[k + 1] < 0
        one, other, share = staged[k], first_image if is_last else staged[k + 1], shares[chosen[k]]
        for pixel in range(size):
            one[pixel] = share * np.float32(one[pixel]) + (np.float32(1) - share) * np.float32(other[pixel]) + half


@kernel(inner=True)
def transpose(staged, plane):
    """plane[pixel, image] = staged[image, pixel]."""
    blocks = len(plane) // BLOCK if plane.itemsize == 1 else 0
    width = plane.shape[1]
    transpose_bytes(staged.ctypes.data, staged.strides[0], plane.ctypes.data, width, width // BLOCK, blocks)
    for pixel in range(blocks * BLOCK, len(plane)):
        for k in range(width):
            plane[pixel, k] = staged[k, pixel]


@kernel(inner=True)
def mirror(plane, width, mask):
    """Reverse the pixel columns of images (columns of `plane` [pixels, images]) whose `mask` [images, bytes] is 255."""
    n_images, size = mask.shape
    for start in range(0, len(plane), width):
        for column in range(width // 2):
            left, right = plane[start + column], plane[start + width - 1 - column]
            exchange_bytes(n_images, left.ctypes.data, right.ctypes.data, mask.ctypes.data, size)
