"""Images into tiles: shifted, mirrored and transposed, so that a pixel's values for `TILE` images lie side by side."""

from __future__ import annotations

import numpy as np

from workbench.training.native.jit import kernel
from workbench.training.native.simd import TILE, simd_function

BLOCK = 16
"""Pixels and images that are transposed together."""


@simd_function("address", "address", "count")
def copy_bytes(code, source, target, count):
    """target_i = source_i, for `count` bytes that do not overlap."""
    code.copy_bytes(source, target, count)


@simd_function("address", "count", "address", "count")
def transpose_bytes(code, source, stride, target, blocks):
    """target[pixel, image] = source[image, pixel] for `TILE` images of `blocks` times `BLOCK` pixels, a byte each.

    Images lie `stride` bytes apart. Four rounds of interleaving the first half of the rows with the second half
    transpose a block of 16 × 16.
    """

    def block(number, _):
        first = code.mul(number, BLOCK)
        for group in range(0, TILE, BLOCK):  # of images
            starts = [code.add(source, code.add(first, code.mul(stride, group + image))) for image in range(BLOCK)]
            rows = [code.load_bytes(start) for start in starts]
            for _ in range(4):
                rows = [half for i in range(8) for half in code.interleave(rows[i], rows[i + 8])]
            start = code.add(code.add(target, code.mul(first, TILE)), group)
            for pixel, row in enumerate(rows):
                code.store_bytes(row, code.add(start, pixel * TILE))
        return []

    code.loop(blocks, block)


@kernel
def fill_tiles(images, chosen, shifts, mirrored, tiles):
    """tiles[t, pixel, k] = pixel of image chosen[t, k] after its shift (rows, columns) and mirroring; -1 = none.

    `images` [n, c, h, w] and `tiles` [tiles, c · h · w, TILE] are of one type; `chosen` [tiles, TILE] int64, `shifts`
    [n, 2] int64, `mirrored` [n].
    """
    n, channels, height, width = images.shape
    size = height * width
    planes = images.reshape(n, channels, size)
    is_mirrored = np.zeros(TILE, np.bool_)
    staged = np.zeros((TILE, size + 64), images.dtype)  # 64: rows must not all map to the same cache lines
    for tile in range(len(chosen)):
        for k in range(TILE):
            is_mirrored[k] = chosen[tile, k] >= 0 and mirrored[chosen[tile, k]]
        for channel in range(channels):
            for k in range(TILE):
                image = chosen[tile, k]
                if image < 0:
                    staged[k] = 0
                else:
                    shift(planes[image, channel], height, width, shifts[image], staged[k])
            plane = tiles[tile, channel * size : (channel + 1) * size]
            transpose(staged, plane)
            if is_mirrored.any():
                mirror(plane, width, is_mirrored)


@kernel
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


@kernel
def transpose(staged, plane):
    """plane[pixel, image] = staged[image, pixel]."""
    blocks = len(plane) // BLOCK if plane.itemsize == 1 else 0
    transpose_bytes(staged.ctypes.data, staged.strides[0], plane.ctypes.data, blocks)
    for pixel in range(blocks * BLOCK, len(plane)):
        for k in range(TILE):
            plane[pixel, k] = staged[k, pixel]


@kernel
def mirror(plane, width, mirrored):
    """Reverse the pixel columns of those images (columns of `plane` [pixels, TILE]) that are `mirrored`."""
    for start in range(0, len(plane), width):
        for column in range(width // 2):
            left, right = plane[start + column], plane[start + width - 1 - column]
            for k in range(TILE):
                a, b = left[k], right[k]
                left[k] = b if mirrored[k] else a
                right[k] = a if mirrored[k] else b
