"""CIFAR-100, from its official "binary version" (https://www.cs.toronto.edu/~kriz/cifar.html), with its fine labels."""

from pathlib import Path

from workbench.datasets.cifar10 import read_records, unpack
from workbench.datasets.files import Content, FileSource, read_names

URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
MD5 = "03b5dce01913d631647c71ecec9e9cb8"


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    images, labels = read_records(files[:2], (n_train, n_test), n_classes=100, label_bytes=2)
    return images[:n_train], labels[:n_train], images[n_train:], labels[n_train:], read_names(files[2], 100)


def _fetch(root: Path) -> None:
    unpack(URL, MD5, root)


CIFAR100 = FileSource(
    name="cifar100",
    description="60,000 photographs of a hundred kinds of things, 32x32 colour",
    layout="binary version",
    folder="cifar-100-binary",
    names=("train.bin", "test.bin", "fine_label_names.txt"),
    read=_read,
    fetch=_fetch,
    n_train=50_000,
    unread="cifar-100-python",
    advice=f"only the binary version can: unpack {URL} beside it",
)
