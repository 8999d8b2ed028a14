"""Fetches a data set from the net by torchvision, all or nothing."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.datasets.dataset import Dataset
from workbench.datasets.layout import Layout

TIMEOUT_SECONDS = 20.0


def download(
    torchvision_name: str,
    root: Path,
    layouts: Callable[[Path], tuple[Layout, ...]],
    load: Callable[[Layout], Dataset],
) -> Dataset:
    """Downloads into a folder of its own, reads all of it, and only then moves the files into place.

    Args:
        torchvision_name: of a class in `torchvision.datasets`.
        root: data folder, made if it is missing.
        layouts: the places under a root where the files may lie.
        load: reads and checks the files.

    Raises:
        Exception: whatever goes wrong; nothing is left behind then.
    """
    was_there = root.exists()
    root.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            staging = Path(folder)
            with _socket_timeout(TIMEOUT_SECONDS):
                import torchvision.datasets

                getattr(torchvision.datasets, torchvision_name)(root=str(staging), download=True)
            layout = next((found for found in layouts(staging) if not found.missing()), None)
            if layout is None:
                raise FileNotFoundError("the download is incomplete")
            dataset = load(layout)
            _move(layout, root / layout.folder.relative_to(staging))
            return dataset
    except BaseException:
        if not was_there:
            with suppress(OSError):
                root.rmdir()
        raise


def _move(layout: Layout, folder: Path) -> None:
    """Moves the files of a layout into a folder, replacing what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in layout.files():
        os.replace(path, folder / path.name)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Lets no connection wait longer than this for an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
