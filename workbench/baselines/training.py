"""Train baselines with the trainer, splits, schedule and augmentation of the searches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.baselines.networks import Architecture, baseline, cost_of
from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.individuals import Cost
from workbench.training import TrainConfig

if TYPE_CHECKING:
    from torch import nn

LARGE_FLOPS = 1_000_000
"""From this size on networks train with two torch threads; smaller ones are no faster with more than one."""

AUGMENTATION: dict[str, dict[str, Any]] = {
    "mnist": {"shift": 1},
    "cifar10": {"shift": 2, "mirror": True},
    "digits": {"batch_size": 32},
}
"""As children of a search are trained on each data set."""


EPOCHS = {"digits": 60, "mnist": 20, "cifar10": 40}
"""Of members of our fronts that are trained again, and of well-made networks; `DEFAULT_EPOCHS` on other data."""

DEFAULT_EPOCHS = 20


def recipe(baseline: Architecture, dataset: str) -> TrainConfig:
    """How a baseline is trained on a data set; without augmentation on an unknown one."""
    epochs = EPOCHS.get(dataset, DEFAULT_EPOCHS) if baseline.epochs is None else baseline.epochs
    return TrainConfig(epochs=epochs, learning_rate=baseline.learning_rate, **AUGMENTATION.get(dataset, {}))


@dataclass(frozen=True)
class BaselineRecord:
    """The result of training a baseline. Accuracies are of the final epoch's weights."""

    name: str  # of the baseline
    title: str  # of the baseline, with the sparsity of a pruned one
    dataset: str  # name of the data set
    seed: int  # of weights and prepared data
    flops: int  # 2 per multiply-accumulate, per image
    flops_total: int  # `flops` plus biases, activations and pooling
    parameters: int  # trainable numbers
    epochs: int  # trained in all, including those before pruning
    learning_rate: float  # the peak of the schedule
    val_accuracy: float  # fraction correct on the validation split
    selection_accuracy: float  # the same on the selection split
    test_accuracy: float  # the same on the test split
    seconds: float  # wall time of training


def train(which: str | Architecture, data: Dataset, config: TrainConfig | None = None, seed: int = 0) -> BaselineRecord:
    """Train a hand-made network and measure it; one with sparsities is trained dense.

    Args:
        which: a baseline or its name.
        data: the data set.
        config: how to train; the baseline's recipe if None.
        seed: of weights and prepared data.

    Raises:
        ConfigError: if the name is unknown, the images are too small for it, or dropout is asked for.
        Diverged: if training gives NaN or infinity.
    """
    chosen, config = _prepared(which, data, config)
    started, cost = time.perf_counter(), cost_of(chosen.layers, data.shape, data.n_classes)
    with few_threads(cost.flops):
        module = _trained_module(chosen, data, config, seed)
        return _record(chosen, module, data, config, seed, cost, started)


def train_pruned(
    which: str | Architecture,
    data: Dataset,
    config: TrainConfig | None = None,
    seed: int = 0,
    on_record: Callable[[BaselineRecord], None] | None = None,
) -> list[BaselineRecord]:
    """Train a network of dense layers, then for each of its sparsities prune the smallest weights and train again.

    Takes and raises what `train` does, and `ConfigError` if the baseline has no sparsities; `config` is that of each
    training, and `on_record` is called with each record.

    Returns:
        A record per sparsity; FLOPs count only the edges that are left.
    """
    from workbench.baselines.module import prune_to
    from workbench.training.torch_trainer import TorchTrainer

    chosen, config = _prepared(which, data, config)
    if not chosen.sparsities:
        raise ConfigError(f"baseline {chosen.name!r} has no sparsities to prune to; train it with `train`")
    started, records = time.perf_counter(), []
    with few_threads(cost_of(chosen.layers, data.shape, data.n_classes).flops):
        module = _trained_module(chosen, data, config, seed)
        for stage, sparsity in enumerate(chosen.sparsities, start=1):
            prune_to(module, sparsity)
            TorchTrainer(module, data).fit(config, (seed, stage))
            genome = Genome.from_torch(module, data.shape)  # without the edges and neurons that are gone
            cost = Cost(genome.flops, genome.flops_total, genome.n_parameters)
            record = _record(chosen, module, data, config, seed, cost, started)
            title = f"{chosen.title} {sparsity:.1%}"
            records.append(replace(record, title=title, epochs=config.epochs * (stage + 1)))
            if on_record is not None:
                on_record(records[-1])
    return records


def _prepared(which: str | Architecture, data: Dataset, config: TrainConfig | None) -> tuple[Architecture, TrainConfig]:
    chosen = baseline(which) if isinstance(which, str) else which
    config = config or recipe(chosen, data.name)
    if config.dropout:
        raise ConfigError(f"baselines have no dropout, got {config.dropout}; pass a recipe with dropout=0")
    return chosen, config


def _trained_module(chosen: Architecture, data: Dataset, config: TrainConfig, seed: int) -> nn.Sequential:
    import torch

    from workbench.baselines.module import make_module
    from workbench.training.torch_trainer import TorchTrainer

    module = make_module(chosen.layers, data.shape, data.n_classes, np.random.default_rng([seed, 1]))
    module = module.to(memory_format=torch.channels_last)  # convolutions train a third faster
    TorchTrainer(module, data).fit(config, (seed,))
    return module


def _record(
    chosen: Architecture, module: nn.Module, data: Dataset, config: TrainConfig, seed: int, cost: Cost, started: float
) -> BaselineRecord:
    from workbench.training.torch_trainer import TorchTrainer

    seconds, trainer = time.perf_counter() - started, TorchTrainer(module, data)
    return BaselineRecord(
        name=chosen.name,
        title=chosen.title,
        dataset=data.name,
        seed=seed,
        flops=cost.flops,
        flops_total=cost.flops_total,
        parameters=cost.parameters,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        val_accuracy=trainer.accuracy("validation"),
        selection_accuracy=trainer.accuracy("selection"),
        test_accuracy=trainer.accuracy("test"),
        seconds=seconds,
    )


@contextmanager
def few_threads(flops: int = 0) -> Iterator[None]:
    """Limit torch to as many threads as a network of `flops` can use, by default to one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(before, 2 if flops >= LARGE_FLOPS else 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
