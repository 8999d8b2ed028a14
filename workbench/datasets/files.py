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
    """A data set whose files lie in one folder below the data root."""

    name: str  # to be given to `load_dataset`
    description: str  # one line
    layout: str  # what the files are
    folder: str  # where they lie below the root
    names: tuple[str, ...]  # of the files, without suffix
    read: Callable[[tuple[Path, ...], int, int], Content]  # all files, with so many images to train and to test on
    fetch: Callable[[Path], Any]  # downloads them into a root
    suffixes: tuple[str, ...] = ("",)  # that each file may have, in order of preference
    n_train: int = 60_000
    n_test: int = 10_000
    held_out: int = 5_000  # images in each of the validation and the selection split
    unread: str = ""  # a folder with another form of the data set, which cannot be read
    advice: str = ""  # what to do about a data set in that form

    def files(self, root: Path) -> dict[str, Path]:
        """The files that are there, by their names, in the order of `names`."""
        endings = [(name, suffix) for name in self.names for suffix in reversed(self.suffixes)]  # the preferred last
        paths = ((name, root / self.folder / f"{name}{suffix}") for name, suffix in endings)
        return {name: path for name, path in paths if path.is_file()}

    def missing(self, root: Path) -> list[str]:
        """Names of the files that are not there."""
        return [name for name in self.names if name not in self.files(root)]

    def load(self, root: Path, seed: int) -> Dataset:
        """Read the data set; `DataError` if a file is missing or damaged, or holds another number of images."""
        if missing := ", ".join(self.missing(root)):
            raise DataError(
                f"{root / self.folder}: expected {', '.join(self.names)}, missing: {missing}; add the files"
            )
        *arrays, names = self.read(tuple(self.files(root).values()), self.n_train, self.n_test)
        sizes: dict[str, Any] = {"validation": self.held_out, "selection": self.held_out}
        return Dataset.from_arrays(*arrays, **sizes, seed=seed, name=self.name, class_names=names)

    def download(self, root: Path, seed: int) -> Dataset:
        """Download into a temporary folder, load from there, and only then move the files into place.

        Raises whatever goes wrong, and leaves nothing behind then.
        """
        was_there = root.exists()
        root.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
                staging = Path(folder)
                with _socket_timeout():
                    self.fetch(staging)
                if self.missing(staging):
                    raise FileNotFoundError("the download is incomplete")
                dataset = self.load(staging, seed)
                (root / self.folder).mkdir(parents=True, exist_ok=True)
                for path in self.files(staging).values():
                    os.replace(path, root / self.folder / path.name)
                return dataset
        finally:
            if not was_there:
                with suppress(OSError):  # it stays once the data set is in it
                    root.rmdir()


def data_root(root: str | os.PathLike[str] | None) -> Path:
    """The folder of the data sets: as given, else $WORKBENCH_DATA, else "data" in the current folder."""
    return Path(os.path.expanduser(root or os.environ.get("WORKBENCH_DATA") or "data")).absolute()


def torchvision_datasets() -> Any:
    """The module `torchvision.datasets`; `DataError` if it is not installed."""
    try:
        import torchvision.datasets
    except ImportError:
        raise DataError("this needs torchvision; install it with: pip install 'neuron-workbench[data]'") from None
    return torchvision.datasets


@contextmanager
def _socket_timeout() -> Iterator[None]:
    """Let no connection wait longer than `TIMEOUT_SECONDS` for an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
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


def check_known_labels(labels: NDArray[np.uint8], path: Path, n_classes: int = 10) -> NDArray[np.uint8]:
    """The labels; `DataError` unless all are below `n_classes`."""
    if labels.max() >= n_classes:
        index = int(labels.argmax())
        raise DataError(f"{path}: expected labels 0..{n_classes - 1}, got {labels[index]} at index {index}; {REPAIR}")
    return labels


def read_names(path: Path, n_classes: int) -> tuple[str, ...]:
    """The names of the classes, a line each; `DataError` if they are not as many as expected."""
    names = tuple(path.read_text(encoding="utf-8", errors="replace").split())
    if len(names) != n_classes:
        raise DataError(f"{path}: expected {n_classes} class names, got {len(names)}; {REPAIR}")
    return names
