"""Frozen dataclasses to JSON-ready values and back, with errors that name the setting."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from workbench.errors import ConfigError

T = TypeVar("T")


def to_values(record: Any) -> dict[str, Any]:
    """A (nested) dataclass as a dictionary of JSON-ready values; tuples become lists."""
    return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_values(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def from_values(kind: type[T], values: Mapping[str, Any], base: T | None = None) -> T:
    """A record of class `kind` with `values` put over `base` (by default over the class's defaults).

    Args:
        kind: a frozen dataclass whose fields are bool, int, float, str, tuples of float, optional ones,
            or further dataclasses. Its `__post_init__` checks ranges.
        values: what to set; nested records as mappings or as dotted names (`{"train.epochs": 3}`).
        base: the record to start from.

    Raises:
        ConfigError: on an unknown name or a value of the wrong type.
    """
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    records = {name: _record(hint) for name, hint in hints.items()}
    changes: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        if head not in fields:
            raise ConfigError(f"unknown setting {name!r} of {kind.__name__}; expected one of: {', '.join(fields)}")
        if rest:
            nested.setdefault(head, {})[rest] = value
        elif records[head] is not None and isinstance(value, Mapping):
            nested.setdefault(head, {}).update(value)
        else:
            changes[head] = _convert(hints[head], value, f"{kind.__name__}.{head}")
    start = base if base is not None else kind()
    for head, inner in nested.items():
        current, record = changes.get(head, getattr(start, head)), records[head]
        if current is None and record is not None:
            current = record()
        if not dataclasses.is_dataclass(current) or isinstance(current, type):
            raise ConfigError(f"{kind.__name__}.{head} has no settings of its own, got {sorted(inner)}")
        changes[head] = from_values(type(current), inner, current)
    return dataclasses.replace(start, **changes)  # type: ignore[type-var]


def _record(hint: Any) -> type | None:
    """The dataclass that an annotation names, alone or as an optional one."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return next((kind for kind in kinds if isinstance(kind, type) and dataclasses.is_dataclass(kind)), None)


def _convert(hint: Any, value: Any, name: str) -> Any:
    """`value` as the annotated type, accepting what JSON and a command line can say."""
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None or (isinstance(value, str) and value.lower() == "none"):
            return None
        return _convert(next(arg for arg in typing.get_args(hint) if arg is not type(None)), value, name)
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, name)
    if hint is bool:
        return _convert_bool(value, name)
    if hint in (int, float):
        return _convert_number(hint, value, name)
    if hint is str and not isinstance(value, str):
        raise ConfigError(f"{name} expects text, got {value!r}")
    if dataclasses.is_dataclass(hint) and not isinstance(value, typing.cast(type, hint)):
        raise ConfigError(f"{name} expects settings of its own such as {name}.NAME, got {value!r}")
    return value


def _convert_tuple(inner: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    items = value.strip("()[]").split(",") if isinstance(value, str) else value
    if not isinstance(items, tuple | list):
        raise ConfigError(f"{name} expects {len(inner)} numbers such as 0.1,0.2, got {value!r}")
    if inner[-1] is Ellipsis:
        return tuple(_convert(inner[0], item, name) for item in items)
    if len(items) != len(inner):
        raise ConfigError(f"{name} expects {len(inner)} numbers such as 0.1,0.2, got {value!r}")
    return tuple(_convert(kind, item, name) for kind, item in zip(inner, items, strict=True))


def _convert_bool(value: Any, name: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() in words:
        return words[str(value).lower()]
    raise ConfigError(f"{name} expects true or false, got {value!r}")


def _convert_number(kind: type, value: Any, name: str) -> Any:
    try:
        if isinstance(value, bool):
            raise ValueError
        if kind is int and isinstance(value, str | int) and str(value).strip().lstrip("+-").isdecimal():
            return int(value)  # exactly: a seed may have more digits than a float
        number = float(value)
        if kind is int:
            if number != int(number):
                raise ValueError
            return int(number)
        return number
    except (TypeError, ValueError, OverflowError):
        expected = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} expects {expected}, got {value!r}") from None
