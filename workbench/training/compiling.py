"""How far this process is with compiling native kernels, for those who wait; cheap to import, as numba is not."""

from __future__ import annotations

_declared: list[object] = []
_at_work: list[object] = []  # kernels that call others compile these first; numba compiles in one thread at a time
_begun: set[int] = set()  # identities of kernels


def progress() -> str:
    """What is said while kernels are compiled; else ""."""
    known = _begun.intersection(map(id, _declared))  # kernels call numpy's functions too, which are compiled as well
    return f"compiling kernels, {len(known)} of {len(_declared)}" if _at_work else ""


def declare(kernel: object) -> None:
    """There is a kernel, which will be compiled when it is first called."""
    _declared.append(kernel)


def begin(kernel: object) -> None:
    """A kernel begins to be compiled."""
    _at_work.append(kernel)
    _begun.add(id(kernel))


def end() -> None:
    """The kernel that began last is compiled, or has failed to be."""
    _at_work.pop()
