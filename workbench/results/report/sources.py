"""What a report is made of: runs, the data, and results that were measured beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.results.baselines import measured_baselines
from workbench.results.files import ResultFile
from workbench.results.retraining import ABOUT
from workbench.store import Run
from workbench.views.front.baselines import Baseline, baselines_for


def kind_of(run: Run) -> str:
    """What kind of search a run was."""
    return "random search" if run.config.get("selection") == "random" else "evolution"


@dataclass(frozen=True)
class ReportSources:
    """Where a report takes its figures from.

    Attributes:
        run: what it is about.
        data: the run's data set.
        others: runs to lay beside it: other seeds, a random search.
        results: folder with `baselines-NAME.json` and retrainings; figures that are missing are left out.
    """

    run: Run
    data: Dataset
    others: tuple[Run, ...] = ()
    results: Path = field(default_factory=lambda: Path("data/results"))

    def __post_init__(self) -> None:
        for run in (self.run, *self.others):
            if run.dataset["fingerprint"] != self.data.fingerprint:
                raise RunError(f"{run.path} was made with other data ({run.dataset['name']}); pass the same data set")

    def groups(self) -> dict[str, tuple[Run, ...]]:
        """All runs by how they select: evolution by evolution, random search by random search."""
        groups: dict[str, tuple[Run, ...]] = {}
        for run in (self.run, *self.others):
            groups[kind_of(run)] = (*groups.get(kind_of(run), ()), run)
        return groups

    def baseline_file(self) -> ResultFile | None:
        """Measured baselines of the data set, if there are any."""
        path = self.results / f"baselines-{self.data.name}.json"
        return ResultFile(path) if path.exists() else None

    def baselines(self) -> tuple[Baseline, ...]:
        """Hand-made networks: measured ones if there are any, else those that the package knows."""
        file = self.baseline_file()
        return baselines_for(self.data.name) if file is None else measured_baselines(file)

    def retraining(self) -> ResultFile | None:
        """The retraining of the run's front, if one is stored."""
        for path in sorted(self.results.glob("retrain-*.json")):
            file = ResultFile(path)
            if ABOUT in file and file[ABOUT].get("run") == self.run.created_at:
                return file
        return None
