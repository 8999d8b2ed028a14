"""A search as it looks at one instant, live or stored in a file; its progress line; and how to follow it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.evolution import HypervolumeBounds, front_of, hypervolume, most_accurate
from workbench.executors import Progress
from workbench.formats import duration, percent
from workbench.individuals import Individual, is_by_hand
from workbench.search.config import LENGTH_EVENT, SearchConfig
from workbench.search.history import FailureSummary, GenerationSummary, History, IndividualSummary
from workbench.settings import from_values
from workbench.store import Event, Run, is_being_written, open_run, values_of

JOIN_SECONDS = 0.2
POLL_SECONDS = 0.5
QUIET_POLLS = 10
"""Polls without news after which `follow_run` checks whether the run is still being written."""


@dataclass(frozen=True)
class Snapshot:
    """One instant of a search. Individuals inserted by hand are left out of all counts."""

    state: str  # "idle", "running", "paused", "stopped", "finished" or "failed"
    generation: int  # in progress; 0: the initial population
    generations: int  # in all
    finished: int  # individuals of this generation
    expected: int  # individuals of this generation
    total: int  # individuals finished over the whole run
    total_expected: int  # individuals of the whole run
    failed: int  # individuals that failed
    in_progress: tuple[int, ...]  # ids of the children in training
    population: tuple[Individual, ...]  # alive, as of the last ranking
    archive: tuple[Individual, ...]  # the all-time front, by rising FLOPs
    hypervolume: float  # of the archive
    best_accuracy: float  # of the archive, on the validation split; NaN if it is empty
    elapsed_seconds: float  # time this process has worked on the run
    children_per_minute: float  # over this process's work; 0 before the first
    version: int = 0  # differs from that of another snapshot if anything has changed in between
    working: tuple[Progress, ...] = ()  # of the children in training; empty if the executor does not report it
    current: tuple[Individual, ...] = ()  # finished, of the generation in progress, with those inserted by hand
    recent: tuple[IndividualSummary, ...] = ()  # trained last, at most `RECENT_INDIVIDUALS`, by time of finishing
    finished_generations: tuple[GenerationSummary, ...] = ()
    events: tuple[Event, ...] = ()  # everything that a person changed, in order
    failures: tuple[FailureSummary, ...] = ()  # the latest, at most `RECENT_FAILURES`
    error: str | None = None  # why the search failed

    @property
    def best(self) -> int | None:
        """Id of the most accurate of the archive; None if that is empty."""
        return most_accurate(self.archive).id if self.archive else None

    @property
    def remaining_seconds(self) -> float | None:
        """Estimated time left, None before the first child."""
        if self.children_per_minute == 0:
            return None
        return 60 * (self.total_expected - self.total) / self.children_per_minute


def make_snapshot(
    history: History, archive: tuple[Individual, ...], bounds: HypervolumeBounds, **facts: Any
) -> Snapshot:
    """A snapshot, given the history, the front, the bounds of its hypervolume, and all other fields."""
    return Snapshot(
        archive=archive,
        hypervolume=hypervolume(archive, bounds),
        best_accuracy=most_accurate(archive).val_accuracy if archive else float("nan"),
        recent=tuple(history.individuals),
        finished_generations=tuple(history.finished_generations),
        events=tuple(history.events),
        failures=tuple(history.failures),
        **facts,
    )


def snapshot_of(run: Run) -> Snapshot:
    """A stored run as it looks now, in the same form as a live search."""
    with values_of(run.path):
        return _snapshot_of(run)


def _snapshot_of(run: Run) -> Snapshot:
    state = run.state  # first: one that has ended changes no more
    memory = run.load()
    config = from_values(SearchConfig, run.config)
    by_id = {individual.id: individual for individual in memory.individuals}
    last = memory.generations[-1] if memory.generations else None
    ranked = last.generation if last else -1
    lengths = [event.values["generations"] for event in memory.events if event.kind == LENGTH_EVENT]
    generations = lengths[-1] if lengths else config.generations
    current = tuple(individual for individual in memory.individuals if individual.generation > ranked)
    total, finished = (sum(not is_by_hand(one.id) for one in some) for some in (memory.individuals, current))
    return make_snapshot(
        History.of(memory),
        tuple(front_of(memory.individuals, run.objectives)),
        config.hypervolume,
        state=state,
        generation=min(ranked + 1, generations),
        generations=generations,
        finished=finished,
        expected=finished,
        total=total,
        total_expected=max(total, config.individuals),
        failed=sum(not individual.ok for individual in memory.individuals),
        in_progress=(),
        population=tuple(by_id[id] for id in last.population) if last else (),
        elapsed_seconds=sum(record.wall_seconds for record in memory.generations),
        children_per_minute=0.0,
        version=len(by_id),
        current=current,
    )


def watch(search: Any, *, show: bool = True) -> None:
    """Block until the thread of a `Search` ends, showing its progress; Ctrl-C stops it after the children in training.

    In a terminal or notebook one line is redrawn; elsewhere (a log file) one line is printed per generation.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    line = Live(console=console, auto_refresh=False) if show and (console.is_terminal or console.is_jupyter) else None
    with line or nullcontext():
        shown = -1
        while True:
            try:
                ended, now = search.join(JOIN_SECONDS), search.snapshot()
                if line is not None:
                    line.update(Text(progress_line(now)), refresh=True)
                elif show and (now.generation != shown or ended):
                    shown = now.generation
                    console.print(progress_line(now), highlight=False, soft_wrap=True)
                if ended:
                    return
            except KeyboardInterrupt:
                if search.snapshot().state == "stopped":
                    raise
                search.stop()
                console.print("Stopping: waiting for the children in training. Press Ctrl-C again to abandon them.")
                time.sleep(JOIN_SECONDS)


