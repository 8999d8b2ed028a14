"""The search spaces, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.initial import InitialConfig
from workbench.space import MAKERS, RecordSpace, SearchSpace
from workbench.spaces.hnas import HnasSpace
from workbench.spaces.mlp import MlpSpace
from workbench.spaces.neuron import NeuronSpace

SPACES: dict[str, type[RecordSpace]] = {
    "neurons": NeuronSpace,
    "mlp": MlpSpace,
    "hnas": HnasSpace,
}
"""To add a search space, implement `workbench.space.SearchSpace` and list it here."""


def make_space(name: str, config: Mapping[str, Any]) -> SearchSpace:
    """The space of a run, from its stored name and settings."""
    try:
        return cast(SearchSpace, space_class(name).from_config(config))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the settings of space {name!r} are damaged: {error!r}") from None


def space_for(name: str, data: Dataset) -> SearchSpace:
    """The space `name` with its default settings for a data set."""
    return cast(SearchSpace, space_class(name).for_data(data))


def space_class(name: str) -> type[RecordSpace]:
    """The class of the space `name`."""
    if name not in SPACES:
        raise ConfigError(f"unknown search space {name!r}; expected one of: {', '.join(SPACES)}")
    return SPACES[name]


MAKERS.update({name: partial(make_space, name) for name in SPACES})
