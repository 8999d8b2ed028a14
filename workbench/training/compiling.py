"""Whether this process is compiling native kernels, for those who wait; cheap to import, as numba is not."""

from __future__ import annotations

_at_work: list[object] = []  # kernels that call others compile these first; numba compiles in one thread at a time


def is_compiling() -> bool:
    """Whether a kernel is being compiled: once per machine, since the result is kept on disk."""
    return bool(_at_work)


def begin(kernel: object) -> None:
    """A kernel begins to be compiled."""
    _at_work.append(kernel)


def end() -> None:
    """The kernel that began last is compiled, or has failed to be."""
    _at_work.pop()
