"""Prepared training data: shuffled, augmented, centred and scaled batches.

A batch is a pure function of (key, epoch, batch number, augmentation): children that train with the same key see the
same images, and any worker can prepare them again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.datasets import Dataset
from workbench.training.config import TrainConfig

StreamKey = tuple[int, ...]
"""Whole numbers that seed the stream, such as (root seed, generation)."""


def draw_epoch(
    data: Dataset, config: TrainConfig, key: StreamKey, epoch: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The random choices of one epoch over the n images of the training split.

    Returns:
        The order of the images, int64 [n], and for each image (not in that order) its shift (rows, columns), int64
        [n, 2], and whether it is mirrored, bool [n].
    """
    n = data.size("train")
    rng = np.random.default_rng([*key, epoch])
    order = rng.permutation(n)
    shifts = rng.integers(-config.shift, config.shift + 1, size=(n, 2))
    mirrored = rng.random(n) < 0.5 if config.mirror else np.zeros(n, bool)
    return order, shifts, mirrored


def batches(data: Dataset, config: TrainConfig, key: StreamKey, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch of the training split, in batches.

    Yields:
        Images float32 [batch, c, h, w], centred and scaled like `data.arrays`, and labels int64 [batch].
    """
    images, labels = data.images("train"), data.labels("train")
    order, shifts, mirrored = draw_epoch(data, config, key, epoch)
    for start in range(0, len(order), config.batch_size):
        chosen = order[start : start + config.batch_size]
        raw = augment(images[chosen], shifts[chosen], mirrored[chosen])
        yield standardise(raw, data), labels[chosen]


def augment(images: np.ndarray, shifts: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Images [batch, c, h, w] shifted by (rows, columns) of `shifts` [batch, 2] and mirrored where asked.

    Pixels that come in from outside are 0, as raw value.
    """
    reach = int(np.abs(shifts).max(initial=0))
    if reach == 0 and not mirrored.any():
        return images
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    result = np.empty_like(images)
    for down, right in np.unique(shifts, axis=0):
        rows, columns = reach - down, reach - right
        same = np.flatnonzero((shifts[:, 0] == down) & (shifts[:, 1] == right))
        result[same] = padded[same, :, rows : rows + height, columns : columns + width]
    result[mirrored] = result[mirrored, :, :, ::-1]
    return result


def standardise(images: np.ndarray, data: Dataset) -> np.ndarray:
    """Raw images [n, c, h, w] as float32, centred and scaled by the training statistics of `data`."""
    scaled = images.astype(np.float32)
    scaled -= data.mean[:, None, None]
    scaled /= data.std[:, None, None]
    return scaled
