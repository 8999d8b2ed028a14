"""The settings that may change while a search runs, and the record of their changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.config_codec import from_values, to_values
from workbench.errors import ConfigError
from workbench.search.config import LIVE_SETTINGS, SearchConfig
from workbench.space import SearchSpace
from workbench.store import Event
from workbench.training import TrainConfig

EVENT_KIND = "settings"


@dataclass(frozen=True)
class Settings:
    """What a proposal depends on besides the population.

    Attributes:
        config: the search's configuration with all live changes so far.
        rates: the space's mutation rates.
    """

    config: SearchConfig
    rates: Any

    @classmethod
    def at_start(cls, config: SearchConfig, space: SearchSpace) -> Settings:
        """The settings that a search begins with."""
        return cls(config, space.rates(_values(space, config.rates)))

    def changed(self, space: SearchSpace, changes: Mapping[str, Any]) -> Settings:
        """With live changes: records or JSON-ready values; `rates` and `train` may be given in part.

        Raises:
            ConfigError: if a setting is unknown, fixed once a search has begun, or out of range.
        """
        rates, plain = self.rates, {}
        for name, value in changes.items():
            head = name.partition(".")[0]
            if head not in LIVE_SETTINGS:
                raise ConfigError(
                    f"{name!r} cannot change while a search runs; expected one of: {', '.join(LIVE_SETTINGS)}"
                )
            if name == "rates":
                rates = space.rates({**space.rates_values(rates), **_values(space, value)})
            elif head == "rates":
                rates = space.rates({**space.rates_values(rates), name.partition(".")[2]: value})
            elif name == "train" and isinstance(value, TrainConfig):
                plain[name] = to_values(value)
            else:
                plain[name] = value
        return replace(self, config=from_values(SearchConfig, plain, self.config), rates=rates)

    def values(self, space: SearchSpace) -> dict[str, Any]:
        """JSON-ready values of all live settings."""
        plain = to_values(self.config)
        return {**{name: plain[name] for name in LIVE_SETTINGS}, "rates": space.rates_values(self.rates)}

    def difference(self, space: SearchSpace, before: Settings) -> dict[str, Any]:
        """The live settings that differ from `before`, whole (all of `rates`, say)."""
        old, new = before.values(space), self.values(space)
        return {name: value for name, value in new.items() if value != old[name]}


def _values(space: SearchSpace, rates: Any) -> Mapping[str, Any]:
    if isinstance(rates, Mapping):
        return rates
    try:
        return space.rates_values(rates)
    except (TypeError, AttributeError):
        raise ConfigError(
            f"rates expects the record of the space {space.name!r} or a mapping of its settings, got {rates!r}"
        ) from None


class Timeline:
    """Which settings hold for which child."""

    def __init__(self, start: Settings, space: SearchSpace, events: Iterable[Event] = ()) -> None:
        self._steps = [(0, start)]
        for event in events:
            if event.kind == EVENT_KIND:
                self.add(event.from_child, self.latest.changed(space, event.values))

    @property
    def latest(self) -> Settings:
        """The newest settings."""
        return self._steps[-1][1]

    def add(self, from_child: int, settings: Settings) -> None:
        """From child `from_child` on, `settings` hold."""
        self._steps.append((from_child, settings))

    def at(self, child: int) -> Settings:
        """The settings that hold for `child`."""
        return next(settings for start, settings in reversed(self._steps) if start <= child)
