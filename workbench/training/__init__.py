"""Plan + data -> trained weights."""

from workbench.individuals import TrainResult
from workbench.training.batches import StreamKey, batches
from workbench.training.config import SCHEDULES, TrainConfig, learning_rates
from workbench.training.train import BACKENDS, DEFAULT_BACKEND, evaluate, train
from workbench.training.trainer import OnEpoch
