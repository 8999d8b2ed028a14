"""Settings that suit a data set: `quick` takes minutes on two cores, `paper` has the published grammar and width."""

from __future__ import annotations

from typing import Any

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.recipes import recipe_for

PRESETS = ("quick", "paper")

MORE = {"population": 16, "children": 8, "generations": 10}

QUICK: dict[str, dict[str, Any]] = {
    "digits": {"channels": 3, "epochs": 10, "learning_rate": 0.03, "flops_max": 1e5, **MORE},
    "mnist": {"channels": 4, "epochs": 1, "learning_rate": 0.03, "flops_max": 8e5, "image_size": 14},
    "cifar10": {"channels": 4, "epochs": 1, "learning_rate": 0.03, "flops_max": 1.2e6, "image_size": 16},
}
"""By data set, what was measured to suit: settings of the space, of training and of the search."""

QUICK_IMAGES = 50_000
"""Training images, times epochs, that a child sees on data of another kind."""

PAPER = {"population": 100, "children": 10, "generations": 90, "tournament": 10, "train.epochs": 12}


def hnas_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset `name` for a data set; for data without measurements of their own it follows from their size."""
    check_preset(name, PRESETS, "hnas")
    recipe, about = recipe_for(data)
    if name == "paper":
        about += "; published grammar, 16 channels, 12 epochs a network as in NAS-Bench-201: made for larger machines"
        return SpacePreset({**recipe.shared, **PAPER}, {"variant": "published", "channels": 16}, about)
    known = dict(QUICK[data.name]) if data.name in QUICK and recipe.shape == tuple(data.shape) else _quick(data)
    space: dict[str, Any] = {key: known.pop(key) for key in ("channels", "image_size") if key in known}
    epochs = known.pop("epochs")
    search = {
        **recipe.shared,
        "train.learning_rate": known.pop("learning_rate"),
        "train.epochs": epochs,
        "initial_epochs": epochs,
        "population": 10,
        "children": 6,
        "generations": 6,
        **known,
    }
    about += f"; networks of 3 to 9 cells with {space['channels']} channels, {epochs} epochs"
    return SpacePreset(search, space, about)


def _quick(data: Dataset | DataFacts) -> dict[str, Any]:
    """For other data: images of at most 16 pixels a side, and epochs for about as many steps as of those known."""
    longest = max(data.shape[1:])
    epochs = int(min(max(QUICK_IMAGES // max(data.size("train"), 1), 1), 20))
    return {"channels": 4, "epochs": epochs, "learning_rate": 0.03, "image_size": 16 if longest > 16 else 0}
