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
from dataclasses import dataclass, field
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
    """Space and data of one search; a worker that has them finds them by `token`."""

    space: SearchSpace
    data: Any
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_bytes(self) -> bytes:
        """All in one piece; `RunError` if the space or the data cannot be sent to another process."""
        with _sending():
            return pickle.dumps(self, protocol=5)

    def save(self, folder: Path) -> None:
        """Write files for `load_shared` into an empty folder; `RunError` as for `to_bytes`."""
        buffers: list[pickle.PickleBuffer] = []
        with _sending():
            head = pickle.dumps(self, protocol=5, buffer_callback=buffers.append)
        for number, buffer in enumerate(buffers):
            with buffer.raw() as raw:
                (folder / f"{number}.array").write_bytes(raw)
        (folder / HEAD).write_bytes(head)  # last: if it is there, all is


@contextlib.contextmanager
def _sending() -> Iterator[None]:
    """Convert pickle's exceptions into an error that says what to do."""
    try:
        yield
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise RunError(
            f"space and data cannot be sent to another process ({type(error).__name__}: {error}); define what they "
            "are made of in a module that can be imported, or use threads"
        ) from error


def load_shared(folder: Path) -> Shared:
    """What `Shared.save` wrote; its arrays are read-only views of the files."""
    buffers: list[mmap.mmap | bytes] = []
    for number in range(len(list(folder.glob("*.array")))):
        with (folder / f"{number}.array").open("rb") as file:
            is_empty = not file.seek(0, 2)  # an empty file cannot be mapped
            buffers.append(b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads((folder / HEAD).read_bytes(), buffers=buffers)


class SharedMissingError(Exception):
    """A worker process does not have a search's space and data yet."""


_here: OrderedDict[str, Shared] = OrderedDict()
_guard = threading.Lock()


def keep(shared: Shared) -> None:
    """Keep space and data in this process."""
    with _guard:
        _here[shared.token] = shared
        while len(_here) > KEPT:
            _here.popitem(last=False)


def forget(token: str) -> None:
    """Keep them no longer."""
    with _guard:
        _here.pop(token, None)


def make_shared_child(token: str, source: str | bytes | None, task: Task) -> Individual:
    """In a worker: make a child with the space and data of `token`.

    If they are not kept here yet, they come from `source`: the folder of their files, or all of them as bytes.

    Raises:
        SharedMissingError: if they are not kept here, and the source has none that can be read here.
    """
    shared = _find(token, source)
    with one_thread_here():
        return make_child(shared.space, shared.data, task)


def _find(token: str, source: str | bytes | None) -> Shared:
    with _guard:
        if token in _here:
            _here.move_to_end(token)
            return _here[token]
    if isinstance(source, bytes):
        shared = pickle.loads(source)
    elif source is not None and (Path(source) / HEAD).exists():
        shared = load_shared(Path(source))
    else:
        raise SharedMissingError(token)
    keep(shared)
    return shared
