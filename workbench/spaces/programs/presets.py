"""Settings of searches over programs.

`quick` takes minutes on two cores, `paper` has the published sizes, and `linear` finds a linear learner from nothing.
"""

from __future__ import annotations

from typing import Any

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.recipes import AGEING_EVOLUTION, recipe_for

EXAMPLES = 3000
"""From which a program of `quick` learns, which takes some milliseconds."""

PAIR_EXAMPLES = 1000
"""Likewise, in each of its tasks."""

SIZES: dict[str, Any] = {"population": 100, "children": 20, "tournament": 10, "selection": "accuracy"}
"""Of `quick`: the published population and tournament."""

GENERATIONS = 400
"""Digits: 106 seconds of a processor. The linear programs are right on 92.1 ± 0.6 % of the test images, the chosen one
on 93.9 %, and on 93.0 % on average over ten more trainings in other orders."""

LINEAR_SEARCH: dict[str, Any] = {
    **SIZES,
    "generations": 250,
    "train.epochs": 1,
    "rates": {
        "alter_param": 0.3,
        "randomize_instruction": 0.15,
        "randomize_component": 0.06,
        "insert": 0.3,
        "remove": 0.3,
        "copy": 0,
    },
}
"""Of `linear`, which starts from nothing."""

LINEAR_SPACE: dict[str, Any] = {
    "start": "empty",
    "operations": "linear",
    "scalars": 4,
    "vectors": 3,
    "matrices": 0,
    "setup": 3,
    "predict": 2,
    "learn": 5,
    "reduction": "average",
}
"""Likewise: small memory and short lists, with the operations of the published demonstration."""


def programs_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset "quick" for a data set."""
    check_preset(name, ("quick",), "programs")
    recipe, _ = recipe_for(data)
    search, space = _quick(data.size("train"), EXAMPLES)
    bounds = zip(("max_error", "min_flops", "max_flops"), recipe.bounds, strict=True)
    search |= {f"hypervolume.{bound}": value for bound, value in bounds}
    return SpacePreset(search, space, f"{_about(search)}, each of which learns from about {EXAMPLES:,} examples")


def pairs_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset `name` for a data set."""
    check_preset(name, ("quick", "paper", "linear"), "pairs")
    hypervolume = {"hypervolume.max_error": 0.5, "hypervolume.min_flops": 1e2, "hypervolume.max_flops": 1e6}
    if name == "paper":
        search = {**AGEING_EVOLUTION, "generations": 10_000, "train.epochs": 1}
        space = {"start": "empty", "operations": "baseline", "carries": True, "screen": 0}
        return SpacePreset(
            search | hypervolume,
            space,
            f"{_about(search)}; sizes and mutations of Real et al. (2020): made for larger machines",
        )
    if name == "linear":
        space = {**LINEAR_SPACE, "pairs": "3-8" if data.n_classes > 8 else "0-1", "examples": PAIR_EXAMPLES}
        return SpacePreset(
            LINEAR_SEARCH | hypervolume, space, f"{_about(LINEAR_SEARCH)} from nothing, on one pair of classes"
        )
    search, space = _quick(2 * data.size("train") // max(1, data.n_classes), PAIR_EXAMPLES)
    return SpacePreset(
        search | hypervolume,
        space,
        f"{_about(search)}, each of which learns from about {PAIR_EXAMPLES:,} examples of a pair",
    )


def _quick(n: int, examples: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of a search and of its space, for tasks with so many training images."""
    search = {**SIZES, "generations": GENERATIONS, "train.epochs": max(1, min(3, examples // n))}
    return search, {"examples": examples if n > examples else 0}


def _about(search: dict[str, Any]) -> str:
    return f"{search['population'] + search['children'] * search['generations']:,} programs"
