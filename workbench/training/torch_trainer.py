"""Training and inference through torch: the reference, and the way to use a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from workbench.compiler.batch_norm import Normalisable
from workbench.datasets import Dataset
from workbench.training.augmentation import batches_with_targets, targets_of
from workbench.training.trainer import CALIBRATION_IMAGES, StreamKey, TrainConfig, Trainer, averaging_factors

EVALUATION_BATCH = 1000
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.LayerNorm, nn.GroupNorm)


class TorchTrainer(Trainer):
    """Trains in place any module from [batch, c, h, w] to logits.

    Parameters named `weight` are decayed, except those of norms. `evaluation_batch` images are evaluated at once, which
    bounds the memory of networks with large activations. `teacher` is a trained module like it.
    """

    def __init__(
        self,
        network: nn.Module,
        data: Dataset,
        evaluation_batch: int = EVALUATION_BATCH,
        teacher: nn.Module | None = None,
    ) -> None:
        self.network, self.data, self.evaluation_batch, self.teacher = network, data, evaluation_batch, teacher

    def predict(self, split: str) -> np.ndarray:
        """Logits of a split's images, float32 [images, outputs]."""
        return module_logits(self.network, prepared_batches(self.data, split, self.evaluation_batch))

    def train_epoch(
        self, config: TrainConfig, key: StreamKey, epoch: int, rates: np.ndarray, first_step: int
    ) -> tuple[float, float]:
        """One epoch; see `Trainer`. The optimiser starts afresh with the first."""
        if first_step == 0:
            self._optimizer = begin(self.network, self.data, config, key)
            self._average = Average(self.network, config)
        self._average.exchange()
        device = next(self.network.parameters()).device
        loss_sum, right_sum = torch.zeros((), device=device), torch.zeros((), device=device)
        self.network.train()
        prepared = batches_with_targets(self.data, config, key, epoch)
        for step, (rate, (images, labels, targets)) in enumerate(
            zip(rates.tolist(), prepared, strict=True), first_step
        ):
            set_rate(self._optimizer, rate)
            x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
            self._optimizer.zero_grad()
            logits = self.network(x)
            goal, smoothing = goal_of(x, y, targets, config, self.teacher)
            loss = cross_entropy(logits, goal, label_smoothing=smoothing)
            loss.backward()
            self._optimizer.step()
            self._average.add(step)
            loss_sum += loss.detach() * len(y)
            right_sum += (logits.detach().argmax(1) == y).sum()
        self._average.exchange()
        n = self.data.size("train")
        return float(loss_sum) / n, float(right_sum) / n


class Average:
    """The running average of a network's weights, and of what its norms have measured."""

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        values = [*network.parameters(), *network.buffers()] if config.average else []
        self._values = [value.detach() for value in values if value.is_floating_point()]
        self._averages, self._config = [value.clone() for value in self._values], config

    def add(self, step: int) -> None:
        """Move towards the weights after step number `step`, from 0."""
        if self._values:
            torch._foreach_lerp_(self._averages, self._values, float(averaging_factors(self._config, step, 1)[0]))

    def exchange(self) -> None:
        """Exchange weights and averages: between epochs the network has the averages."""
        for value, average in zip(self._values, self._averages, strict=True):
            kept = value.clone()
            value.copy_(average)
            average.copy_(kept)


def goal_of(
    images: torch.Tensor,
    labels: torch.Tensor,
    mixed: np.ndarray | None,
    config: TrainConfig,
    teacher: nn.Module | None,
) -> tuple[torch.Tensor, float]:
    """What `cross_entropy` leads logits to, and its label smoothing.

    Labels [batch]; or if images are mixed, or there is a teacher, targets [batch, classes], already smoothed; or of the
    form of the teacher's logits, [batch, ..., classes].
    """
    if mixed is None and teacher is None:
        return labels, config.label_smoothing
    if teacher is None:
        return torch.from_numpy(mixed).to(images), 0.0
    with torch.no_grad():
        said = torch.softmax(teacher(images) / config.temperature, -1)
    own = targets_of(labels.cpu().numpy(), said.shape[-1], config) if mixed is None else mixed
    targets = torch.from_numpy(own).to(said).view(len(labels), *[1] * (said.dim() - 2), -1)
    return targets.lerp(said, config.distillation), 0.0


def begin(network: nn.Module, data: Dataset, config: TrainConfig, key: StreamKey) -> torch.optim.AdamW:
    """Prepare a network for its first epoch: batch normalisation, if it has any, and the optimiser."""
    if isinstance(network, Normalisable):
        device = network.weight.device
        first = islice(batches_with_targets(data, config, key, 0), -(-CALIBRATION_IMAGES // config.batch_size))
        network.unfold(torch.from_numpy(images).to(device) for images, *_ in first)
    return adamw(network, config)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def slices(n_images: int, batch: int = EVALUATION_BATCH) -> list[slice]:
    """The images that a module answers at once, so that its activations fit in memory; one slice if there are none."""
    return [slice(start, start + batch) for start in range(0, max(1, n_images), batch)]


def prepared_batches(data: Dataset, split: str, batch: int = EVALUATION_BATCH) -> Iterator[np.ndarray]:
    """The images of a split as a module takes them, float32 [batch, c, h, w]."""
    images = data.images(split)
    return (data.standardised(images[some]) for some in slices(len(images), batch))


def module_logits(network: nn.Module, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Logits float32 [images, outputs] of batches of prepared images [batch, c, h, w]; it stays in eval mode."""
    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode():
        parts = [network(torch.from_numpy(batch).to(device)) for batch in batches]
    return torch.cat(parts).detach().float().cpu().numpy()


def adamw(network: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """The optimiser of a training; see `TorchTrainer` for what is decayed."""
    decayed, others = list[nn.Parameter](), list[nn.Parameter]()
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            decays = name.endswith("weight") and not isinstance(module, NORMS)
            (decayed if decays else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
