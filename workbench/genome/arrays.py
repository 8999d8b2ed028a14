"""Named arrays as `npz` bytes, and back from bytes that anybody may have written.

No pickles, and nothing is made before its size is known.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workbench.errors import GenomeError

MAX_BYTES = 2**29
"""Largest total size of the unpacked arrays: refuses a small file that unpacks without end."""

_MAX_HEAD = 10_000  # characters
_MAX_DIRECTORY = 2**16  # bytes of the zip's list of contents, which zipfile reads whole
_END = struct.Struct("<4s4H2LH")  # the last record of a zip without a comment

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, RuntimeError)
"""What zipfile raises on bytes that are damaged in one way or another."""

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((\d{1,12}, ?\d{0,12})\), \} *\n",
    re.DOTALL,
)
"""What NumPy writes before an array of one or two dimensions."""


def write_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An `npz` file of these arrays; compressed for speed, as what fills it, trained weights, hardly gets smaller."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return buffer.getvalue()


def read_arrays(blob: bytes, expected: Mapping[str, tuple[DTypeLike, int]]) -> dict[str, np.ndarray]:
    """The arrays of an `npz` file, read-only.

    Args:
        blob: the file.
        expected: names, each with type and number of dimensions (1 or 2); there must be these and no others.

    Raises:
        GenomeError: if the bytes are damaged, too large, or hold anything else.
    """
    try:
        with _archive(blob) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            if set(entries) != set(expected) or len(archive.infolist()) != len(expected):
                raise GenomeError("expected the arrays of a genome, got a file with other contents")
            total = sum(entry.file_size for entry in entries.values())
            if total > MAX_BYTES:
                raise GenomeError(f"expected at most {MAX_BYTES:,} bytes of arrays, got {total:,}")
            return {name: _array(name, archive, entries[name], *kind) for name, kind in expected.items()}
    except _DAMAGE as error:
        raise _damage(error) from None


def names_of(blob: bytes) -> list[str]:
    """Names of the arrays in an `npz` file; `GenomeError` if it is none."""
    try:
        with _archive(blob) as archive:
            return [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
    except _DAMAGE as error:
        raise _damage(error) from None


def read_head(array: np.ndarray, expected: str, version: int) -> dict[str, Any]:
    """The JSON object in the array `head`: what kind of file it is, its version, and some settings.

    Raises:
        GenomeError: if it is damaged, of another format than `expected`, or newer than `version`.
    """
    try:
        if len(array) > _MAX_HEAD:
            raise ValueError(f"a head of {len(array):,} bytes")
        head = json.loads(array.tobytes())
    except (ValueError, RecursionError) as error:
        raise _damage(error) from None
    if not isinstance(head, dict) or head.get("format") != expected:
        raise GenomeError(f"expected the format {expected!r}, got another kind of npz file")
    if type(head.get("version")) is not int or head["version"] > version:
        raise GenomeError(
            f"this genome has format version {head.get('version')!r:.40}, this workbench reads up to {version}; "
            "update the workbench"
        )
    return head


def _archive(blob: bytes) -> zipfile.ZipFile:
    if _END.unpack(blob[-_END.size :])[5] > _MAX_DIRECTORY:
        raise ValueError("a very long list of contents")
    return zipfile.ZipFile(io.BytesIO(blob))


def _damage(error: Exception) -> GenomeError:
    return GenomeError(
        f"these bytes are not a genome, or are damaged ({error!s:.200}); write them again with to_bytes()"
    )


def _array(name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, dtype: DTypeLike, ndim: int) -> np.ndarray:
    """One array; as many bytes are unpacked as the file says, which are within the bound."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for gigabytes
        raise ValueError(f"{name} is compressed in a way that the workbench does not use")
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    header = _HEADER.match(content)
    if header is None:
        raise GenomeError(f"expected {name} as an array of {ndim} dimensions without pickles, got something else")
    shape = tuple(int(size) for size in header[2].split(b",") if size.strip())
    kind = np.dtype(dtype)
    if header[1].decode() != kind.str or len(shape) != ndim:
        raise GenomeError(f"expected {name} as {kind} of {ndim} dimensions, got {header[1].decode()} {shape}")
    size = int(np.prod(shape, dtype=object))
    if len(content) - header.end() != size * kind.itemsize:
        raise GenomeError(f"expected {size:,} values of {name}, got {len(content) - header.end():,} bytes")
    return np.frombuffer(content, kind, size, header.end()).reshape(shape)
