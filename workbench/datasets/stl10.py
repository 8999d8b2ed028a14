"""STL-10 (https://cs.stanford.edu/~acoates/stl10/), its labelled images."""

from pathlib import Path

import numpy as np

from workbench.datasets.files import (
    Bytes,
    Content,
    FileSource,
    check_known_labels,
    check_size,
    read_names,
    read_start,
    torchvision_datasets,
)

_PIXELS = 3 * 96 * 96


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    parts = [_read_part(files[0], files[1], n_train), _read_part(files[2], files[3], n_test)]
    return *parts[0], *parts[1], read_names(files[4], 10)


def _read_part(images: Path, labels: Path, n: int) -> tuple[Bytes, Bytes]:
    """Images [n, 3, 96, 96], which are stored column by column, and labels [n], which are stored as 1..10."""
    content = read_start(images, n * _PIXELS), read_start(labels, n)
    check_size(images, content[0], n * _PIXELS)
    check_size(labels, content[1], n)
    pixels = np.frombuffer(content[0], dtype=np.uint8).reshape(n, 3, 96, 96).transpose(0, 1, 3, 2)
    return pixels, check_known_labels(np.frombuffer(content[1], dtype=np.uint8) - np.uint8(1), labels)


def _fetch(root: Path) -> None:
    torchvision_datasets().STL10(root=str(root), split="train", download=True)


STL10 = FileSource(
    name="stl10",
    description="13,000 photographs of ten kinds of things, 96x96 colour",
    layout="binary files",
    folder="stl10_binary",
    names=("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt"),
    read=_read,
    fetch=_fetch,
    n_train=5_000,
    n_test=8_000,
    held_out=500,
)
