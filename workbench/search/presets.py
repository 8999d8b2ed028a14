"""Presets: settings of search and initial population by name and data set.

* `quick`: minutes on two cores.
* `paper`: the published sizes and constants.
* `best`: paper scale with what measurement favours: a tight spatial law, small steps, a higher learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping
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

RECIPES = {
    "digits": TrainConfig(epochs=20, batch_size=32, learning_rate=0.01, shift=0),
    "mnist": TrainConfig(epochs=3, batch_size=128, learning_rate=0.02, shift=1),
    "cifar10": TrainConfig(epochs=4, batch_size=128, learning_rate=0.01, shift=2, mirror=True),
}
"""How a child is trained; found by measurement, see README."""

LONG_TRAINING: dict[str, dict[str, Any]] = {
    "digits": {},
    "mnist": {"learning_rate": 0.01, "label_smoothing": 0.05},
    "cifar10": {"learning_rate": 0.005},
}
"""What changes in `best`, whose children train longer."""

LOCAL_LAW: dict[str, Any] = {"spatial_base": 1.5, "spatial_per_layer": 0.0}
"""Measured to be better than the published 4 + 1.5 · layer on 28 to 32 pixel images."""

SMALL_IMAGE_LAW: dict[str, Any] = {"spatial_base": 1.0, "spatial_per_layer": 0.4}
"""The published constants brought to the 8 pixels of digits."""

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
"""Small steps that break little of what was inherited, and weak edges go first."""


@dataclass(frozen=True)
class Preset:
    """Settings of a search and of its initial population.

    Attributes:
        config: of the search.
        initial: of the initial population.
    """

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
    builders = {"quick": _quick, "paper": _paper, "best": _best}
    known = dataset if dataset in RECIPES else "mnist"
    made = builders[name](known)
    config = replace(made.config, hypervolume=BOUNDS.get(dataset, HypervolumeBounds()))
    if dataset not in RECIPES:
        config = replace(config, flops_min=None, flops_max=None)
    return replace(made, config=from_values(SearchConfig, changes, config))


def _quick(dataset: str) -> Preset:
    sizes: Mapping[str, tuple[int, int, int]] = {"digits": (16, 8, 8), "mnist": (16, 8, 10), "cifar10": (12, 8, 10)}
    population, children, generations = sizes[dataset]
    initial = {
        "digits": InitialConfig(
            hidden_layers=(1, 2), layer_size=(0.3, 1.5), edges_per_neuron=(3, 10), **SMALL_IMAGE_LAW
        ),
        "mnist": InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.7), edges_per_neuron=(3, 10), **LOCAL_LAW),
        "cifar10": InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(6, 18), **LOCAL_LAW),
    }
    ceiling = {"digits": 2e4, "mnist": 6e4, "cifar10": 2.5e5}
    floor = {"digits": 3e2, "mnist": 3e3, "cifar10": 2e4}
    rates = {**GENTLE, **SMALL_IMAGE_LAW} if dataset == "digits" else GENTLE
    config = SearchConfig(
        population=population,
        children=children,
        generations=generations,
        flops_min=floor[dataset],
        flops_max=ceiling[dataset],
        initial_epochs=2 * RECIPES[dataset].epochs,
        train=RECIPES[dataset],
        rates=rates,
    )
    return Preset(config, initial[dataset])


def _paper(dataset: str) -> Preset:
    law = SMALL_IMAGE_LAW if dataset == "digits" else {}
    ceiling = {"digits": 1e5, "mnist": 1e6, "cifar10": 4e6}
    config = SearchConfig(flops_max=ceiling[dataset], train=RECIPES[dataset], rates=law)
    return Preset(config, InitialConfig(**law))


def _best(dataset: str) -> Preset:
    quick = _quick(dataset)
    floor = {"digits": 3e2, "mnist": 4e3, "cifar10": 3e4}
    ceiling = {"digits": 4e4, "mnist": 1e5, "cifar10": 5e5}
    epochs = {"digits": (60, 120), "mnist": (20, 40), "cifar10": (6, 12)}
    child, first = epochs[dataset]
    config = replace(
        quick.config,
        population=60,
        children=15,
        generations=40,
        flops_min=floor[dataset],
        flops_max=ceiling[dataset],
        initial_epochs=first,
        stop_hopeless=True,
        train=replace(quick.config.train, epochs=child, **LONG_TRAINING[dataset]),
        rates=quick.config.rates if dataset == "digits" else SMALL_STEPS,
    )
    mostly_local: dict[str, Any] = {"random": 0.15, "local": 0.75, "convolution": 0.1}
    mixed = replace(quick.initial, hidden_layers=(1, 3), random=0.35, local=0.5, convolution=0.15)
    initial = {
        "digits": replace(mixed, maps=(1, 6)),
        "mnist": replace(mixed, layer_size=(0.2, 0.9), edges_per_neuron=(3, 25), maps=(1, 10), **mostly_local),
        "cifar10": replace(mixed, layer_size=(0.2, 0.6), edges_per_neuron=(6, 30), maps=(1, 8), **mostly_local),
    }
    return Preset(config, initial[dataset])
