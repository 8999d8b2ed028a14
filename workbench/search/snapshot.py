"""What a search looks like at one instant: an immutable picture for progress lines and widgets."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.evolution import front_of, hypervolume, most_accurate
from workbench.executors import Progress
from workbench.individuals import Individual, is_by_hand
from workbench.search.config import SearchConfig
from workbench.search.history import FailureSummary, GenerationSummary, History, IndividualSummary
from workbench.settings import from_values
from workbench.store import Event, Run, of_a_run


@dataclass(frozen=True)
class Snapshot:
    """One instant of a search.

    Attributes:
        state: "idle", "running", "paused", "stopped", "finished" or "failed".
        generation: the one in progress (0 = initial population).
        generations: generations in all.
        finished: individuals finished in this generation, without those put in by hand, as in all these counts.
        expected: individuals of this generation.
        total: individuals finished over the whole run.
        total_expected: individuals of the whole run.
        failed: individuals that failed.
        in_progress: ids of the children in training.
        population: alive, as of the last ranking.
        archive: the all-time front, by rising FLOPs.
        hypervolume: of the archive.
        best_accuracy: highest validation accuracy of the archive; NaN if it is empty.
        elapsed_seconds: time this process has worked on the run.
        children_per_minute: over this process's work; 0 before the first.
        version: differs from that of another snapshot if anything has changed in between.
        working: how far each child in training is; empty if the executor cannot tell.
        current: finished individuals of the generation in progress, those put in by hand included.
        recent: the individuals trained last, at most `history.RECENT_INDIVIDUALS`, by time of finishing.
        finished_generations: the finished generations.
        events: everything that a person changed, in order.
        failures: the failures that came last, at most `history.RECENT_FAILURES`.
        error: why the search failed, or None.
    """

    state: str
    generation: int
    generations: int
    finished: int
    expected: int
    total: int
    total_expected: int
    failed: int
    in_progress: tuple[int, ...]
    population: tuple[Individual, ...]
    archive: tuple[Individual, ...]
    hypervolume: float
    best_accuracy: float
    elapsed_seconds: float
    children_per_minute: float
    version: int = 0
    working: tuple[Progress, ...] = ()
    current: tuple[Individual, ...] = ()
    recent: tuple[IndividualSummary, ...] = ()
    finished_generations: tuple[GenerationSummary, ...] = ()
    events: tuple[Event, ...] = ()
    failures: tuple[FailureSummary, ...] = ()
    error: str | None = None

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


@of_a_run
def snapshot_of(run: Run) -> Snapshot:
    """A stored run as it looks now, in the same form as a live search."""
    state = run.state  # first: one that has ended changes no more
    memory = run.load()
    config = from_values(SearchConfig, run.config)
    by_id = {individual.id: individual for individual in memory.individuals}
    last = memory.generations[-1] if memory.generations else None
    ranked = last.generation if last else -1
    archive = tuple(front_of(memory.individuals, run.objectives))
    story = History.of(memory)
    lengths = [event.values["generations"] for event in memory.events if event.kind == "generations"]
    generations = lengths[-1] if lengths else config.generations
    current = tuple(individual for individual in memory.individuals if individual.generation > ranked)
    total, finished = (sum(not is_by_hand(one.id) for one in some) for some in (memory.individuals, current))
    return Snapshot(
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
        archive=archive,
        hypervolume=hypervolume(archive, config.hypervolume),
        best_accuracy=most_accurate(archive).val_accuracy if archive else float("nan"),
        elapsed_seconds=sum(record.wall_seconds for record in memory.generations),
        children_per_minute=0.0,
        version=len(by_id),
        current=current,
        recent=tuple(story.individuals),
        finished_generations=tuple(story.finished_generations),
        events=tuple(story.events),
        failures=tuple(story.failures),
    )
