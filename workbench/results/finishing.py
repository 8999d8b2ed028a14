"""The most accurate network of a front, grown further and trained for long: how far does it go?

A search trains each child for a few epochs. Here one member gets as many as a network that is to be used would get,
with dropout, since it sees the same images many more times; and it may first grow beyond the search's sizes by the
search's own mutations, trained in between as the search trains a child.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench import mutations
from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.genome import Genome
from workbench.mutations import MutationRates
from workbench.results.files import ResultFile
from workbench.results.retraining import ABOUT, lineage_epochs
from workbench.search.config import SearchConfig
from workbench.search.report import chosen_members
from workbench.settings import from_values, to_values
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.training import TrainConfig, evaluate, train

GROWING = ("add_neurons", "add_edges")
"""Mutations that make a network grow, in turn."""

MOST_STEPS = 50


@dataclass(frozen=True)
class Finishing:
    """How a member is finished.

    Attributes:
        growths: how many times its FLOPs the network is to have, each a network of its own; 1 leaves it as it is.
        recipe: what differs in the last training from that of the run's children.
    """

    growths: tuple[float, ...] = (1.0,)
    recipe: Mapping[str, Any] = field(default_factory=lambda: {"epochs": 100, "dropout": 0.1, "label_smoothing": 0.1})


FINISHINGS = {
    "digits": Finishing((1.0, 2.0)),
    "mnist": Finishing((1.0, 3.0)),
    "cifar10": Finishing((1.0, 1.6), {"epochs": 200, "dropout": 0.1, "label_smoothing": 0.1}),
}


def finish_member(
    run: Run,
    data: Dataset,
    how: Finishing,
    seed: int = 0,
    *,
    file: ResultFile,
    say: Callable[[str], None] = print,
) -> None:
    """Finish the member of a front that is best on the selection split; what `file` holds already is not done again.

    Each network is tested once, by the final epoch's weights.

    Args:
        run: the run, of the neuron-level space.
        data: its data set.
        how: growths and recipe.
        seed: of growth and training.
        file: where results go.
        say: told of each result.

    Raises:
        RunError: if the run is of another space, or the file of another run or recipe.
    """
    if run.space_name != NeuronSpace.name:
        raise RunError(f"expected a run of the space {NeuronSpace.name!r}, {run.path} is of {run.space_name!r}")
    config = from_values(SearchConfig, run.config)
    recipe = replace(config.train, **how.recipe)
    member = _member(file, run, data, recipe)
    for growth in how.growths:
        key = f"growth {growth:g} seed {seed}"
        if key not in file:
            entry = _finished(run, data, config, recipe, member, growth, seed)
            file.add(key, entry)
            say(f"{data.name}, member {member}, {key}: {entry['test_accuracy']:.2%} at {entry['flops']:,} FLOPs")


def _member(file: ResultFile, run: Run, data: Dataset, recipe: TrainConfig) -> int:
    """Id of the one to finish: chosen the first time, and remembered in the file."""
    about = {"run": run.created_at, "data": data.fingerprint, "recipe": to_values(recipe)}
    if ABOUT in file:
        if differ := [name for name in about if file[ABOUT].get(name) != about[name]]:
            raise RunError(
                f"{file.path} holds the finishing of another run or by another recipe ({', '.join(differ)} differ); "
                "give another file, or move this one away"
            )
        return int(file[ABOUT]["member"])
    member = int(chosen_members(run, data)["id"].iloc[-1])
    file.add(ABOUT, {**about, "dataset": data.name, "member": member})
    return member


def _finished(
    run: Run, data: Dataset, config: SearchConfig, recipe: TrainConfig, member: int, growth: float, seed: int
) -> dict[str, Any]:
    started = time.perf_counter()
    genome, steps = grown(run.genome(member), growth, data, config, seed)
    result = train(genome, data, recipe, seed, stream=(seed,))
    splits = ("validation", "selection", "test")
    return {
        "id": member,
        "growth": growth,
        "seed": seed,
        "flops": genome.flops,
        "flops_total": genome.flops_total,
        "parameters": genome.n_parameters,
        "lineage_epochs": lineage_epochs(run, member) + steps * config.train.epochs,
        "epochs": len(result.history),
        **{f"{split}_accuracy": evaluate(result.genome, data, split) for split in splits},
        "failure": result.failure,
        "seconds": time.perf_counter() - started,
    }


def grown(genome: Genome, growth: float, data: Dataset, config: SearchConfig, seed: int) -> tuple[Genome, int]:
    """A network of at least `growth` times the FLOPs, and after how many mutations.

    Args:
        genome: trained.
        growth: at least 1.
        data: to train on after each mutation.
        config: whose rates and recipe for children hold.
        seed: of all random choices.

    Raises:
        RunError: if `MOST_STEPS` mutations are not enough.
    """
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
