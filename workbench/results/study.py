"""A whole study of one data set: baselines, searches, random searches, retrained fronts, a finished member.

Every result is written to a file of one folder as soon as it is there, so a study that was stopped goes on from there.
From these files come the tables, as Markdown: every figure of docs/results.md is printed here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from workbench import baselines
from workbench.datasets import Dataset
from workbench.errors import ConfigError, RunError
from workbench.results.envelope import ratio_table
from workbench.results.files import ABOUT, Mean, ResultFile, looks_at_test, markdown, mean_of, measured_baselines
from workbench.results.random_search import random_search, training_cost
from workbench.results.retraining import FINISHINGS, FRESH, Finishing, finish_member, retrain_front, retraining_table
from workbench.search import Search, preset
from workbench.store import Run, open_run
from workbench.views.compare.data import Comparison, Curve, curve_of

Say = Callable[[str], None]

STEPS = ("baselines", "searches", "random", "retraining", "finishing", "longer")


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
    longer_epochs: int | None = None  # of hand-made networks trained as long as ours; None for our longest lineage's
    retraining_epochs: int | None = None  # of the front's members; None for `baselines.EPOCHS`
    members: int | None = 8  # of each front that are trained again; None for all
    finishing_epochs: int | None = None  # of the last training of the most accurate member; None for `FINISHINGS`
    workers: int = 2  # networks trained at once; changes no result

    @classmethod
    def quick(cls, dataset: str, folder: Path) -> Study:
        """A small version that takes minutes: presets `quick`, few epochs, two seeds."""
        few = 20 if dataset == "digits" else 4
        chosen = {"mnist": ("logistic", "mlp-32", "strided-cnn-3-8", "lenet-300-100")}
        return cls(
            dataset,
            "quick",
            (0, 1),
            folder,
            baseline_epochs=few,
            baselines=chosen.get(dataset),
            retraining_epochs=few,
            members=3,
            finishing_epochs=few,
        )

    def run_path(self, kind: str, seed: int) -> Path:
        """The run of a "search" or "random" search."""
        return self.folder / f"{self.dataset}-{self.preset}-{kind}-{seed}.sqlite"

    def results_path(self, kind: str, seed: int | None = None) -> Path:
        """The file of "baselines" (the same for all presets), "searches", or, of one seed, "retrain" or "finish"."""
        parts = [kind, self.dataset]
        parts += [] if kind == "baselines" else [self.preset]
        return self.folder / f"{'-'.join([*parts, *([] if seed is None else [str(seed)])])}.json"


def carry_out(study: Study, data: Dataset, steps: tuple[str, ...] = STEPS, say: Say = print) -> None:
    """Run the missing parts of a study: those of `STEPS` that are in `steps`; `say` is told of each result."""
    if unknown := set(steps) - set(STEPS):
        raise ConfigError(f"unknown step {sorted(unknown)[0]!r}; expected some of: {', '.join(STEPS)}")
    if data.name != study.dataset:
        raise ConfigError(f"expected the data set {study.dataset!r}, got {data.name!r}")
    study.folder.mkdir(parents=True, exist_ok=True)
    work = (_baselines, _searches, _random, _retraining, _finishing, _longer)
    for name, step in zip(STEPS, work, strict=True):
        if name in steps:
            step(study, data, say)


def measure_baselines(
    file: ResultFile,
    data: Dataset,
    seeds: Iterable[int],
    names: Iterable[str] | None = None,
    *,
    epochs: int | None = None,
    longer: int | None = None,
    say: Say = print,
) -> None:
    """Train what is missing in `file`, the first seed of all baselines before the second of any.

    Those of `names`, or the data set's suite if None; for at most `epochs`, for a quick look. With `longer`, train them
    by their recipe but for so many epochs, unless that is no longer or they are pruned; these are further entries.
    `say` is told of each.
    """

    def keep(record: baselines.BaselineRecord) -> None:
        key = f"{done} {record.title.rpartition(' ')[2]}" if baseline.sparsities else done
        title = record.title if longer is None else f"{record.title}, {longer} epochs"
        file.add(key, asdict(replace(record, title=title)))
        say(f"{data.name}, {key}: {record.test_accuracy:.2%} test accuracy, {record.seconds:.0f} s")

    chosen = list(baselines.suite(data.name, data.shape) if names is None else names)
    for seed, name in product(seeds, chosen):
        baseline = baselines.baseline(name)
        config = baselines.recipe(baseline, data.name)
        if epochs is not None:
            config = replace(config, epochs=min(epochs, config.epochs))
        done = f"{baseline.name} seed {seed}"
        if longer is not None:
            if baseline.sparsities or longer <= config.epochs:
                continue
            config, done = replace(config, epochs=longer), f"{done} {longer} epochs"
        last = f"{done} {baseline.sparsities[-1]:.1%}" if baseline.sparsities else done
        if last in file:
            continue
        if baseline.sparsities:
            baselines.train_pruned(baseline, data, config, seed, keep)
        else:
            keep(baselines.train(baseline, data, config, seed))


def _baselines(study: Study, data: Dataset, say: Say) -> None:
    file = ResultFile(study.results_path("baselines"))
    measure_baselines(file, data, study.seeds, study.baselines, epochs=study.baseline_epochs, say=say)


def _longer(study: Study, data: Dataset, say: Say) -> None:
    """Only the well-made of the suite, where there are such: large weak ones would take days."""
    longer = longest_training(study) if study.longer_epochs is None else study.longer_epochs
    names = study.baselines or baselines.WELL_MADE.get(study.dataset)
    file, epochs = ResultFile(study.results_path("baselines")), study.baseline_epochs
    measure_baselines(file, data, study.seeds, names, epochs=epochs, longer=longer, say=say)


def longest_training(study: Study) -> int:
    """Epochs of the longest lineage among our measured networks, trainings after the search included."""
    entries = [entry for files in _of_searches(study) for file in files for key, entry in file.items() if key != ABOUT]
    if not entries:
        raise ConfigError(
            "how long our networks trained is not known yet; do the steps 'retraining' and 'finishing' first, "
            "or say how many epochs, with --longer-epochs"
        )
    return max(entry["epochs"] + (entry["lineage_epochs"] if entry.get("start") != FRESH else 0) for entry in entries)


def _of_searches(study: Study) -> list[list[ResultFile]]:
    """Of each search that was measured the files of its front and of its finished member."""
    paths = [[study.results_path(kind, seed) for kind in ("retrain", "finish")] for seed in study.seeds]
    return [found for each in paths if (found := [ResultFile(path) for path in each if path.exists()])]


def _searches(study: Study, data: Dataset, say: Say) -> None:
    made = preset(study.preset, data, **study.changes)
    for seed in study.seeds:
        config = replace(made.config, seed=seed, workers=study.workers)
        search = Search(data, config, study.run_path("search", seed), made.space(data), if_exists="resume")
        _finish(study, search, f"search seed {seed}", say)


def _random(study: Study, data: Dataset, say: Say) -> None:
    for seed in study.seeds:
        path = study.run_path("random", seed)
        search = random_search(_finished(study, seed), data, path, seed=seed, workers=study.workers)
        _finish(study, search, f"random seed {seed}", say)


def _finish(study: Study, search: Search, key: str, say: Say) -> None:
    """Run a search to its end and keep its figures."""
    try:
        search.run()
    finally:
        search.close()
    run = open_run(search.path)
    if run.state != "finished":
        return
    individuals, generations, front = run.individuals, run.generations, run.front()
    curve = curve_of(run, key)
    entry = {
        "seed": run.seed,
        "selection": run.config["selection"],
        "hypervolume": float(generations["hypervolume"].iloc[-1]),
        "individuals": len(individuals),
        "epochs": int(individuals["epochs"].fillna(0).sum()),
        "training_cost": training_cost(run),
        "minutes": float(generations["wall_seconds"].sum()) / 60,
        "front": list(zip(front["flops"].tolist(), front["val_accuracy"].tolist(), strict=True)),
        "processor": run.description.cpu,
        "hypervolumes": curve.hypervolume.round(5).tolist(),
        "costs": {name: [float(f"{each:.6g}") for each in spent] for name, spent in curve.costs.items()},
    }
    ResultFile(study.results_path("searches")).add(key, entry)
    say(f"{study.dataset}, {key}: hypervolume {entry['hypervolume']:.4f} after {entry['minutes']:.1f} minutes")


def _retraining(study: Study, data: Dataset, say: Say) -> None:
    base = preset("best", data).config.train
    epochs = study.retraining_epochs or baselines.EPOCHS.get(study.dataset, base.epochs)
    for seed in study.seeds:
        retrain_front(
            _finished(study, seed),
            data,
            replace(base, epochs=epochs),
            study.seeds,
            file=ResultFile(study.results_path("retrain", seed)),
            most=study.members,
            workers=study.workers,
            say=say,
        )


def _finishing(study: Study, data: Dataset, say: Say) -> None:
    """Of the first search only: it takes as long as many children do."""
    how, seed = FINISHINGS.get(study.dataset, Finishing()), study.seeds[0]
    if study.finishing_epochs:
        how = replace(how, recipe={**how.recipe, "epochs": study.finishing_epochs})
    finish_member(_finished(study, seed), data, how, seed, file=ResultFile(study.results_path("finish", seed)), say=say)


def _finished(study: Study, seed: int) -> Run:
    """The finished search of a seed; `ConfigError` if it is not there yet."""
    path = study.run_path("search", seed)
    if not path.exists() or (run := open_run(path)).state != "finished":
        raise ConfigError(f"{path} is not a finished search; do the step 'searches' first")
    return run


# ---------------------------------------------------------------------- comparison
def stored_comparison(path: str | os.PathLike[str]) -> Comparison:
    """The searches and random searches of a study compared, from the file `searches-*.json` that it leaves.

    Raises:
        RunError: if the file cannot be read, or an entry of it lacks what a comparison shows.
    """
    groups: dict[str, list[Curve]] = {"evolution": [], "random search": []}
    for key, entry in ResultFile(path).items():
        if "costs" not in entry:
            raise RunError(f"{path}: {key!r} has no costs; run the steps searches and random of its study again")
        flops, accuracy = np.array(entry["front"], float).reshape(-1, 2).T
        costs = {name: np.array(spent, float) for name, spent in entry["costs"].items()}
        group = "random search" if entry["selection"] == "random" else "evolution"
        groups[group].append(Curve(key, flops, accuracy, costs, np.array(entry["hypervolumes"], float)))
    return Comparison({name: tuple(curves) for name, curves in groups.items() if curves}, {})


# ---------------------------------------------------------------------- tables
def study_tables(study: Study) -> str:
    """All tables for which there are results, and how often the test set was looked at."""
    wanted = [(_baselines_table, study.results_path("baselines")), (_searches_table, study.results_path("searches"))]
    wanted += [(_retraining_table, study.results_path("retrain", seed)) for seed in study.seeds]
    wanted += [(_finishing_table, study.results_path("finish", seed)) for seed in study.seeds]
    found = [(table, path.stem, ResultFile(path)) for table, path in wanted if path.exists()]
    parts = [f"### {name}: {table(file)}" for table, name, file in found]
    if found and study.results_path("baselines").exists() and (searches := _of_searches(study)):
        parts.append(f"### {study.dataset}: {ratio_table(found[0][2], searches)}")
    looks = looks_at_test(file for _, _, file in found)
    return "\n\n".join([*parts, f"The test set of {study.dataset} was looked at {looks} times for these tables."])


def _baselines_table(file: ResultFile) -> str:
    totals = {entry["title"]: entry["flops_total"] for _, entry in file.items()}
    rows = []
    for one in measured_baselines(file):
        training, _, accuracy = one.recipe.partition(": ")
        rows.append((one.name, f"{one.flops:,}", f"{totals[one.name]:,}", accuracy, training))
    head = ("hand-made network", "FLOPs", "all operations", "test accuracy", "training")
    return f"hand-made networks\n\n{markdown(head, rows)}"


def _searches_table(file: ResultFile) -> str:
    entries = {(entry["selection"] == "random", entry["seed"]): entry for _, entry in file.items()}
    rows: list[tuple[str, ...]] = []
    differences = []
    for seed in sorted({seed for _, seed in entries}):
        pair = [entries.get((is_random, seed)) for is_random in (False, True)]
        cells = [cell for entry in pair for cell in _search_cells(entry)]
        found, random = pair
        if found is not None and random is not None:
            differences.append(found["hypervolume"] - random["hypervolume"])
        rows.append((str(seed), *cells, "–" if None in pair else f"{differences[-1]:+z.4f}"))
    if len(differences) > 1:
        mean = mean_of(differences)
        rows.append(("mean", *[""] * 6, f"{mean.mean:+z.4f} ± {mean.margin:.4f}"))
    head = ("seed", "hypervolume", "individuals", "minutes", "random search", "individuals", "minutes", "difference")
    return f"evolution against random search of equal training (epochs × FLOPs)\n\n{markdown(head, rows)}"


def _search_cells(entry: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if entry is None:
        return "–", "–", "–"
    return f"{entry['hypervolume']:.4f}", f"{entry['individuals']:,}", f"{entry['minutes']:.1f}"


def _retraining_table(file: ResultFile) -> str:
    table, starts = retraining_table(file), ("fresh", "inherited")
    rows = [
        (
            f"{row['flops']:,}",
            f"{row['flops_total']:,}",
            f"{100 * row['found']:.2f} %",
            str(row["lineage_epochs"]),
            *(Mean(row[start], row[f"{start}_margin"], row[f"{start}_seeds"]).percent() for start in starts),
        )
        for row in table.to_dict("records")
    ]
    fresh, inherited = (int(table[f"{start}_epochs"].max()) if len(table) else 0 for start in starts)
    retrained = (f"from scratch, {fresh} epochs", f"trained on, {inherited} epochs")
    head = ("FLOPs", "all operations", "as found", "epochs of its lineage", *retrained)
    return f"the front of seed {_seed_of(file)}, test accuracy\n\n{markdown(head, rows)}"


def _finishing_table(file: ResultFile) -> str:
    rows = [
        (
            f"{entry['flops']:,}",
            f"{entry['flops_total']:,}",
            f"{entry['growth']:g}×",
            str(entry["lineage_epochs"]),
            str(entry["epochs"]),
            f"{100 * entry['test_accuracy']:.2f} %",
        )
        for key, entry in file.items()
        if key != ABOUT
    ]
    head = ("FLOPs", "all operations", "grown", "epochs before", "epochs of the last training", "test accuracy")
    return f"the most accurate member of seed {_seed_of(file)}, grown and trained for long\n\n{markdown(head, rows)}"


def _seed_of(file: ResultFile) -> str:
    """Of the search whose front was trained, as the file is named."""
    return file.path.stem.rpartition("-")[2]
