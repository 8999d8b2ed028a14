"""MNIST, from its four IDX files (http://yann.lecun.com/exdb/mnist/) where torchvision keeps them."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.files import REPAIR, Content, FileSource, check_labels_of_ten, check_size, read_start
from workbench.errors import DataError


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    train_images, train_labels, test_images, test_labels = files
    return (
        _read_idx(train_images, (n_train, 28, 28)),
        check_labels_of_ten(_read_idx(train_labels, (n_train,)), train_labels),
        _read_idx(test_images, (n_test, 28, 28)),
        check_labels_of_ten(_read_idx(test_labels, (n_test,)), test_labels),
        tuple("0123456789"),
    )


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes, gzipped if it ends in ".gz"; `DataError` if it has not this shape."""
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
    return np.frombuffer(content, dtype=np.uint8, offset=offset).reshape(shape)


def _fetch(root: Path) -> None:
    import torchvision.datasets

    torchvision.datasets.MNIST(root=str(root), download=True)


MNIST = FileSource(
    name="mnist",
    description="70,000 handwritten digits, 28x28 grey",
    layout="IDX files, plain or .gz",
    folder="MNIST/raw",
    names=("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    suffixes=("", ".gz"),
    read=_read,
    fetch=_fetch,
)
