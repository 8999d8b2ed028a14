"""SVHN, cropped house numbers (http://ufldl.stanford.edu/housenumbers/): the files of training and test images."""

from pathlib import Path

import numpy as np

from workbench.datasets.files import REPAIR, Bytes, Content, FileSource, check_known_labels, torchvision_datasets
from workbench.errors import DataError


def _read(files: tuple[Path, ...], n_train: int, n_test: int) -> Content:
    train_images, train_labels = _read_mat(files[0], n_train)
    test_images, test_labels = _read_mat(files[1], n_test)
    return train_images, train_labels, test_images, test_labels, tuple("0123456789")


def _read_mat(path: Path, n: int) -> tuple[Bytes, Bytes]:
    """Images [n, 3, 32, 32] and labels [n] of a MATLAB file, in which 10 stands for the digit 0."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=("X", "y"))
        images, labels = content["X"], content["y"].reshape(-1)
    except Exception as error:  # damaged files raise much: ValueError, KeyError, TypeError, zlib.error, …
        raise DataError(f"{path}: expected arrays X and y, which cannot be read ({error}); {REPAIR}") from None
    if images.shape != (32, 32, 3, n) or images.dtype != np.uint8 or len(labels) != n:
        raise DataError(
            f"{path}: expected images [32, 32, 3, {n}] and labels [{n}], got {list(images.shape)} and "
            f"[{len(labels)}]; {REPAIR}"
        )
    return images.transpose(3, 2, 0, 1), check_known_labels((labels % 10).astype(np.uint8), path)


def _fetch(root: Path) -> None:
    for split in ("train", "test"):
        torchvision_datasets().SVHN(root=str(root / "SVHN"), split=split, download=True)


SVHN = FileSource(
    name="svhn",
    description="99,289 digits of house numbers in photographs, 32x32 colour",
    layout="cropped digits, .mat",
    folder="SVHN",
    names=("train_32x32.mat", "test_32x32.mat"),
    read=_read,
    fetch=_fetch,
    n_train=73_257,
    n_test=26_032,
)
