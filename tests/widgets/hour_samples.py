"""An hour of a search, told in snapshots without training anything."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import anywidget
import numpy as np
import traitlets
from widget_samples import individual

from workbench.evolution import front_of
from workbench.executors import Progress
from workbench.individuals import Individual
from workbench.search import Search, Snapshot
from workbench.search.history import GenerationSummary, History
from workbench.store import Event, GenerationRecord
from workbench.views.base.poller import POLLER
from workbench.views.base.source import Source
from workbench.views.individuals.data import SHARED, Individuals
from workbench.widgets import Dashboard

PER_GENERATION = 8
FAILS_EVERY, POPULATION = 20, 60
EPOCHS = 20


class Hour:
    """The past of a search that grows as fast as one likes.

    Attributes:
        total: children so far.
    """

    def __init__(self, base: Snapshot) -> None:
        self.base, self.history, self.rng = base, History(), np.random.default_rng(0)
        self.alive: list[Individual] = []
        self.archive: tuple[Individual, ...] = ()
        self.working: list[Progress] = []
        self.total = self.version = 0

    def make(self, children: int) -> None:
        """So many more children are finished."""
        for id in range(self.total, self.total + children):
            child = individual(id, float(self.rng.random()), int(10 ** self.rng.uniform(2, 5)))
            if id % FAILS_EVERY == FAILS_EVERY - 1:
                child = replace(child, status="failed", failure="no luck " * 20, result=None)
            else:
                self.alive = [*self.alive[1 - POPULATION :], child]
            self.history.add(child)
            if id % PER_GENERATION == PER_GENERATION - 1:
                self.archive = tuple(front_of([*self.archive, *self.alive]))
                self.history.finished_generations.append(
                    GenerationSummary(child.generation, id + 1, 1 - 100 / (id + 101), 0.9)
                )
        self.total += children

    def change(self) -> None:
        """A person moves a slider."""
        number = len(self.history.events) + 1
        values = {"tournament": number % 20 + 1}
        self.history.events.append(Event(number, "settings", self.total, self.total // PER_GENERATION, values, ""))

    def tick(self) -> None:
        """Let the two children in training go on."""
        self.version += 1
        self.working = [
            Progress(id, None, "grow", 1000 + id, self.version % EPOCHS, EPOCHS, float(self.rng.random()))
            for id in (self.total, self.total + 1)
        ]

    def snapshot(self) -> Snapshot:
        """What it looks like now."""
        return replace(
            self.base,
            version=self.version,
            state="running",
            total=self.total,
            total_expected=20_000,
            generation=self.total // PER_GENERATION,
            generations=2500,
            population=tuple(self.alive),
            archive=self.archive,
            in_progress=(self.total, self.total + 1),
            working=tuple(self.working),
            recent=tuple(self.history.individuals),
            finished_generations=tuple(self.history.finished_generations),
            events=tuple(self.history.events),
            failures=tuple(self.history.failures),
        )


class HourFile:
    """What the run file of an hour would tell of the latest individuals."""

    def __init__(self, hour: Hour) -> None:
        self.hour = hour

    def news(self, id: int, generation: int) -> tuple[list[dict[str, Any]], list[GenerationRecord]]:
        latest = itertools.takewhile(lambda one: one.id > id, reversed(self.hour.history.individuals))
        facts = {"origin": "mutation", "status": "ok", "mutation": {"kind": "grow"}, "description": {}}
        facts |= {"mutation_kind": "grow", "wall_seconds": 0.1}
        return [{**one._asdict(), **facts} for one in latest][::-1], []


class HourSource(Source):
    """A search of which views see the hour instead of what it does itself."""

    def __init__(self, search: Search, hour: Hour) -> None:
        super().__init__(search)
        self.hour = hour
        SHARED[self] = Individuals(HourFile(hour))

    @property
    def version(self) -> int:
        return self.hour.version

    def snapshot(self) -> Snapshot:
        self.latest = self.hour.snapshot()
        return self.latest


class Echo(anywidget.AnyWidget):
    """Says which of the updates sent so far the page has taken in."""

    _esm = """
    function render({ model }) {
      model.on("change:sent", () => requestAnimationFrame(() => {
        window.workbenchUpdates = model.get("sent");
        model.set("seen", model.get("sent"));
        model.save_changes();
      }));
    }
    export default { render };
    """

    sent = traitlets.Int(0).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)


class Replayed:
    """A dashboard whose search is replaced by an hour.

    Args:
        search: whose individuals may be selected.
        children: made before the dashboard opens.
    """

    def __init__(self, search: Search, children: int) -> None:
        self.hour, self.echo = Hour(search.snapshot()), Echo()
        self.known = [one.id for one in search.archive]
        self.hour.make(children)
        self.dashboard = Dashboard(HourSource(search, self.hour))
        for subscription in POLLER.subscriptions:
            subscription.interval = 0.0
        self._task: asyncio.Task[None] | None = None

    def update(self) -> None:
        """Tell all views something new, whatever their interval."""
        number = self.hour.version
        if number % 2:
            self.hour.make(1)
        if number % 50 == 0:
            self.hour.change()
        if number % 20 == 0 and self.known:
            self.dashboard.selection.individual = self.known[number // 20 % len(self.known)]
        self.hour.tick()
        POLLER.poll_once()

    def start(self, updates: int) -> None:
        """Update the page so often, each time as soon as it has taken in the last one."""
        self._task = asyncio.get_running_loop().create_task(self._go(updates))

    async def _go(self, updates: int) -> None:
        for _ in range(updates):
            self.update()
            self.echo.sent += 1
            while self.echo.seen < self.echo.sent:
                await asyncio.sleep(0.005)
