"""A whole study of one data set: baselines, searches, random searches, retrained fronts, a finished member.

Every result is written to a file of one folder as soon as it is there, so a study that was stopped goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.results.baselines import measure_baselines
from workbench.results.files import ResultFile
from workbench.results.random_search import random_search, training_cost
from workbench.results.retraining import FINISHINGS, Finishing, finish_member, retrain_front
from workbench.search import Search, preset
from workbench.store import Run, open_run

Say = Callable[[str], None]

STEPS = ("baselines", "searches", "random", "retraining", "finishing")

RETRAINING_EPOCHS = {"digits": 60, "mnist": 20, "cifar10": 40}
"""Epochs of the front's members: as many as the best-known hand-made network of each data set gets."""


@dataclass(frozen=True)
class Study:
    """What to compare, and where results go."""

    dataset: str  # its name
    preset: str = "best"  # of the searches
    seeds: tuple[int, ...] = (0, 1, 2)  # of searches, random searches, trainings
    folder: Path = Path("data/results")  # of all files
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings of the searches over the preset's
    baseline_epochs: int | None = None  # at most so many; None for each recipe's own
    baselines: tuple[str, ...] | None = None  # names of those to train; None for the data set's suite
    retraining_epochs: int | None = None  # of the front's members; None for `RETRAINING_EPOCHS`
    members: int | None = 8  # of each front that are trained again; None for all
    finishing_epochs: int | None = None  # of the last training of the most accurate member; None for `FINISHINGS`
    workers: int = 2  # networks trained at once; changes no result

    @classmethod
    def quick(cls, dataset: str, folder: Path) -> Study:
        """A small version that takes minutes: presets `quick`, few epochs, two seeds."""
        few = {"digits": 20, "mnist": 4, "cifar10": 4}
        chosen = {"mnist": ("logistic", "mlp-32", "strided-cnn-3-8", "lenet-300-100")}
        return cls(
            dataset,
            "quick",
            (0, 1),
            folder,
            baseline_epochs=few.get(dataset, 4),
            baselines=chosen.get(dataset),
            retraining_epochs=few.get(dataset, 4),
            members=3,
            finishing_epochs=few.get(dataset, 4),
        )

    def run_path(self, kind: str, seed: int) -> Path:
        """The run of a "search" or "random" search."""
        return self.folder / f"{self.dataset}-{self.preset}-{kind}-{seed}.sqlite"

    def baseline_path(self) -> Path:
        """Baselines: the same for all presets."""
        return self.folder / f"baselines-{self.dataset}.json"

    def searches_path(self) -> Path:
        """Figures of searches and random searches."""
        return self.folder / f"searches-{self.dataset}-{self.preset}.json"

    def retraining_path(self, seed: int) -> Path:
        """The retraining of a search's front."""
        return self.folder / f"retrain-{self.dataset}-{self.preset}-{seed}.json"

    def finishing_path(self, seed: int) -> Path:
        """The finishing of a front's most accurate member."""
        return self.folder / f"finish-{self.dataset}-{self.preset}-{seed}.json"


def carry_out(study: Study, data: Dataset, steps: tuple[str, ...] = STEPS, say: Say = print) -> None:
    """Run the missing parts of a study.

    Args:
        study: what to compare.
        data: its data set.
        steps: some of `STEPS`, done in that order.
        say: told of each result.

    Raises:
        ConfigError: if a step is unknown, or the data are of another name.
    """
    if unknown := set(steps) - set(STEPS):
        raise ConfigError(f"unknown step {sorted(unknown)[0]!r}; expected some of: {', '.join(STEPS)}")
    if data.name != study.dataset:
        raise ConfigError(f"expected the data set {study.dataset!r}, got {data.name!r}")
    work = {
        "baselines": _baselines,
        "searches": _searches,
        "random": _random,
        "retraining": _retraining,
        "finishing": _finishing,
    }
    for step in STEPS:
        if step in steps:
            work[step](study, data, say)


def _baselines(study: Study, data: Dataset, say: Say) -> None:
    file = ResultFile(study.baseline_path())
    measure_baselines(file, data, study.seeds, study.baselines, epochs=study.baseline_epochs, say=say)


def _searches(study: Study, data: Dataset, say: Say) -> None:
    made = preset(study.preset, study.dataset, **study.changes)
    for seed in study.seeds:
        config = replace(made.config, seed=seed, workers=study.workers)
        search = Search(data, config, _parents(study.run_path("search", seed)), made.space(data), if_exists="resume")
        _finish(study, search, f"search seed {seed}", say)


def _random(study: Study, data: Dataset, say: Say) -> None:
    for seed in study.seeds:
        path = _parents(study.run_path("random", seed))
        search = random_search(_finished(study, seed), data, path, seed=seed, workers=study.workers)
        _finish(study, search, f"random seed {seed}", say)


def _finish(study: Study, search: Search, key: str, say: Say) -> None:
    """Run a search to its end and keep its figures."""
    try:
        search.run()
    finally:
        search.close()
    run = open_run(search.path)
    if run.state == "finished":
        entry = search_figures(run)
        ResultFile(study.searches_path()).add(key, entry)
        say(f"{study.dataset}, {key}: hypervolume {entry['hypervolume']:.4f} after {entry['minutes']:.1f} minutes")


def search_figures(run: Run) -> dict[str, Any]:
    """The figures of a search for the tables."""
    individuals, generations, front = run.individuals, run.generations, run.front()
    return {
        "seed": run.seed,
        "selection": run.config["selection"],
        "hypervolume": float(generations["hypervolume"].iloc[-1]),
        "individuals": len(individuals),
        "epochs": int(individuals["epochs"].fillna(0).sum()),
        "training_cost": training_cost(run),
        "minutes": float(generations["wall_seconds"].sum()) / 60,
        "front": list(zip(front["flops"].tolist(), front["val_accuracy"].tolist(), strict=True)),
        "processor": run.description.cpu,
    }


def _retraining(study: Study, data: Dataset, say: Say) -> None:
    base = preset("best", study.dataset).config.train
    epochs = study.retraining_epochs or RETRAINING_EPOCHS.get(study.dataset, base.epochs)
    for seed in study.seeds:
        retrain_front(
            _finished(study, seed),
            data,
            replace(base, epochs=epochs),
            study.seeds,
            file=ResultFile(study.retraining_path(seed)),
            most=study.members,
            workers=study.workers,
            say=say,
        )


def _finishing(study: Study, data: Dataset, say: Say) -> None:
    """Of the first search only: it takes as long as many children do."""
    how, seed = FINISHINGS.get(study.dataset, Finishing()), study.seeds[0]
    if study.finishing_epochs:
        how = replace(how, recipe={**how.recipe, "epochs": study.finishing_epochs})
    finish_member(_finished(study, seed), data, how, seed, file=ResultFile(study.finishing_path(seed)), say=say)


def _finished(study: Study, seed: int) -> Run:
    """The finished search of a seed; `ConfigError` if it is not there yet."""
    path = study.run_path("search", seed)
    if not path.exists() or (run := open_run(path)).state != "finished":
        raise ConfigError(f"{path} is not a finished search; do the step 'searches' first")
    return run


def _parents(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
