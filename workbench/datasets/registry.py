"""The known data sets: finding them on disk, downloading and loading them by name."""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.datasets.cifar10 import CIFAR10
from workbench.datasets.cifar100 import CIFAR100
from workbench.datasets.dataset import Dataset
from workbench.datasets.files import FileSource, data_root
from workbench.datasets.mnist import FASHION_MNIST, KMNIST, MNIST
from workbench.datasets.own import FORMS, is_own, load_own
from workbench.datasets.splits import SPLITS, draw_balanced
from workbench.datasets.stl10 import STL10
from workbench.datasets.svhn import SVHN
from workbench.errors import DataError

SOURCES = {source.name: source for source in (MNIST, FASHION_MNIST, KMNIST, CIFAR10, CIFAR100, SVHN, STL10)}
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
        DataFacts("fashion-mnist", (1, 28, 28), 10, (50_000, 5_000, 5_000, 10_000)),
        DataFacts("kmnist", (1, 28, 28), 10, (50_000, 5_000, 5_000, 10_000)),
        DataFacts("cifar10", (3, 32, 32), 10, (40_000, 5_000, 5_000, 10_000)),
        DataFacts("cifar100", (3, 32, 32), 100, (40_000, 5_000, 5_000, 10_000)),
        DataFacts("svhn", (3, 32, 32), 10, (63_257, 5_000, 5_000, 26_032)),
        DataFacts("stl10", (3, 96, 96), 10, (4_000, 500, 500, 8_000)),
    )
}
"""By the names that `load_dataset` knows."""


def dataset_names() -> tuple[str, ...]:
    """Names that `load_dataset` knows."""
    return ("digits", *SOURCES)


def load_dataset(
    name: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    colour: Literal["grey", "rgb"] | None = None,
) -> Dataset:
    """Load a data set by name, or your own images from a folder or file.

    Args:
        name: one of `dataset_names`; or a folder with a folder of PNG or JPEG files for each class, IDX files,
            FILE.npz or MODULE:FUNCTION, as in `load_own`.
        root: folder of the data sets, else $WORKBENCH_DATA, else "data" in the current folder.
        download: whether a data set that is missing under the root is downloaded into it.
        seed: decides the train, validation and selection splits; the test set is always the same.
        size: of the images of a folder: pixels a side, or height and width; by default as they are if all are of one
            size up to 64, else 32 × 32.
        colour: of the images of a folder; by default as they are.

    Raises:
        DataError: the name is unknown; the data set is neither on disk nor can be downloaded; or its files
            are damaged.
    """
    if name not in dataset_names():
        if isinstance(name, os.PathLike) or is_own(name):
            return load_own(name, None, root, seed=seed or None, size=size, colour=colour)
        near = difflib.get_close_matches(name, dataset_names(), 1, 0.5)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise DataError(
            f"expected the name of a data set out of {', '.join(dataset_names())}, got {name!r}{meant}, and there is "
            f"no such file or folder; your own data can be {'; '.join(FORMS)}; in Python, use Dataset.from_arrays"
        )
    if size is not None or colour is not None:
        raise DataError(f"size and colour are for folders of images, got {name!r}; leave them out")
    name = str(name)
    if name == "digits":
        return _digits(seed)
    source, folder = SOURCES[name], data_root(root)
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
        missing, paths = source.missing(data_root(root)), (data_root(root) / source.folder,)
        found = ("missing", paths, None) if missing else ("found", paths, source.layout)
        infos.append(DatasetInfo(name, source.description, *found))
    return tuple(infos)


def _digits(seed: int) -> Dataset:
    """The digits, uint8 (values 0..16): 20 % test, always the same, the rest 70 / 15 / 15 by the seed.

    Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI, CC BY 4.0): its test set, the 1,797
    images that scikit-learn has too.
    """
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    test = np.zeros(len(labels), dtype=bool)
    test[draw_balanced(labels, 10, round(0.2 * len(labels)), np.random.default_rng(0))] = True
    parts = images[~test], labels[~test], images[test], labels[test]
    return Dataset.from_arrays(*parts, validation=0.15, selection=0.15, seed=seed, name="digits")


def _not_found(source: FileSource, root: Path, reason: str) -> str:
    """Message for a data set that is not on disk: where it was looked for, and the ways out."""
    other = root / source.unread
    unread = f"{other} cannot be read ({source.advice}); " if source.unread and other.is_dir() else ""
    return (
        f"data set {source.name!r}: expected {source.layout} in {root / source.folder}, missing: "
        f"{', '.join(source.missing(root))}; {unread}{reason}. Set $WORKBENCH_DATA or pass root=... to a "
        f"folder that holds {source.folder}, or use the data set 'digits', which needs no download"
    )
