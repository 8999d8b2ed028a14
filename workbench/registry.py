"""The search spaces that are known here, by name, so that runs are opened without knowing any space.

`workbench.spaces` registers those of the workbench; a space of your own is registered in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, NoReturn, TypeVar, cast

from workbench.errors import ConfigError, RunError
from workbench.formats import in_words
from workbench.settings import Setting
from workbench.space import RecordSpace, SearchSpace

SPACES: dict[str, type[RecordSpace]] = {}
"""Classes of search spaces by name."""

ENTRY_POINTS = "workbench.spaces"
"""Group of entry points by which an installed package makes its spaces known."""

S = TypeVar("S")


def register(kind: type[S]) -> type[S]:
    """Make a class of search spaces known by its `name`: runs of it can be opened, and presets asked for.

        @workbench.spaces.register
        @dataclass(frozen=True)
        class MySpace(RecordSpace): ...

    One of the same name, as from a cell that is run again, replaces the former. An installed package needs no call: it
    names its class as an entry point of the group "workbench.spaces", under the name of the space, which the command
    line finds too.

    Raises:
        ConfigError: if it is no class of search spaces, or its name is that of a space of the workbench.
    """
    name = getattr(kind, "name", None)
    lacking = [each for each in ("from_config", "mutate", "decode") if not callable(getattr(kind, each, None))]
    if not isinstance(name, str) or not name or lacking:
        what = f"it lacks {', '.join(lacking)}" if lacking else f"its name is {name!r}"
        raise ConfigError(f"expected a class that implements workbench.space.SearchSpace, got {kind!r}: {what}")
    known = SPACES.get(name)
    if known not in (None, kind) and known.__module__.startswith("workbench."):
        raise ConfigError(f"the name {name!r} is that of {known.__module__}.{known.__qualname__}; choose another")
    SPACES[name] = cast(type[RecordSpace], kind)
    return kind


def is_known(name: str) -> bool:
    """Whether a space is registered, or an installed package has it."""
    if name not in SPACES:
        for found in entry_points(group=ENTRY_POINTS, name=name):
            register(found.load())
    return name in SPACES


def space_class(name: str) -> type[RecordSpace]:
    """The class of the space `name`; `ConfigError` if it is not known here."""
    if not is_known(name):
        raise ConfigError(f"unknown search space {name!r}; {_way_out()}")
    return SPACES[name]


def make_space(name: str, config: Mapping[str, Any]) -> SearchSpace:
    """The space of a run, from its stored name and settings; `ConfigError` if it is not known, or they are damaged."""
    kind = space_class(name)
    try:
        return cast(SearchSpace, kind.from_config(config))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the settings of space {name!r} are damaged: {error!r}") from None


def space_for(name: str, data: Any) -> SearchSpace:
    """The space `name` with its default settings for a data set."""
    return cast(SearchSpace, space_class(name).for_data(data))


def _way_out() -> str:
    return (
        f"expected one of: {', '.join(SPACES) or 'none'}; one of your own becomes known when its class is given to "
        "workbench.spaces.register"
    )


@dataclass(frozen=True)
class StoredRates:
    """Rates of which only names and values are known."""

    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return vars(self).get("values", {})[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class UnknownSpace:
    """Stands in for the space of a run that is not known here: tells what the file says, and makes no networks.

    Args:
        name: of the space.
        stored: its settings, JSON-ready.
        stored_rates: its rates, JSON-ready, each mutation's probability under its name.
        applied: kinds of the mutations that were applied.
        where: what the error begins with, such as "run file run.sqlite: ".
    """

    name: str
    stored: Mapping[str, Any]
    stored_rates: Mapping[str, Any]
    applied: frozenset[str]
    where: str = ""

    @property
    def mutation_kinds(self) -> tuple[str, ...]:
        """Those that were applied and have a rate."""
        return tuple(name for name in self.stored_rates if name in self.applied)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The rates, without bounds."""
        return tuple(
            Setting(name, "number", value, "as stored", label=in_words(name))
            for name, value in self.stored_rates.items()
        )

    def config(self) -> dict[str, Any]:
        """As stored."""
        return dict(self.stored)

    def rates(self, values: Mapping[str, Any] | None = None) -> StoredRates:
        """The rates as stored, with other values."""
        given = dict(values or {})
        return StoredRates({**self.stored_rates, **given.pop("values", {}), **given})

    @property
    def error(self) -> RunError:
        """Says that it is not known, and the way out."""
        return RunError(
            f"{self.where}its search space {self.name!r} is not known here; {_way_out()}, or give it: "
            "open_run(path, space=...)"
        )

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise self.error

    sample = mutate = train = evaluate = cost = encode = decode = describe = _refuse
