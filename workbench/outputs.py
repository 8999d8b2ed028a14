"""Files that the package writes for people: none replaces a run, and an interrupted write leaves what was there."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import ExportError

_SQLITE = b"SQLite format 3\0"
_COMPANIONS = ("-wal", "-shm", "-journal", ".lock")  # files beside a run that belong to it


@contextmanager
def output_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file to write, with the same ending, which takes the place of `path` once the context ends without error.

    Devices and pipes, such as `/dev/stdout`, are written directly.

    Raises:
        ExportError: if `path` is a run or belongs to one, whatever its name, or cannot be written.
    """
    check_output(path)
    target = Path(os.path.realpath(path))  # a link stays a link
    if not target.parent.is_dir():
        raise ExportError(f"cannot write {path}: there is no folder {target.parent}; create it, or choose another")
    if target.exists() and not target.is_file():
        with writing(path):
            yield target
        return
    part = target.with_name(f".{secrets.token_hex(4)}.{target.name}")
    try:
        with writing(path):
            yield part
            if target.exists():
                shutil.copymode(target, part)
            with part.open("rb+") as file:  # on the disk before the old one goes
                os.fsync(file.fileno())
            os.replace(part, target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_output(path: str | os.PathLike[str]) -> None:
    """Refuse a path whose real file is a run, or one of the files that SQLite keeps beside it, as an `ExportError`."""
    target = os.path.realpath(path)
    owners = [target, *(target.removesuffix(end) for end in _COMPANIONS if target.endswith(end))]
    if any(map(_is_run, owners)):
        raise ExportError(f"{path} is a run, or belongs to one, and would be lost; choose another file to write")


def _is_run(path: str) -> bool:
    if not os.path.isfile(path):
        return False
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(len(_SQLITE))
        return head == _SQLITE or (not head and os.path.exists(f"{path}-wal"))  # not yet copied from its log
    return False


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within it, a file or folder that cannot be written is an `ExportError`."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
