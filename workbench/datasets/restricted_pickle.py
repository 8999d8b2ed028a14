"""Reads the pickles of CIFAR-10 without running anything that they name.

A pickle may name any function to be called. These files need only dicts, lists, strings and numbers, which
need no name, and numpy arrays of bytes; the names that numpy writes are mapped to small records here, so that
not even numpy's own reconstruction sees what the file says.
"""

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError


def load_restricted(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle, with its keys as str; strings of Python 2 in it are bytes.

    Raises:
        DataError: the file cannot be read, is damaged, names anything but byte arrays, or is no dictionary.
    """
    try:
        content = path.read_bytes()
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except _ForbiddenNameError as error:
        raise DataError(
            f"{path}: expected a pickle of plain values and numpy arrays, got one that calls {error}, which "
            f"is refused because it could run any program; replace it by an intact copy"
        ) from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        size = f"{path.stat().st_size} bytes" if path.exists() else "no file"
        raise DataError(
            f"{path}: expected a complete pickle, got {size} that cannot be read ({error}); delete the file "
            f"and load again, or replace it by an intact copy"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a pickled dict, got {type(found).__name__}; replace it by an intact copy")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): found[key] for key in found}


def byte_array(value: object, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The uint8 array that was pickled, read-only, or None if it is not one of this shape."""
    if not isinstance(value, _Array) or value.state is None:
        return None
    dtype, found, content = value.state
    if not isinstance(dtype, _DType) or dtype.code not in (b"u1", "u1", b"B", "B", b"|u1", "|u1"):
        return None
    if found != shape or not isinstance(content, bytes | bytearray) or len(content) != math.prod(shape):
        return None
    return np.frombuffer(bytes(content), dtype=np.uint8).reshape(shape)


class _ForbiddenNameError(pickle.UnpicklingError):
    """The pickle names something that is not needed for byte arrays."""


class _DType:
    """What a pickle says of a `numpy.dtype`."""

    def __init__(self, code: object = None, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Byte order and fields mean nothing to single bytes."""


class _Array:
    """What a pickle says of a `numpy.ndarray`."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[object, object, object] | None = None

    def __setstate__(self, state: object) -> None:
        """Keeps dtype, shape and content of numpy's (version, shape, dtype, is_fortran, content)."""
        if isinstance(state, tuple) and len(state) == 5 and not state[3]:
            self.state = (state[2], state[1], state[4])


def _from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    """Stands for numpy's function of pickle protocol 5."""
    array = _Array()
    array.state = (dtype, shape, content) if order in ("C", b"C") else None
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Stands for `_codecs.encode`, by which Python 3 writes bytes in protocol 2."""
    if encoding not in ("latin1", b"latin1"):
        raise _ForbiddenNameError(f"_codecs.encode with {encoding!r}")
    return text.encode("latin1")


_PERMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Only what byte arrays need."""
        try:
            return _PERMITTED[module, name]
        except KeyError:
            raise _ForbiddenNameError(f"{module}.{name}") from None
