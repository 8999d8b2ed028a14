"""The events of a stored run, followed by the search that makes it again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.evolution import Evolution
from workbench.individuals import Individual
from workbench.search.by_hand import INSERTED_EVENT
from workbench.search.settings import FORK_EVENT, SETTINGS_EVENT, Settings, starts_of
from workbench.space import SearchSpace
from workbench.store import Event

if TYPE_CHECKING:
    from workbench.search.state import SearchState

BETWEEN_CHILDREN = (INSERTED_EVENT, FORK_EVENT, "generations")
"""Kinds of events that come with a generation; the others come with a child."""


class EventReplayer:
    """What happened to a run from outside, in order; each event is followed when it is due.

    Args:
        events: of the stored run.
        latest: the settings in the head of its file.
        space: of the run.
        guest: makes an individual that was put in by hand again, by its id.

    Attributes:
        start: the settings with which the run, or of a fork its first origin, began.
    """

    def __init__(
        self, events: Sequence[Event], latest: Settings, space: SearchSpace, guest: Callable[[int], Individual]
    ) -> None:
        self._events, self._guest = deque(events), guest
        self._starts = starts_of(latest, space, events)
        self.start = next(self._starts)

    def follow(self, state: SearchState, child: int | None = None) -> None:
        """Do what is due before `child` is proposed, or (None) between generations."""
        while self._events and self._is_due(self._events[0], state, child):
            self._do(self._events.popleft(), state)

    def _is_due(self, event: Event, state: SearchState, child: int | None) -> bool:
        if state.is_finished:
            return True
        if event.kind in BETWEEN_CHILDREN:
            return event.generation is None or event.generation <= state.evolution.generation
        return child is not None and event.from_child <= child

    def _do(self, event: Event, state: SearchState) -> None:
        if event.kind == INSERTED_EVENT:
            state.insert(self._guest(int(event.values["id"])))
            return
        state.log(event.kind, event.from_child, dict(event.values))
        if event.kind == SETTINGS_EVENT:
            state.adopt(event.from_child, state.timeline.latest.changed(state.space, event.values))
        elif event.kind == FORK_EVENT:
            state.adopt(event.from_child, next(self._starts))
            before = state.evolution
            state.evolution = evolution_of(state.target)
            state.evolution.restore(before.generation - 1, before.population, [*before.archive, *before.recent])


def evolution_of(settings: Settings) -> Evolution:
    """The loop with these settings, before anything is made."""
    config = settings.config
    return Evolution(config.population, config.seed, config.selection, config.survival, config.ranked_by)
