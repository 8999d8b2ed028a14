"""Networks of a front trained again: from fresh weights, from their own, and the best one grown and trained for long.

Networks of a front have trained through many generations, hand-made ones once. So each member is trained again by the
baselines' recipe from fresh weights, and trained on from its own, over several seeds. The most accurate member also
gets as many epochs as a network that is to be used would get, with dropout since it sees the same images many more
times; it may first grow beyond the search's sizes by the search's own mutations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench import mutations
from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.genome import Genome
from workbench.mutations import MutationRates
from workbench.results.files import ABOUT, ResultFile, mean_of
from workbench.search import SearchConfig
from workbench.search.report import chosen_members
from workbench.settings import from_values, to_values
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.training import TrainConfig, train

if TYPE_CHECKING:
    import pandas as pd

FOUND, FRESH, INHERITED = "found", "fresh", "inherited"
"""As the search left it; trained from new weights; trained on from its own."""

GROWING = ("add_neurons", "add_edges")
"""Mutations that make a network grow, in turn."""

MOST_STEPS = 50

Say = Callable[[str], None]


class _Job(NamedTuple):
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
    most: int | None = None,
    workers: int = 2,
    say: Say = print,
) -> pd.DataFrame:
    """Train members of a front again and test them; what `file` holds already is not done again.

    Up to `most` members are chosen on the selection split. Each is trained once a seed from fresh and from inherited
    weights, and tested once as it was found and once after every training, with the final epoch's weights. So the test
    set is evaluated as often as there are entries in the file. `workers` does not change results.

    Raises:
        RunError: if the space of the run cannot drop weights, so that none can train from fresh ones.
    """
    if not isinstance(run.space, DropsWeights):
        raise RunError(f"networks of the space {run.space_name!r} cannot be trained from fresh weights: it keeps them")
    facts = {
        "run": run.created_at,
        "seed": run.seed,
        "data": data.fingerprint,
        "recipe": to_values(config),
        "inherited_recipe": to_values(config),  # files of results have both
        "most": most,
    }
    about = file.about(
        facts, lambda: {"dataset": data.name, "members": [int(id) for id in chosen_members(run, data, most)["id"]]}
    )
    members = [int(id) for id in about["members"]]
    jobs = [_Job(id, FOUND, 0) for id in members]
    jobs += [_Job(id, start, seed) for seed in seeds for start in (FRESH, INHERITED) for id in members]

    def work(job: _Job) -> None:
        entry = _retrained(run, data, config, job)
        file.add(job.key, entry)
        say(f"{data.name}, member {job.key}: {entry['test_accuracy']:.2%} at {entry['flops']:,} FLOPs")

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, [job for job in jobs if job.key not in file]):
            pass
    return retraining_table(file)


def _retrained(run: Run, data: Dataset, config: TrainConfig, job: _Job) -> dict[str, Any]:
    """The entry of one job."""
    space: Any = run.space
    genome = run.genome(job.member)
    started, epochs, failure = time.perf_counter(), 0, None
    if job.start != FOUND:
        if job.start == FRESH:
            genome = space.without_weights(genome)
        result = space.train(genome, data, config, seed=job.seed, stream=(job.seed,))
        genome, epochs, failure = result.genome, len(result.history), result.failure
    return {
        "id": job.member,
        "start": job.start,
        "seed": job.seed,
        "epochs": epochs,
        "lineage_epochs": lineage_epochs(run, job.member),
        "failure": failure,
        "seconds": time.perf_counter() - started,
        **_measured(space, genome, data),
    }


def _measured(space: SearchSpace, genome: Any, data: Dataset) -> dict[str, Any]:
    """Cost of a trained genome, and its accuracy on all splits but the training set."""
    splits = ("validation", "selection", "test")
    cost = space.cost(genome)
    return {
        "flops": cost.flops,
        "flops_total": cost.flops_total,
        "parameters": cost.parameters,
        **{f"{split}_accuracy": space.evaluate(genome, data, split) for split in splits},
    }


def lineage_epochs(run: Run, id: int) -> int:
    """Epochs that an individual's weights have trained: its own and those of all its ancestors."""
    return int(run.lineage(id)["epochs"].fillna(0).sum())


def retraining_table(file: ResultFile) -> pd.DataFrame:
    """A row per member, by rising FLOPs: test accuracy as found, and means with 95 % intervals over the seeds.

    Columns id, flops, flops_total, parameters, lineage_epochs, found, and for "fresh" and "inherited" `…` (mean test
    accuracy), `…_margin` (NaN for one seed), `…_seeds` and `…_epochs`.
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


@dataclass(frozen=True)
class Finishing:
    """How the most accurate member is grown and trained for long."""

    growths: tuple[float, ...] = (1.0,)  # times its FLOPs, each a network of its own; 1 leaves it as it is
    # how the last training differs from that of the run's children
    recipe: Mapping[str, Any] = field(default_factory=lambda: {"epochs": 100, "dropout": 0.1, "label_smoothing": 0.1})


FINISHINGS = {
    "digits": Finishing((1.0, 2.0)),
    "mnist": Finishing((1.0, 3.0)),
    "cifar10": Finishing((1.0, 1.6), {"epochs": 200, "dropout": 0.1, "label_smoothing": 0.1}),
}


def finish_member(
    run: Run, data: Dataset, how: Finishing, seed: int = 0, *, file: ResultFile, say: Say = print
) -> None:
    """Finish the front member that is best on the selection split; what `file` holds already is not done again.

    Each network is tested once, with the final epoch's weights.
    """
    if not isinstance(run.space, NeuronSpace):
        raise RunError(f"only networks of neurons are grown, and {run.path} is of the space {run.space_name!r}")
    config = from_values(SearchConfig, run.config)
    recipe = replace(config.train, **how.recipe)
    facts = {"run": run.created_at, "data": data.fingerprint, "recipe": to_values(recipe)}
    about = file.about(facts, lambda: {"dataset": data.name, "member": int(chosen_members(run, data)["id"].iloc[-1])})
    member = int(about["member"])
    for growth in how.growths:
        key = f"growth {growth:g} seed {seed}"
        if key in file:
            continue
        started = time.perf_counter()
        genome, steps = grown(run.genome(member), growth, data, config, seed)
        result = train(genome, data, recipe, seed, stream=(seed,))
        entry = {
            "id": member,
            "growth": growth,
            "seed": seed,
            "lineage_epochs": lineage_epochs(run, member) + steps * config.train.epochs,
            "epochs": len(result.history),
            "failure": result.failure,
            **_measured(run.space, result.genome, data),
            "seconds": time.perf_counter() - started,
        }
        file.add(key, entry)
        say(f"{data.name}, member {member}, {key}: {entry['test_accuracy']:.2%} at {entry['flops']:,} FLOPs")


def grown(genome: Genome, growth: float, data: Dataset, config: SearchConfig, seed: int) -> tuple[Genome, int]:
    """A network of at least `growth` times the FLOPs, trained after each mutation, and the number of mutations."""
    rng, rates = np.random.default_rng([seed, 1]), from_values(MutationRates, config.rates)
    wanted, steps = growth * genome.flops, 0
    while genome.flops < wanted:
        if steps == MOST_STEPS:
            raise RunError(
                f"expected {growth:g} times the FLOPs, got {genome.flops:,} of {wanted:,.0f} after {steps} mutations; "
                "the run's rates for new neurons and edges are too small"
            )
        genome, _ = mutations.apply(GROWING[steps % len(GROWING)], genome, rates, rng)
        genome = train(genome, data, config.train, seed, stream=(seed, steps + 1)).genome
        steps += 1
    return genome, steps
