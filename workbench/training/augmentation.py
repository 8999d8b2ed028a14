"""The images that a training sees, and the targets that go with them, all drawn beforehand.

A batch is a pure function of (key, epoch, batch number, augmentation): children that train with the same key see the
same images, and any worker can prepare them again. Images are shifted, cut, mixed and mirrored, in that order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from workbench.datasets import Dataset
from workbench.training.trainer import StreamKey, TrainConfig

MIXED = 16
"""Images of a batch are mixed in groups of so many, each with the next one and the last with the first. A batch is in
random order, and tiles of every width hold whole groups."""


class Draw(NamedTuple):
    """The random choices of one epoch for the n images of the training split."""

    order: np.ndarray  # int64 [n]; the others are not in that order
    shifts: np.ndarray  # rows and columns, int64 [n, 2]
    mirrored: np.ndarray  # bool [n]
    corners: np.ndarray  # row and column where the square that is cut out begins, int64 [n, 2]; of length 0: none
    shares: np.ndarray  # of an image that is mixed with another, float32 [n], at least 1/2; of length 0: none is


def plain_draw(n: int) -> Draw:
    """All images in order and as they are."""
    none = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    return Draw(np.arange(n), np.zeros((n, 2), np.int64), np.zeros(n, bool), *none)


def draw_epoch(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> Draw:
    """The random choices of one epoch: cutout after DeVries and Taylor (2017), mixup after Zhang et al. (2018)."""
    n, rng = data.size("train"), np.random.default_rng([*key, epoch])
    order = rng.permutation(n)
    shifts = rng.integers(-config.shift, config.shift + 1, size=(n, 2))
    draw = plain_draw(n)._replace(order=order, shifts=shifts)
    if config.mirror:
        draw = draw._replace(mirrored=rng.random(n) < 0.5)
    if config.cutout:
        draw = draw._replace(corners=rng.integers(0, data.shape[1:], size=(n, 2)) - config.cutout // 2)
    if config.mixup:
        shares = rng.beta(config.mixup, config.mixup, n)
        draw = draw._replace(shares=np.maximum(shares, 1 - shares).astype(np.float32))
    return draw


def batches(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch of the training split in batches: float32 [batch, c, h, w] as `data.arrays`, labels int64 [batch]."""
    for images, labels, _ in batches_with_targets(data, config, key, epoch):
        yield images, labels


def batches_with_targets(
    data: Dataset, config: TrainConfig, key: StreamKey, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """As `batches`, with the targets float32 [batch, classes] if images are mixed."""
    images, labels, mean = data.images("train"), data.labels("train"), raw_mean(data)
    draw = draw_epoch(data, config, key, epoch)
    for start in range(0, len(draw.order), config.batch_size):
        chosen, targets = draw.order[start : start + config.batch_size], None
        if len(draw.shares):
            mixed = labels[mixed_with(chosen)], draw.shares[chosen]
            targets = targets_of(labels[chosen], data.n_classes, config, *mixed)
        raw = augmented(images, chosen, draw, config.cutout, mean)
        yield data.standardised(raw), labels[chosen], targets


def raw_mean(data: Dataset) -> np.ndarray:
    """The mean of each pixel's channel, [c, h, w] of the type of the images: what is nearest to 0 once standardised."""
    kind, size = data.images("train").dtype, math.prod(data.shape)
    mean = np.repeat(data.mean, size // len(data.mean)).reshape(data.shape)
    return (np.rint(mean) if kind.itemsize == 1 else mean).astype(kind)


def mixed_with(chosen: np.ndarray) -> np.ndarray:
    """With which image each of `chosen` (int64 [...]) is mixed, in groups of `MIXED` within a batch; -1 is no image."""
    groups = np.full((-(-chosen.size // MIXED), MIXED), -1, np.int64)
    groups.ravel()[: chosen.size] = chosen.ravel()
    following = np.roll(groups, -1, axis=1)
    return np.where(following < 0, groups[:, :1], following).ravel()[: chosen.size].reshape(chosen.shape)


def augmented(images: np.ndarray, chosen: np.ndarray, draw: Draw, side: int, mean: np.ndarray) -> np.ndarray:
    """The raw images [n, c, h, w] that are `chosen` from, shifted, cut, mixed and mirrored: [batch, c, h, w].

    Pixels from outside are 0; squares of `side` pixels are as `mean` [c, h, w]; mixed bytes are rounded.
    """
    result = shifted(images[chosen], draw.shifts[chosen])
    for image, (row, column) in zip(result, draw.corners[chosen] if side else (), strict=False):
        square = (..., slice(max(row, 0), max(row + side, 0)), slice(max(column, 0), max(column + side, 0)))
        image[square] = mean[square]
    if len(draw.shares):
        share, half = draw.shares[chosen, None, None, None], np.float32(0.5 if result.itemsize == 1 else 0)
        place = mixed_with(np.arange(len(chosen)))
        mixed = share * result.astype(np.float32) + (1 - share) * result[place].astype(np.float32) + half
        result = mixed.astype(images.dtype)
    mirrored = draw.mirrored[chosen]
    result[mirrored] = result[mirrored, :, :, ::-1]
    return result


def shifted(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Images [batch, c, h, w] shifted by (rows, columns) [batch, 2]; pixels from outside are 0."""
    reach = int(np.abs(shifts).max(initial=0))
    if reach == 0:
        return images
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    result = np.empty_like(images)
    for down, right in np.unique(shifts, axis=0):
        rows, columns = reach - down, reach - right
        same = np.flatnonzero((shifts[:, 0] == down) & (shifts[:, 1] == right))
        result[same] = padded[same, :, rows : rows + height, columns : columns + width]
    return result


def targets_of(
    labels: np.ndarray,
    n_classes: int,
    config: TrainConfig,
    others: np.ndarray | None = None,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """The targets that labels [...] stand for, smoothed, float32 [..., classes]; any where the label is -1.

    Images that are mixed with `others` have `shares` of their own.
    """
    classes, smoothing = np.arange(n_classes), config.label_smoothing
    targets = (labels[..., None] == classes).astype(np.float32)
    if others is not None and shares is not None:
        targets = shares[..., None] * targets + (1 - shares[..., None]) * (others[..., None] == classes)
    return (1 - smoothing) * targets + np.float32(smoothing / n_classes)
