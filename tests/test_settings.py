"""Declared settings, and records to JSON-ready values and back."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.initial import InitialConfig
from workbench.mutations import KINDS
from workbench.settings import (
    all_settings,
    check_settings,
    documented,
    from_values,
    setting,
    settings_of,
    to_values,
)
from workbench.spaces.einspace import EinSpace
from workbench.spaces.hnas import HnasSpace
from workbench.spaces.mlp import MlpSpace
from workbench.spaces.neuron import NeuronSpace
from workbench.spatial import SpatialLaw


@dataclass(frozen=True)
class Inner:
    epochs: int = 5
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise ConfigError(f"Inner.epochs expects 0 or more, got {self.epochs}")


@dataclass(frozen=True)
class Outer:
    count: int = 3
    ratio: float = 0.5
    name: str = "a"
    switch: bool = False
    limit: float | None = None
    span: tuple[float, float] = (0.1, 0.2)
    whole: tuple[int, int] = (1, 2)
    many: tuple[int, ...] = ()
    inner: Inner = field(default_factory=Inner)


NUMBERS = st.floats(allow_nan=False)
WHOLE = st.integers(-(2**80), 2**80)
RECORDS = st.builds(
    Outer,
    WHOLE,
    NUMBERS,
    st.text(),
    st.booleans(),
    st.none() | NUMBERS,
    st.tuples(NUMBERS, NUMBERS),
    st.tuples(WHOLE, WHOLE),
    st.lists(WHOLE).map(tuple),
    st.builds(Inner, st.integers(0, 2**70), NUMBERS),
)


@given(RECORDS)
def test_round_trip_through_json(record):
    assert from_values(Outer, json.loads(json.dumps(to_values(record)))) == record


@given(RECORDS)
def test_an_empty_change_changes_nothing(record):
    assert from_values(Outer, {}, record) == record


@given(WHOLE)
def test_whole_numbers_stay_exact_however_they_are_written(number):
    assert from_values(Outer, {"count": number}).count == number
    assert from_values(Outer, {"count": str(number)}).count == number


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("count", "7", 7),
        ("count", " -7 ", -7),
        ("count", "1e3", 1000),
        ("count", 7.0, 7),
        ("ratio", "0.25", 0.25),
        ("ratio", 1, 1.0),
        ("name", "7", "7"),
        ("switch", "true", True),
        ("switch", "No", False),
        ("switch", 1, True),
        ("limit", "none", None),
        ("limit", None, None),
        ("limit", "5e4", 50_000.0),
        ("span", "0.1,0.3", (0.1, 0.3)),
        ("span", "(0.1, 0.3)", (0.1, 0.3)),
        ("span", [0, 1], (0.0, 1.0)),
        ("whole", "3,4", (3, 4)),
        ("many", "1,2,3", (1, 2, 3)),
    ],
)
def test_what_a_command_line_can_say(name, text, expected):
    value = getattr(from_values(Outer, {name: text}), name)
    assert value == expected
    assert type(value) is type(expected)


def test_nested_settings_in_three_forms():
    for values in ({"inner": {"epochs": 2}}, {"inner.epochs": "2"}, {"inner": Inner(2)}):
        assert from_values(Outer, values).inner == Inner(2)
    assert from_values(Outer, {"inner": {"epochs": 2}, "inner.rate": 1}).inner == Inner(2, 1.0)


def test_a_change_goes_over_the_base():
    base = Outer(count=9, inner=Inner(7, 0.7))
    assert from_values(Outer, {"inner.rate": 0.2}, base) == Outer(count=9, inner=Inner(7, 0.2))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 1}, "unknown setting 'cuont' of Outer; expected one of: count, ratio"),
        ({"": 1}, "unknown setting ''"),
        ({"inner.epoch": 1}, "unknown setting 'epoch' of Inner"),
        ({"inner": {"epoch": 1}}, "unknown setting 'epoch' of Inner"),
        ({"inner": 5}, r"Outer\.inner expects settings of its own such as Outer\.inner\.NAME, got 5"),
        ({"inner": None}, r"Outer\.inner expects"),
        ({"inner.epochs": -1}, r"Inner\.epochs expects 0 or more, got -1"),
        ({"inner.epochs.x": 1}, r"Inner\.epochs has no settings of its own"),
        ({"count": "many"}, r"Outer\.count expects a whole number, got 'many'"),
        ({"count": 0.5}, r"Outer\.count expects a whole number, got 0\.5"),
        ({"count": True}, r"Outer\.count expects a whole number, got True"),
        ({"count": None}, r"Outer\.count expects a whole number, got None"),
        ({"count": float("nan")}, r"Outer\.count expects a whole number"),
        ({"count": "inf"}, r"Outer\.count expects a whole number"),
        ({"count": "9" * 5000}, r"Outer\.count expects a whole number"),
        ({"ratio": "x"}, r"Outer\.ratio expects a number, got 'x'"),
        ({"ratio": 10**400}, r"Outer\.ratio expects a number"),
        ({"name": 3}, r"Outer\.name expects text, got 3"),
        ({"switch": "perhaps"}, r"Outer\.switch expects true or false, got 'perhaps'"),
        ({"limit": "low"}, r"Outer\.limit expects a number, got 'low'"),
        ({"span": "0.1"}, r"Outer\.span expects 2 numbers such as 0\.1,0\.2, got '0\.1'"),
        ({"span": 3}, r"Outer\.span expects 2 numbers"),
        ({"span": "1,2,3"}, r"Outer\.span expects 2 numbers"),
        ({"whole": "1,2.5"}, r"Outer\.whole expects a whole number, got '2\.5'"),
        ({"many": 3}, r"Outer\.many expects"),
    ],
)
def test_errors_name_the_setting(values, message):
    with pytest.raises(ConfigError, match=message):
        from_values(Outer, values)


@documented
@dataclass(frozen=True)
class Shade:
    """How dark."""

    level: float = setting(0.5, "darkness", low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self)


@documented
@dataclass(frozen=True)
class Drawing:
    """What is drawn."""

    width: float = setting(2.0, "of a line", unit="pixels", above=0, slider=(0.5, 8))
    lines: int = setting(3, "how many", low=1, high=1_000_000)
    reach: tuple[float, float] = setting((0.1, 0.5), "of a line, as a fraction", low=0, below=1)
    sizes: tuple[int, int] = setting((1, 4), "of dots", low=1, of=("dots",))
    rough: bool = setting(False, "whether lines shake")
    style: str = setting("plain", "of lines", choices=("plain", "dashed"))
    title: str = setting("", "above the drawing")
    tags: tuple[str, ...] = setting(("a",), "for the index", choices=("a", "b"))
    limit: float | None = setting(None, "of everything", low=0)
    shade: Shade = setting(Shade, "how dark", live=True)
    plain: int = 0

    def __post_init__(self) -> None:
        check_settings(self)


def test_a_declaration_says_all_about_a_setting():
    found = {one.name: one for one in settings_of(Drawing)}
    assert list(found) == [
        *("width", "lines", "reach", "sizes", "rough", "style", "title", "tags", "limit", "shade"),
    ]
    assert [one.kind for one in found.values()] == [
        *("number", "integer", "range", "range", "switch", "choice", "text", "list", "number", "record"),
    ]
    width = found["width"]
    assert (width.default, width.help, width.unit, width.low, width.above) == (2.0, "of a line", "pixels", 0, True)
    assert width.slider == (0.5, 8)
    assert found["lines"].slider == (1, 1_000_000)
    assert [name for name, one in found.items() if one.whole] == ["lines", "sizes"]
    assert [name for name, one in found.items() if one.optional] == ["limit"]
    assert found["sizes"].of == ("dots",)
    assert settings_of(Drawing) is settings_of(Drawing)


def test_all_settings_have_dotted_names():
    assert [one.name for one in all_settings(Drawing)][-1] == "shade.level"
    assert [one.live for one in all_settings(Drawing)] == [False] * 9 + [True]


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("name", "good", "bad", "expected"),
    [
        ("width", [0.1, 7, np.float32(2), np.int64(2)], [0, -1, NAN, INF, True, "2", None], "a number above 0"),
        (
            "lines",
            [1, 1_000_000, np.int32(5)],
            [0, 1_000_001, 2.0, 2.5, NAN, INF, True, "2", None],
            "a whole number from 1 to 1,000,000",
        ),
        (
            "reach",
            [(0, 0), (0.2, 0.99), [0.1, 0.2]],
            [(0.5, 0.2), (0, 1), (-0.1, 0.5), (NAN, 0.5), (0.1, NAN), (True, 0.5), (0.1,), (0.1, 0.2, 0.3), 0.5, "0,1"],
            "a range (low, high) with 0 <= low <= high < 1",
        ),
        (
            "sizes",
            [(1, 1), (2, 9)],
            [(0, 4), (1.5, 2), (1, 2.0), (4, 1)],
            "a range (low, high) of whole numbers with 1 <= low <= high",
        ),
        ("rough", [True, False], [0, 1, "true", None], "true or false"),
        ("style", ["plain", "dashed"], ["dotted", 1, None, ["plain"]], "one of plain, dashed"),
        ("title", ["", "x"], [1, None], "text"),
        ("tags", [(), ("a", "b"), ["b"]], [("a", "c"), "a", None, 1], "some of a, b"),
        ("limit", [None, 0, 3.5], [-1, NAN, "none"], "a number from 0 up, or none"),
        ("shade", [Shade(0.1)], [None, 0.5, {"level": 0.5}], "settings of its own"),
    ],
)
def test_values_are_checked(name, good, bad, expected):
    for value in good:
        assert getattr(Drawing(**{name: value}), name) is value
    for value in bad:
        with pytest.raises(ConfigError) as error:
            Drawing(**{name: value})
        assert str(error.value) == f"Drawing.{name} expects {expected}, got {value!r}"


def test_bounds_of_nothing_and_from_above():
    @dataclass(frozen=True)
    class Open:
        any: float = setting(0.0, "")
        below: float = setting(0.0, "", below=5)
        most: int = setting(0, "", high=5)
        pair: tuple[float, float] = setting((0, 1), "")
        inside: tuple[float, float] = setting((0.5, 0.6), "", above=0, high=1)

    Open.__annotations__ = {
        "any": float,
        "below": float,
        "most": int,
        "pair": tuple[float, float],
        "inside": tuple[float, float],
    }
    assert [one.expected for one in settings_of(Open)] == [
        "a number",
        "a number below 5",
        "a whole number up to 5",
        "a range (low, high) with low <= high",
        "a range (low, high) with 0 < low <= high <= 1",
    ]


def test_the_docstring_lists_the_settings():
    assert Drawing.__doc__ is not None
    assert Drawing.__doc__.startswith(
        "What is drawn.\n\n    Attributes:\n        width: of a line (pixels). Default: 2.0.\n"
    )
    assert "        shade: how dark.\n" in Drawing.__doc__


WITHIN = ((InitialConfig, KINDS), (SpatialLaw, KINDS))
RATES = tuple((kind.rates_record, kind.mutation_kinds) for kind in (NeuronSpace, MlpSpace, HnasSpace, EinSpace))


@pytest.mark.parametrize(("record", "kinds"), WITHIN + RATES)
def test_every_field_of_a_record_is_declared(record, kinds):
    declared = settings_of(record)
    assert [one.name for one in declared] == list(record.__dataclass_fields__)
    for one in declared:
        assert one.help
        assert one.allows(one.default)
        assert one.slider[0] < one.slider[1]
        assert set(one.of) <= set(kinds)


def test_nested_records_without_a_default_are_made_from_their_values():
    @dataclass(frozen=True)
    class Needs:
        size: int
        inner: Inner | None = None

    Needs.__annotations__ = {"size": int, "inner": Inner | None}
    assert from_values(Needs, {"size": "3", "inner.epochs": 2}) == Needs(3, Inner(2))
    with pytest.raises(TypeError, match="size"):
        from_values(Needs, {})
