"""Data sets of a person's own: a folder of images, IDX files, a file of arrays, or a function that makes them."""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets.arrays import ARRAYS, has_npy, read_npy, read_npz
from workbench.datasets.cache import cache_for
from workbench.datasets.dataset import Dataset
from workbench.datasets.files import data_root
from workbench.datasets.folder import load_folder, scan
from workbench.datasets.idx import idx_files, is_idx, read_idx
from workbench.datasets.pixels import COLOURS
from workbench.errors import DataError

FORMS = (
    "a folder with a folder of PNG or JPEG files for each class (or 'train' and 'test' folders of them)",
    "four IDX files (the folder of them, or one of them)",
    "FILE.npz with train_images, train_labels, test_images and test_labels (or a folder of such .npy files)",
    "MODULE:FUNCTION that returns them",
)
"""What `load_own` takes, in words."""

LARGE = 1 << 28
"""Bytes of arrays from which a data set is kept in the cache and mapped, instead of copied into memory."""

Root = str | os.PathLike[str] | None


def is_own(text: str) -> bool:
    """Whether a text names data of a person's own; else it can only be a data set that is known by name."""
    return text.lower().endswith(".npz") or ":" in text or "/" in text or os.sep in text or os.path.exists(text)


def load_own(
    text: str | os.PathLike[str],
    name: str | None = None,
    root: Root = None,
    *,
    seed: int | None = None,
    size: int | Sequence[int] | None = None,
    colour: str | None = None,
) -> Dataset:
    """Load the data that `text` names, in one of the `FORMS`.

    Args:
        text: the path of a folder or file; or a function, imported from the current folder or the environment and
            called without arguments, which returns a `Dataset` or the four arrays.
        name: of the data set, if the data do not come with one; else that of the file, folder or function.
        root: of the data sets, as for `load_dataset`; images of a folder and large arrays are kept in its folder
            "cache", and mapped from there.
        seed: of the split of the training images (0).
        size: of the images of a folder, see `load_folder`: pixels a side, or height and width.
        colour: of the images of a folder: "grey" or "rgb"; by default as they are.

    Raises:
        DataError: if there is no such file, folder or function, it does not give what is expected, or it fails.
    """
    path, text = Path(os.path.expanduser(text)).absolute(), os.fspath(text)
    splits = {} if seed is None else {"seed": seed}
    with _readable(path):
        return _load(text, path, name, root, splits, size, colour)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever the system refuses, such as a folder without permission or too long a name, is a `DataError`."""
    try:
        yield
    except OSError as error:
        what = path if error.filename is None else error.filename
        raise DataError(f"cannot read {what!s:.300}: {error.strerror}; expected {'; '.join(FORMS)}") from None


def _load(
    text: str,
    path: Path,
    name: str | None,
    root: Root,
    splits: Mapping[str, Any],
    size: int | Sequence[int] | None,
    colour: str | None,
) -> Dataset:
    """What `load_own` says; raises `OSError` too."""
    if path.is_dir() and not is_idx(path) and not has_npy(path):
        return load_folder(
            path, data_root(root), size=checked_size(size), colour=_checked_colour(colour), name=name, **splits
        )
    if size is not None or colour is not None:
        raise DataError(f"size and colour are for folders of images, got {text!r}; leave them out")
    if is_idx(path):
        files = idx_files(path)
        stem = path.name if path.is_dir() else path.parent.name
        return _of_arrays(path, files, [read_idx(each) for each in files], {"name": name or stem, **splits}, root)
    if path.is_dir():
        return _of_arrays(path, sorted(path.glob("*.npy")), read_npy(path), {"name": name or path.name, **splits}, root)
    if text.lower().endswith(".npz"):
        arrays, options = read_npz(path)
        return _of_arrays(path, [path], arrays, {"name": name or path.stem, **options, **splits}, root)
    if ":" in text:
        return _from_function(text, name)
    found = f"{path} is a file of another kind" if path.exists() else f"there is no file or folder {path}"
    raise DataError(f"{found}; expected {'; '.join(FORMS)}")


def load_again(source: Mapping[str, Any], name: str, root: Root = None) -> Dataset:
    """The data set that a run notes as its `Dataset.source`; `DataError` if it is not there, or has changed.

    A run may come from someone else, so no function is called by it, and no image of a folder is decoded unless the
    folder holds the files that it did. What the arrays hold is for the caller to compare.
    """
    path = Path(str(source["path"]))
    with _readable(path):
        _check_again(path, source)
    return load_own(path, name, root, **options_of(source))


def _check_again(path: Path, source: Mapping[str, Any]) -> None:
    """`DataError` unless a noted source is there, and is data that can be loaded without calling anything."""
    if not path.is_absolute() or not (path.is_dir() or path.is_file()):
        raise DataError("it is not there any more")
    if path.is_dir() and not is_idx(path) and not has_npy(path):
        if scan(path).stamp != source.get("stamp"):
            raise DataError("the images have changed: there are other files, or files of other sizes")
    elif not is_idx(path) and not has_npy(path) and path.suffix.lower() != ".npz":
        raise DataError("it is no file of data")


def options_of(source: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options that a noted source was loaded with, as `load_own` takes them."""
    return {key: source[key] for key in ("seed", "size", "colour") if source and key in source}


def checked_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Height and width; `DataError` unless they are two whole numbers from 1 to 4096, or one for both."""
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else size
    valid = isinstance(sides, list | tuple) and len(sides) == 2
    if not valid or not all(type(each) is int and 1 <= each <= 4096 for each in sides):
        raise DataError(f"expected size as pixels a side, or height and width, from 1 to 4096, got {size!r}")
    return sides[0], sides[1]


def _checked_colour(colour: str | None) -> str | None:
    if colour is not None and colour not in list(COLOURS):
        raise DataError(f"expected colour to be one of {', '.join(COLOURS)}, got {colour!r}")
    return colour


def _of_arrays(
    path: Path, files: Sequence[Path], arrays: Sequence[Any], options: Mapping[str, Any], root: Root
) -> Dataset:
    """A data set of the four arrays of some files."""
    store = None
    if sum(np.asarray(each).nbytes for each in arrays) > LARGE:
        facts = [(each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in files]
        store = cache_for(data_root(root), path, options, facts)
    data = Dataset.from_arrays(*arrays, **options, store=store)
    return replace(data, source={"path": str(path), **{key: options[key] for key in options if key == "seed"}})


def _from_function(text: str, name: str | None) -> Dataset:
    module, _, function = text.partition(":")
    if not module or not function.isidentifier():
        raise DataError(f"expected own data as {'; '.join(FORMS)}; got {text!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise DataError(f"cannot find {text}: {error}; give a module that can be imported here") from None
    try:
        made = make()
    except Exception as error:
        raise DataError(f"{text} failed: {type(error).__name__}: {error}") from error
    if isinstance(made, Dataset):
        return made
    if not isinstance(made, tuple | list) or len(made) != len(ARRAYS[0]):
        raise DataError(f"expected a Dataset or {', '.join(ARRAYS[0])} from {text}, got {type(made).__name__}")
    return Dataset.from_arrays(*made, name=name or function)
