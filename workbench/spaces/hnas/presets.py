"""Settings that suit a data set: `quick` takes minutes on two cores, `paper` has the published grammar and width."""

from __future__ import annotations

from typing import Any

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.hnas.network import SMALLEST_SIDE, Form
from workbench.spaces.recipes import AGEING_EVOLUTION, recipe_for

PRESETS = ("quick", "paper")

LEARNING_RATE = 0.03
"""Of 0.005 to 0.05 for 16 random networks on digits, and of 0.01 and 0.03 for nine on MNIST, the best or near it."""

QUICK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "digits": (
        {"channels": 3},
        {"train.epochs": 10, "flops_max": 1e5, "population": 16, "children": 8, "generations": 10},
    ),
    "mnist": ({"channels": 4, "image_size": 14}, {"train.epochs": 1, "flops_max": 8e5}),
    "cifar10": ({"channels": 4, "image_size": 16}, {"train.epochs": 1, "flops_max": 1.2e6}),
}
"""By data set, settings of the space and of the search."""

LARGEST_IMAGE = 16
"""Pixels of a side to which `quick` averages images of other data, unless their short side becomes too small."""
CHILD_IMAGES = 50_000
"""That a child of `quick` is trained on with other data, all epochs together, but in 20 epochs at most."""


def hnas_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset `name` for a data set; for data without settings of their own they follow from their size."""
    check_preset(name, PRESETS, "hnas")
    recipe, about = recipe_for(data)
    if name == "paper":
        search = {
            **recipe.shared,
            **AGEING_EVOLUTION,
            "train.epochs": 12,
        }
        about += "; the published grammar with 16 channels, 12 epochs from scratch a network: made for larger machines"
        return SpacePreset(search, {"variant": "published", "channels": 16, "inherit": False}, about)
    space, search = QUICK.get(data.name, ({}, {})) if recipe.shape == tuple(data.shape) else ({}, {})
    if not search:
        space = {"channels": 4, "image_size": quick_size(data.shape)}
        search = {"train.epochs": max(1, min(20, CHILD_IMAGES // data.size("train")))}
    sizes = {"population": 10, "children": 6, "generations": 5, "train.learning_rate": LEARNING_RATE}
    about += f"; networks of 3 to 9 cells with {space['channels']} channels, {search['train.epochs']} epochs a child"
    return SpacePreset({**recipe.shared, **sizes, **search}, space, about)


def quick_size(shape: tuple[int, int, int]) -> int:
    """The smallest image size from `LARGEST_IMAGE` on that the space can use; 0 if images stay as they are."""
    for size in range(LARGEST_IMAGE, max(shape[1:])):
        if min(Form(shape, 1, 1, 1, size).image[1:]) >= SMALLEST_SIDE:
            return size
    return 0
