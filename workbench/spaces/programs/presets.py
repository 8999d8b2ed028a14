"""Settings of searches over programs that suit a data set."""

from __future__ import annotations

from typing import Any

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.recipes import recipe_for

CHILD_EXAMPLES = 3000
"""From which a program of `quick` learns, all epochs together."""


def programs_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset "quick" for a data set."""
    check_preset(name, ("quick",), "programs")
    recipe, about = recipe_for(data)
    search, space = _quick(data, recipe.bounds)
    return SpacePreset(search, space, f"{about.partition(':')[0]}; {CHILD_EXAMPLES:,} examples a program")


def pairs_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """ "quick", or "paper" with the published sizes."""
    check_preset(name, ("quick", "paper"), "pairs")
    recipe, about = recipe_for(data)
    search, space = _quick(data, recipe.bounds)
    return SpacePreset(search, space, about)


def _quick(data: Dataset | DataFacts, bounds: tuple[float, float, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = ("hypervolume.max_error", "hypervolume.min_flops", "hypervolume.max_flops")
    n = data.size("train")
    epochs = max(1, min(3, CHILD_EXAMPLES // n))
    search = {
        **dict(zip(names, bounds, strict=True)),
        "population": 100,
        "children": 50,
        "generations": 100,
        "tournament": 10,
        "train.epochs": epochs,
    }
    return search, {"examples": CHILD_EXAMPLES if n > CHILD_EXAMPLES else 0}
