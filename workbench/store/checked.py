"""Values of a run file, checked when they are written and when they are read: SQLite lets a column hold anything.

The bounds are far above what a search makes; the writer keeps them, so a reader may refuse what is beyond. Sizes are
compared before anything of that size is made. Each check takes the value and words that name it, and gives it back or
raises `BadValueError`.
"""

from __future__ import annotations

import json as json_codec
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from workbench.errors import RunError

MAX_LABEL = 200
"""Characters of a short text, such as the name of a space, the kind of a mutation or the origin of an individual."""

MAX_MESSAGE, CUT_MESSAGE = 10**6, 4000
"""Characters of a failure; the writer cuts them."""

MAX_JSON = 2**24
"""Characters of a JSON text, such as the history of one individual."""

MAX_JSON_DEPTH = 20
"""Lists and objects within each other."""

MAX_JSON_DIGITS = 300
"""Digits of a whole number in JSON: it must still convert to a float."""

MAX_NUMBER = 2**53
"""Whole numbers, such as ids and FLOPs: all up to here are floats, too."""

MAX_GENERATION = 10**6
MAX_EPOCHS = 10**6
MAX_SECONDS = 1e10
MAX_LATENCY_US = 1e30

MAX_BLOB = 2**28
"""Bytes of an encoded genome."""

STEPS_AT_LEAST, STEPS_PER_BYTE = 10**7, 20
"""Steps of SQLite's machine that reading a file of so many bytes may take: ten times what a sound one needs."""

_TIME = re.compile(r"(19[7-9]|2[01]\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00", re.ASCII)
_WORD = re.compile(r"(\w[\w .,:+\-_/()]*)?")
_WHOLE = re.compile(r"-?\d{1,100}", re.ASCII)


class BadValueError(RunError):
    """A value that no run holds; `reading` and the writer add which file, and what to do."""

    def __init__(self, what: str, expected: str, value: Any) -> None:
        shown = value[:80] if isinstance(value, str | bytes) else value
        self.what, self.expected, self.value = what, expected, value
        super().__init__(f"{what}: expected {expected}, got {shown!r:.80}")


def row(checks: Mapping[str, Callable[[Any, str], Any]], values: Sequence[Any], of: str) -> list[Any]:
    """The values of a row, each checked by the function under its column's name; `of` names the kind of row."""
    try:
        return [check(value, column) for (column, check), value in zip(checks.items(), values, strict=True)]
    except BadValueError as error:
        raise BadValueError(f"{error.what} of {of} {values[0]!r:.40}", error.expected, error.value) from None


def integer(value: Any, what: str, most: int = MAX_NUMBER) -> int:
    """A whole number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise BadValueError(what, f"a whole number from 0 to {most}", value)
    return value


def optional_integer(value: Any, what: str, most: int = MAX_NUMBER) -> int | None:
    """A whole number from 0 to `most`, or None."""
    return None if value is None else integer(value, what, most)


def number(value: Any, what: str, most: float = 1.0) -> float:
    """A number from 0 to `most`; NaN for None."""
    if value is None:
        return math.nan
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise BadValueError(what, f"a number from 0 to {most:.4g}, or nothing", value)
    return float(value)


def text(value: Any, what: str) -> str:
    """A short text without control characters, which terminals would obey."""
    if not isinstance(value, str) or len(value) > MAX_LABEL or not value.isprintable():
        raise BadValueError(what, f"a text of at most {MAX_LABEL} printable characters", value)
    return value


def word(value: Any, what: str) -> str:
    """A short text that no table, page or figure takes for anything but text, such as the kind of a mutation."""
    if not _WORD.fullmatch(text(value, what)):
        raise BadValueError(what, "letters, digits, spaces and .,:+-_/()", value)
    return value


def optional_word(value: Any, what: str) -> str | None:
    """A `word`, or None."""
    return None if value is None else word(value, what)


def message(value: Any, what: str) -> str | None:
    """A text of any characters, or None."""
    if value is not None and (not isinstance(value, str) or len(value) > MAX_MESSAGE):
        raise BadValueError(what, f"a text of at most {MAX_MESSAGE} characters", value)
    return value


def one_of(value: Any, what: str, choices: tuple[str, ...]) -> str:
    """One of some texts."""
    if not isinstance(value, str) or value not in choices:
        raise BadValueError(what, f"one of {', '.join(choices)}", value)
    return value


def time(value: Any, what: str) -> str:
    """A time in ISO 8601, UTC, of the years 1970 to 2199."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise BadValueError(what, "a time such as 2025-01-31T12:00:00.000000+00:00", value)


