"""Compiled kernels, cached on disk in a folder that belongs to exactly these sources.

Numba notices that a cached function's own file has changed, but not that a file it calls into has. So the folder's name
contains a digest of all sources: those beside the kernel, and those here. Nothing is read or written before a kernel is
first called.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from llvmlite import binding
from numba import types
from numba.core import caching, config, event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys
from numba.extending import intrinsic
from numba.misc.appdirs import AppDirs

from workbench.errors import ConfigError
from workbench.genome import EPS
from workbench.training import compiling

SOURCES = Path(__file__).parent


def kernel(
    function: Callable[..., Any] | None = None,
    *,
    inline: Literal["never", "always"] = "never",
    error_model: Literal["python", "numpy"] = "python",
    reorder: bool = False,
    inner: bool = False,
) -> Any:
    """Decorator: compile a function with numba, without the GIL and with a disk cache; it cannot make arrays.

    With the error model "numpy" a division by zero gives an infinity or NaN; with `reorder` sums of floats may be taken
    in any order, so that they are taken by vectors. Only kernels call an `inner` one. It takes long to compile calls of
    numpy's functions, or what assigns arrays to arrays: loops are quick.
    """
    if getattr(config, "DISABLE_JIT", 0):
        raise ConfigError("native kernels are compiled by numba, which NUMBA_DISABLE_JIT=1 forbids; unset it")
    if function is None:
        return functools.partial(kernel, inline=inline, error_model=error_model, reorder=reorder, inner=inner)
    options: dict[str, Any] = {"nopython": True, "nogil": True, "inline": inline, "error_model": error_model}
    options |= {"fastmath": {"reassoc"} if reorder else False, "no_cfunc_wrapper": True, "_nrt": False}
    dispatcher: Any
    if inner:
        dispatcher = InnerKernel(function, targetoptions=options, pipeline_class=_InnerCompiler)
    else:
        dispatcher = CPUDispatcher(function, targetoptions=options)
        dispatcher._cache = KernelCache(function)  # as `cache=True` does with numba's own
    if inline == "never":
        compiling.declare(dispatcher)
    return dispatcher


class InnerKernel(CPUDispatcher):
    """A kernel that only kernels call: machine code is made of these as a whole, and none of it alone."""

    def add_overload(self, cres: Any) -> None:
        """Make it known to kernels; there is nothing that Python could call."""
        cres = cres._replace(entry_point=object())
        self.targetctx.insert_user_function(cres.entry_point, cres.fndesc, [cres.library])
        self.overloads[tuple(cres.signature.args)] = cres

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        raise TypeError(f"{self.py_func.__name__} is an inner kernel, which only kernels call")


class _InnerCompiler(Compiler):
    def __init__(self, typing: Any, target: Any, _: Any, args: Any, returns: Any, flags: Any, local: Any) -> None:
        flags.no_compile = flags.no_cpython_wrapper = True
        super().__init__(typing, target, _InnerLibrary(target.codegen(), "inner"), args, returns, flags, local)


class _InnerLibrary(JITCodeLibrary):
    """Code that is linked into other code, and optimised there."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


def generated(emitter: Callable[[Any], Any], kinds: Sequence[Any], returns: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: a function for compiled code, from one whose body an emitter of LLVM code generates.

    Args:
        emitter: makes the first argument of the function from the builder of the code.
        kinds: numba's types of the others.
        returns: that of its result, or None.
    """

    def make(generate: Callable[..., Any]) -> Any:
        def typed(typingctx: Any, *arguments: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                result = generate(emitter(builder), *values)
                return context.get_dummy_value() if returns is None else result

            return (types.void if returns is None else returns)(*kinds), codegen

        typed.__name__, typed.__doc__ = generate.__name__, generate.__doc__
        # numba inspects the arguments; the emitter takes the place of its typing context
        typed.__signature__ = inspect.signature(generate)  # type: ignore[attr-defined]
        return intrinsic(typed)

    return make


@functools.cache
def source_digest(folder: Path = SOURCES) -> str:
    """Digest of what the kernels of a folder are made from: its files, those here, constants, what the processor can.

    Numba tells processors apart by `NUMBA_CPU_NAME`, if that is set; the sources ask the processor itself.
    """
    digest = hashlib.sha256(f"{EPS} {binding.get_host_cpu_features().flatten()}".encode())
    for path in [path for one in dict.fromkeys((SOURCES, folder)) for path in sorted(one.glob("*.py"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def candidate_folders(folder: Path = SOURCES) -> Iterator[Path]:
    """Where compiled kernels may be kept: in `$NUMBA_CACHE_DIR`, beside the sources, or in the user's cache."""
    name = f"workbench-{source_digest(folder)}"
    if chosen := getattr(config, "CACHE_DIR", ""):
        yield Path(chosen) / name
    yield folder / "__pycache__" / name
    user = Path(AppDirs("workbench", appauthor=False).user_cache_dir)
    if user.is_absolute():  # relative if there is no home directory
        yield user / name


@functools.cache
def cache_folder(sources: Path = SOURCES) -> Path | None:
    """The first candidate that can be written, or None."""
    for folder in candidate_folders(sources):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            return folder
    return None


@functools.cache
def announce() -> None:
    """Say once that kernels are being compiled."""
    often = "once per machine" if cache_folder() else "in every process (set NUMBA_CACHE_DIR to a writable folder)"
    print(f"workbench: compiling the native kernels, {often}; this takes some seconds", file=sys.stderr)


def _sources_of(function: Any) -> Path:
    return Path(function.__code__.co_filename).parent


class KernelCache(caching.NullCache):
    """The disk cache of one kernel; a damaged file is a miss."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @functools.cached_property
    def _files(self) -> Any:
        return _FileCache(self._function) if cache_folder(_sources_of(self._function)) else caching.NullCache()

    @property
    def cache_path(self) -> Any:
        """The folder, or None."""
        return self._files.cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code, or None. Damaged files are deleted, so that they are written anew."""
        try:
            found = self._files.load_overload(sig, target_context)
        except Exception:  # unpickling what a power cut left may raise anything
            found = None
            for path in Path(self.cache_path).glob(f"{self._files._impl.filename_base}.*"):
                with contextlib.suppress(OSError):
                    path.unlink()
        if found is None:
            announce()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, if it can be written."""
        with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):  # full disk, index damaged meanwhile
            self._files.save_overload(sig, data)


class _Listener(event.Listener):
    """Notes the kernels that are being compiled."""

    def on_start(self, about: Any) -> None:
        compiling.begin(about.data["dispatcher"])

    def on_end(self, about: Any) -> None:
        compiling.end()


event.register("numba:compile", _Listener())


class _Locator(caching._CacheLocator):
    """Tells numba where a kernel is cached."""

    def __init__(self, function: Any, path: str) -> None:
        self._line, self._py_file = function.__code__.co_firstlineno, path
        self._sources = _sources_of(function)

    @classmethod
    def from_function(cls, function: Any, path: str) -> _Locator:
        return cls(function, path)

    def get_cache_path(self) -> str:
        return str(cache_folder(self._sources))

    def get_source_stamp(self) -> str:
        return source_digest(self._sources)

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _FileCache(caching.FunctionCache):
    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """As numba's, which also imports all that it could compile: that takes longer than everything else."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)
