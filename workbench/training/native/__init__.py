"""The native backend: training in compiled code that releases the GIL.

Compiled code is cached in `__pycache__`, or under `$NUMBA_CACHE_DIR` if that is set. Numba renews what it cached for a
file when that file changes, but not when only a file that it calls into does, so what is older than any file of this
folder is deleted here.
"""

import os
from itertools import chain
from pathlib import Path


def _forget_outdated() -> None:
    folder = Path(__file__).parent
    newest = max(path.stat().st_mtime for path in folder.glob("*.py"))
    elsewhere = os.environ.get("NUMBA_CACHE_DIR")
    kept = Path(elsewhere).glob(f"{folder.name}_*/*.nb[ci]") if elsewhere else ()
    for cached in chain((folder / "__pycache__").glob("*.nb[ci]"), kept):
        try:
            if cached.stat().st_mtime < newest:
                cached.unlink()
        except OSError:  # somebody else was quicker, or the folder is read-only and numba caches elsewhere
            continue


_forget_outdated()
