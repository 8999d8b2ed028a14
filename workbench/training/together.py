"""Several networks trained together, in one launch of each operation: what makes a GPU pay for small networks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.individuals import TrainResult
from workbench.initial import initialise
from workbench.training.augmentation import batches_with_targets
from workbench.training.train import check_fit, check_teacher
from workbench.training.trainer import (
    History,
    OnEpoch,
    StreamKey,
    TrainConfig,
    accuracy_of,
    divergence,
    history_row,
    learning_rates,
)

if TYPE_CHECKING:
    import torch

    from workbench.compiler.combined import CombinedNetwork


def train_together(
    genomes: Sequence[Genome],
    data: Dataset,
    config: TrainConfig | None = None,
    seeds: Sequence[int] = (),
    *,
    stream: StreamKey = (0,),
    device: str = "cpu",
    on_epochs: Sequence[OnEpoch | None] = (),
    teachers: Sequence[Genome] = (),
) -> list[TrainResult]:
    """Train each genome as `train(..., backend="csr", stream=stream)` does alone, up to rounding.

    One that diverges fails alone. One that is to stop, or has diverged, keeps the weights that it has then; its
    place in the launches stays empty until the others are done.

    Args:
        genomes: the networks to start from, untouched.
        data: the data set; its images must have the genomes' shape.
        config: the recipe of all.
        seeds: of new weights and dropout, one for each genome; 0, 1, ... if empty.
        stream: key of the prepared data, which all share.
        device: a torch device such as "cuda".
        on_epochs: as `on_epoch` of `train`, one for each genome; none if empty.
        teachers: as `teacher` of `train`, one for each genome; none if empty.

    Returns:
        The results, in the order of the genomes. `seconds` in their histories are each one's share of the time that all
        took.

    Raises:
        DataError: if a genome and the data do not fit together.
        ConfigError: if the device is not there, or the arguments differ in length.
    """
    config, genomes = config or TrainConfig(), list(genomes)
    seeds, calls = list(seeds) or list(range(len(genomes))), list(on_epochs) or [None] * len(genomes)
    if not len(genomes) == len(seeds) == len(calls) == (len(teachers) or len(genomes)):
        raise ConfigError(
            f"expected a seed and a call for each of {len(genomes)} genomes, got {len(seeds)} seeds, {len(calls)} "
            f"calls and {len(teachers)} teachers; give all of them a teacher, or none"
        )
    for genome in genomes:
        check_fit(genome, data)
    for teacher in teachers:
        check_teacher(teacher, data, config)
    if not genomes:
        return []
    starts = [
        initialise(genome, np.random.default_rng([seed, 1]), config.new_edge_scale)
        for genome, seed in zip(genomes, seeds, strict=True)
    ]
    return _Together(starts, data, config, seeds, device, teachers).train(stream, calls)


class _Together:
    """The training of several networks."""

    def __init__(
        self,
        starts: list[Genome],
        data: Dataset,
        config: TrainConfig,
        seeds: Sequence[int],
        device: str,
        teachers: Sequence[Genome],
    ) -> None:
        from workbench.compiler.combined import CombinedNetwork

        self.network: CombinedNetwork = CombinedNetwork(starts, dropout=config.dropout, seeds=seeds, device=device)
        self.teacher = CombinedNetwork(teachers, device=device).eval() if teachers else None
        self.starts, self.data, self.config = starts, data, config

    def train(self, stream: StreamKey, calls: Sequence[OnEpoch | None]) -> list[TrainResult]:
        """Train until each has a result."""
        config, steps = self.config, -(-self.data.size("train") // self.config.batch_size)
        before = self.accuracies()
        results: dict[int, TrainResult] = {}
        histories: list[History] = [[] for _ in before]
        for epoch in range(config.epochs):
            started, busy = time.perf_counter(), time.thread_time()
            rates = learning_rates(config, np.arange(epoch * steps, (epoch + 1) * steps), config.epochs * steps)
            losses, rights = self.train_epoch(stream, epoch, rates)
            accuracies = self.accuracies()
            running = [number for number in range(len(before)) if number not in results]
            seconds = [(time.perf_counter() - started) / len(running), (time.thread_time() - busy) / len(running)]
            for number in running:
                row = history_row(epoch, losses[number], rights[number], accuracies[number], float(rates[-1]), *seconds)
                histories[number].append(row)
                past, call = tuple(histories[number]), calls[number]
                if reason := divergence(row, config):
                    results[number] = TrainResult(self.starts[number], float("nan"), before[number], past, reason)
                elif (call and call(row)) or epoch == config.epochs - 1:
                    trained = self.network.to_genome(number)
                    results[number] = TrainResult(trained, accuracies[number], before[number], past)
            if len(results) == len(before):
                break
        untrained = [TrainResult(self.starts[number], one, one, ()) for number, one in enumerate(before)]
        return [results.get(number, one) for number, one in enumerate(untrained)]

    def train_epoch(self, stream: StreamKey, epoch: int, rates: np.ndarray) -> tuple[list[float], list[float]]:
        """One epoch, with a rate for each batch; mean loss and accuracy of each network."""
        import torch
        from torch.nn.functional import cross_entropy

        from workbench.training.torch_trainer import Average, begin, goal_of, set_rate

        network, n = self.network, len(self.starts)
        if epoch == 0:
            self.optimizer: torch.optim.AdamW = begin(network, self.data, self.config, stream)
            self.average = Average(network, self.config)
        device = network.weight.device
        sums = torch.zeros(2, n, device=device)  # loss, and images that were right
        network.train()
        self.average.exchange()
        prepared, first = batches_with_targets(self.data, self.config, stream, epoch), epoch * len(rates)
        for step, (rate, (images, labels, targets)) in enumerate(zip(rates.tolist(), prepared, strict=True), first):
            set_rate(self.optimizer, rate)
            x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
            self.optimizer.zero_grad()
            logits = network(x)  # [batch, networks, outputs]
            goal, smoothing = goal_of(x, y, targets, self.config, self.teacher)
            goals = goal.repeat_interleave(n, 0) if goal.dim() < 3 else goal.flatten(0, 1)
            each = cross_entropy(logits.flatten(0, 1), goals, reduction="none", label_smoothing=smoothing)
            losses = each.unflatten(0, (-1, n)).mean(0)
            losses.sum().backward()
            self.optimizer.step()
            self.average.add(step)
            right = (logits.detach().argmax(2) == y[:, None]).sum(0)
            sums += torch.stack([losses.detach() * len(y), right.to(losses.dtype)])
        self.average.exchange()
        means = (sums.double() / self.data.size("train")).tolist()
        return cast(list[float], means[0]), cast(list[float], means[1])

    def accuracies(self) -> list[float]:
        """Accuracy of each network on the validation split."""
        from workbench.training.torch_trainer import module_logits, prepared_batches

        logits = module_logits(self.network, prepared_batches(self.data, "validation"))
        labels = self.data.labels("validation")
        return [accuracy_of(logits[:, number], labels) for number in range(len(self.starts))]
