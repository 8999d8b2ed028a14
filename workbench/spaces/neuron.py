"""The neuron-level search space: genomes of single neurons, the five mutations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, GenomeError
from workbench.genome import Genome
from workbench.individuals import Cost, TrainResult
from workbench.initial import InitialConfig
from workbench.mutations import KINDS, MutationRates, mutate
from workbench.objectives import LatencyModel
from workbench.space import RecordSpace
from workbench.spaces.sampling import sample_genome
from workbench.training import BACKENDS, DEFAULT_BACKEND, OnEpoch, TrainConfig, evaluate, train
from workbench.training.calibration import size_of


@dataclass(frozen=True)
class NeuronSpace(RecordSpace):
    """Implements `workbench.space.SearchSpace` for `Genome`.

    Attributes:
        initial: the initial population.
        backend: how children are trained.
    """

    initial: InitialConfig = field(default_factory=InitialConfig)
    backend: str = DEFAULT_BACKEND

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ConfigError(f"unknown backend {self.backend!r}; expected one of: {', '.join(BACKENDS)}")

    name = "neurons"
    mutation_kinds = KINDS
    rates_record = MutationRates

    def sample(self, index: int, rng: np.random.Generator) -> Genome:
        """An initial genome, as `initial` says."""
        return sample_genome(self.initial, self.input_shape, self.n_outputs, rng)

    def mutate(self, genome: Genome, rates: MutationRates, rng: np.random.Generator) -> tuple[Genome, dict[str, Any]]:
        """One of the five mutations."""
        return mutate(genome, rates, rng)

    def train(
        self,
        genome: Genome,
        data: Dataset,
        config: TrainConfig,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: OnEpoch | None = None,
    ) -> TrainResult:
        """Train with inherited weights."""
        return train(genome, data, config, seed, self.backend, stream=stream, on_epoch=on_epoch)

    def evaluate(self, genome: Genome, data: Dataset, split: str) -> float:
        """Accuracy on a split."""
        return evaluate(genome, data, split, self.backend)

    def cost(self, genome: Genome) -> Cost:
        """FLOPs and parameters."""
        return Cost(genome.flops, genome.flops_total, genome.n_parameters)

    def latency_us(self, genome: Genome, model: LatencyModel) -> float:
        """Microseconds of one answer by the native backend."""
        return model.predict(*size_of(genome))

    def encode(self, genome: Genome) -> bytes:
        """npz bytes, fewer for what `without_weights` gives."""
        return genome.to_bytes(compact=True)

    def decode(self, blob: bytes) -> Genome:
        """The genome back; `GenomeError` also if it does not fit this space."""
        genome = Genome.from_bytes(blob)
        if (genome.input_shape, genome.n_outputs) != (self.input_shape, self.n_outputs):
            raise GenomeError(
                f"expected a genome for images of shape {self.input_shape} and {self.n_outputs} classes, got one for "
                f"{genome.input_shape} and {genome.n_outputs}"
            )
        return genome

    def without_weights(self, genome: Genome) -> Genome:
        """The topology with shared-weight groups and keys."""
        return genome.without_weights()

    def describe(self, genome: Genome) -> dict[str, Any]:
        """Layer sizes, edges and sharing."""
        return {
            "layers": "-".join(str(size) for size in np.bincount(genome.layers)),
            "hidden neurons": genome.n_hidden,
            "edges": genome.n_edges,
            "shared edges": int((genome.shared >= 0).sum()),
            "density": round(genome.density, 5),
        }
