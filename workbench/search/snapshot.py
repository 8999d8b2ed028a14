"""A search as it looks at one instant, live or stored in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.evolution import HypervolumeBounds, front_of, hypervolume, most_accurate
from workbench.executors import Progress
from workbench.individuals import Individual, is_by_hand
from workbench.search.config import LENGTH_EVENT, SearchConfig
from workbench.search.history import FailureSummary, GenerationSummary, History, IndividualSummary
from workbench.settings import from_values
from workbench.store import Event, Run, values_of


@dataclass(frozen=True)
class Snapshot:
    """One instant of a search. Individuals inserted by hand are left out of all counts."""

    state: str  # "idle", "running", "paused", "stopped", "finished", "failed"; of a run in a file also "interrupted"
    generation: int  # in progress; 0: the initial population
    generations: int | None  # in all; None: until it is stopped
    finished: int  # individuals of this generation
    expected: int  # individuals of this generation
    total: int  # individuals finished over the whole run
    total_expected: int | None  # individuals of the whole run; None if there is no end to be seen
    failed: int  # individuals that failed
    in_progress: tuple[int, ...]  # ids of the children in training
    population: tuple[Individual, ...]  # alive, as of the last ranking
    archive: tuple[Individual, ...]  # the all-time front, by rising FLOPs
    hypervolume: float  # of the archive
    best_accuracy: float  # of the archive, on the validation split; NaN if it is empty
    elapsed_seconds: float  # worked on the run: in this process, and before it on the generations then ranked
    children_per_minute: float  # over this process's work; 0 before the first
    version: int = 0  # differs from that of another snapshot if anything has changed in between
    working: tuple[Progress, ...] = ()  # of the children in training; empty if the executor does not report it
    current: tuple[Individual, ...] = ()  # finished, of the generation in progress, with those inserted by hand
    recent: tuple[IndividualSummary, ...] = ()  # trained last, at most `RECENT_INDIVIDUALS`, by time of finishing
    finished_generations: tuple[GenerationSummary, ...] = ()
    events: tuple[Event, ...] = ()  # everything that a person changed, in order
    failures: tuple[FailureSummary, ...] = ()  # the latest, at most `RECENT_FAILURES`
    compiling: str = ""  # how far this process is with compiling kernels, which children wait for
    error: str | None = None  # why the search failed

    @property
    def best(self) -> int | None:
        """Id of the most accurate of the archive; None if that is empty."""
        return most_accurate(self.archive).id if self.archive else None

    @property
    def remaining_seconds(self) -> float | None:
        """Estimated time left; None before the first child of this process, and if there is no end to be seen."""
        if self.children_per_minute == 0 or self.total_expected is None:
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
    config = from_values(SearchConfig, {"generations": lengths[-1]}, config) if lengths else config
    end, planned = config.generations, config.individuals
    current = tuple(individual for individual in memory.individuals if individual.generation > ranked)
    total, finished = (sum(not is_by_hand(one.id) for one in some) for some in (memory.individuals, current))
    return make_snapshot(
        History.of(memory),
        tuple(front_of(memory.individuals, run.objectives)),
        config.hypervolume,
        state=state,
        generation=ranked + 1 if end is None else min(ranked + 1, end),
        generations=end,
        finished=finished,
        expected=finished,
        total=total,
        total_expected=None if planned is None else max(total, planned),
        failed=sum(not individual.ok for individual in memory.individuals),
        in_progress=(),
        population=tuple(by_id[id] for id in last.population) if last else (),
        elapsed_seconds=sum(record.wall_seconds for record in memory.generations),
        children_per_minute=0.0,
        version=len(by_id),
        current=current,
    )
