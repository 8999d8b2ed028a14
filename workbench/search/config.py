"""The settings of a search: at its start (`SearchConfig`), at one time (`Settings`), and over time (`Timeline`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import ConfigError
from workbench.evolution import ADAPTATIONS, SELECTIONS, SURVIVALS, Credits, HypervolumeBounds, adapted
from workbench.executors import LOST_WORKER, TIME_OUT, Task
from workbench.objectives import LATENCY, OBJECTIVES, TWO, LatencyModel, Objective, objectives_of
from workbench.settings import all_settings, check_settings, documented, from_values, setting, settings_of, to_values
from workbench.space import SearchSpace
from workbench.store import Event
from workbench.training import TrainConfig

KEEPS = ("needed", "all")
TEACHERS = ("none", "parent", "best")

MOST, MOST_WORKERS = 10**6, 10**4
"""Upper bounds of sizes, since an untrusted run file may ask for anything."""


@documented
@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search."""

    population: int = setting(60, "individuals alive (P)", low=1, high=MOST)
    children: int = setting(
        15, "children per generation (M)", label="children per generation", low=1, high=MOST, slider=(1, 60), live=True
    )
    generations: int | None = setting(
        40, "generations after the initial population (T); none to search until stopped", low=0, high=MOST
    )
    budget: float | None = setting(
        None,
        "training after which a search ends with the current generation, summed over individuals; none for no limit",
        unit="epochs × FLOPs",
        above=0,
    )
    seed: int = setting(0, "root seed; the same seed gives the same result", low=0)
    tournament: int = setting(
        3,
        "individuals that compete to be a parent",
        label="tournament size",
        low=1,
        high=MOST,
        slider=(1, 20),
        live=True,
    )
    selection: str = setting(
        "pareto",
        "what they compare: pareto (rank, then crowding distance) or accuracy; random draws no parents: random search",
        choices=SELECTIONS,
    )
    survival: str = setting(
        "oldest", "who is removed: the oldest, the least accurate or as NSGA-II", choices=tuple(SURVIVALS)
    )
    flops_min: float | None = setting(
        None, "smallest FLOPs of a child; none for no floor", label="smallest FLOPs", low=0, live=True
    )
    flops_max: float | None = setting(
        None, "largest FLOPs of a child; none for no ceiling", label="largest FLOPs", low=0, live=True
    )
    initial_epochs: int | None = setting(
        None, "epochs of the initial individuals; none for as many as a child", label="epochs of initial individuals"
    )
    stop_hopeless: bool = setting(
        False, "whether children that will not come near the front stop early", label="early stopping"
    )
    train: TrainConfig = setting(TrainConfig, "how a child is trained", live=True)
    teacher: str = setting(
        "none",
        "from whose answers a child learns besides labels, by the share `train.distillation`: its parent's before the "
        "mutation, or the best's, the most accurate individual of the finished generations; none from nobody's",
        choices=TEACHERS,
    )
    rates: Any = setting(
        dict, "mutation rates: the space's record, or a mapping of what differs from its defaults", live=True
    )
    adapt: str | None = setting(
        None,
        "how the probabilities of mutations follow what pays, starting from those asked for: probability matching or "
        "adaptive pursuit; none for fixed ones",
        label="adaptive mutation rates",
        choices=ADAPTATIONS,
        live=True,
    )
    objectives: tuple[str, ...] = setting(
        tuple(one.name for one in TWO),
        "what ranking trades off: accuracy and at least one of flops, latency and parameters",
        choices=tuple(OBJECTIVES),
    )
    latency: LatencyModel | None = setting(
        None, "model that predicts latency (`calibrate_latency`); giving one makes latency an objective"
    )
    hypervolume: HypervolumeBounds = setting(
        HypervolumeBounds, "box in which hypervolume is measured, of accuracy and FLOPs alone, so that runs compare"
    )
    workers: int | None = setting(
        None,
        "children trained at once; none for as many as the executor has room for; changes no result",
        label="children trained at once",
        low=1,
        high=MOST_WORKERS,
    )
    attempts: int = setting(
        3,
        "workers that a child may crash before it is recorded as failed",
        label="attempts per child",
        low=1,
        high=MOST,
    )
    child_seconds: float | None = setting(
        None,
        "how long a child may train before it is recorded as failed; none for no limit",
        label="time limit of a child",
        unit="s",
        above=0,
    )
    keep: str = setting(
        "needed",
        "whose weights stay in the run file: those needed (alive, on the all-time front or inserted by hand; of the "
        "others only the topology) or all; changes no result",
        label="weights kept",
        choices=KEEPS,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        names = {*self.objectives, LATENCY.name} if self.latency is not None else self.objectives
        object.__setattr__(self, "objectives", tuple(one.name for one in objectives_of(names)))
        if LATENCY.name in self.objectives and self.latency is None:
            raise ConfigError(
                "SearchConfig.objectives names latency, which expects a model in SearchConfig.latency, got none; give "
                "calibrate_latency(data.shape, data.n_classes), or leave latency out of the objectives"
            )
        low, high = self.flops_bounds
        if low > high:
            raise ConfigError(f"SearchConfig expects 0 <= flops_min <= flops_max, got {low} and {high}")

    @property
    def ranked_by(self) -> tuple[Objective, ...]:
        """The objectives."""
        return objectives_of(self.objectives)

    @property
    def flops_bounds(self) -> tuple[float, float]:
        """Smallest and largest FLOPs allowed."""
        low = 0.0 if self.flops_min is None else self.flops_min
        return low, float("inf") if self.flops_max is None else self.flops_max

    @property
    def individuals(self) -> int | None:
        """Individuals over the whole search; None if it has no end."""
        return None if self.generations is None else self.population + self.children * self.generations


FREE_SETTINGS = ("generations", "workers", "attempts", "child_seconds", "keep")
"""Settings that may differ when a run is resumed."""

LIVE_SETTINGS = tuple(one.name for one in settings_of(SearchConfig) if one.live)
"""Settings that may change while a search runs."""


@dataclass(frozen=True)
class Settings:
    """What a proposal depends on besides the population."""

    config: SearchConfig  # with all live changes so far
    rates: Any  # the space's record of mutation rates

    @classmethod
    def at_start(cls, config: SearchConfig, space: SearchSpace) -> Settings:
        """The settings that a search begins with."""
        return cls(config, _rates(space, space.rates(), config.rates))

    def changed(self, space: SearchSpace, changes: Mapping[str, Any]) -> Settings:
        """These settings with live changes: records or JSON-ready values.

        `rates` and `train` may be mappings of what changes, and names may be dotted ("rates.add_edges").

        Raises:
            ConfigError: if a setting is unknown, fixed once a search has begun, or out of range.
        """
        for name in changes:
            if name.partition(".")[0] not in LIVE_SETTINGS:
                raise ConfigError(
                    f"{name!r} cannot change while a search runs; expected one of: {', '.join(LIVE_SETTINGS)}"
                )
        return self.merged(space, changes)

    def merged(self, space: SearchSpace, changes: Mapping[str, Any]) -> Settings:
        """As `changed`, with any settings, as for a fork."""
        rates, others = self.rates, {}
        for name, value in changes.items():
            head, _, rest = name.partition(".")
            if head == "rates":
                rates = _rates(space, rates, {rest: value} if rest else value)
            else:
                others[name] = value
        config = from_values(SearchConfig, others, self.config) if others else self.config
        return Settings(config, rates)

    def task(
        self, id: int, generation: int, parent: int | None, parent_genome: Any, seed: int, rates: Any, best: Any
    ) -> Task:
        """The task for a child with these settings; an initial one, without parent, may be trained longer.

        `best` is the most accurate network of the finished generations, None if there is none.
        """
        config, train = self.config, self.config.train
        if parent is None and config.initial_epochs is not None:
            train = replace(train, epochs=config.initial_epochs)
        teacher = {"parent": parent_genome, "best": best}.get(config.teacher) if train.distillation else None
        stream, bounds = (config.seed, generation), config.flops_bounds
        return Task(
            id, generation, parent, parent_genome, seed, rates, train, stream, bounds, config.latency, teacher=teacher
        )

    def probabilities(self, space: SearchSpace, credits: Credits) -> dict[str, float]:
        """Probability of each mutation, summing to 1, given what mutations have earned so far."""
        base = {kind: float(getattr(self.rates, kind)) for kind in space.mutation_kinds}
        if self.config.adapt is None:
            return {kind: value / sum(base.values()) for kind, value in base.items()}
        return adapted(self.config.adapt, base, credits.generations)

    def adapted_rates(self, space: SearchSpace, credits: Credits) -> Any:
        """The rates to mutate with: as set, or with probabilities adapted to recent success."""
        if self.config.adapt is None:
            return self.rates
        return replace(self.rates, **self.probabilities(space, credits))

    def difference(self, before: Settings) -> dict[str, Any]:
        """The live settings that differ from `before`, whole (all of `rates`, say)."""
        now = {**vars(self.config), "rates": self.rates}
        then = {**vars(before.config), "rates": before.rates}
        return {name: now[name] for name in LIVE_SETTINGS if now[name] != then[name]}


def labels_of(space: SearchSpace) -> dict[str, str]:
    """The names on screen of all settings, by their dotted names, such as "rates.bridge"."""
    rates = {f"rates.{one.name}": one.label for one in space.settings}
    return rates | {one.name: one.label for one in all_settings(SearchConfig)}


def plain_values(space: SearchSpace, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Live settings, with their records, as JSON-ready values for an event."""
    plain = dict(changes)
    if "rates" in plain:
        plain["rates"] = to_values(plain["rates"])
    if "train" in plain:
        plain["train"] = to_values(plain["train"])
    return plain


def _rates(space: SearchSpace, before: Any, value: Any) -> Any:
    """A rates record, or a mapping of what differs from `before`, as a rates record of the space."""
    if isinstance(value, type(before)):
        return value
    if isinstance(value, Mapping):
        return space.rates({**to_values(before), **value})
    raise ConfigError(
        f"rates expects the record of the space {space.name!r} or a mapping of its settings, got {value!r}"
    )


def check_teacher(space: SearchSpace, teacher: str) -> None:
    """Raise `ConfigError` if children are to have a teacher and `space.train` takes none."""
    if teacher != "none" and "teacher" not in inspect.signature(space.train).parameters:
        raise ConfigError(
            f"SearchConfig.teacher {teacher!r} expects a space whose train takes a teacher, such as 'neurons', got "
            f"{space.name!r}; set teacher to none"
        )


# ---------------------------------------------------------------- settings over time
SETTINGS_EVENT = "settings"
"""Live settings changed to `values`."""

INSERTED_EVENT = "by hand"
"""A person inserted the individual `values["id"]`, which is ranked with the children of the event's generation."""

FORK_EVENT = "fork"
"""From here on a run is a fork of another, which began with the settings `values["before"]`."""

LENGTH_EVENT = "generations"
"""A run got another number of generations than it had `before`."""

FAILURE_EVENTS = (TIME_OUT, LOST_WORKER)
"""A child took too long, or crashed its workers; `values["reason"]` is that of its record."""


def starts_of(start: Settings, space: SearchSpace, events: Iterable[Event]) -> Iterator[Settings]:
    """The settings at the start of a run's first origin, and after each fork on the way to it."""
    for event in events:
        if event.kind == FORK_EVENT:
            yield Settings.at_start(from_values(SearchConfig, event.values["before"]), space)
    yield start


def failure_reasons(events: Iterable[Event]) -> dict[int, str]:
    """Why children failed for reasons from outside, by their ids."""
    return {event.from_child: event.values["reason"] for event in events if event.kind in FAILURE_EVENTS}


class Timeline:
    """Which settings hold for which child.

    Those with which the run began (`start`; of a fork, those with which it branched off), then as its events say.
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
