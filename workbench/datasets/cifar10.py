"""CIFAR-10, from its official "binary version" (https://www.cs.toronto.edu/~kriz/cifar.html)."""

import math
import tarfile
from collections.abc import Sequence
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


def read_records(
    files: Sequence[Path], sizes: Sequence[int], n_classes: int = 10, label_bytes: int = 1
) -> tuple[Bytes, Bytes]:
    """All images, [n, 3, 32, 32], and labels, [n], of files that hold so many each; the last byte of a label counts."""
    images = np.empty((sum(sizes), *_SHAPE), dtype=np.uint8)
    labels = np.empty(sum(sizes), dtype=np.uint8)
    start, length = 0, label_bytes + math.prod(_SHAPE)  # of a record: labels, then the R, G and B planes
    for path, n in zip(files, sizes, strict=True):
        content = read_start(path, n * length)
        check_size(path, content, n * length)
        records = np.frombuffer(content, dtype=np.uint8).reshape(n, length)
        labels[start : start + n] = check_known_labels(records[:, label_bytes - 1], path, n_classes)
        images[start : start + n] = records[:, label_bytes:].reshape(n, *_SHAPE)
        start += n
    return images, labels


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    images, labels = read_records(files, [n_train // 5] * 5 + [n_test])
    listed = files[0].with_name("batches.meta.txt")  # which need not be there
    names = read_names(listed, 10) if listed.is_file() else CLASS_NAMES
    return images[:n_train], labels[:n_train], images[n_train:], labels[n_train:], names


def unpack(url: str, md5: str, root: Path) -> None:
    """Download an archive and unpack it into a folder."""
    torchvision_datasets().utils.download_url(url, str(root), "archive.tar.gz", md5)
    with tarfile.open(root / "archive.tar.gz") as archive:
        archive.extractall(root, filter="data")


def _fetch(root: Path) -> None:
    unpack(URL, MD5, root)


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