def progress_line(snapshot: Snapshot) -> str:
    """One line: generation, best accuracy, hypervolume, children per minute, time left."""
    parts = [
        f"{snapshot.state} · generation {snapshot.generation}/{snapshot.generations}",
        f"{snapshot.total}/{snapshot.total_expected} individuals",
        f"best {percent(snapshot.best_accuracy)} val",
        f"front {len(snapshot.archive)}, hypervolume {snapshot.hypervolume:.4f}",
    ]
    if snapshot.children_per_minute:  # unknown of a run that is only read
        parts.append(f"{snapshot.children_per_minute:.1f} children/min")
    if snapshot.failed:
        parts.append(f"{snapshot.failed} failed")
    if snapshot.state in ("running", "paused"):
        parts.append("time left " + duration(snapshot.remaining_seconds))
    else:
        parts.append("took " + duration(snapshot.elapsed_seconds))
    return " · ".join(parts)


def follow_run(path: str, poll_seconds: float = POLL_SECONDS) -> Iterator[Snapshot]:
    """The run in `path` whenever it has changed, until its search has ended (or was killed)."""
    run, quiet = open_run(path), 0
    seen: tuple[int, ...] | None = None
    shown: object = None
    while True:
        now = written_at(run.path)
        ended = now == seen and quiet % QUIET_POLLS == QUIET_POLLS - 1 and not is_being_written(run.path)
        if now != seen or ended:
            seen, quiet, snapshot = now, 0, snapshot_of(run)
            news = (snapshot.state, snapshot.total, len(snapshot.finished_generations), len(snapshot.events))
            if news != shown:  # also checked at the end: two changes within one tick of the file's clock look like one
                shown = news
                yield snapshot
            if ended or (snapshot.state != "running" and not is_being_written(run.path)):
                return
        else:
            quiet += 1
        time.sleep(poll_seconds)


def written_at(run: Path) -> tuple[int, ...]:
    """When a run file and its log were written last, in ns; 0 for one that is not there."""
    times = [0, 0]
    for place, path in enumerate((str(run), f"{run}-wal")):
        with suppress(OSError):
            times[place] = os.stat(path).st_mtime_ns
    return tuple(times)
