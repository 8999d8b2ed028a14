"""The settings that may change while a search runs, and the record of their changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import ConfigError
from workbench.evolution import Credits, adapted
from workbench.search.config import LIVE_SETTINGS, SearchConfig
from workbench.settings import from_values, to_values
from workbench.space import SearchSpace
from workbench.store import Event
from workbench.training import TrainConfig

SETTINGS_EVENT = "settings"

FORK_EVENT = "fork"
"""Event: from here on a run is a fork of another; `values["before"]` are the settings with which that one began."""


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

    def recipe(self, initial: bool) -> TrainConfig:
        """How a child is trained; `initial`: one that is sampled, not mutated."""
        if initial and self.config.initial_epochs is not None:
            return replace(self.config.train, epochs=self.config.initial_epochs)
        return self.config.train

    def values(self, space: SearchSpace) -> dict[str, Any]:
        """JSON-ready values of all live settings."""
        plain = to_values(self.config)
        return {**{name: plain[name] for name in LIVE_SETTINGS}, "rates": space.rates_values(self.rates)}

    def probabilities(self, space: SearchSpace, credits: Credits) -> dict[str, float]:
        """Probability of each mutation, summing to 1, given what mutations have earned so far."""
        values = space.rates_values(self.rates)
        base = {kind: float(values[kind]) for kind in space.mutation_kinds}
        if self.config.adapt is None:
            return {kind: value / sum(base.values()) for kind, value in base.items()}
        return adapted(self.config.adapt, base, credits)

    def adapted(self, space: SearchSpace, credits: Credits) -> Any:
        """The rates that hold: those asked for, or with probabilities that follow what paid lately."""
        if self.config.adapt is None:
            return self.rates
        return space.rates({**space.rates_values(self.rates), **self.probabilities(space, credits)})

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


def starts_of(start: Settings, space: SearchSpace, events: Iterable[Event]) -> Iterator[Settings]:
    """The settings at the start of a run's first origin, and after each fork on the way to it."""
    for event in events:
        if event.kind == FORK_EVENT:
            yield Settings.at_start(from_values(SearchConfig, event.values["before"]), space)
    yield start


class Timeline:
    """Which settings hold for which child.

    Args:
        start: the settings with which the run began; of a fork, those with which it branched off.
        space: of the run.
        events: of the run, in order.
    """

    def __init__(self, start: Settings, space: SearchSpace, events: Iterable[Event] = ()) -> None:
        events = list(events)
        starts = starts_of(start, space, events)
        self._steps = [(0, next(starts))]
        for event in events:
            if event.kind == SETTINGS_EVENT:
                self.add(event.from_child, self.latest.changed(space, event.values))
            elif event.kind == FORK_EVENT:
                self.add(event.from_child, next(starts))

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
