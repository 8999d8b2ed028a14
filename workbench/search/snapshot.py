"""What a search looks like at one instant: an immutable picture for progress lines and widgets."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.individuals import Individual


@dataclass(frozen=True)
class Snapshot:
    """One instant of a search.

    Attributes:
        state: "idle", "running", "paused", "stopped", "finished" or "failed".
        generation: the one in progress (0 = initial population).
        generations: generations in all.
        finished: individuals finished in this generation.
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

    @property
    def remaining_seconds(self) -> float | None:
        """Estimated time left, None before the first child."""
        if self.children_per_minute == 0:
            return None
        return 60 * (self.total_expected - self.total) / self.children_per_minute
