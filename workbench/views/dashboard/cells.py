"""A notebook cell that is run again makes its dashboard anew: the one that it made before is closed."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import ipywidgets as ipw

_made: dict[tuple[str, str], tuple[str, weakref.ref[Any]]] = {}  # by cell and run: the execution, and what it made


def replace_former(made: ipw.Widget, run: str) -> None:
    """Close what an earlier execution of this cell made for the same run, unless it is on the page a second time.

    Outside a notebook, or in one that does not tell its cells apart, nothing is closed.
    """
    cell, execution = _here()
    if not cell:
        return
    before, former = _made.get((cell, run), ("", None))
    _made[cell, run] = execution, weakref.ref(made)
    old = former() if former is not None else None
    if old is not None and before != execution and (old._view_count or 0) <= 1:
        old.close()


def _here() -> tuple[str, str]:
    """Ids of the cell and of its execution as the front end gave them; empty if it did not."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    kernel: Any = getattr(shell, "kernel", None)
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return str(parent.get("metadata", {}).get("cellId") or ""), str(parent.get("header", {}).get("msg_id") or "")
