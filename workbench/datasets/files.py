"""Data sets that are kept as files: where they lie, how they are downloaded, and checks shared by their readers."""

import gzip
import os
import socket
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.dataset import Dataset
from workbench.errors import DataError

TIMEOUT_SECONDS = 20.0
REPAIR = "delete the file and load again, or replace it by an intact copy"


Bytes = NDArray[np.uint8]
Content = tuple[Bytes, Bytes, Bytes, Bytes, tuple[str, ...]]
"""Training images and labels, test images and labels, and names of the classes."""


@dataclass(frozen=True)
class FileSource:
    """A data set whose files lie in one folder below the data root.

    Attributes:
        name: to be given to `load_dataset`.
        description: one line.
        layout: what the files are.
        folder: where they lie below the root.
        names: of the files, without suffix.
        read: from the paths of all files, and how many images those for training and for testing must hold.
        fetch: downloads them into a root, at any place of the same layout.
        suffixes: that each file may have, in order of preference.
        n_train: images that the training files must hold.
        n_test: images that the test files must hold.
        held_out: images in each of the validation and the selection split.
        unread: a folder with another form of the data set, which cannot be read.
        advice: what to do about a data set in that form.
    """

    name: str
    description: str
    layout: str
    folder: str
    names: tuple[str, ...]
    read: Callable[[tuple[Path, ...], int, int], Content]
    fetch: Callable[[Path], Any]
    suffixes: tuple[str, ...] = ("",)
    n_train: int = 60_000
    n_test: int = 10_000
    held_out: int = 5_000
    unread: str = ""
    advice: str = ""

    def files(self, root: Path) -> tuple[Path, ...]:
        """The files that are there, in the order of `names`."""
        return tuple(path for name in self.names if (path := self._find(root, name)) is not None)

    def missing(self, root: Path) -> tuple[str, ...]:
        """Names of the files that are not there."""
        return tuple(name for name in self.names if self._find(root, name) is None)

    def _find(self, root: Path, name: str) -> Path | None:
        paths = (root / self.folder / f"{name}{suffix}" for suffix in self.suffixes)
        return next((path for path in paths if path.is_file()), None)

    def load(self, root: Path, seed: int) -> Dataset:
        """Read the data set; `DataError` if a file is missing or damaged, or holds another number of images."""
        if missing := ", ".join(self.missing(root)):
            raise DataError(
                f"{root / self.folder}: expected {', '.join(self.names)}, missing: {missing}; add the files"
            )
        *arrays, names = self.read(self.files(root), self.n_train, self.n_test)
        return Dataset.from_arrays(
            *arrays,
            validation=self.held_out,
            selection=self.held_out,
            seed=seed,
            name=self.name,
            class_names=names,
        )

    def download(self, root: Path, seed: int) -> Dataset:
        """Download into a temporary folder, load from there, and only then move the files into place.

        Raises whatever goes wrong, and leaves nothing behind then.
        """
        was_there = root.exists()
        root.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
                staging = Path(folder)
                with _socket_timeout(TIMEOUT_SECONDS):
                    self.fetch(staging)
                if self.missing(staging):
                    raise FileNotFoundError("the download is incomplete")
                dataset = self.load(staging, seed)
                (root / self.folder).mkdir(parents=True, exist_ok=True)
                for path in self.files(staging):
                    os.replace(path, root / self.folder / path.name)
                return dataset
        except BaseException:
            if not was_there:
                with suppress(OSError):
                    root.rmdir()
            raise


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let no connection wait longer than this for an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def read_start(path: Path, n_expected: int) -> bytes:
    """At most one byte more than `n_expected`, uncompressed; `DataError` if the file cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(n_expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        size = f"{path.stat().st_size} bytes" if path.exists() else "no file"
        expected = f"{n_expected} bytes" + (", gzipped" if path.suffix == ".gz" else "")
        raise DataError(f"{path}: expected {expected}, got {size} that cannot be read ({error}); {REPAIR}") from error


def check_size(path: Path, content: bytes, n_expected: int) -> None:
    """`DataError` unless `read_start` gave as many bytes as expected."""
    if len(content) != n_expected:
        got = f"{len(content)} bytes" if len(content) < n_expected else "more bytes"
        if path.suffix != ".gz":
            got = f"{path.stat().st_size} bytes"
        raise DataError(f"{path}: expected {n_expected} bytes (uncompressed), got {got}; {REPAIR}")


def check_labels_of_ten(labels: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """The labels; `DataError` unless all are within 0..9."""
    if labels.max() > 9:
        index = int(labels.argmax())
        raise DataError(f"{path}: expected labels 0..9, got {labels[index]} at index {index}; {REPAIR}")
    return labels
