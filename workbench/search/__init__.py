"""The composition root: settings, presets, and the search that a person can steer."""

from workbench.search.config import LIVE_SETTINGS, SearchConfig
from workbench.search.presets import PRESETS, Preset, preset
from workbench.search.search import Search, attach
from workbench.search.snapshot import Snapshot, snapshot_of

__all__ = [
    "LIVE_SETTINGS",
    "PRESETS",
    "Preset",
    "Search",
    "SearchConfig",
    "Snapshot",
    "attach",
    "preset",
    "snapshot_of",
]
