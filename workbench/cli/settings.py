"""Settings as they are typed: `--set NAME=VALUE`, and the table of all of them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`["train.epochs=3"]` as `{"train.epochs": "3"}`; `ConfigError` where there is no `=`."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set expects NAME=VALUE, got {pair!r}")
        settings[name.strip()] = value.strip()
    return settings


def settings_table(preset: str, dataset: str, space: str) -> pd.DataFrame:
    """Every setting that `--set` knows.

    Args:
        preset: name of the preset whose values are shown.
        dataset: name of the data set that it is for.
        space: name of the search space.

    Returns:
        A row per setting: its name, value in the preset, default, the values allowed, unit and help.

    Raises:
        ConfigError: if the preset or the space is unknown.
    """
    import pandas as pd

    from workbench.datasets import load_dataset
    from workbench.search import preset as preset_of
    from workbench.settings import all_settings, settings_of
    from workbench.spaces import NeuronSpace, space_for

    chosen, made = preset_of(preset, dataset), space_for(space, load_dataset("digits"))  # settings are the same for all
    neurons = space == NeuronSpace.name
    groups = [
        ("", all_settings(type(chosen.config)), chosen.config),
        ("rates.", made.settings, made.rates(chosen.config.rates if neurons else {})),
    ]
    if neurons:
        groups.append(("initial.", settings_of(type(chosen.initial)), chosen.initial))
    rows = [
        {
            "setting": prefix + one.name,
            preset: _typed(reduce(lambda record, name: getattr(record, name, None), one.name.split("."), record)),
            "default": _typed(one.default),
            "allowed": one.expected,
            "unit": one.unit,
            "help": one.help,
        }
        for prefix, settings, record in groups
        for one in settings
        if prefix or one.name != "rates"
    ]
    return pd.DataFrame(rows)


def _typed(value: Any) -> str:
    """A value as it is typed after `--set NAME=`."""
    if isinstance(value, tuple):
        return ",".join(map(_typed, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
