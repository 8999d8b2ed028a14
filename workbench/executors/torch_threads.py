"""One thread of torch per child: how sums are split among threads would change their last bits."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

_searching: list[int] = []  # torch's number of threads as each search that is running found it
_searching_guard = threading.Lock()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch to one thread per child while children train; the last of several searches gives the others back."""
    import torch

    with _searching_guard:
        _searching.append(torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _searching_guard:
            most = max(_searching)
            _searching.remove(min(_searching))
            if not _searching:
                torch.set_num_threads(most)


def one_thread_for_good() -> None:
    """The same for the rest of this process; does not import torch, which takes seconds, but tells it if it comes."""
    os.environ["OMP_NUM_THREADS"] = "1"
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


def one_thread_here() -> AbstractContextManager[None]:
    """Whichever of both befits this process: workers that others started have no other use for torch's threads."""
    if multiprocessing.parent_process() is None:
        return one_thread_each()
    one_thread_for_good()
    return nullcontext()
