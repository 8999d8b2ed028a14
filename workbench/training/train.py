"""`train` and `evaluate`: a genome and a data set in, a trained genome and its accuracy out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, DataError
from workbench.genome import Genome, check_neurons
from workbench.individuals import TrainResult
from workbench.initial import initialise
from workbench.training.trainer import OnEpoch, StreamKey, TrainConfig, Trainer

BACKENDS = ("native", "csr", "dense", "gather")
DEFAULT_BACKEND = "native"
DEVICES = ("cpu", "cuda")
"""Where a search may train; `train` itself takes any device of torch."""


def train(
    genome: Genome,
    data: Dataset,
    config: TrainConfig | None = None,
    seed: int = 0,
    backend: str = DEFAULT_BACKEND,
    *,
    stream: StreamKey | None = None,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    teacher: Genome | None = None,
) -> TrainResult:
    """Train a genome; weights it has are inherited, others are drawn by in-degree.

    Args:
        genome: the network to start from, untouched.
        data: the data set; its images must have the genome's shape.
        config: the recipe.
        seed: of new weights and dropout.
        backend: "native" (compiled kernels), or through torch "csr", "dense" or "gather".
        stream: key of the prepared data; (seed,) if None.
        device: a torch device such as "cuda", for the torch backends.
        on_epoch: called after each epoch with its row of the history; if it returns True, training ends there.
        teacher: a trained genome whose answers to the same augmented images are a share, `config.distillation`, of what
            this one is to answer; costs its forward pass (Hinton, Vinyals and Dean 2015; Beyer et al. 2022, "Knowledge
            distillation: a good teacher is patient and consistent").

    Returns:
        The result. Divergence is reported in `failure`, not raised.

    Raises:
        DataError: if genome, teacher and data do not fit together.
        ConfigError: if the backend is unknown, the device is not there, or the teacher has no share.
        WeightsError: if an edge of the teacher has no weight.
    """
    config = config or TrainConfig()
    check_fit(genome, data)
    if teacher is not None:
        check_teacher(teacher, data, config)
    start = initialise(genome, np.random.default_rng([seed, 1]), config.new_edge_scale)
    trainer, trained = _trainer(start, data, backend, config.dropout, seed, device, teacher)
    return trainer.train(start, trained, config, (seed,) if stream is None else stream, on_epoch)


def evaluate(
    genome: Genome,
    data: Dataset,
    split: str = "validation",
    backend: str = DEFAULT_BACKEND,
    *,
    device: str = "cpu",
) -> float:
    """Fraction of a split ("train", "validation", "selection" or "test") that a genome classifies correctly.

    Raises:
        DataError: if genome and data do not fit together, or the split is unknown.
        WeightsError: if an edge has no weight.
    """
    check_fit(genome, data)
    genome.check_weights()
    trainer, _ = _trainer(genome, data, backend, 0.0, 0, device)
    return trainer.accuracy(split)


def _trainer(
    genome: Genome,
    data: Dataset,
    backend: str,
    dropout: float,
    seed: int,
    device: str,
    teacher: Genome | None = None,
) -> tuple[Trainer, Callable[[], Genome]]:
    """A trainer, and what makes a genome of its weights."""
    check_backend(backend, device)
    if backend == "native":
        from workbench.training.native.trainer import NativeTrainer

        native = NativeTrainer(genome, data, seed, teacher)
        return native, native.genome
    from workbench.compiler.network import NeuronNetwork
    from workbench.training.torch_trainer import TorchTrainer

    network = NeuronNetwork(genome, backend, dropout=dropout, seed=seed, device=device)
    trained = None if teacher is None else NeuronNetwork(teacher, backend, device=device).eval()
    return TorchTrainer(network, data, teacher=trained), network.to_genome


def check_backend(backend: str, device: str) -> None:
    """Raise `ConfigError` unless there is such a backend, and it can use such a device."""
    if backend not in BACKENDS:
        raise ConfigError(f"unknown backend {backend!r}; expected one of: {', '.join(BACKENDS)}")
    if backend == "native" and device != "cpu":
        raise ConfigError(f"the native backend runs on the CPU, got device {device!r}; use backend='csr' there")


def check_teacher(teacher: Genome, data: Dataset, config: TrainConfig) -> None:
    """Raise an error unless a teacher is trained, takes the images of `data`, and has a share of the target."""
    check_fit(teacher, data)
    teacher.check_weights()
    if not config.distillation:
        raise ConfigError("a teacher expects a share of the target, got TrainConfig.distillation=0; try 0.5")


def check_fit(genome: Genome, data: Dataset) -> None:
    """Raise `DataError` unless the genome takes the images of `data` and has an output per class."""
    check_neurons(genome)
    if genome.input_shape != tuple(data.shape) or genome.n_outputs != data.n_classes:
        raise DataError(
            f"this genome takes images {genome.input_shape} and has {genome.n_outputs} outputs, but {data.name} has "
            f"images {tuple(data.shape)} and {data.n_classes} classes; "
            "make a genome with workbench.random_genome(data.shape, data.n_classes, rng)"
        )
