"""The IDX file format of MNIST (http://yann.lecun.com/exdb/mnist/), plain or gzipped."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError

_REPAIR = "delete the file and load again, or replace it by an intact copy"


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Reads an IDX file of unsigned bytes.

    Args:
        path: of the file, gzipped if it ends in ".gz".
        shape: that the file must have.

    Returns:
        Read-only array of that shape.

    Raises:
        DataError: the file cannot be read, is damaged, or has another type, shape or size.
    """
    offset = 4 + 4 * len(shape)
    n_expected = offset + math.prod(shape)
    content = _content(path, n_expected + 1)  # one more, to notice a file that is too long
    n_actual = len(content)
    magic = bytes([0, 0, 8, len(shape)])  # two zeros, type unsigned byte, number of dimensions
    if n_actual >= 4 and content[:4] != magic:
        raise DataError(
            f"{path}: expected an IDX file that starts with bytes {magic.hex()}, got {content[:4].hex()}; {_REPAIR}"
        )
    if n_actual >= offset:
        found = tuple(int(d) for d in np.frombuffer(content, dtype=">u4", count=len(shape), offset=4))
        if found != shape:
            raise DataError(f"{path}: expected shape {list(shape)}, got {list(found)}; {_REPAIR}")
    if n_actual != n_expected:
        got = f"{n_actual} bytes" if n_actual < n_expected else "more bytes"
        if path.suffix != ".gz":
            got = f"{path.stat().st_size} bytes"
        raise DataError(f"{path}: expected {n_expected} bytes (uncompressed), got {got}; {_REPAIR}")
    return np.frombuffer(content, dtype=np.uint8, offset=offset).reshape(shape)


def _content(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of the (uncompressed) file."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read(limit)
        with path.open("rb") as file:
            return file.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        size = f"{path.stat().st_size} bytes" if path.exists() else "no file"
        expected = f"{limit - 1} bytes, gzipped" if path.suffix == ".gz" else f"{limit - 1} bytes"
        raise DataError(f"{path}: expected {expected}, got {size} that cannot be read ({error}); {_REPAIR}") from error
