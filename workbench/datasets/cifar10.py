"""CIFAR-10, from its official "binary version" (https://www.cs.toronto.edu/~kriz/cifar.html)."""

import tarfile
from pathlib import Path

import numpy as np

from workbench.datasets.files import (
    REPAIR,
    Content,
    FileSource,
    check_labels_of_ten,
    check_size,
    read_start,
    torchvision_datasets,
)
from workbench.errors import DataError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CLASS_NAMES: tuple[str, ...] = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # bytes: a label, then the R, G and B planes


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    images = np.empty((n_train + n_test, *_SHAPE), dtype=np.uint8)
    labels = np.empty(n_train + n_test, dtype=np.uint8)
    n = len(labels) // len(files)
    for batch, path in enumerate(files):
        content = read_start(path, n * _RECORD)
        check_size(path, content, n * _RECORD)
        records = np.frombuffer(content, dtype=np.uint8).reshape(n, _RECORD)
        labels[batch * n : (batch + 1) * n] = check_labels_of_ten(records[:, 0], path)
        images[batch * n : (batch + 1) * n] = records[:, 1:].reshape(n, *_SHAPE)
    names, listed = CLASS_NAMES, files[0].with_name("batches.meta.txt")  # which need not be there
    if listed.is_file():
        names = tuple(listed.read_text(encoding="utf-8", errors="replace").split())
        if len(names) != 10:
            raise DataError(f"{listed}: expected 10 class names, got {len(names)}; {REPAIR}")
    return images[:n_train], labels[:n_train], images[n_train:], labels[n_train:], names


def _fetch(root: Path) -> None:
    torchvision_datasets().utils.download_url(URL, str(root), "archive.tar.gz", MD5)
    with tarfile.open(root / "archive.tar.gz") as archive:
        archive.extractall(root, filter="data")


CIFAR10 = FileSource(
    name="cifar10",
    description="60,000 photographs of ten kinds of things, 32x32 colour",
    layout="binary version",
    folder="cifar-10-batches-bin",
    names=(*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"),
    read=_read,
    fetch=_fetch,
    n_train=50_000,
    unread="cifar-10-batches-py",
    advice=f"only the binary version can: unpack {URL} beside it",
)
