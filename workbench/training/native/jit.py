"""Compiled kernels, cached on disk in a folder that belongs to exactly these sources.

Numba notices that a cached function's own file has changed, but not that a file it calls into has. So the folder's name
has a digest of all sources. Nothing is read or written before a kernel is first called.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from numba import njit
from numba.core import caching, config
from numba.misc.appdirs import AppDirs

from workbench.genome import EPS

SOURCES = Path(__file__).parent
ANNOUNCE_AFTER_SECONDS = 2.0


def kernel(function: Callable[..., Any] | None = None, *, inline: Literal["never", "always"] = "never") -> Any:
    """Decorator: compile a function with numba, without the GIL and with a disk cache."""
    if function is None:
        return functools.partial(kernel, inline=inline)
    dispatcher: Any = njit(nogil=True, inline=inline)(function)
    dispatcher._cache = KernelCache(function)  # as `cache=True` does with numba's own
    return dispatcher


@functools.cache
def source_digest() -> str:
    """Digest of all that the compiled code is made from: the files of this folder, and constants from elsewhere."""
    digest = hashlib.sha256(repr(EPS).encode())
    for path in sorted(SOURCES.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path | None:
    """The first folder that can be written; None if there is none, and then kernels are compiled in every process."""
    for folder in _folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    print(
        "workbench: found no folder to keep compiled kernels in, so every process compiles them (some ten seconds); "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        file=sys.stderr,
    )
    return None


def _folders() -> Iterator[Path]:
    """`$NUMBA_CACHE_DIR`, then the package's own folder, then the user's cache."""
    name = f"workbench-{source_digest()}"
    if chosen := getattr(config, "CACHE_DIR", ""):
        yield Path(chosen) / name
    yield SOURCES / "__pycache__" / name
    user = Path(AppDirs("workbench", appauthor=False).user_cache_dir)
    if user.is_absolute():  # it is not where there is no home
        yield user / name


class _Locator(caching._CacheLocator):
    """Tells numba where a kernel is cached."""

    def __init__(self, folder: Path, function: Any, path: str) -> None:
        self._folder, self._line, self._py_file = folder, function.__code__.co_firstlineno, path

    @classmethod
    def from_function(cls, function: Any, path: str) -> _Locator | None:
        folder = cache_folder()
        return None if folder is None else cls(folder, function, path)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return source_digest()

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # type: ignore[list-item]  # noqa: RUF012


class _FileCache(caching.FunctionCache):
    _impl_class = _Files


class KernelCache(caching._Cache):
    """The disk cache of one kernel; a damaged file is a miss."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @functools.cached_property
    def _files(self) -> Any:
        return caching.NullCache() if cache_folder() is None else _FileCache(self._function)

    @property
    def cache_path(self) -> Any:
        """The folder."""
        return self._files.cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code, or None. A truncated or garbled file is deleted, so that it is written anew."""
        try:
            return self._files.load_overload(sig, target_context)
        except Exception:  # unpickling what a power cut left may raise anything
            for path in cache_folder().glob(f"{self._files._impl.filename_base}.*"):  # type: ignore[union-attr]
                path.unlink(missing_ok=True)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, if it can be written."""
        with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):  # full disk, index damaged meanwhile
            self._files.save_overload(sig, data)

    def enable(self) -> None:
        """Use the cache."""
        self._files.enable()

    def disable(self) -> None:
        """Do not use the cache."""
        self._files.disable()

    def flush(self) -> None:
        """Forget what is cached."""
        self._files.flush()


class announced:
    """Context manager that prints a notice if its body takes long the first time, because kernels are being compiled.

    A kernel that has run once is not watched again: starting a timer takes longer than inference by a small network.

    Args:
        kernel: names what runs inside.
    """

    _lock = threading.Lock()
    _state = "new"  # then "compiling"; "ready" once the notice was printed
    _compiled: ClassVar[set[str]] = set()

    def __init__(self, kernel: str) -> None:
        self._kernel = kernel

    def __enter__(self) -> None:
        self._timer: threading.Timer | None = None
        if self._kernel in announced._compiled:
            return
        with announced._lock:
            if announced._state == "new":
                announced._state = "compiling"
                self._timer = threading.Timer(ANNOUNCE_AFTER_SECONDS, self._announce)
                self._timer.daemon = True
                self._timer.start()

    def __exit__(self, *error: object) -> None:
        announced._compiled.add(self._kernel)
        if self._timer is not None:
            self._timer.cancel()
            announced._state = "ready" if announced._state == "said" else "new"

    @staticmethod
    def _announce() -> None:
        announced._state = "said"
        print("workbench: compiling the native kernels, once per machine (some ten seconds)", file=sys.stderr)
