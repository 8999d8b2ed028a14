"""MNIST (http://yann.lecun.com/exdb/mnist/) and sets of its form, from four IDX files where torchvision keeps them."""

import math
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.files import (
    REPAIR,
    Content,
    FileSource,
    check_known_labels,
    check_size,
    read_start,
    torchvision_datasets,
)
from workbench.errors import DataError


def _read(class_names: tuple[str, ...], files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    shapes = ((n_train, 28, 28), (n_train,), (n_test, 28, 28), (n_test,))
    train_images, train_labels, test_images, test_labels = map(_read_idx, files, shapes)
    return train_images, train_labels, test_images, test_labels, class_names


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Images or labels of an IDX file of unsigned bytes, gzipped if it ends in ".gz"; `DataError` on another shape."""
    offset = 4 + 4 * len(shape)
    n_expected = offset + math.prod(shape)
    content = read_start(path, n_expected)
    magic = bytes([0, 0, 8, len(shape)])  # two zeros, type unsigned byte, number of dimensions
    if len(content) >= 4 and content[:4] != magic:
        raise DataError(
            f"{path}: expected an IDX file that starts with bytes {magic.hex()}, got {content[:4].hex()}; {REPAIR}"
        )
    if len(content) >= offset:
        found = tuple(int(d) for d in np.frombuffer(content, dtype=">u4", count=len(shape), offset=4))
        if found != shape:
            raise DataError(f"{path}: expected shape {list(shape)}, got {list(found)}; {REPAIR}")
    check_size(path, content, n_expected)
    array = np.frombuffer(content, dtype=np.uint8, offset=offset).reshape(shape)
    return check_known_labels(array, path) if array.ndim == 1 else array


def _fetch(of_torchvision: str, root: Path) -> None:
    getattr(torchvision_datasets(), of_torchvision)(root=str(root), download=True)


def _source(name: str, of_torchvision: str, description: str, class_names: tuple[str, ...]) -> FileSource:
    return FileSource(
        name=name,
        description=f"70,000 {description}, 28x28 grey",
        layout="IDX files, plain or .gz",
        folder=f"{of_torchvision}/raw",
        names=(
            *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
            *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        ),
        suffixes=("", ".gz"),
        read=partial(_read, class_names),
        fetch=partial(_fetch, of_torchvision),
    )


MNIST = _source("mnist", "MNIST", "handwritten digits", tuple("0123456789"))

FASHION_MNIST = _source(
    "fashion-mnist",
    "FashionMNIST",
    "pictures of clothes",
    ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
"""Xiao et al. 2017, "Fashion-MNIST"."""

KMNIST = _source(
    "kmnist",
    "KMNIST",
    "handwritten hiragana",
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
)
"""Clanuwat et al. 2018, "Deep Learning for Classical Japanese Literature"."""
