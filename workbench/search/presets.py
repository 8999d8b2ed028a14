"""Presets: settings of a search and of its space, by name, space and data set."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.datasets import FACTS, DataFacts, Dataset
from workbench.errors import ConfigError
from workbench.search.config import SearchConfig
from workbench.settings import from_values, to_values
from workbench.space import Presets, RecordSpace, SearchSpace, check_obeyed
from workbench.spaces import NeuronSpace, space_class


@dataclass(frozen=True)
class Preset:
    """Settings of a search and of its space; `about` says where they come from."""

    config: SearchConfig
    kind: type[RecordSpace]  # the class of the space
    settings: Mapping[str, Any]  # of the space itself, by dotted names
    about: str = ""

    def space(self, data: Dataset | DataFacts) -> SearchSpace:
        """The space of the networks for a data set, with these settings."""
        made: Any = self.kind.for_data(data).changed(self.settings)
        return made

    def changed(self, changes: Mapping[str, Any]) -> Preset:
        """This preset with `changes` over its settings, as in `preset`; settings without effect are refused."""
        check_obeyed(self.kind, changes)
        own, rates = _under("space.", changes), _under("rates.", changes)
        others = {name: value for name, value in changes.items() if not name.startswith(("space.", "rates."))}
        config = from_values(SearchConfig, others, self.config)
        if rates:
            before = config.rates if isinstance(config.rates, Mapping) else to_values(config.rates)
            config = from_values(SearchConfig, {"rates": {**before, **rates}}, config)
        return replace(self, config=config, settings={**self.settings, **own})


def preset(name: str, data: str | Dataset, space: str | type[RecordSpace] = "neurons", **changes: Any) -> Preset:
    """A preset; `changes` go over its settings, such as `seed=1` or `**{"train.epochs": 2}`.

    Args:
        name: such as "quick"; each space has its own.
        data: name of a data set, or a `Dataset`, whose settings are derived from its size if it has none of its own;
            `about` then says them.
        space: name of the search space, or its class.
        changes: settings of `SearchConfig`, and by dotted names of the mutation rates and of the space:
            "rates.add_edges", "space.initial.local".

    Raises:
        ConfigError: if the preset, the data set, the space or a setting is unknown.
    """
    kind = space_class(space) if isinstance(space, str) else space
    if not isinstance(kind, Presets):
        raise ConfigError(
            f"the search space {space!r} has no presets (`workbench.space.Presets`); give Search a SearchConfig and "
            "the space instead"
        )
    found = kind.presets(name, facts_of(data))
    return Preset(from_values(SearchConfig, found.search), kind, found.space, found.about).changed(changes)


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


def facts_of(data: str | Dataset) -> DataFacts | Dataset:
    """What is known of a data set: the data, or by its name without loading it."""
    if isinstance(data, str):
        if data not in FACTS:
            near = difflib.get_close_matches(data, FACTS, 1, 0.5)
            raise ConfigError(
                f"no settings are known for a data set {data!r}{f' (did you mean {near[0]!r}?)' if near else ''}; "
                f"expected one of: {', '.join(FACTS)}, or the Dataset itself, from which they are derived"
            )
        return FACTS[data]
    if not isinstance(data, Dataset):
        raise ConfigError(f"expected the name of a data set, or a Dataset, got {data!r}")
    return data


def _under(prefix: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in changes.items() if name.startswith(prefix)}
