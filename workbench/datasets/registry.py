"""The known data sets: finding them on disk, downloading and loading them by name."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.datasets import cifar10, digits, mnist
from workbench.datasets.dataset import Dataset
from workbench.datasets.download import download as fetch
from workbench.datasets.layout import Layout
from workbench.errors import DataError


@dataclass(frozen=True)
class DatasetInfo:
    """What `find_datasets` tells of one data set.

    Attributes:
        name: to be given to `load_dataset`.
        description: one line.
        status: "bundled" (always there), "found" (all files are there) or "missing".
        paths: the folder where it was found, or else all folders that were looked at; none if bundled.
        layout: the form in which it was found, or None.
    """

    name: str
    description: str
    status: Literal["bundled", "found", "missing"]
    paths: tuple[Path, ...] = ()
    layout: str | None = None


@dataclass(frozen=True)
class _Source:
    """A data set that lies on disk.

    Attributes:
        description: one line.
        layouts: from a root, the places to look at, in order of preference.
        load: from a complete layout and a seed.
        torchvision_name: the class that downloads it.
    """

    description: str
    layouts: Callable[[Path], tuple[Layout, ...]]
    load: Callable[[Layout, int], Dataset]
    torchvision_name: str


_SOURCES = {
    "mnist": _Source(mnist.DESCRIPTION, mnist.layouts, mnist.load, "MNIST"),
    "cifar10": _Source(cifar10.DESCRIPTION, cifar10.layouts, cifar10.load, "CIFAR10"),
}


def dataset_names() -> tuple[str, ...]:
    """Names that `load_dataset` knows."""
    return ("digits", *_SOURCES)


def load_dataset(
    name: str, root: str | os.PathLike[str] | None = None, *, download: bool = True, seed: int = 0
) -> Dataset:
    """Loads a data set by name.

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
        return digits.load(seed)
    if name not in _SOURCES:
        raise DataError(
            f"expected the name of a data set out of {', '.join(dataset_names())}, got {name!r}; for your "
            f"own images use Dataset.from_arrays"
        )
    source, folder = _SOURCES[name], _data_root(root)
    layouts = source.layouts(folder)
    for layout in layouts:
        if not layout.missing():
            return source.load(layout, seed)
    if not download:
        raise DataError(_not_found(name, layouts, folder, "download is off"))
    try:
        return fetch(source.torchvision_name, folder, source.layouts, lambda layout: source.load(layout, seed))
    except Exception as error:  # no network, refused, no room, no torchvision, ...
        reason = f"the download failed ({type(error).__name__}: {' '.join(str(error).split())})"
        raise DataError(_not_found(name, layouts, folder, reason)) from error


def find_datasets(root: str | os.PathLike[str] | None = None) -> tuple[DatasetInfo, ...]:
    """Which data sets are there, without reading or downloading them.

    Args:
        root: folder of the data sets, else $WORKBENCH_DATA, else "data" in the current folder.
    """
    infos = [DatasetInfo("digits", digits.DESCRIPTION, "bundled", layout="scikit-learn")]
    for name, source in _SOURCES.items():
        layouts = source.layouts(_data_root(root))
        found = next((layout for layout in layouts if not layout.missing()), None)
        if found is None:
            paths = tuple(layout.folder for layout in layouts)
            infos.append(DatasetInfo(name, source.description, "missing", paths))
        else:
            infos.append(DatasetInfo(name, source.description, "found", (found.folder,), found.description))
    return tuple(infos)


def _data_root(root: str | os.PathLike[str] | None) -> Path:
    """The folder of the data sets."""
    return Path(root or os.environ.get("WORKBENCH_DATA") or "data").expanduser().absolute()


def _not_found(name: str, layouts: tuple[Layout, ...], root: Path, reason: str) -> str:
    """Message for a data set that is not on disk: where it was looked for, and the ways out."""
    places = "".join(
        f"\n  {layout.folder} ({layout.description}; missing: {', '.join(layout.missing())})" for layout in layouts
    )
    wanted = " or ".join(str(layout.folder.relative_to(root)) for layout in layouts)
    return (
        f"data set {name!r}: expected its files in one of{places}\ngot none of these complete, and {reason}. "
        f"Set $WORKBENCH_DATA or pass root=... to a folder that holds {wanted}, or use the data set "
        f"'digits', which needs no download"
    )
