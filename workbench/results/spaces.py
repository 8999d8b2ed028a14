"""Search spaces side by side: evolution and random search in each, all with the same processor seconds.

A run has a process of its own with one worker, so that all it does is measured, and a file of its own; it can be
stopped at any time and goes on from there. What is kept of a finished run, in one JSON file a data set, is enough for
all tables and figures.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.objectives import undominated
from workbench.results.files import ResultFile
from workbench.results.random_search import random_search
from workbench.results.timed import Spending, run_for, warm_up
from workbench.search import Search, preset
from workbench.search.report import chosen_members
from workbench.space import Presets
from workbench.spaces import SPACES
from workbench.store import Run, open_run

Say = Callable[[str], None]

KINDS = {"evolution": "evolution", "random": "random search"}
"""What is run in each space, the first before the second, and how tables name it."""

SECONDS = {"digits": 60.0, "mnist": 120.0, "cifar10": 180.0}
"""Of the processor, for each run on a data set."""
OTHER_SECONDS = 120.0

SEEDS = {"cifar10": (0,)}
OTHER_SEEDS = (0, 1, 2)

TRAINING_IMAGES = {"mnist": 5_000, "cifar10": 5_000}
"""So many of the training images, the same for all spaces: one pass of a network of `hnas` over all 50,000 of MNIST
takes 13 processor seconds, so that two minutes would hardly do for the initial population. The other splits are whole.
"""

FEW: dict[str, Any] = {"population": 8, "children": 4}
CHANGES = {"hnas": FEW, "einspace": FEW}
"""Settings over those of the preset, by space: networks of these are slow to train, and with the initial populations of
their presets (10 to 20) most of the seconds would be spent before evolution begins."""

MOST_EPOCHS = {"hnas": 4, "einspace": 4}
"""Epochs of a child at most, by space, for the same reason (on digits the presets have 10 and 20); children go on with
the weights of their parents, so that short trainings add up."""


def comparable_spaces() -> tuple[str, ...]:
    """The spaces of the workbench whose measure of success is accuracy, in the order of registration."""
    return tuple(
        name
        for name, kind in SPACES.items()
        if isinstance(kind, Presets) and kind.measure == "accuracy" and kind.__module__.startswith("workbench.")
    )


@dataclass(frozen=True)
class SpacesStudy:
    """What is compared on one data set, and where results go."""

    dataset: str  # its name
    spaces: tuple[str, ...] = field(default_factory=comparable_spaces)
    seeds: tuple[int, ...] = ()  # none: `SEEDS`
    seconds: float | None = None  # of the processor, for each run; None: `SECONDS`
    folder: Path = Path("data/results")  # of all files
    workers: int = 2  # runs at once, each in a process; changes no result but by how fast the machine then is

    def __post_init__(self) -> None:
        if unknown := set(self.spaces) - set(comparable_spaces()):
            raise ConfigError(
                f"expected search spaces out of {', '.join(comparable_spaces())}, got {sorted(unknown)[0]!r}"
            )
        if self.seconds is not None and not self.seconds > 0:
            raise ConfigError(f"seconds expects a number above 0, got {self.seconds}")

    @property
    def limit(self) -> float:
        """Processor seconds of each run."""
        return self.seconds or SECONDS.get(self.dataset, OTHER_SECONDS)

    @property
    def results_path(self) -> Path:
        """The file with what is kept of all runs."""
        return self.folder / f"spaces-{self.dataset}.json"

    def run_path(self, space: str, kind: str, seed: int) -> Path:
        """The file of one run."""
        return self.folder / f"{self.dataset}-spaces-{space}-{kind}-{seed}.sqlite"

    def pairs(self) -> Iterator[tuple[str, int]]:
        """Space and seed of each evolution with its random search, the first seed of all spaces first."""
        for seed, space in product(self.seeds or SEEDS.get(self.dataset, OTHER_SEEDS), self.spaces):
            yield space, seed

    def images(self, data: Dataset) -> Dataset:
        """What of a data set the runs get."""
        n_train = TRAINING_IMAGES.get(self.dataset, data.size("train"))
        return data if n_train >= data.size("train") else data.subset(n_train, only_train=True)


def key_of(space: str, kind: str, seed: int) -> str:
    """Of a run in the file of results."""
    return f"{space} {kind} seed {seed}"


def carry_out_spaces(study: SpacesStudy, data: Dataset, say: Say = print) -> None:
    """Run what is missing of a study; `say` is told of each run that is finished.

    The random search of a space follows its evolution of the same seed, whose front tells the sizes to draw. A run that
    fails is told of, and the others go on.
    """
    study.folder.mkdir(parents=True, exist_ok=True)
    file, data, stopped = ResultFile(study.results_path), study.images(data), threading.Event()

    def work(pair: tuple[str, int]) -> None:
        space, seed = pair
        for kind in KINDS:
            key = key_of(space, kind, seed)
            if stopped.is_set() or (key in file and file[key]["seconds"] >= study.limit):
                continue
            try:
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                    entry = process.submit(carry_out_run, study, data, space, kind, seed).result()
            except (WorkbenchError, BrokenProcessPool) as error:
                say(f"{study.dataset}, {key} failed: {error}")
                return
            if entry is None:  # it was stopped
                return
            file.add(key, entry)
            say(f"{study.dataset}, {key}: {entry['individuals']} networks, best {entry['best_accuracy']:.2%}")

    with ThreadPoolExecutor(study.workers) as pool:
        try:
            for _ in pool.map(work, list(study.pairs())):
                pass
        except BaseException:  # Ctrl-C: the runs have got it too, and store what is done
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def carry_out_run(study: SpacesStudy, data: Dataset, space: str, kind: str, seed: int) -> dict[str, Any] | None:
    """Begin or go on with one run in this process; what is kept of it, or None if it was stopped before its end."""
    parent = multiprocessing.parent_process()
    search = search_of(study, data, space, kind, seed)

    def is_orphan() -> bool:
        return parent is not None and not parent.is_alive()

    try:
        if Spending(search.path).total < study.limit:
            warm_up(data, search.config, search.space)
        done = run_for(search, study.limit, is_orphan)
    finally:
        search.close(now=True)
        if is_orphan():  # the study was killed, and a worker of a pool would wait for it for ever
            os._exit(1)
    return {"seconds": study.limit, **entry_of(open_run(search.path), data)} if done else None


def search_of(study: SpacesStudy, data: Dataset, space: str, kind: str, seed: int) -> Search:
    """The search of a run, new or resumed, with one worker and without an end."""
    path = study.run_path(space, kind, seed)
    if path.exists():
        return Search.resume(path, data, workers=1)
    Spending(path).path.unlink(missing_ok=True)  # of a run that is gone
    if kind == "random":
        found = open_run(study.run_path(space, "evolution", seed))
        return random_search(found, data, path, seed=seed, workers=1, changes={"budget": None})
    made = preset("quick", data, space, **CHANGES.get(space, {}), seed=seed, workers=1, generations=None)
    if made.config.train.epochs > (most := MOST_EPOCHS.get(space, made.config.train.epochs)):
        made = made.changed({"train.epochs": most})
    return Search(data, made, path)


def entry_of(run: Run, data: Dataset) -> dict[str, Any]:
    """What is kept of a run, JSON-ready: what it tried and spent, the steps of its front, and one look at the test set.

    A step is a network that no earlier one dominated: id, FLOPs, validation accuracy, and the processor seconds and
    training FLOPs (`Run.spent`) by which it was stored. So the front at any cost is that of the steps until then.
    The network tested is the most accurate one on the selection split of those that this split chose.
    """
    table, spending = run.individuals, Spending(run.path)
    training = run.spent()["training_flops"].cumsum().to_numpy(float)
    processor = spending.by(len(table))
    ids, flops = table["id"].tolist(), table["flops"].astype(float).tolist()
    accuracy = table["val_accuracy"].where(table["status"] == "ok").tolist()
    chosen = chosen_members(run, data)
    best = chosen.iloc[int(chosen["selection_accuracy"].argmax())]
    return {
        "space": run.space_name,
        "selection": run.config["selection"],
        "seed": run.seed,
        "individuals": len(table),
        "failed": int((table["status"] != "ok").sum()),
        "initial": int(run.config["population"]),
        "generations": len(run.generations),
        "processor": round(spending.total, 3),
        "training": float(f"{training[-1]:.6g}"),
        "best_accuracy": float(table["val_accuracy"].max()),
        "front": len(run.front()),
        "bounds": dict(run.config["hypervolume"]),
        "steps": [
            [
                ids[at],
                int(flops[at]),
                round(accuracy[at], 5),
                round(float(processor[at]), 2),
                float(f"{training[at]:.6g}"),
            ]
            for at in steps_of(flops, accuracy)
        ],
        "images": data.size("train"),
        "chosen": {"id": int(best["id"]), "flops": int(best["flops"])},
        "selection_accuracy": float(best["selection_accuracy"]),
        "test_accuracy": float(run.space.evaluate(run.genome(int(best["id"])), data, "test")),
        "machine": run.description.cpu,
    }


def steps_of(flops: Sequence[float], accuracy: Sequence[float]) -> list[int]:
    """Places of the networks that none before dominates or equals; NaN are those that failed."""
    front: list[int] = []
    found = []
    for place in np.flatnonzero(np.isfinite(accuracy)).tolist():
        if any(flops[one] <= flops[place] and accuracy[one] >= accuracy[place] for one in front):
            continue
        found.append(place)
        front.append(place)
        kept = undominated([[accuracy[one] for one in front], [flops[one] for one in front]], front)
        front = [front[one] for one in kept]
    return found
