"""Images that were made once and are kept in a file below the data root, from which they are mapped into memory."""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.dataset import Store, in_memory

FOLDER = "cache"
_CHECK = 4  # bytes of the checksum that follow the array
_BLOCK = 1 << 20  # bytes that are checked at a time


def cache_for(root: Path, path: Path, options: Mapping[str, Any], facts: Sequence[Any]) -> Store:
    """A `Store` that keeps the images made from a file or folder in ROOT/cache.

    If they are there and whole, they are mapped and not made again. They replace those that were made from the same
    path with the same options when it held something else. Where nothing can be written, images stay in memory.

    Args:
        root: of the data sets.
        path: what the images are made from.
        options: with which they are made.
        facts: all else that decides them, such as sizes and times of change of the files.
    """
    stem = "".join(each if each.isalnum() else "-" for each in path.stem)[:40]
    name = f"{stem}-{_digest((str(path), sorted(options.items())))[:12]}"
    file = root / FOLDER / f"{name}-{_digest((sorted(options.items()), facts))[:32]}.npy"

    def store(
        shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Callable[[], Iterator[NDArray[Any]]]
    ) -> NDArray[Any]:
        images = _mapped(file, shape, dtype)
        if images is None and _write(file, shape, dtype, chunks):
            for other in file.parent.glob(f"{name}-{'[0-9a-f]' * 32}.npy"):
                if other != file:
                    with suppress(OSError):  # in use, where the system minds
                        other.unlink()
            images = _mapped(file, shape, dtype)
        return in_memory(shape, dtype, chunks) if images is None else images

    return store


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """The array of a file; None if there is no such file, or it is damaged."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.memmap) or (array.shape, array.dtype) != (shape, dtype):
            return None
        with path.open("rb") as file:
            file.seek(array.offset)
            check, left = 0, array.nbytes
            while left and (block := file.read(min(left, _BLOCK))):
                check, left = zlib.crc32(block, check), left - len(block)
            whole = left == 0 and file.read() == check.to_bytes(_CHECK, "big")
    except Exception:  # a damaged header raises much besides ValueError: TypeError, OverflowError, …
        return None
    return np.asarray(array) if whole else None  # a plain array is sent to other processes without a copy


def _write(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Callable[[], Iterator[NDArray[Any]]]
) -> bool:
    """Write a file that is complete as soon as it is there; returns whether it could be written.

    Nothing is written through a mapping: a full disk would end the process.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = tempfile.NamedTemporaryFile(dir=path.parent, prefix=".making-", delete=False)  # noqa: SIM115
    except OSError:
        return False
    try:
        with part:
            head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(part, head)
            check = 0
            for chunk in chunks():
                block = np.ascontiguousarray(chunk, dtype).data.cast("B")
                check = zlib.crc32(block, check)
                part.write(block)
            part.write(check.to_bytes(_CHECK, "big"))
            part.flush()
            os.fsync(part.fileno())
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError:
        return False
    finally:
        with suppress(OSError):  # it is there only if it is not complete
            os.unlink(part.name)
    return True
