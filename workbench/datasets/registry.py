"""The known data sets: finding them on disk, downloading and loading them by name."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.datasets.cifar10 import CIFAR10
from workbench.datasets.dataset import Dataset
from workbench.datasets.files import FileSource
from workbench.datasets.mnist import MNIST
from workbench.datasets.splits import SPLITS, draw_balanced
from workbench.errors import DataError

SOURCES = {source.name: source for source in (MNIST, CIFAR10)}
"""The data sets that are kept as files."""


@dataclass(frozen=True)
class DatasetInfo:
    """What `find_datasets` tells of one data set."""

    name: str  # to be given to `load_dataset`
    description: str  # one line
    status: Literal["bundled", "found", "missing"]  # always there, all files are there, or not
    paths: tuple[Path, ...] = ()  # the folder where its files lie, or should lie; none if bundled
    layout: str | None = None  # the form in which it was found


@dataclass(frozen=True)
class DataFacts:
    """What is known of a data set without loading it; its members are those of `Dataset`."""

    name: str
    shape: tuple[int, int, int]  # channels, height, width
    n_classes: int
    sizes: tuple[int, ...]  # images in each of SPLITS
    is_table = False

    def size(self, split: str) -> int:
        """Number of images in a split."""
        return self.sizes[SPLITS.index(split)]


FACTS = {
    facts.name: facts
    for facts in (
        DataFacts("digits", (1, 8, 8), 10, (1006, 216, 216, 359)),
        DataFacts("mnist", (1, 28, 28), 10, (50_000, 5_000, 5_000, 10_000)),
        DataFacts("cifar10", (3, 32, 32), 10, (40_000, 5_000, 5_000, 10_000)),
    )
}
"""By the names that `load_dataset` knows."""


def dataset_names() -> tuple[str, ...]:
    """Names that `load_dataset` knows."""
    return ("digits", *SOURCES)


def load_dataset(
    name: str, root: str | os.PathLike[str] | None = None, *, download: bool = True, seed: int = 0
) -> Dataset:
    """Load a data set by name.

    Args:
        name: one of `dataset_names`.
        root: folder of the data sets, else $WORKBENCH_DATA, else "data" in the current folder.
        download: whether a data set that is missing under the root is downloaded into it.
        seed: decides the train, validation and selection splits; the test set is always the same.

    Raises:
        DataError: the name is unknown; the data set is neither on disk nor can be downloaded; or its files
            are damaged.
    """
    if name == "digits":
        return _digits(seed)
    if name not in SOURCES:
        raise DataError(
            f"expected the name of a data set out of {', '.join(dataset_names())}, got {name!r}; for your "
            f"own images use Dataset.from_arrays"
        )
    source, folder = SOURCES[name], _data_root(root)
    if not source.missing(folder):
        return source.load(folder, seed)
    if not download:
        raise DataError(_not_found(source, folder, "download is off"))
    try:
        return source.download(folder, seed)
    except Exception as error:  # no network, refused, no room, no torchvision, ...
        reason = f"the download failed ({type(error).__name__}: {' '.join(str(error).split())})"
        raise DataError(_not_found(source, folder, reason)) from error


def find_datasets(root: str | os.PathLike[str] | None = None) -> tuple[DatasetInfo, ...]:
    """Which data sets are there, without reading or downloading them; `root` as in `load_dataset`."""
    digits = "1,797 handwritten digits, 8x8 grey, bundled"
    infos = [DatasetInfo("digits", digits, "bundled")]
    for name, source in SOURCES.items():
        missing, paths = source.missing(_data_root(root)), (_data_root(root) / source.folder,)
        found = ("missing", paths, None) if missing else ("found", paths, source.layout)
        infos.append(DatasetInfo(name, source.description, *found))
    return tuple(infos)


def _digits(seed: int) -> Dataset:
    """The digits, uint8 (values 0..16): 20 % test, always the same, the rest 70 / 15 / 15 by the seed.

    Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI, CC BY 4.0): its test set, the 1,797
    images that scikit-learn has too.
    """
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        images, labels = file["images"], file["labels"]
    test = np.zeros(len(labels), dtype=bool)
    test[draw_balanced(labels, 10, round(0.2 * len(labels)), np.random.default_rng(0))] = True
    parts = images[~test], labels[~test], images[test], labels[test]
    return Dataset.from_arrays(*parts, validation=0.15, selection=0.15, seed=seed, name="digits")


def _data_root(root: str | os.PathLike[str] | None) -> Path:
    return Path(root or os.environ.get("WORKBENCH_DATA") or "data").expanduser().absolute()


def _not_found(source: FileSource, root: Path, reason: str) -> str:
    """Message for a data set that is not on disk: where it was looked for, and the ways out."""
    other = root / source.unread
    unread = f"{other} cannot be read ({source.advice}); " if source.unread and other.is_dir() else ""
    return (
        f"data set {source.name!r}: expected {source.layout} in {root / source.folder}, missing: "
        f"{', '.join(source.missing(root))}; {unread}{reason}. Set $WORKBENCH_DATA or pass root=... to a "
        f"folder that holds {source.folder}, or use the data set 'digits', which needs no download"
    )
