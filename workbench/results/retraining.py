"""The front's networks trained again: how good are the topologies, and how good with what they inherited?

Networks of a front have trained through many generations, hand-made ones once. So each member is trained again by the
baselines' recipe from fresh weights, and also trained on from its own, over several seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.genome import Genome
from workbench.results.files import ResultFile
from workbench.results.statistics import mean_of
from workbench.search.report import chosen_members
from workbench.settings import to_values
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.training import TrainConfig, evaluate, train

if TYPE_CHECKING:
    import pandas as pd

FOUND, FRESH, INHERITED = "found", "fresh", "inherited"
"""As the search left it; trained from new weights; trained on from its own."""

ABOUT = "about"
"""Key of the entry that says what a file of results is of."""


@dataclass(frozen=True)
class _Job:
    """One training of one member."""

    member: int
    start: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.member} {self.start}" if self.start == FOUND else f"{self.member} {self.start} seed {self.seed}"


def retrain_front(
    run: Run,
    data: Dataset,
    config: TrainConfig,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    file: ResultFile,
    inherited: TrainConfig | None = None,
    most: int | None = None,
    workers: int = 2,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train members of a front again and test them; what `file` holds already is not done again.

    Members are chosen on the selection split. Each is tested once as it was found and once after every training, by the
    final epoch's weights: so many looks at the test set there are, and as many entries in the file.

    Args:
        run: the run, of the neuron-level space.
        data: its data set.
        config: recipe of the trainings from fresh weights.
        seeds: one training each, from fresh and from inherited weights.
        file: where results go.
        inherited: recipe of the trainings from inherited weights; `config` if None.
        most: members to train; all that are chosen if None.
        workers: trainings at once; changes no result.
        say: told of each result.

    Returns:
        The table of `retraining_table`.

    Raises:
        RunError: if the run is of another space or data, or the file of another run or recipe.
    """
    if run.space_name != NeuronSpace.name:
        raise RunError(f"expected a run of the space {NeuronSpace.name!r}, {run.path} is of {run.space_name!r}")
    members = _members(file, run, data, config, inherited or config, most)
    jobs = [_Job(id, FOUND, 0) for id in members]
    jobs += [_Job(id, start, seed) for seed in seeds for start in (FRESH, INHERITED) for id in members]
    left = [job for job in jobs if job.key not in file]

    def work(job: _Job) -> None:
        recipe = (inherited or config) if job.start == INHERITED else config
        entry = _trained(run, data, recipe, job)
        file.add(job.key, entry)
        say(f"{data.name}, member {job.key}: {entry['test_accuracy']:.2%} at {entry['flops']:,} FLOPs")

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, left):
            pass
    return retraining_table(file)


def _members(
    file: ResultFile, run: Run, data: Dataset, config: TrainConfig, inherited: TrainConfig, most: int | None
) -> list[int]:
    """Ids of those to train: chosen the first time, and remembered in the file."""
    about = {
        "run": run.created_at,
        "seed": run.seed,
        "data": data.fingerprint,
        "recipe": to_values(config),
        "inherited_recipe": to_values(inherited),
        "most": most,
    }
    if ABOUT in file:
        stored = {name: file[ABOUT].get(name) for name in about}
        if differ := [name for name in about if stored[name] != about[name]]:
            raise RunError(
                f"{file.path} holds the retraining of another run or by another recipe ({', '.join(differ)} differ); "
                "give another file, or move this one away"
            )
        return [int(id) for id in file[ABOUT]["members"]]
    members = [int(id) for id in chosen_members(run, data, most)["id"]]
    file.add(ABOUT, {**about, "dataset": data.name, "members": members})
    return members


def _trained(run: Run, data: Dataset, config: TrainConfig, job: _Job) -> dict[str, Any]:
    """The entry of one job."""
    genome: Genome = run.genome(job.member)
    started, epochs, failure = time.perf_counter(), 0, None
    if job.start != FOUND:
        if job.start == FRESH:
            genome = genome.with_parameters(None, np.zeros_like(genome.biases))
        result = train(genome, data, config, job.seed, stream=(job.seed,))
        genome, epochs, failure = result.genome, len(result.history), result.failure
    seconds = time.perf_counter() - started
    accuracies = {f"{split}_accuracy": evaluate(genome, data, split) for split in ("validation", "selection", "test")}
    return {
        "id": job.member,
        "start": job.start,
        "seed": job.seed,
        "flops": genome.flops,
        "flops_total": genome.flops_total,
        "parameters": genome.n_parameters,
        "epochs": epochs,
        "lineage_epochs": lineage_epochs(run, job.member),
        **accuracies,
        "failure": failure,
        "seconds": seconds,
    }


def lineage_epochs(run: Run, id: int) -> int:
    """Epochs that an individual's weights have trained: its own and those of all its ancestors."""
    return int(run.lineage(id)["epochs"].fillna(0).sum())


def retraining_table(file: ResultFile) -> pd.DataFrame:
    """A row per member, by rising FLOPs: test accuracy as found, and means with 95 % intervals over the seeds.

    Returns:
        Columns id, flops, flops_total, parameters, lineage_epochs, found, and for "fresh" and "inherited" `…` (mean
        test accuracy), `…_margin` (NaN for one seed), `…_seeds` and `…_epochs`.
    """
    import pandas as pd

    entries = pd.DataFrame([entry for key, entry in file.items() if key != ABOUT])
    rows: list[dict[str, Any]] = []
    for id, group in entries.groupby("id") if len(entries) else ():
        first = group.iloc[0]
        row = {name: first[name] for name in ("id", "flops", "flops_total", "parameters", "lineage_epochs")}
        found = group[group["start"] == FOUND]["test_accuracy"]
        row["id"], row["found"] = id, float(found.iloc[0]) if len(found) else float("nan")
        for start in (FRESH, INHERITED):
            part = group[group["start"] == start]
            made = mean_of(part["test_accuracy"].tolist())
            row |= {
                start: made.mean,
                f"{start}_margin": made.margin,
                f"{start}_seeds": made.n,
                f"{start}_epochs": int(part["epochs"].max()) if len(part) else 0,
            }
        rows.append(row)
    return pd.DataFrame(rows).sort_values("flops").reset_index(drop=True) if rows else pd.DataFrame()


def looks_at_test(files: Iterable[ResultFile]) -> int:
    """How often the test set was looked at for what is in these files."""
    return sum("test_accuracy" in entry for file in files for _, entry in file.items())
