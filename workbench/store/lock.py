"""One writer per run: an advisory lock on a file beside it, released when the process dies."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

from workbench.errors import RunError

# POSIX locks belong to a process: it could take its own lock twice, and would lose it by closing any other
# descriptor of the same file. So a process also remembers what it has, and never opens that file again.
# (flock would live on in forked workers after the searching process was killed.)
_held: dict[Path, int] = {}  # lock file -> process: a forked child has none of its parent's
_held_guard = threading.RLock()  # re-entrant: the garbage collector may release one lock while another is taken

_LOCKED_BYTE = 1 << 30  # beyond the text, which others may then read even where locks are mandatory


class TakenError(RunError):
    """The run exists already, or another writer has it."""


class WriterLock:
    """The right to write the run at `path`, held from creation to `release` or the end of the process.

    Raises `TakenError`, which names the other writer's process id and host, or `RunError` if it cannot write a file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._pid = os.getpid()
        self._released = False
        me = f"process {self._pid} on {socket.gethostname()}"
        with _held_guard:
            try:
                if _held.get(self._path) == self._pid:
                    raise BlockingIOError(f"{me}, which is this very process")
                self._descriptor = _acquire(self._path, me)
            except BlockingIOError as error:
                raise TakenError(
                    f"run file {path}: it is being written by {error}; only one search may write a run: stop "
                    f"that one first, or give this one another file"
                ) from None
            except OSError as error:
                raise RunError(
                    f"run file {path}: cannot write in its folder {path.parent} ({error.strerror}); choose "
                    f"another folder, or see to its permissions and free space"
                ) from error
            _held[self._path] = self._pid

    def release(self) -> None:
        """Release the lock and remove its file; does nothing in a forked child, or the second time."""
        with _held_guard:
            if self._released or self._pid != os.getpid():
                return
            with contextlib.suppress(OSError):  # Windows does not remove open files; an old one does no harm
                os.unlink(self._path)
            os.close(self._descriptor)
            del _held[self._path]
            self._released = True


def is_being_written(path: str | os.PathLike[str]) -> bool:
    """Whether some process, perhaps this one, has the right to write the run at `path`, as far as one can know."""
    path = Path(os.path.realpath(path))
    if not path.with_name(path.name + ".lock").exists():
        return False
    try:
        WriterLock(path).release()  # which also removes what a killed process left
    except RunError:
        return True
    return False


def _acquire(path: Path, me: str) -> int:
    """A descriptor of the locked file at `path`, with the text `me` in it; `BlockingIOError` has the text of others."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _lock(descriptor):
                raise BlockingIOError(os.read(descriptor, 1000).decode(errors="replace") or "another process")
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    os.truncate(descriptor, 0)
                    os.write(descriptor, me.encode())
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its last holder removed it between our opening and locking it


def _lock(descriptor: int) -> bool:
    """Lock without waiting; whether nobody else has it locked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _LOCKED_BYTE)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        return False
    return True
