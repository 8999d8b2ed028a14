"""Values as JSON text and back; what comes from a file is bounded in length, depth and size of numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import RunError
from workbench.store.limits import MAX_JSON, MAX_JSON_DEPTH, MAX_JSON_DIGITS

_SUSPICIOUS = re.compile(rf"\\u[dD][89a-fA-F]|[\ud800-\udfff]|\d{{{MAX_JSON_DIGITS}}}")
"""Perhaps half a character, or a number beyond the floats; a closer look tells."""


def to_json(value: Any, what: str) -> str:
    """`value` as JSON text; NaN and infinities are spelt as in JSON5, so that floats come back exactly.

    Raises:
        RunError: if there is something in it that JSON has no form for, or that `decoded` would refuse; `what`
            names it.
    """
    try:
        text = json.dumps(value, default=_plain, separators=(",", ":"))
        if len(text) > MAX_JSON or _needs_a_closer_look(text):
            decoded(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{what} cannot be stored: expected values that JSON can hold, got others ({error})") from error
    return text


def decoded(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is no JSON, or beyond the bounds of `limits`.
    """
    if len(text) > MAX_JSON:
        raise ValueError(f"{len(text):,} characters, at most {MAX_JSON:,} are read")
    try:
        value = json.loads(text)
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


def _plain(value: Any) -> Any:
    """What `json` does not know by itself: other mappings, numbers and arrays of numpy."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r:.80}")
