"""The search spaces, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.initial import InitialConfig
from workbench.space import MAKERS, SearchSpace
from workbench.spaces.mlp import MlpSpace
from workbench.spaces.neuron import NeuronSpace

SPACES: dict[str, type[NeuronSpace] | type[MlpSpace]] = {NeuronSpace.name: NeuronSpace, MlpSpace.name: MlpSpace}
"""To add a search space, implement `workbench.space.SearchSpace` and list it here."""


def make_space(name: str, config: Mapping[str, Any]) -> SearchSpace:
    """The space of a run, from its stored name and settings."""
    try:
        return _class_of(name).from_config(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the settings of space {name!r} are damaged: {error!r}") from None


def space_for(name: str, data: Dataset) -> SearchSpace:
    """The space `name` with its default settings for a data set."""
    return _class_of(name).for_data(data)


def _class_of(name: str) -> type[NeuronSpace] | type[MlpSpace]:
    if name not in SPACES:
        raise ConfigError(f"unknown search space {name!r}; expected one of: {', '.join(SPACES)}")
    return SPACES[name]


MAKERS.update({name: partial(make_space, name) for name in SPACES})
