"""What suits a data set: settings of a search and of its space, by the name of a preset.

* `quick`: minutes on two cores.
* `paper`: the published sizes and constants.
* `best`: paper scale with what measurement favours: a tight spatial law, small steps, a higher learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset

PRESETS = ("quick", "paper", "best")
MLP_PRESETS = ("quick", "best")

MLP_LEARNING_RATE = 0.02
"""The best of 0.005, 0.01 and 0.02 for MLPs of 8 to 64 neurons, on digits and MNIST."""

LOCAL_LAW: dict[str, Any] = {"spatial_base": 1.5, "spatial_per_layer": 0.0}
"""Measured to be better than the published 4 + 1.5 · layer on 28 to 32 pixel images."""

SMALL_IMAGE_LAW: dict[str, Any] = {"spatial_base": 1.0, "spatial_per_layer": 0.4}
"""The published constants scaled to the 8 pixels of digits."""

SMALL_IMAGE = 16
"""Images with a side below this many pixels get `SMALL_IMAGE_LAW`."""

GENTLE: dict[str, Any] = {
    "add_neurons": 0.25,
    "add_edges": 0.25,
    "remove_edges": 0.35,
    "remove_layer": 0.05,
    "share_weights": 0.1,
    "bridge": 1.0,
}

SMALL_STEPS: dict[str, Any] = {
    "remove_edges": 0.4,
    "remove_layer": 0.03,
    "share_weights": 0.07,
    "new_neurons": (0.03, 0.12),
    "new_neuron_edges": (0.05, 0.2),
    "new_edges": (0.05, 0.25),
    "removed_edges": (0.1, 0.3),
    "weak_first": 6.0,
}
"""Small steps that break little of what was inherited, weak edges first."""

MOSTLY_LOCAL: dict[str, Any] = {"random": 0.15, "local": 0.75, "convolution": 0.1}


AGEING_EVOLUTION: dict[str, Any] = {
    "population": 100,
    "children": 10,
    "generations": 90,
    "tournament": 10,
    "selection": "accuracy",
}
"""1,000 networks by regularised evolution (Real et al. 2019), as published for other spaces: the preset `paper`."""


@dataclass(frozen=True)
class Recipe:
    """What suits one data set: settings of the search, and of `InitialConfig` where the name says so."""

    shape: tuple[int, int, int]  # of an image
    train: Mapping[str, Any]
    bounds: tuple[float, float, float]  # of hypervolume: largest error, smallest and largest FLOPs
    ceiling: float  # FLOPs in the preset "paper"
    law: Mapping[str, Any]
    quick: Mapping[str, Any]
    quick_initial: Mapping[str, Any]
    best: Mapping[str, Any]  # over `quick`
    best_initial: Mapping[str, Any]
    paper_law: Mapping[str, Any] = field(default_factory=dict)
    best_rates: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shared(self) -> dict[str, Any]:
        """Settings of the search that belong to the data, whatever the space."""
        names = ("hypervolume.max_error", "hypervolume.min_flops", "hypervolume.max_flops")
        return _prefixed("train", self.train) | dict(zip(names, self.bounds, strict=True))


RECIPES = {
    "digits": Recipe(
        shape=(1, 8, 8),
        train={"epochs": 20, "batch_size": 32, "learning_rate": 0.01, "shift": 0},
        bounds=(0.5, 1e2, 1e5),
        ceiling=1e5,
        law=SMALL_IMAGE_LAW,
        paper_law=SMALL_IMAGE_LAW,
        quick={"population": 16, "generations": 8, "flops_min": 3e2, "flops_max": 2e4, "initial_epochs": 40},
        quick_initial={"layer_size": (0.3, 1.5), "edges_per_neuron": (3, 10)},
        best={"flops_max": 4e4, "initial_epochs": 120, "train.epochs": 60},
        best_initial={"maps": (1, 6), "random": 0.35, "local": 0.5, "convolution": 0.15},
    ),
    "mnist": Recipe(
        shape=(1, 28, 28),
        train={"epochs": 3, "batch_size": 128, "learning_rate": 0.02, "shift": 1},
        bounds=(0.1, 1e3, 1e6),
        ceiling=1e6,
        law=LOCAL_LAW,
        quick={"population": 16, "generations": 10, "flops_min": 3e3, "flops_max": 6e4, "initial_epochs": 6},
        quick_initial={"layer_size": (0.2, 0.7), "edges_per_neuron": (3, 10)},
        best={
            "flops_min": 4e3,
            "flops_max": 1e5,
            "initial_epochs": 40,
            "train.epochs": 20,
            "train.learning_rate": 0.01,  # children train longer
            "train.label_smoothing": 0.05,
        },
        best_rates=SMALL_STEPS,
        best_initial={"layer_size": (0.2, 0.9), "edges_per_neuron": (3, 25), "maps": (1, 10), **MOSTLY_LOCAL},
    ),
    "cifar10": Recipe(
        shape=(3, 32, 32),
        train={"epochs": 4, "batch_size": 128, "learning_rate": 0.01, "shift": 2, "mirror": True},
        bounds=(0.7, 1e4, 1e7),
        ceiling=4e6,
        law=LOCAL_LAW,
        quick={"population": 12, "generations": 10, "flops_min": 2e4, "flops_max": 2.5e5, "initial_epochs": 8},
        quick_initial={"layer_size": (0.2, 0.5), "edges_per_neuron": (6, 18)},
        best={
            "flops_min": 3e4,
            "flops_max": 5e5,
            "initial_epochs": 12,
            "train.epochs": 6,
            "train.learning_rate": 0.005,
        },
        best_rates=SMALL_STEPS,
        best_initial={"layer_size": (0.2, 0.6), "edges_per_neuron": (6, 30), "maps": (1, 8), **MOSTLY_LOCAL},
    ),
}
"""By data set; found by measurement (docs/results.md). Bounds are fixed, so hypervolumes of any two runs compare."""


def scaled_law(side: int) -> dict[str, Any]:
    """The constants of the spatial law, in pixels, for images of so many pixels a side.

    They grow with the image beyond the 30 pixels that `LOCAL_LAW` was measured on: at 96 × 96, 4.8 pixels gave better
    networks than 1.5 and 3 (mean of four, of the same FLOPs, on enlarged digits: 91.8 % against 90.9 % and 90.7 %).
    """
    if side < SMALL_IMAGE:
        return SMALL_IMAGE_LAW
    return {**LOCAL_LAW, "spatial_base": round(LOCAL_LAW["spatial_base"] * max(1.0, side / 30), 2)}


def derived_recipe(data: Dataset | DataFacts) -> Recipe:
    """A recipe for data without one of their own, from their size: what the known ones have in common.

    A child takes about 1,000 steps (1 to 60 epochs); FLOPs, per input, go as far as those of the known data sets. The
    features of a table have no neighbourhood, so any two are near.
    """
    channels, height, width = data.shape
    n_inputs, n_train, small = channels * height * width, data.size("train"), min(height, width) < SMALL_IMAGE
    batch = int(2 ** np.clip(np.round(np.log2(n_train / 40)), 4, 7))
    epochs = int(np.clip(round(1000 * batch / n_train), 1, 60))
    law = scaled_law(min(height, width))
    starts: dict[str, Any] = {"random": 0.35, "local": 0.5, "convolution": 0.15} if small else MOSTLY_LOCAL
    if data.is_table:
        law, starts = {"spatial_base": 100.0 * width, "spatial_per_layer": 0.0}, {"random": 0.7, "dense": 0.3}
    floor, most = 4.0 * n_inputs, min(n_inputs, 10)
    sizes = {"layer_size": (0.3, 1.5) if n_inputs < 256 else (0.2, 0.6), "edges_per_neuron": (min(3, most), most)}
    shift = 0 if small else max(1, round(min(height, width) / 21))
    return Recipe(
        shape=data.shape,
        train={"epochs": epochs, "batch_size": batch, "learning_rate": 0.01, "shift": shift},
        bounds=(1 - 1 / data.n_classes, max(1.5 * n_inputs, 1), 3500.0 * n_inputs + 30_000),
        ceiling=1250.0 * n_inputs + 20_000,
        law=law,
        paper_law=law if small else {},
        quick={
            "population": 16,
            "generations": 10,
            "flops_min": floor,
            "flops_max": 80.0 * n_inputs + 15_000,
            "initial_epochs": 2 * epochs,
        },
        quick_initial=sizes,
        best={"flops_max": 150.0 * n_inputs + 30_000, "train.epochs": 3 * epochs, "initial_epochs": 6 * epochs},
        best_rates={} if small else SMALL_STEPS,
        best_initial=starts,
    )


def recipe_for(data: Dataset | DataFacts) -> tuple[Recipe, str]:
    """The recipe for a data set, and where it comes from."""
    if data.name in RECIPES and data.shape == RECIPES[data.name].shape:
        return RECIPES[data.name], f"Settings measured on {data.name}"
    recipe, (channels, height, width) = derived_recipe(data), data.shape
    form = f"rows of {width} features" if data.is_table else f"images of {channels}×{height}×{width}"
    return recipe, (
        f"Settings derived from the data ({data.size('train'):,} {form}, {data.n_classes} classes): "
        f"{recipe.train['epochs']} epochs of batches of {recipe.train['batch_size']}, "
        f"shifts up to {recipe.train['shift']} px"
    )


def neuron_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """A preset of the neuron-level space."""
    check_preset(name, PRESETS, "neurons")
    recipe, about = recipe_for(data)
    if about.startswith("Settings derived"):
        law = f"decay length {recipe.law['spatial_base']:g} px"
        about += f", FLOPs from {recipe.quick['flops_min']:,.0f} to {recipe.quick['flops_max']:,.0f}, " + (
            "no spatial preference" if data.is_table else law
        )
    if name == "paper":
        search = {**recipe.shared, "flops_max": recipe.ceiling, "rates": dict(recipe.paper_law)}
        return SpacePreset(search, _prefixed("initial", recipe.paper_law), about)
    rates = {**GENTLE, **recipe.law}
    search = {**recipe.shared, "children": 8, "rates": rates, **recipe.quick}
    initial = {"hidden_layers": (1, 2), **recipe.quick_initial, **recipe.law}
    if name == "best":
        sizes = {"population": 60, "children": 15, "generations": 40, "stop_hopeless": True}
        search |= {**sizes, **recipe.best, "rates": {**rates, **recipe.best_rates}}
        initial |= {"hidden_layers": (1, 3), **recipe.best_initial}
    return SpacePreset(search, _prefixed("initial", initial), about)


def mlp_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """A preset of the space of dense MLPs: networks from two hidden neurons up to a layer of 256."""
    check_preset(name, MLP_PRESETS, "mlp")
    recipe, about = recipe_for(data)
    per_neuron = 2.0 * (math.prod(data.shape) + data.n_classes)  # FLOPs of a hidden neuron, in an MLP with one layer
    epochs, widest = recipe.train["epochs"], 64
    search = {
        **recipe.shared,
        "train.learning_rate": MLP_LEARNING_RATE,
        "population": 16,
        "children": 8,
        "generations": 10,
        "initial_epochs": 2 * epochs,
    }
    if name == "best":
        sizes = {"population": 60, "children": 15, "generations": 40, "stop_hopeless": True}
        search |= {**sizes, "train.epochs": 3 * epochs, "initial_epochs": 6 * epochs}
        widest = 256
    search |= {"flops_min": 2 * per_neuron, "flops_max": widest * per_neuron}
    about += f"; dense networks of {search['flops_min']:,.0f} to {search['flops_max']:,.0f} FLOPs"
    return SpacePreset(search, {"hidden_layers": (1, 2), "hidden_widths": (2, widest)}, about)


def _prefixed(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for key, value in values.items()}
