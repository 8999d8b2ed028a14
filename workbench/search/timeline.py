"""Events of a run, and what follows from them: which settings hold for which child, and what a replay must repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from workbench.executors import LOST_WORKER, TIME_OUT
from workbench.individuals import Individual
from workbench.search.config import SearchConfig, Settings
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.store import Event

SETTINGS_EVENT = "settings"
"""Live settings changed to `values`."""

INSERTED_EVENT = "by hand"
"""A person inserted the individual `values["id"]`, which is ranked with the children of the event's generation."""

FORK_EVENT = "fork"
"""From here on a run is a fork of another, which began with the settings `values["before"]`."""

LENGTH_EVENT = "generations"
"""A resumed run got another number of generations."""

FAILURE_EVENTS = (TIME_OUT, LOST_WORKER)
"""A child took too long, or crashed its workers; `values["reason"]` is that of its record."""


def _starts(start: Settings, space: SearchSpace, events: Iterable[Event]) -> Iterator[Settings]:
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

    Args:
        start: the settings with which the run began; of a fork, those with which it branched off.
        space: of the run.
        events: of the run, in order.
    """

    def __init__(self, start: Settings, space: SearchSpace, events: Iterable[Event] = ()) -> None:
        events = list(events)
        starts = _starts(start, space, events)
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


class EventReplayer:
    """The events of a stored run, in order, each given out when it is due.

    Args:
        events: of the stored run.
        latest: the settings in the head of its file.
        space: of the run.
        remake: makes an individual that was inserted by hand again, by its id.

    Attributes:
        starts: the settings with which the run, or of a fork its first origin, began; then those after each fork.
        remake: as given.
    """

    def __init__(
        self, events: Sequence[Event], latest: Settings, space: SearchSpace, remake: Callable[[int], Individual]
    ) -> None:
        self.remake = remake
        self.starts = _starts(latest, space, events)
        self._events = deque(events)

    def due(self, generation: int, child: int | None, *, is_finished: bool) -> Event | None:
        """Take the next event if it is due before `child` is proposed, or (None) between generations."""
        if not self._events:
            return None
        event = self._events[0]
        if event.kind in (INSERTED_EVENT, FORK_EVENT, LENGTH_EVENT):  # these come with a generation
            is_due = event.generation is None or event.generation <= generation
        else:
            is_due = child is not None and event.from_child <= child
        return self._events.popleft() if is_due or is_finished else None
