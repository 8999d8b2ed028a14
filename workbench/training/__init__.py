"""Plan + data -> trained weights."""

from workbench.individuals import TrainResult
from workbench.training.augmentation import batches
from workbench.training.together import train_together
from workbench.training.train import BACKENDS, DEFAULT_BACKEND, DEVICES, check_backend, evaluate, train
from workbench.training.trainer import SCHEDULES, OnEpoch, StreamKey, TrainConfig, learning_rates
