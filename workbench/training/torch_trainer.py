"""Training and inference through torch: the reference, the GPU way."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from workbench.compiler.network import NeuronNetwork
from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.training.config import TrainConfig, learning_rates
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
        network: its parameters named `weight` are decayed.
        data: where the training and validation splits come from.
        config: the recipe.
        key: of the prepared data.
        on_epoch: called with each epoch's row of the history.

    Returns:
        One row per epoch: epoch, train_loss, train_accuracy, val_accuracy, learning_rate, seconds.

    Raises:
        Diverged: if the loss is no longer a sensible number.
    """
    optimizer = _adamw(network, config)
    steps = -(-data.size("train") // config.batch_size)
    history: History = []
    for epoch in range(config.epochs):
        started = time.perf_counter()
        first, total = epoch * steps, config.epochs * steps
        rates = learning_rates(config, np.arange(first, first + steps), total).tolist()
        loss, right = _train_epoch(network, optimizer, data, config, key, epoch, rates)
        row = {
            "epoch": epoch + 1,
            "train_loss": loss,
            "train_accuracy": right,
            "val_accuracy": accuracy(network, data, "validation"),
            "learning_rate": rates[-1],
            "seconds": time.perf_counter() - started,
        }
        if record(history, row, config.divergence, on_epoch):
            break
    return history


def _adamw(network: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    decayed = [p for name, p in network.named_parameters() if name.endswith("weight")]
    others = [p for name, p in network.named_parameters() if not name.endswith("weight")]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Dataset,
    config: TrainConfig,
    key: StreamKey,
    epoch: int,
    rates: list[float],
) -> tuple[float, float]:
    """One epoch, a learning rate for each batch; returns mean loss and fraction right."""
    device = next(network.parameters()).device
    criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    loss_sum, right_sum = torch.zeros((), device=device), torch.zeros((), device=device)
    network.train()
    for rate, (images, labels) in zip(rates, batches(data, config, key, epoch), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
        optimizer.zero_grad()
        logits = network(x)
        loss = criterion(logits, y)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(y)
        right_sum += (logits.detach().argmax(1) == y).sum()
    return float(loss_sum) / data.size("train"), float(right_sum) / data.size("train")


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
