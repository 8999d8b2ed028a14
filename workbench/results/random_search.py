"""Random search with the training budget of an evolution: the control that evolution has to beat.

It is made as strong as possible: the same spatial law, the same kinds of hand-shaped initial genomes, sizes spread
log-uniformly over the range of the evolution's front, and as many epochs per network as the initial individuals had.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.search import Search, SearchConfig
from workbench.settings import from_values
from workbench.spaces import NeuronSpace
from workbench.store import Run


def training_cost(run: Run) -> float:
    """Epochs × FLOPs, summed over all individuals of a run."""
    table = run.individuals.dropna(subset=["epochs", "flops"])
    return float((table["epochs"] * table["flops"]).sum())


def check_space(run: Run) -> None:
    """Raise `RunError` unless a run is of the neuron-level space."""
    if run.space_name != NeuronSpace.name:
        raise RunError(f"expected a run of the space {NeuronSpace.name!r}, {run.path} is of {run.space_name!r}")


def random_search(
    run: Run,
    data: Dataset,
    path: str | os.PathLike[str],
    *,
    seed: int | None = None,
    workers: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Search:
    """A random search to compare with a finished evolution; `.run()` runs it, and resumes it after a stop.

    Args:
        run: the evolution, of the neuron-level space.
        data: its data.
        path: the file of the random search; an existing one is resumed.
        seed: of the random search; the evolution's if None.
        workers: networks trained at once.
        changes: further settings of `SearchConfig`.

    Raises:
        RunError: if the run is of another space or has no front yet.
    """
    check_space(run)
    front = run.front()
    if len(front) == 0:
        raise RunError(f"{run.path} has no trained individual yet, so there is no range of sizes to search")
    config = from_values(SearchConfig, run.config)
    config = replace(
        config,
        generations=None,  # the budget ends it
        budget=training_cost(run),
        seed=config.seed if seed is None else seed,
        workers=workers,
        selection="random",
        stop_hopeless=False,
    )
    config = from_values(SearchConfig, changes or {}, config)
    space = NeuronSpace.from_config(run.space_config)
    flops = float(front["flops"].min()), float(front["flops"].max())
    sized = replace(space, initial=replace(space.initial, flops=flops))
    return Search(data, config, path, sized, if_exists="resume")
