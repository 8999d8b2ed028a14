"""The events of a stored run, followed by the search that makes it again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.evolution import Evolution
from workbench.individuals import Individual
from workbench.search.by_hand import EVENT_KIND as BY_HAND_KIND
from workbench.search.settings import EVENT_KIND as SETTINGS_KIND
from workbench.search.settings import FORK_KIND, Settings, starts_of
from workbench.space import SearchSpace
from workbench.store import Event

if TYPE_CHECKING:
    from workbench.search.ledger import Ledger

BETWEEN_CHILDREN = (BY_HAND_KIND, FORK_KIND, "generations")
"""Kinds of events that come with a generation; the others come with a child."""


class Script:
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

    def follow(self, ledger: Ledger, child: int | None = None) -> None:
        """Do what is due before `child` is proposed, or (None) between generations."""
        while self._events and self._is_due(self._events[0], ledger, child):
            self._do(self._events.popleft(), ledger)

    def _is_due(self, event: Event, ledger: Ledger, child: int | None) -> bool:
        if ledger.is_finished:
            return True
        if event.kind in BETWEEN_CHILDREN:
            return event.generation is None or event.generation <= ledger.evolution.generation
        return child is not None and event.from_child <= child

    def _do(self, event: Event, ledger: Ledger) -> None:
        if event.kind == BY_HAND_KIND:
            ledger.insert(self._guest(int(event.values["id"])))
            return
        ledger.log(event.kind, event.from_child, dict(event.values))
        if event.kind == SETTINGS_KIND:
            ledger.adopt(event.from_child, ledger.timeline.latest.changed(ledger.space, event.values))
        elif event.kind == FORK_KIND:
            ledger.adopt(event.from_child, next(self._starts))
            before = ledger.evolution
            ledger.evolution = evolution_of(ledger.wanted)
            ledger.evolution.restore(before.generation - 1, before.population, [*before.archive, *before.recent])


def evolution_of(settings: Settings) -> Evolution:
    """The loop with these settings, before anything is made."""
    config = settings.config
    return Evolution(config.population, config.seed, config.selection, config.survival)
