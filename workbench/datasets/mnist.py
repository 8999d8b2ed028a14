"""MNIST, from the four IDX files where torchvision keeps them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.dataset import Dataset
from workbench.datasets.idx import read_idx
from workbench.datasets.layout import Layout
from workbench.errors import DataError

DESCRIPTION = "70,000 handwritten digits, 28x28 grey"
_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def layouts(root: Path) -> tuple[Layout, ...]:
    """The places where MNIST may lie: ROOT/MNIST/raw."""
    return (Layout("IDX files, plain or .gz", root / "MNIST" / "raw", _NAMES, ("", ".gz")),)


def load(
    layout: Layout,
    seed: int = 0,
    *,
    n_train: int = 60_000,
    n_test: int = 10_000,
    validation: int = 5_000,
    selection: int = 5_000,
) -> Dataset:
    """Reads MNIST from a complete layout.

    Args:
        layout: one of `layouts`, without missing files.
        seed: decides the train, validation and selection splits.
        n_train: images that the training files must hold.
        n_test: images that the test files must hold.
        validation: images in the validation split.
        selection: images in the selection split.

    Raises:
        DataError: a file is damaged, or holds another number of images.
    """
    train, train_labels = _read_part(layout, "train", n_train)
    test, test_labels = _read_part(layout, "t10k", n_test)
    return Dataset.from_arrays(
        train,
        train_labels,
        test,
        test_labels,
        validation=validation,
        selection=selection,
        seed=seed,
        name="mnist",
        class_names=[str(c) for c in range(10)],
    )


def _read_part(layout: Layout, part: str, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [n, 28, 28] and labels [n] of "train" or "t10k"."""
    images_path = layout.find(f"{part}-images-idx3-ubyte")
    labels_path = layout.find(f"{part}-labels-idx1-ubyte")
    if images_path is None or labels_path is None:
        raise DataError(
            f"{layout.folder}: expected {', '.join(_NAMES)}, got none of {', '.join(layout.missing())}; "
            f"add the files or delete the folder"
        )
    images, labels = read_idx(images_path, (n, 28, 28)), read_idx(labels_path, (n,))
    if labels.max() > 9:
        raise DataError(
            f"{labels_path}: expected labels 0..9, got {labels.max()} at index {int(labels.argmax())}; "
            f"delete the file and load again, or replace it by an intact copy"
        )
    return images, labels
