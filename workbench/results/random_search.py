"""Random search with the training budget of an evolution: the control that evolution has to beat.

It is made as strong as possible: networks are drawn as the initial population of the evolution was, with as many epochs
each. Those of neurons are drawn with sizes spread log-uniformly over the range of the evolution's front, too. Programs
are drawn instruction by instruction: an evolution of them begins with hand-written ones, which are no random draw.
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
from workbench.spaces.programs.base import AbstractProgramSpace
from workbench.store import Run


def training_cost(run: Run) -> float:
    """What the training of all individuals of a run cost: usually epochs × FLOPs (see `training_flops`)."""
    return float(run.spent()["training_flops"].sum())


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
        run: the evolution.
        data: its data.
        path: the file of the random search; an existing one is resumed.
        seed: of the random search; the evolution's if None.
        workers: networks trained at once.
        changes: further settings of `SearchConfig`.

    Raises:
        RunError: if the run has no front yet.
    """
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
    space = run.space
    if isinstance(space, NeuronSpace):
        flops = float(front["flops"].min()), float(front["flops"].max())
        space = replace(space, initial=replace(space.initial, flops=flops))
    elif isinstance(space, AbstractProgramSpace):
        space = replace(space, start="random")
    return Search(data, config, path, space, if_exists="resume")
