"""Plan + data -> trained weights."""

from workbench.training.config import SCHEDULES, TrainConfig, learning_rate
from workbench.training.stream import StreamKey, batches
from workbench.training.train import TrainResult, evaluate, train

__all__ = [
    "SCHEDULES",
    "StreamKey",
    "TrainConfig",
    "TrainResult",
    "batches",
    "evaluate",
    "learning_rate",
    "train",
]
