"""Settings that suit a data set: `quick` takes minutes on two cores, `paper` has the published grammar and sizes."""

from __future__ import annotations

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.recipes import recipe_for

PRESETS = ("quick", "paper")


def hnas_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset `name` for a data set."""
    check_preset(name, PRESETS, "hnas")
    recipe, about = recipe_for(data)
    search = {**recipe.shared, "population": 12, "children": 6, "generations": 5}
    return SpacePreset(search, {}, about)
