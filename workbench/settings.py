"""Settings are declared once, where their record is; defaults, checks, sliders, `--set` and tables are made from it.

A settings record is a frozen dataclass whose fields are declared with `setting`:

    @documented
    @dataclass(frozen=True)
    class Rates:
        '''How often edges are added.'''

        add_edges: float = setting(0.2, "relative probability of adding edges", low=0, high=1)
        new_edges: tuple[float, float] = setting((0.2, 0.32), "how many more edges", unit="of edges", low=0)

        def __post_init__(self) -> None:
            check_settings(self)

`settings_of(Rates)` lists them; `to_values` and `from_values` turn a record into JSON-ready values and back.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from workbench.errors import ConfigError
from workbench.formats import in_words

T = TypeVar("T")

KEY = "setting"  # under which a field's metadata hold its declaration


@dataclass(frozen=True)
class Setting:
    """One setting of a record."""

    name: str  # of the field; in `all_settings` after the names of the records around it, as in "train.epochs"
    kind: str  # "number", "integer", "range" (a pair low, high), "switch", "choice", "list", "text" or "record"
    default: Any
    help: str  # one line for the person who sets it
    label: str = ""  # its name on screen
    unit: str = ""  # such as "pixels"
    low: float = -math.inf  # smallest value allowed
    high: float = math.inf  # largest value allowed
    above: bool = False  # whether `low` itself is excluded
    below: bool = False  # whether `high` itself is excluded
    slider: tuple[float, float] = (0.0, 1.0)  # ends of its slider: the values that make sense
    log: bool = False  # whether its slider is logarithmic
    choices: tuple[str, ...] = ()  # the values allowed, of a choice or of the items of a list
    optional: bool = False  # whether it may be None
    whole: bool = False  # whether it takes whole numbers only
    of: tuple[str, ...] = ()  # mutations that read it; empty if it belongs to none in particular
    live: bool = False  # whether it may change while a search runs
    record: type | None = None  # class of its value, of a record

    @property
    def expected(self) -> str:
        """The values allowed, in words."""
        if self.kind in ("choice", "list"):
            words = f"{'some' if self.kind == 'list' else 'one'} of {', '.join(self.choices)}"
        elif self.kind == "range":
            least = "low" if self.low == -math.inf else f"{self.low:,.12g} {'<' if self.above else '<='} low"
            most = "" if self.high == math.inf else f" {'<' if self.below else '<='} {self.high:,.12g}"
            words = f"a range (low, high){' of whole numbers' * self.whole} with {least} <= high{most}"
        elif self.kind in ("number", "integer"):
            words = f"a {'whole ' * self.whole}number{self._interval}"
        else:
            words = {"switch": "true or false", "text": "text"}.get(self.kind, "settings of its own")
        return f"{words}, or none" if self.optional else words

    @property
    def _interval(self) -> str:
        low, high = f"{self.low:,.12g}", f"{self.high:,.12g}"
        if self.high == math.inf:
            return "" if self.low == -math.inf else f" above {low}" if self.above else f" from {low} up"
        if self.low == -math.inf:
            return f" {'below' if self.below else 'up to'} {high}"
        return f" {'above' if self.above else 'from'} {low} {'to below' if self.below else 'to'} {high}"

    def allows(self, value: Any) -> bool:
        """Whether a value has the right type and lies within the bounds."""
        if value is None:
            return self.optional
        match self.kind:
            case "number" | "integer":
                return self._allows_number(value)
            case "range":
                pair = isinstance(value, tuple | list) and len(value) == 2
                return pair and all(map(self._allows_number, value)) and value[0] <= value[1]
            case "list":
                return isinstance(value, tuple | list) and all(not self.choices or v in self.choices for v in value)
            case "choice":
                return isinstance(value, str) and value in self.choices
            case "record":
                return self.record is None or isinstance(value, self.record)
        return isinstance(value, bool if self.kind == "switch" else str)

    def _allows_number(self, value: Any) -> bool:
        kind: Any = numbers.Integral if self.whole else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        least = value > self.low if self.above else value >= self.low
        most = value < self.high if self.below else value <= self.high
        return least and most and -math.inf < value < math.inf


def setting(
    default: Any,
    help: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float | None = None,
    below: float | None = None,
    slider: tuple[float, float] | None = None,
    **more: Any,
) -> Any:
    """A field of a settings record; arguments are as in `Setting`.

    Args:
        default: its value unless one is given; a function that makes it if it is a record of its own.
        help: one line for the person who sets it.
        low: smallest value allowed.
        high: largest value allowed.
        above: what values must be above, instead of `low`.
        below: what values must be below, instead of `high`.
        slider: ends of its slider; the bounds if none are given.
        more: `unit`, `log`, `choices`, `of`, `live`, and `label` where the words of its name say too little.
    """
    bounds = {"low": low if above is None else above, "high": high if below is None else below}
    excluded = {"above": above is not None, "below": below is not None}
    declared = {"help": help, **bounds, **excluded, "slider": slider or tuple(bounds.values()), **more}
    given: Any = {"default_factory": default} if callable(default) else {"default": default}
    return dataclasses.field(**given, metadata={KEY: declared})


def settings_of(record: Any) -> tuple[Setting, ...]:
    """The settings that a record class declares, in order; a record within it is one setting of kind "record"."""
    return _settings_of(record)


@cache
def _settings_of(record: Any) -> tuple[Setting, ...]:
    hints = typing.get_type_hints(record)
    return tuple(_setting_of(field, hints[field.name]) for field in dataclasses.fields(record) if KEY in field.metadata)


def all_settings(record: type) -> tuple[Setting, ...]:
    """The settings of a record and, by dotted names, of the records within it, which are as live as it is."""
    found: list[Setting] = []
    for one in settings_of(record):
        for each in all_settings(one.record) if one.record else ():
            found.append(dataclasses.replace(each, name=f"{one.name}.{each.name}", live=one.live or each.live))
        if one.record is None:
            found.append(one)
    return tuple(found)


def _setting_of(field: dataclasses.Field[Any], hint: Any) -> Setting:
    declared, plain = field.metadata[KEY], _plain_hint(hint)
    items = typing.get_args(plain) if typing.get_origin(plain) is tuple else ()
    if items:
        kind = "list" if items[-1] is Ellipsis else "range"
    elif declared.get("choices"):
        kind = "choice"
    else:
        kind = {bool: "switch", int: "integer", float: "number", str: "text"}.get(plain, "record")
    return Setting(
        name=field.name,
        kind=kind,
        default=_default(field),
        optional=plain is not hint,
        whole=int in (plain, *items),
        record=_record(hint),
        **{"label": in_words(field.name), **declared},
    )


def check_settings(record: Any) -> None:
    """Raise `ConfigError` unless every setting of a record is allowed; call it in `__post_init__`."""
    for one in settings_of(type(record)):
        value = getattr(record, one.name)
        if not one.allows(value):
            raise ConfigError(f"{type(record).__name__}.{one.name} expects {one.expected}, got {value!r:.200}")


def probability(default: float, what: str) -> Any:
    """A field of mutation rates: how likely a child with `what` is, relative to the other mutations."""
    return setting(default, f"relative probability of a child with {what}", low=0, high=1)


def check_rates(record: Any, kinds: Iterable[str]) -> None:
    """As `check_settings`; at least one of the fields named after the mutations must be above 0."""
    check_settings(record)
    if not any(getattr(record, kind) for kind in kinds):
        raise ConfigError("at least one mutation needs a probability above 0, got 0 for all")


def documented(record: type[T]) -> type[T]:
    """Class decorator: list the declared settings in the docstring, as its `Attributes`."""
    lines = []
    for one in settings_of(record):
        unit = f" ({one.unit})" if one.unit else ""
        default = "" if one.kind == "record" else f" Default: {one.default!r}."
        lines.append(f"        {one.name}: {one.help}{unit}.{default}")
    record.__doc__ = f"{(record.__doc__ or '').rstrip()}\n\n    Attributes:\n" + "\n".join(lines) + "\n    "
    return record


def to_values(record: Any) -> dict[str, Any]:
    """A (nested) dataclass as a dictionary of JSON-ready values; tuples become lists."""
    return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return to_values(value) if dataclasses.is_dataclass(value) else value


def from_values(kind: type[T], values: Mapping[str, Any], base: T | None = None) -> T:
    """A record of class `kind` with `values` put over `base` (by default over the class's defaults).

    `values` has nested records as mappings or dotted names (`{"train.epochs": 3}`). The record's `__post_init__` checks
    ranges; an unknown name or a value of the wrong type is a `ConfigError`.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        if head not in fields:
            raise ConfigError(f"unknown setting {name!r} of {kind.__name__}; expected one of: {', '.join(fields)}")
        if rest:
            nested.setdefault(head, {})[rest] = value
        elif _record(hints[head]) is not None and isinstance(value, Mapping):
            nested.setdefault(head, {}).update(value)
        else:
            changes[head] = _convert(hints[head], value, f"{kind.__name__}.{head}")
    for head, inner in nested.items():
        record = _record(hints[head])
        if record is None:
            raise ConfigError(f"{kind.__name__}.{head} has no settings of its own, got {sorted(inner)}")
        start = changes[head] if head in changes else getattr(base, head) if base else _default(fields[head])
        changes[head] = from_values(record if start is None else type(start), inner, start)
    return kind(**changes) if base is None else dataclasses.replace(base, **changes)  # type: ignore[type-var]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _plain_hint(hint: Any) -> Any:
    """The type that an annotation allows besides None."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def _record(hint: Any) -> type | None:
    """The dataclass that an annotation names, alone or as an optional one."""
    plain = _plain_hint(hint)
    return plain if isinstance(plain, type) and dataclasses.is_dataclass(plain) else None


def _convert(hint: Any, value: Any, name: str) -> Any:
    """`value` as the annotated type, accepting what JSON and a command line can say."""
    plain = _plain_hint(hint)
    if plain is not hint and (value is None or (isinstance(value, str) and value.lower() == "none")):
        return None
    if typing.get_origin(plain) is tuple:
        return _convert_tuple(typing.get_args(plain), value, name)
    if plain is bool:
        return _convert_bool(value, name)
    if plain in (int, float):
        return _convert_number(plain, value, name)
    if plain is str and not isinstance(value, str):
        raise ConfigError(f"{name} expects text, got {value!r}")
    if dataclasses.is_dataclass(plain) and not isinstance(value, typing.cast(type, plain)):
        raise ConfigError(f"{name} expects settings of its own such as {name}.NAME, got {value!r}")
    return value


def _convert_tuple(inner: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    items = value.strip("()[]").split(",") if isinstance(value, str) else value
    several = isinstance(items, tuple | list)
    if inner[-1] is Ellipsis:
        kinds, expected = inner[:1] * (len(items) if several else 0), "values with commas between them"
    else:
        kinds, expected = inner, f"{len(inner)} numbers such as 0.1,0.2"
    if not several or len(items) != len(kinds):
        raise ConfigError(f"{name} expects {expected}, got {value!r}")
    return tuple(_convert(kind, item, name) for kind, item in zip(kinds, items, strict=True))


def _convert_bool(value: Any, name: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if str(value).lower() not in words:
        raise ConfigError(f"{name} expects true or false, got {value!r}")
    return words[str(value).lower()]


def _convert_number(kind: type, value: Any, name: str) -> Any:
    try:
        if isinstance(value, bool):
            raise ValueError
        if kind is int and isinstance(value, str | int) and str(value).strip().lstrip("+-").isdecimal():
            return int(value)  # exactly: a seed may have more digits than a float
        number = float(value)
        if kind is int and number != int(number):
            raise ValueError
        return kind(number)
    except (TypeError, ValueError, OverflowError):
        expected = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} expects {expected}, got {value!r}") from None
