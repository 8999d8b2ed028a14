"""Presets: settings of search and initial population by name and data set.

* `quick`: minutes on two cores.
* `paper`: the published sizes and constants.
* `best`: paper scale with what measurement favours: a tight spatial law, small steps, a higher learning rate.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.evolution import HypervolumeBounds
from workbench.search.config import SearchConfig
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig

PRESETS = ("quick", "paper", "best")

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


@dataclass(frozen=True)
class Recipe:
    """What suits one data set: settings of `SearchConfig`, and of `InitialConfig` where the name says so."""

    shape: tuple[int, int, int]  # of an image
    train: TrainConfig
    bounds: HypervolumeBounds
    ceiling: float  # FLOPs in the preset "paper"
    law: Mapping[str, Any]
    quick: Mapping[str, Any]
    quick_initial: Mapping[str, Any]
    best: Mapping[str, Any]  # over `quick`
    best_initial: Mapping[str, Any]
    paper_law: Mapping[str, Any] = field(default_factory=dict)
    best_rates: Mapping[str, Any] = field(default_factory=dict)


RECIPES = {
    "digits": Recipe(
        shape=(1, 8, 8),
        train=TrainConfig(epochs=20, batch_size=32, learning_rate=0.01, shift=0),
        bounds=HypervolumeBounds(max_error=0.5, min_flops=1e2, max_flops=1e5),
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
        train=TrainConfig(epochs=3, batch_size=128, learning_rate=0.02, shift=1),
        bounds=HypervolumeBounds(max_error=0.1, min_flops=1e3, max_flops=1e6),
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
        train=TrainConfig(epochs=4, batch_size=128, learning_rate=0.01, shift=2, mirror=True),
        bounds=HypervolumeBounds(max_error=0.7, min_flops=1e4, max_flops=1e7),
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
"""By data set; found by measurement, see README. Bounds are fixed, so that hypervolumes of any two runs compare."""


def derived_recipe(data: Dataset) -> Recipe:
    """A recipe for data without one of their own, from their size: what the known ones have in common.

    A child takes about 1,000 steps (3 to 60 epochs); FLOPs, per input, go as far as those of the known data sets. The
    features of a table have no neighbourhood, so any two are near.
    """
    channels, height, width = data.shape
    n_inputs, n_train, small = channels * height * width, data.size("train"), min(height, width) < SMALL_IMAGE
    batch = int(2 ** np.clip(np.round(np.log2(n_train / 40)), 4, 7))
    epochs = int(np.clip(round(1000 * batch / n_train), 3, 60))
    law = SMALL_IMAGE_LAW if small else LOCAL_LAW
    starts: dict[str, Any] = {"random": 0.35, "local": 0.5, "convolution": 0.15} if small else MOSTLY_LOCAL
    if data.is_table:
        law, starts = {"spatial_base": 100.0 * width, "spatial_per_layer": 0.0}, {"random": 0.7, "dense": 0.3}
    floor, most = 4.0 * n_inputs, min(n_inputs, 10)
    sizes = {"layer_size": (0.3, 1.5) if n_inputs < 256 else (0.2, 0.6), "edges_per_neuron": (min(3, most), most)}
    return Recipe(
        shape=data.shape,
        train=TrainConfig(epochs=epochs, batch_size=batch, learning_rate=0.01, shift=0 if small else 1 + (height > 28)),
        bounds=HypervolumeBounds(1 - 1 / data.n_classes, max(1.5 * n_inputs, 1), 3500.0 * n_inputs + 30_000),
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


@dataclass(frozen=True)
class Preset:
    """Settings of a search and of its initial population; `about` says where they come from."""

    config: SearchConfig
    initial: InitialConfig
    about: str = ""

    def space(self, data: Dataset) -> NeuronSpace:
        """The neuron-level space of a data set with this initial population."""
        return NeuronSpace.for_data(data, self.initial)


def preset(name: str, dataset: str | Dataset, **changes: Any) -> Preset:
    """A preset; `changes` go over the search's settings, such as `seed=1` or `**{"train.epochs": 2}`.

    Args:
        name: "quick", "paper" or "best".
        dataset: name of a data set, or a `Dataset`, whose settings are derived from its size if it has none of its
            own; `about` then says them.
        changes: settings of `SearchConfig`.

    Raises:
        ConfigError: if the preset, the data set or a setting is unknown.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; expected one of: {', '.join(PRESETS)}")
    recipe, about = _recipe(dataset)
    config = SearchConfig(train=recipe.train, hypervolume=recipe.bounds)
    if name == "paper":
        config = replace(config, flops_max=recipe.ceiling, rates=dict(recipe.paper_law))
        initial = InitialConfig(**recipe.paper_law)
    else:
        config = replace(config, children=8, rates={**GENTLE, **recipe.law}, **recipe.quick)
        initial = InitialConfig(hidden_layers=(1, 2), **recipe.quick_initial, **recipe.law)
        if name == "best":
            sizes = {"population": 60, "children": 15, "generations": 40, "stop_hopeless": True}
            rates = {"rates": {**config.rates, **recipe.best_rates}}
            config = from_values(SearchConfig, {**sizes, **recipe.best, **rates}, config)
            initial = replace(initial, hidden_layers=(1, 3), **recipe.best_initial)
    return Preset(from_values(SearchConfig, changes, config), initial, about)


def settings_and_space(
    data: Dataset, config: SearchConfig | Preset | None, space: SearchSpace | None
) -> tuple[SearchConfig, SearchSpace]:
    """What a search of `data` begins with; a preset brings its space unless one is given."""
    if not isinstance(data, Dataset):
        raise ConfigError(f"a search expects a Dataset, from load_dataset or Dataset.from_arrays, got {data!r}")
    if isinstance(config, Preset):
        return config.config, space or config.space(data)
    if config is not None and not isinstance(config, SearchConfig):
        raise ConfigError(f"a search expects a SearchConfig, or a preset such as preset('quick', data), got {config!r}")
    return config or SearchConfig(), space or NeuronSpace.for_data(data)


def _recipe(dataset: str | Dataset) -> tuple[Recipe, str]:
    """The recipe for a data set, and what it is."""
    if isinstance(dataset, str):
        if dataset not in RECIPES:
            near = difflib.get_close_matches(dataset, RECIPES, 1, 0.5)
            raise ConfigError(
                f"no settings are known for a data set {dataset!r}{f' (did you mean {near[0]!r}?)' if near else ''}; "
                f"expected one of: {', '.join(RECIPES)}, or the Dataset itself, from which they are derived"
            )
        return RECIPES[dataset], f"Settings measured on {dataset}"
    if not isinstance(dataset, Dataset):
        raise ConfigError(f"expected the name of a data set, or a Dataset, got {dataset!r}")
    if dataset.name in RECIPES and dataset.shape == RECIPES[dataset.name].shape:
        return RECIPES[dataset.name], f"Settings measured on {dataset.name}"
    recipe, (channels, height, width) = derived_recipe(dataset), dataset.shape
    train, law = recipe.train, recipe.law
    form = f"rows of {width} features" if dataset.is_table else f"images of {channels}×{height}×{width}"
    return recipe, (
        f"Settings derived from the data ({dataset.size('train'):,} {form}, {dataset.n_classes} classes): "
        f"{train.epochs} epochs of batches of {train.batch_size}, shifts up to {train.shift} px, "
        f"FLOPs from {recipe.quick['flops_min']:,.0f} to {recipe.quick['flops_max']:,.0f}, "
        + ("no spatial preference" if dataset.is_table else f"decay length {law['spatial_base']:g} px")
    )
