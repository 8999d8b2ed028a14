"""Training and inference through torch: the reference, the GPU way."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from workbench.compiler.network import NeuronNetwork
from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.training.config import TrainConfig, learning_rate
from workbench.training.history import History, OnEpoch, record
from workbench.training.stream import StreamKey, batches, standardise

EVALUATION_BATCH = 1000


class TorchTrainer:
    """One genome on a torch backend."""

    def __init__(self, genome: Genome, data: Dataset, backend: str, dropout: float, seed: int, device: str) -> None:
        self.data = data
        self.network = NeuronNetwork(genome, backend, dropout=dropout, seed=seed, device=device)

    def accuracy(self, split: str) -> float:
        """Fraction of a split that is classified correctly."""
        return accuracy(self.network, self.data, split)

    def fit(self, config: TrainConfig, key: StreamKey, on_epoch: OnEpoch | None = None) -> History:
        """Train; `Diverged` if the loss is no longer a sensible number."""
        return fit(self.network, self.data, config, key=key, on_epoch=on_epoch)

    def genome(self) -> Genome:
        """The genome with the weights as they are now."""
        return self.network.to_genome()


def fit(
    network: nn.Module,
    data: Dataset,
    config: TrainConfig,
    *,
    key: StreamKey,
    on_epoch: OnEpoch | None = None,
) -> History:
    """Train `network` in place; any module from [batch, c, h, w] to logits will do.

    Args:
        network: its parameters with more than one dimension, or named `weight`, are decayed.
        data: where the training and validation splits come from.
        config: the recipe.
        key: of the prepared data.
        on_epoch: called with each epoch's row of the history.

    Returns:
        One row per epoch: epoch, train_loss, train_accuracy, val_accuracy, learning_rate, seconds.

    Raises:
        Diverged: if the loss is no longer a sensible number.
    """
    device = next(network.parameters()).device
    decayed = [p for name, p in network.named_parameters() if name.endswith("weight")]
    others = [p for name, p in network.named_parameters() if not name.endswith("weight")]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        fused=True,
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    steps_per_epoch = -(-data.size("train") // config.batch_size)
    history: History = []
    for epoch in range(config.epochs):
        started = time.perf_counter()
        network.train()
        total_loss = torch.zeros((), device=device)
        total_right = torch.zeros((), device=device)
        for batch, (images, labels) in enumerate(batches(data, config, key, epoch)):
            rate = learning_rate(config, epoch * steps_per_epoch + batch, config.epochs * steps_per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
            optimizer.zero_grad()
            logits = network(x)
            loss = criterion(logits, y)
            loss.backward()
            optimizer.step()
            total_loss += loss.detach() * len(y)
            total_right += (logits.detach().argmax(1) == y).sum()
        mean_loss = float(total_loss) / data.size("train")
        row = {
            "epoch": epoch + 1,
            "train_loss": mean_loss,
            "train_accuracy": float(total_right) / data.size("train"),
            "val_accuracy": accuracy(network, data, "validation"),
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
        }
        if record(history, row, config.divergence, on_epoch):
            break
    return history


def predict(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Logits float32 [n, outputs] for prepared images [n, c, h, w]."""
    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(images[start : start + EVALUATION_BATCH]).to(device)).float().cpu().numpy()
            for start in range(0, len(images), EVALUATION_BATCH)
        ]
    return np.concatenate(parts)


def accuracy(network: nn.Module, data: Dataset, split: str) -> float:
    """Fraction of a split that is classified correctly; NaN logits count as wrong."""
    images, labels = data.images(split), data.labels(split)
    right = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        chosen = slice(start, start + EVALUATION_BATCH)
        logits = predict(network, standardise(images[chosen], data))
        right += int(((logits.argmax(1) == labels[chosen]) & ~np.isnan(logits).any(axis=1)).sum())
    return right / len(labels)
