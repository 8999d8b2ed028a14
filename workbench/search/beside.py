"""Searches that start from another one, in files beside its own."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from workbench.individuals import Individual
from workbench.search.config import FREE_SETTINGS
from workbench.search.fork import ForkPlan, fork_run, hold_weights, plan_fork
from workbench.search.search import Search
from workbench.settings import to_values

MORE_GENERATIONS = 20
"""How much longer a run becomes at a time, where nobody says by how much."""


def plan_fork_beside(search: Search, generation: int) -> ForkPlan:
    """Plan a fork of a live search after a finished generation; a fork of its last one gets further generations."""
    end = search.config.generations
    changes = {"generations": generation + MORE_GENERATIONS} if end is not None and end <= generation else {}
    return hold_weights(plan_fork(search.path, generation, changes, search.space))  # at the cost that it states


def fork_path(search: Search, generation: int) -> Path:
    """A free name beside the file of a search, for its fork after a generation."""
    stem = f"{search.path.stem}-fork-{generation}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    paths = (search.path.with_name(f"{name}{search.path.suffix}") for name in names)
    return next(path for path in paths if not path.exists())


def fork_beside(
    search: Search, plan: ForkPlan, to: Path, on_child: Callable[[Individual], None] | None = None
) -> Search:
    """The planned fork of a live search, in the new file `to`, ready to go on."""
    path = fork_run(plan, to, search.data, on_child=on_child)
    return Search(search.data, plan.config, path, search.space, search.executor, "resume")


def new_beside(search: Search, seed: int | None = None) -> Search:
    """A new search with the settings of a live one as they are now, in a new file beside it; another seed if None."""
    free = {name: getattr(search.config, name) for name in FREE_SETTINGS}
    seed = secrets.randbelow(10**6) if seed is None else seed
    config = replace(search.target.config, **free, rates=to_values(search.target.rates), seed=seed)
    return Search(search.data, config, search.path, search.space, search.executor, "new")
