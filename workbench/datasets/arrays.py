"""Files of arrays: .npz, and folders of .npy files, mapped rather than read where they can be."""

import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError

ARRAYS = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""Names of the arrays in a file: ours, and those of Keras."""

OPTIONS = ("class_names", "validation", "selection", "seed", "channels", "name")
"""What else a file may hold, as `Dataset.from_arrays` takes it."""

_DENSEST = 1100  # bytes that one byte of a compressed file can stand for, at most
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a member of a zip file: signature, lengths of its name and extra field


def read_npz(path: Path) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    """The four arrays of a file, and the options in it; `DataError` if it holds something else."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DataError(f"{path} is not a regular file; expected a file of arrays, as numpy.savez writes")
    try:
        with zipfile.ZipFile(path) as file:
            members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
            names = _names(set(members), path)
            arrays = [_member(path, file, members[each]) for each in names]
            options = {key: _member(path, file, members[key]).tolist() for key in OPTIONS if key in members}
    except DataError:
        raise
    except Exception as error:  # readers of damaged files raise much: BadZipFile, zlib.error, KeyError, SyntaxError, …
        reason = (isinstance(error, OSError) and error.strerror) or error or type(error).__name__
        raise DataError(f"cannot read {path}: {reason}; expected a file of arrays, as numpy.savez writes") from None
    return arrays, options


def has_npy(path: Path) -> bool:
    """Whether a folder holds .npy files that are named as the arrays."""
    return path.is_dir() and any((path / f"{each}.npy").is_file() for names in ARRAYS for each in names)


def read_npy(path: Path) -> list[NDArray[Any]]:
    """The four arrays of a folder of .npy files, mapped; `DataError` if some are missing or cannot be read."""
    names = _names({each.stem for each in path.glob("*.npy") if each.is_file()}, path)
    try:
        return [np.load(path / f"{each}.npy", mmap_mode="r", allow_pickle=False) for each in names]
    except Exception as error:  # a damaged header raises much besides ValueError: TypeError, OverflowError, …
        raise DataError(f"cannot read the .npy files in {path}: {error}; replace them by intact copies") from None


def _names(found: set[str], path: Path) -> tuple[str, ...]:
    """The names of the four arrays among those found."""
    for names in ARRAYS:
        if found.issuperset(names):
            return names
    wanted = " or ".join(", ".join(names) for names in ARRAYS)
    raise DataError(f"expected arrays {wanted} in {path}, got {', '.join(sorted(found)) or 'none'}; rename them")


def _member(path: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One array of a .npz file, mapped if it is not compressed; no memory is taken for what cannot be in the file."""
    with file.open(info) as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(member)
        head, needed = member.tell(), math.prod(shape) * dtype.itemsize
    if dtype.hasobject:
        raise ValueError(f"{info.filename} holds Python objects")
    if head + needed > info.file_size or info.file_size > max(_DENSEST * info.compress_size, 1 << 16):
        raise ValueError(f"{info.filename} is shorter than its shape {list(shape)}")
    if info.compress_type != zipfile.ZIP_STORED or not needed:
        with file.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)
    with path.open("rb") as raw:
        raw.seek(info.header_offset)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise ValueError(f"{info.filename} is not where the file says")
    offset = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length + head
    return np.asarray(np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C"))
