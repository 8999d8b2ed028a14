"""Records to JSON-ready values and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.settings import from_values, to_values


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
