"""What a search tells about itself: the half of `Search` that only looks."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from workbench.evolution import Evolution, front_of, hypervolume, most_accurate
from workbench.executors import Progress, capacity_of
from workbench.individuals import Individual
from workbench.search.config import SearchConfig
from workbench.search.ledger import Ledger
from workbench.search.settings import Settings
from workbench.search.snapshot import Snapshot
from workbench.search.story import Failure
from workbench.space import SearchSpace
from workbench.store import Event, Run, open_run


class Observed:
    """Questions that any thread may ask a search, at any time."""

    space: SearchSpace
    path: Path
    _ledger: Ledger
    _wake: threading.Condition
    _state: str
    _error: BaseException | None
    _executor: Executor | str | None
    _pending: set[int]
    _working: dict[int, Progress]
    _version: int
    _started: float
    _idle_since: float
    _worked_seconds: float
    _made_here: int

    @property
    def config(self) -> SearchConfig:
        """The settings at the start of the run."""
        return self._ledger.config

    @property
    def evolution(self) -> Evolution:
        """Population and archive as of the last ranking."""
        return self._ledger.evolution

    @property
    def workers(self) -> int:
        """Children trained at once."""
        return capacity_of(self._executor, self.config.workers)

    @property
    def archive(self) -> tuple[Individual, ...]:
        """The all-time front, children of the generation in progress included, by rising FLOPs."""
        with self._wake:
            return tuple(front_of([*self.evolution.archive, *self._ledger.current]))

    def snapshot(self) -> Snapshot:
        """What the search looks like now."""
        with self._wake:
            version, working = self._version, self._working.copy()
            ledger, archive = self._ledger, self.archive
            now = self._idle_since or time.perf_counter()
            elapsed = self._worked_seconds + (now - self._started if self._started else 0.0)
            return Snapshot(
                state=self._state,
                generation=min(self.evolution.generation, self.config.generations),
                generations=self.config.generations,
                finished=len(ledger.children),
                expected=0 if ledger.is_finished else ledger.expected,
                total=ledger.total,
                total_expected=ledger.total_expected,
                failed=ledger.failed,
                in_progress=tuple(sorted(self._pending)),
                population=self.evolution.population,
                archive=archive,
                hypervolume=hypervolume(archive, self.config.hypervolume),
                best_accuracy=most_accurate(archive).val_accuracy if archive else float("nan"),
                elapsed_seconds=elapsed,
                children_per_minute=60 * self._made_here / elapsed if self._made_here else 0.0,
                version=version,
                working=tuple(working[child] for child in sorted(working)),
                current=ledger.current,
                recent=tuple(ledger.story.points),
                milestones=tuple(ledger.story.milestones),
                events=tuple(ledger.story.events),
                failures=tuple(ledger.story.failures),
                error=None if self._error is None else f"{type(self._error).__name__}: {self._error}",
            )

    @property
    def version(self) -> int:
        """A number that differs from an earlier one if anything has changed since; cheap to ask for."""
        return self._version

    @property
    def wanted(self) -> Settings:
        """The live settings from the next child on."""
        return self._ledger.wanted

    @property
    def pending(self) -> dict[str, Any]:
        """Live settings that were changed and wait for the next child, whole (all of `rates`, say)."""
        with self._wake:
            return self._ledger.wanted.difference(self.space, self._ledger.timeline.latest)

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each mutation for the next child: as asked for, or as adapted to what paid lately."""
        with self._wake:
            return self._ledger.wanted.probabilities(self.space, self._ledger.credits)

    @property
    def timeline(self) -> tuple[Event, ...]:
        """What was changed while it ran, in order: each with `from_child`, the first child it affects, and `values`."""
        with self._wake:
            return tuple(self._ledger.story.events)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The children that failed last, each with `id` and `reason`."""
        with self._wake:
            return tuple(self._ledger.story.failures)

    @property
    def results(self) -> Run:
        """The run file, to read."""
        return open_run(self.path)
