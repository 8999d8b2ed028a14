"""Space and data: what all children of a search need, sent once to each worker process and kept there.

On one machine they travel as files that all workers map into their memory, so that there is one copy for all. The files
are made by a search for its own workers, in a folder that only its user can open; no file from elsewhere is read here.
"""

from __future__ import annotations

import contextlib
import mmap
import pickle
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import RunError
from workbench.executors.child import Task, make_child, one_thread_here
from workbench.individuals import Individual
from workbench.space import SearchSpace

KEPT = 4
"""Searches whose space and data a worker process keeps, the latest ones."""

HEAD = "head.pickle"


@dataclass(frozen=True)
class Shared:
    """Space and data of one search.

    Attributes:
        token: by which a worker that has them finds them.
        space: what is searched.
        data: the data set.
    """

    token: str
    space: SearchSpace
    data: Any

    @classmethod
    def of(cls, space: SearchSpace, data: Any) -> Shared:
        """With a token of its own."""
        return cls(uuid.uuid4().hex, space, data)

    def to_bytes(self) -> bytes:
        """All in one piece.

        Raises:
            RunError: if the space or the data cannot be sent to another process.
        """
        with _sending():
            return pickle.dumps(self, protocol=5)

    def save(self, folder: Path) -> None:
        """Write files into an empty folder, from which `load_shared` gives it back.

        Raises:
            RunError: if the space or the data cannot be sent to another process.
        """
        buffers: list[pickle.PickleBuffer] = []
        with _sending():
            head = pickle.dumps(self, protocol=5, buffer_callback=buffers.append)
        for number, buffer in enumerate(buffers):
            with buffer.raw() as raw:
                (folder / f"{number}.array").write_bytes(raw)
        (folder / HEAD).write_bytes(head)  # last: if it is there, all is


@contextlib.contextmanager
def _sending() -> Iterator[None]:
    """Turn what pickle raises into an error that says what to do."""
    try:
        yield
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise RunError(
            f"space and data cannot be sent to another process ({type(error).__name__}: {error}); define what they "
            "are made of in a module that can be imported, or use threads"
        ) from error


def load_shared(folder: Path) -> Shared:
    """What `Shared.save` wrote; its arrays are read-only views of the files."""
    count = sum(1 for path in folder.iterdir() if path.suffix == ".array")
    buffers = [_mapped(folder / f"{number}.array") for number in range(count)]
    return pickle.loads((folder / HEAD).read_bytes(), buffers=buffers)


def _mapped(path: Path) -> mmap.mmap | bytes:
    if path.stat().st_size == 0:  # cannot be mapped
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class SharedMissingError(Exception):
    """A worker process does not have a search's space and data yet."""


_here: OrderedDict[str, Shared] = OrderedDict()
_guard = threading.Lock()


def keep(shared: Shared) -> None:
    """Have it at hand in this process."""
    with _guard:
        _here[shared.token] = shared
        while len(_here) > KEPT:
            _here.popitem(last=False)


def forget(token: str) -> None:
    """Keep it no longer."""
    with _guard:
        _here.pop(token, None)


def make_shared_child(token: str, folder: str | None, parcel: bytes | None, task: Task) -> Individual:
    """In a worker: make a child with the space and data that are kept here.

    Args:
        token: of the `Shared`.
        folder: where its files are, if this machine has them.
        parcel: its bytes, if it must be sent along.
        task: of the child.

    Raises:
        SharedMissingError: if this process has never seen them.
    """
    shared = _find(token, folder, parcel)
    with one_thread_here():
        return make_child(shared.space, shared.data, task)


def _find(token: str, folder: str | None, parcel: bytes | None) -> Shared:
    with _guard:
        if token in _here:
            _here.move_to_end(token)
            return _here[token]
    if parcel is not None:
        shared = pickle.loads(parcel)
    elif folder is not None and (Path(folder) / HEAD).exists():
        shared = load_shared(Path(folder))
    else:
        raise SharedMissingError(token)
    keep(shared)
    return shared
