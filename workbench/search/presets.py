"""Presets: settings of search and initial population by name and data set.

* `quick`: minutes on two cores.
* `paper`: the published sizes and constants.
* `best`: paper scale with what measurement favours: a tight spatial law, small steps, a higher learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.evolution import HypervolumeBounds
from workbench.search.config import SearchConfig
from workbench.settings import from_values
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig

PRESETS = ("quick", "paper", "best")

BOUNDS = {
    "digits": HypervolumeBounds(max_error=0.5, min_flops=1e2, max_flops=1e5),
    "mnist": HypervolumeBounds(max_error=0.1, min_flops=1e3, max_flops=1e6),
    "cifar10": HypervolumeBounds(max_error=0.7, min_flops=1e4, max_flops=1e7),
}
"""Fixed per data set, so that the hypervolumes of any two runs compare."""

LOCAL_LAW: dict[str, Any] = {"spatial_base": 1.5, "spatial_per_layer": 0.0}
"""Measured to be better than the published 4 + 1.5 · layer on 28 to 32 pixel images."""

SMALL_IMAGE_LAW: dict[str, Any] = {"spatial_base": 1.0, "spatial_per_layer": 0.4}
"""The published constants scaled to the 8 pixels of digits."""

GENTLE: dict[str, Any] = {
    "add_neurons": 0.25,
    "add_edges": 0.25,
    "remove_edges": 0.35,
    "remove_layer": 0.05,
    "share_weights": 0.1,
    "bridge": 1.0,
    **LOCAL_LAW,
}

SMALL_STEPS: dict[str, Any] = {
    **GENTLE,
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

RECIPES = {
    "digits": TrainConfig(epochs=20, batch_size=32, learning_rate=0.01, shift=0),
    "mnist": TrainConfig(epochs=3, batch_size=128, learning_rate=0.02, shift=1),
    "cifar10": TrainConfig(epochs=4, batch_size=128, learning_rate=0.01, shift=2, mirror=True),
}
"""How a child is trained; found by measurement, see README."""

QUICK: dict[str, dict[str, Any]] = {
    "digits": {"population": 16, "generations": 8, "flops_min": 3e2, "flops_max": 2e4, "initial_epochs": 40},
    "mnist": {"population": 16, "generations": 10, "flops_min": 3e3, "flops_max": 6e4, "initial_epochs": 6},
    "cifar10": {"population": 12, "generations": 10, "flops_min": 2e4, "flops_max": 2.5e5, "initial_epochs": 8},
}

QUICK_INITIAL: dict[str, dict[str, Any]] = {
    "digits": {"layer_size": (0.3, 1.5), "edges_per_neuron": (3, 10), **SMALL_IMAGE_LAW},
    "mnist": {"layer_size": (0.2, 0.7), "edges_per_neuron": (3, 10), **LOCAL_LAW},
    "cifar10": {"layer_size": (0.2, 0.5), "edges_per_neuron": (6, 18), **LOCAL_LAW},
}

PAPER_CEILING = {"digits": 1e5, "mnist": 1e6, "cifar10": 4e6}

BEST: dict[str, dict[str, Any]] = {
    "digits": {"flops_min": 3e2, "flops_max": 4e4, "initial_epochs": 120, "train.epochs": 60},
    "mnist": {
        "flops_min": 4e3,
        "flops_max": 1e5,
        "initial_epochs": 40,
        "train.epochs": 20,
        "train.learning_rate": 0.01,  # children train longer
        "train.label_smoothing": 0.05,
        "rates": SMALL_STEPS,
    },
    "cifar10": {
        "flops_min": 3e4,
        "flops_max": 5e5,
        "initial_epochs": 12,
        "train.epochs": 6,
        "train.learning_rate": 0.005,
        "rates": SMALL_STEPS,
    },
}

MOSTLY_LOCAL: dict[str, Any] = {"random": 0.15, "local": 0.75, "convolution": 0.1}

BEST_INITIAL: dict[str, dict[str, Any]] = {
    "digits": {"maps": (1, 6), "random": 0.35, "local": 0.5, "convolution": 0.15},
    "mnist": {"layer_size": (0.2, 0.9), "edges_per_neuron": (3, 25), "maps": (1, 10), **MOSTLY_LOCAL},
    "cifar10": {"layer_size": (0.2, 0.6), "edges_per_neuron": (6, 30), "maps": (1, 8), **MOSTLY_LOCAL},
}


@dataclass(frozen=True)
class Preset:
    """Settings of a search and of its initial population."""

    config: SearchConfig
    initial: InitialConfig

    def space(self, data: Dataset) -> NeuronSpace:
        """The neuron-level space of a data set with this initial population."""
        return NeuronSpace.for_data(data, self.initial)


def preset(name: str, dataset: str, **changes: Any) -> Preset:
    """A preset; `changes` go over the search's settings, such as `seed=1` or `**{"train.epochs": 2}`.

    Args:
        name: "quick", "paper" or "best".
        dataset: name of the data set; one that is not known gets the settings of MNIST without its bounds.
        changes: settings of `SearchConfig`.

    Raises:
        ConfigError: if the preset or a setting is unknown.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; expected one of: {', '.join(PRESETS)}")
    known = dataset if dataset in RECIPES else "mnist"
    config = SearchConfig(train=RECIPES[known], hypervolume=BOUNDS.get(dataset, HypervolumeBounds()))
    if name == "paper":
        law = SMALL_IMAGE_LAW if known == "digits" else {}
        config, initial = replace(config, flops_max=PAPER_CEILING[known], rates=law), InitialConfig(**law)
    else:
        rates = {**GENTLE, **SMALL_IMAGE_LAW} if known == "digits" else GENTLE
        config = replace(config, children=8, rates=rates, **QUICK[known])
        initial = InitialConfig(hidden_layers=(1, 2), **QUICK_INITIAL[known])
        if name == "best":
            sizes = {"population": 60, "children": 15, "generations": 40, "stop_hopeless": True}
            config = from_values(SearchConfig, {**sizes, **BEST[known]}, config)
            initial = replace(initial, hidden_layers=(1, 3), **BEST_INITIAL[known])
    if dataset not in RECIPES:
        config = replace(config, flops_min=None, flops_max=None)
    return Preset(from_values(SearchConfig, changes, config), initial)
