"""Plan + data -> trained weights."""

from workbench.individuals import TrainResult
from workbench.training.config import SCHEDULES, TrainConfig, learning_rates
from workbench.training.history import OnEpoch
from workbench.training.stream import StreamKey, batches
from workbench.training.train import BACKENDS, DEFAULT_BACKEND, evaluate, train

__all__ = [
    "BACKENDS",
    "DEFAULT_BACKEND",
    "SCHEDULES",
    "OnEpoch",
    "StreamKey",
    "TrainConfig",
    "TrainResult",
    "batches",
    "evaluate",
    "learning_rates",
    "train",
]