def whole(value: Any, what: str) -> int:
    """A whole number of up to 100 digits, written as text."""
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise BadValueError(what, "a whole number of up to 100 digits, as text", value)
    return int(value)


def blob(value: Any, what: str) -> bytes:
    """The bytes of a genome."""
    if not isinstance(value, bytes) or len(value) > MAX_BLOB:
        raise BadValueError(what, f"at most {MAX_BLOB:,} bytes", value)
    return value


def json(value: Any, what: str) -> Any:
    """The value of a JSON text."""
    try:
        if isinstance(value, str):
            return decoded(value)
        reason = "no text"
    except ValueError as error:
        reason = f"{error!s:.200}"
    raise BadValueError(what, f"JSON ({reason})", value)


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A JSON object that is decoded already."""
    if not isinstance(value, dict):
        raise BadValueError(what, "a JSON object", value)
    return value


def json_ids(value: Any, what: str) -> tuple[int, ...]:
    """A JSON list of ids, none of them twice."""
    ids = json(value, what)
    if not isinstance(ids, list) or not all(type(id) is int and 0 <= id <= MAX_NUMBER for id in ids):
        raise BadValueError(what, "a JSON list of ids", value)
    if len(set(ids)) != len(ids):
        raise BadValueError(what, "a JSON list of ids that differ", value)
    return tuple(ids)


def json_history(value: Any, what: str) -> list[dict[str, float]]:
    """A JSON list of objects that hold numbers."""
    history = json(value, what)
    fine = isinstance(history, list) and all(
        isinstance(row, dict) and all(type(entry) in (int, float) for entry in row.values()) for row in history
    )
    if not fine:
        raise BadValueError(what, "a JSON list of objects of numbers", value)
    return history


_SUSPICIOUS = re.compile(rf"\\u[dD][89a-fA-F]|[\ud800-\udfff]|\d{{{MAX_JSON_DIGITS}}}")
"""Perhaps half a character, or a number beyond the floats; a closer look tells."""


def to_json(value: Any, what: str) -> str:
    """`value` as JSON text; NaN and infinities are spelt as in JSON5, so that floats come back exactly.

    Raises:
        RunError: if there is something in it that JSON has no form for, or that `decoded` would refuse; `what`
            names it.
    """
    try:
        text = json_codec.dumps(value, default=_jsonable, separators=(",", ":"))
        if len(text) > MAX_JSON or _needs_a_closer_look(text):
            decoded(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{what} cannot be stored: expected values that JSON can hold, got others ({error})") from error
    return text


def decoded(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is no JSON, or beyond the bounds above.
    """
    if len(text) > MAX_JSON:
        raise ValueError(f"{len(text):,} characters, at most {MAX_JSON:,} are read")
    try:
        value = json_codec.loads(text)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_JSON_DEPTH}") from None
    if _needs_a_closer_look(text):
        _check_parts(value)
    return value


def _needs_a_closer_look(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_JSON_DEPTH or _SUSPICIOUS.search(text) is not None


def _check_parts(value: Any) -> None:
    """Look at every part, level by level."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inner += [*part.keys(), *part.values()]
            elif isinstance(part, list):
                inner += part
            elif isinstance(part, str):
                part.encode()  # UnicodeEncodeError, a ValueError, on half a character
            elif isinstance(part, int) and abs(part) >= 10**MAX_JSON_DIGITS:
                raise ValueError(f"a number of more than {MAX_JSON_DIGITS} digits")
        if not inner:
            return
        level = inner
    raise ValueError(f"nested deeper than {MAX_JSON_DEPTH}")


def _jsonable(value: Any) -> Any:
    """What `json` does not know by itself: other mappings, numbers and arrays of numpy."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r:.80}")
