"""IDX files (http://yann.lecun.com/exdb/mnist/): images and labels to train and to test on, plain or gzipped."""

import gzip
import math
import re
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test)[-_.](?P<what>images|labels)\b.*idx.*", re.IGNORECASE)
_DENSEST = 1100  # bytes that one byte of a gzip file can stand for, at most
KINDS = ("train images", "train labels", "test images", "test labels")


def is_idx(path: Path) -> bool:
    """Whether a path is one of the four files, or a folder that holds such files."""
    if path.is_dir():
        return any(_NAME.fullmatch(each.name) for each in path.iterdir())
    return path.is_file() and _NAME.fullmatch(path.name) is not None


def idx_files(path: Path) -> tuple[Path, ...]:
    """The four files in the order of `KINDS`: those of a folder, or the one that is given and those beside it.

    A plain file goes before a gzipped one. `DataError` if some are missing, or a folder holds several sets.
    """
    folder = path if path.is_dir() else path.parent
    sets: dict[str, dict[str, Path]] = defaultdict(dict)
    for each in sorted(folder.iterdir(), key=lambda each: each.suffix.lower() == ".gz"):
        if (named := _NAME.fullmatch(each.name)) and each.is_file():
            part = "train" if named["part"].lower() == "train" else "test"
            sets[named["set"]].setdefault(f"{part} {named['what'].lower()}", each)
    given = _NAME.fullmatch(path.name)
    if given is None or path.is_dir():
        if len(sets) > 1:
            names = ", ".join(min(map(str, files.values())) for files in sets.values())
            raise DataError(
                f"{folder}: expected IDX files of one data set, got those of {len(sets)}; give one of {names}"
            )
        (files,) = sets.values()
    else:
        files = sets[given["set"]]
    if missing := [kind for kind in KINDS if kind not in files]:
        found = ", ".join(sorted(each.name for each in files.values()))
        raise DataError(
            f"{folder}: expected IDX files of {', '.join(KINDS)}, got {found}, missing: {', '.join(missing)}; name "
            "them as those of MNIST: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
            "t10k-labels-idx1-ubyte, plain or .gz"
        )
    return tuple(files[kind] for kind in KINDS)


def read_idx(path: Path) -> NDArray[Any]:
    """The array of an IDX file, in the byte order of this machine; a plain file is mapped, not read, where it can be.

    `DataError` if it is no IDX file, or not as long as its header says; no memory is taken before that is known.
    """
    try:
        size = path.stat().st_size
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 4:
                raise DataError(
                    f"{path}: expected an IDX file, which starts with bytes 0, 0, type and number of dimensions, got "
                    f"{start.hex() or 'an empty file'}; replace it by an intact copy"
                )
            dtype, head = np.dtype(_TYPES[start[2]]), file.read(4 * start[3])
            shape = tuple(int.from_bytes(head[i : i + 4], "big") for i in range(0, len(head), 4))
            needed, offset = math.prod(shape) * dtype.itemsize, 4 + 4 * start[3]
            if len(head) < 4 * start[3] or not needed:
                raise DataError(
                    f"{path}: expected the sizes of {start[3]} dimensions, above 0; replace it by an intact copy"
                )
            promised = f"{path}: expected {needed:,} bytes for shape {list(shape)} after its header"
            if path.suffix.lower() == ".gz":
                content = file.read(needed + 1) if needed <= _DENSEST * size else b""
                if len(content) != needed:
                    raise DataError(f"{promised}, got fewer or more; replace it by an intact copy")
                array = np.frombuffer(content, dtype).reshape(shape)
            elif size - offset != needed:
                raise DataError(f"{promised}, got {max(0, size - offset):,}; replace it by an intact copy")
            else:
                array = np.asarray(np.memmap(path, dtype, "r", offset, shape))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); replace it by an intact copy") from None
    return array if array.dtype.isnative else array.astype(dtype.newbyteorder("="))
