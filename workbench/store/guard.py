"""The last line of defence against a file that a stranger made: what nobody thought of is still a clear error."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from workbench.errors import RunError

F = TypeVar("F", bound=Callable[..., Any])

_SURPRISES = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


@contextlib.contextmanager
def values_of(path: Path) -> Iterator[None]:
    """Raise `RunError` if code that makes sense of a run's values meets one that makes none.

    The store checks every value by itself; what an event or a setting means, only the search knows.
    """
    try:
        yield
    except _SURPRISES as error:
        raise RunError(
            f"run file {path}: it is damaged, or was not written by a search: its values make no sense "
            f"({type(error).__name__}: {error!s:.200}); restore a copy of it"
        ) from error


def of_a_run(function: F) -> F:
    """`values_of` around a function whose first argument is a `Run`."""

    @functools.wraps(function)
    def guarded(run: Any, *arguments: Any, **options: Any) -> Any:
        with values_of(run.path):
            return function(run, *arguments, **options)

    return guarded  # type: ignore[return-value]
