"""Values of a run file, checked when they are written and when they are read: SQLite lets a column hold anything.

The bounds are far above what a search makes; the writer keeps them, so a reader may refuse what is beyond. Sizes are
compared before anything of that size is made.
"""

from __future__ import annotations

import json as json_codec
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workbench.errors import RunError

MAX_LABEL = 200  # characters of a short text: name of a space, kind of a mutation, origin of an individual
MAX_MESSAGE, CUT_MESSAGE = 10**6, 4000  # characters of a failure that are read, and written
MAX_JSON = 2**24  # characters of a JSON text, such as the history of one individual
MAX_JSON_DEPTH = 20  # lists and objects within each other
MAX_JSON_DIGITS = 300  # of a whole number in JSON: it must still convert to a float
MAX_NUMBER = 2**53  # whole numbers, such as ids and FLOPs: floats hold all up to here exactly
MAX_GENERATION = 10**6
MAX_EPOCHS = 10**6
MAX_SECONDS = 1e10
MAX_LATENCY_US = 1e30
MAX_BLOB = 2**28  # bytes of an encoded genome

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


Check = Callable[[Any, str], Any]
"""Takes a value and words that name it; returns the value, or raises `BadValueError`."""


def _check(expected: str, fits: Callable[[Any], Any], convert: Callable[[Any], Any] | None = None) -> Check:
    """A check of values that fit; `convert` makes of them what is returned."""

    def check(value: Any, what: str) -> Any:
        if not fits(value):
            raise BadValueError(what, expected, value)
        return value if convert is None else convert(value)

    return check


def optional(check: Check) -> Check:
    """The same check, but None passes."""
    return lambda value, what: None if value is None else check(value, what)


def integer(most: int = MAX_NUMBER) -> Check:
    """A check of whole numbers from 0 to `most`."""
    return _check(f"a whole number from 0 to {most}", lambda value: type(value) is int and 0 <= value <= most)


def number(most: float = 1.0) -> Check:
    """A check of numbers from 0 to `most`; None becomes NaN."""
    return _check(
        f"a number from 0 to {most:.4g}, or nothing",
        lambda value: value is None or (type(value) in (int, float) and 0 <= value <= most),
        lambda value: math.nan if value is None else float(value),
    )


def one_of(*choices: str) -> Check:
    """A check of a text from a list."""
    return _check(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)


def json(inner: Check) -> Check:
    """A check of JSON texts; their decoded value goes on to `inner`."""

    def check(value: Any, what: str) -> Any:
        try:
            if not isinstance(value, str):
                raise ValueError("no text")
            found = decoded(value)
        except ValueError as error:
            raise BadValueError(what, f"JSON ({error!s:.200})", value) from None
        return inner(found, what)

    return check


def _is_text(value: Any, most: int = MAX_LABEL) -> bool:
    return isinstance(value, str) and len(value) <= most


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(_TIME.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        return False


def _are_ids(value: Any) -> bool:
    numbers = isinstance(value, list) and all(type(id) is int and 0 <= id <= MAX_NUMBER for id in value)
    return numbers and len(set(value)) == len(value)


def _is_history(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and all(type(entry) in (int, float) for entry in row.values()) for row in value
    )


text = _check(  # terminals would obey control characters
    f"a text of at most {MAX_LABEL} printable characters", lambda value: _is_text(value) and value.isprintable()
)
word = _check(  # no table, page or figure takes it for anything but text
    f"at most {MAX_LABEL} printable characters: letters, digits, spaces and .,:+-_/()",
    lambda value: _is_text(value) and value.isprintable() and _WORD.fullmatch(value),
)
message = optional(_check(f"a text of at most {MAX_MESSAGE} characters", lambda value: _is_text(value, MAX_MESSAGE)))
time = _check("a time such as 2025-01-31T12:00:00.000000+00:00", _is_time)
whole = _check("a whole number of up to 100 digits, as text", lambda v: isinstance(v, str) and _WHOLE.fullmatch(v), int)
blob = _check(f"at most {MAX_BLOB:,} bytes", lambda value: isinstance(value, bytes) and len(value) <= MAX_BLOB)
mapping = _check("a JSON object", lambda value: isinstance(value, dict))
json_object = json(mapping)
json_ids = json(_check("a JSON list of ids that differ", _are_ids))
json_history = json(_check("a JSON list of objects of numbers", _is_history))


# Perhaps half a character, or a number beyond the floats.
_SUSPICIOUS = re.compile(rf"\\u[dD][89a-fA-F]|[\ud800-\udfff]|\d{{{MAX_JSON_DIGITS}}}")


def to_json(value: Any, what: str) -> str:
    """`value` as JSON text; NaN and infinities are spelt as in JSON5, so that floats come back exactly.

    Raises `RunError`, which calls it `what`, if JSON has no form for it or `decoded` would refuse it.
    """
    try:
        text = json_codec.dumps(value, default=_jsonable, separators=(",", ":"))
        if len(text) > MAX_JSON or _needs_a_closer_look(text):
            decoded(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{what} cannot be stored: expected values that JSON can hold, got others ({error})") from error
    return text


def decoded(text: str) -> Any:
    """The value of a JSON text; `ValueError` if it is no JSON, or beyond the bounds above."""
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
