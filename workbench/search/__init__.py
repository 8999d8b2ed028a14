"""The composition root: settings, presets, and the search that a person can steer."""

from workbench.objectives import LatencyModel
from workbench.search.config import LIVE_SETTINGS, SearchConfig
from workbench.search.fork import ForkPlan, compact_run, fork_run, plan_fork
from workbench.search.presets import Preset, preset
from workbench.search.replay import Replay, replay
from workbench.search.search import Search, attach
from workbench.search.snapshot import Snapshot, snapshot_of
from workbench.store import open_run
from workbench.training.calibration import calibrate_latency
