"""Tiny folders of images, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")


def write_image(path: Path, mean: int, *, size: tuple[int, int] = (6, 8), colour: bool = True, seed: int = 0) -> None:
    """An image of height and width `size` with noise around a mean."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if colour else size
    pixels = np.random.default_rng(seed).integers(max(0, mean - 20), min(256, mean + 20), shape).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def write_classes(folder: Path, each: int = 10, **settings: object) -> Path:
    """`each` PNG images of each of `CLASSES`, the brighter the later the class."""
    for number, name in enumerate(CLASSES):
        for index in range(each):
            write_image(folder / name / f"{index}.png", 40 + 80 * number, seed=index, **settings)
    return folder
