"""Data sets of a person's own, as the command line names them: a file of arrays, or a function that makes them."""

import importlib
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets.dataset import Dataset
from workbench.errors import DataError

ARRAYS = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""Names of the arrays in a file: ours, and those of Keras."""

OPTIONS = ("class_names", "validation", "selection", "seed", "channels", "name")
"""What else a file may hold, as `Dataset.from_arrays` takes it."""


def is_own(text: str) -> bool:
    """Whether a text names data of a person's own: FILE.npz or MODULE:FUNCTION."""
    return text.lower().endswith(".npz") or ":" in text


def load_own(text: str, name: str | None = None) -> Dataset:
    """Load the data that `text` names.

    Args:
        text: `FILE.npz` with arrays named as in one row of `ARRAYS`, and perhaps some of `OPTIONS`; or
            `MODULE:FUNCTION`, imported from the current folder or the environment and called without arguments, which
            returns a `Dataset` or the four arrays.
        name: of the data set, if the arrays do not come with one; else that of the file or function.

    Raises:
        DataError: if there is no such file or function, it does not give what is expected, or it fails.
    """
    return _from_file(Path(text), name) if text.lower().endswith(".npz") else _from_function(text, name)


def _from_file(path: Path, name: str | None) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise DataError(f"cannot read {path}: {reason}; expected a file of arrays, as numpy.savez writes") from None
    for names in ARRAYS:
        if all(each in found for each in names):
            break
    else:
        wanted = " or ".join(", ".join(names) for names in ARRAYS)
        raise DataError(f"expected arrays {wanted} in {path}, got {', '.join(found) or 'none'}; rename them")
    options: dict[str, Any] = {key: found[key].tolist() for key in OPTIONS if key in found}
    return Dataset.from_arrays(*(found[each] for each in names), **{"name": name or path.stem, **options})


def _from_function(text: str, name: str | None) -> Dataset:
    module, _, function = text.partition(":")
    if not module or not function.isidentifier():
        raise DataError(f"expected own data as FILE.npz or MODULE:FUNCTION, got {text!r}")
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
