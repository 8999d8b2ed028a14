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
from workbench.search.history import FailureSummary
from workbench.search.settings import Settings
from workbench.search.snapshot import Snapshot
from workbench.search.state import SearchState
from workbench.space import SearchSpace
from workbench.store import Event, Run, open_run


class Observed:
    """Questions that any thread may ask a search, at any time."""

    space: SearchSpace
    path: Path
    _known: SearchState
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
        return self._known.config

    @property
    def evolution(self) -> Evolution:
        """Population and archive as of the last ranking."""
        return self._known.evolution

    @property
    def workers(self) -> int:
        """Children trained at once."""
        return capacity_of(self._executor, self.config.workers)

    @property
    def archive(self) -> tuple[Individual, ...]:
        """The all-time front, children of the generation in progress included, by rising FLOPs."""
        with self._wake:
            return tuple(front_of([*self.evolution.archive, *self._known.current], self.evolution.objectives))

    def snapshot(self) -> Snapshot:
        """What the search looks like now."""
        with self._wake:
            version, working = self._version, self._working.copy()
            state, archive = self._known, self.archive
            now = self._idle_since or time.perf_counter()
            elapsed = self._worked_seconds + (now - self._started if self._started else 0.0)
            return Snapshot(
                state=self._state,
                generation=min(self.evolution.generation, self.config.generations),
                generations=self.config.generations,
                finished=len(state.children),
                expected=0 if state.is_finished else state.expected,
                total=state.total,
                total_expected=state.total_expected,
                failed=state.failed,
                in_progress=tuple(sorted(self._pending)),
                population=self.evolution.population,
                archive=archive,
                hypervolume=hypervolume(archive, self.config.hypervolume),
                best_accuracy=most_accurate(archive).val_accuracy if archive else float("nan"),
                elapsed_seconds=elapsed,
                children_per_minute=60 * self._made_here / elapsed if self._made_here else 0.0,
                version=version,
                working=tuple(working[child] for child in sorted(working)),
                current=state.current,
                recent=tuple(state.story.individuals),
                finished_generations=tuple(state.story.finished_generations),
                events=tuple(state.story.events),
                failures=tuple(state.story.failures),
                error=None if self._error is None else f"{type(self._error).__name__}: {self._error}",
            )

    @property
    def version(self) -> int:
        """A number that differs from an earlier one if anything has changed since; cheap to ask for."""
        return self._version

    @property
    def target(self) -> Settings:
        """The live settings from the next child on."""
        return self._known.target

    @property
    def pending(self) -> dict[str, Any]:
        """Live settings that were changed and wait for the next child, whole (all of `rates`, say)."""
        with self._wake:
            return self._known.target.difference(self.space, self._known.timeline.latest)

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each mutation for the next child: as asked for, or as adapted to what paid lately."""
        with self._wake:
            return self._known.target.probabilities(self.space, self._known.credits)

    @property
    def timeline(self) -> tuple[Event, ...]:
        """What was changed while it ran, in order: each with `from_child`, the first child it affects, and `values`."""
        with self._wake:
            return tuple(self._known.story.events)

    @property
    def failures(self) -> tuple[FailureSummary, ...]:
        """The children that failed last, each with `id` and `reason`."""
        with self._wake:
            return tuple(self._known.story.failures)

    @property
    def results(self) -> Run:
        """The run file, to read."""
        return open_run(self.path)
