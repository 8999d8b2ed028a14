"""The neuron-level search space: genomes of single neurons, the five mutations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, GenomeError
from workbench.genome import Genome
from workbench.genome.compact import is_compact, topology_to_bytes
from workbench.genome.validation import NORMALIZATIONS
from workbench.individuals import Cost, TrainResult
from workbench.initial import Windows, dense_mlp, random_genome, windowed, windowed_edges
from workbench.mutations import KINDS, MutationRates, mutate
from workbench.objectives import LatencyModel
from workbench.settings import check_settings, documented, from_values, setting, settings_of, to_values
from workbench.spaces.sizing import near_size
from workbench.spatial import SpatialLaw
from workbench.training import BACKENDS, DEFAULT_BACKEND, OnEpoch, TrainConfig, evaluate, train
from workbench.training.calibration import size_of

MOST_WINDOW_EDGES = 1_000_000
"""Windows with more edges are drawn again: to build such a network takes gigabytes, to train it hours."""

WINDOW_DRAWS = 100
"""Draws of windows; on a huge image none may be small enough, and the last one counts."""


_SHARES = ("random", "dense", "local", "convolution")


@documented
@dataclass(frozen=True)
class InitialConfig:
    """What the initial population looks like; shares are divided by their sum."""

    random: float = setting(1.0, "share of random genomes", low=0)
    dense: float = setting(0.0, "share of dense MLPs", low=0)
    local: float = setting(0.0, "share of plain local windows", low=0)
    convolution: float = setting(0.0, "share of convolutions: shared weights and pooling windows", low=0)
    hidden_layers: tuple[int, int] = setting((1, 4), "random genomes: number of hidden layers", low=1)
    layer_size: tuple[float, float] = setting(
        (0.4, 2.0), "random genomes: size of the first hidden layer, as a fraction", unit="of the inputs", above=0
    )
    edges_per_neuron: tuple[float, float] = setting((5, 20), "random genomes: edges over neurons", above=0)
    dense_widths: tuple[int, int] = setting((8, 64), "dense MLPs: width of a layer", unit="neurons", low=1)
    maps: tuple[int, int] = setting((1, 4), "windows: maps of the first layer, drawn log-uniformly", low=1)
    maps_growth: tuple[float, float] = setting(
        (1.0, 4.0), "windows: factor by which each later layer has more maps", above=0
    )
    spatial_base: float = setting(4.0, "spatial law: decay length at layer 0", unit="pixels", above=0)
    spatial_per_layer: float = setting(1.5, "spatial law: what each layer adds to it", unit="pixels", low=0)
    normalization: str = setting(
        "layer", "LayerNorm over layers of at least 8 neurons, or none", choices=NORMALIZATIONS
    )
    flops: tuple[float, float] | None = setting(
        None, "sizes to spread the population over log-uniformly; None for sizes as they come", unit="FLOPs", above=0
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not any(getattr(self, kind) for kind in _SHARES):
            raise ConfigError("at least one kind of initial genomes needs a share above 0, got 0 for all four")

    @property
    def law(self) -> SpatialLaw:
        """The spatial law with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)


@dataclass(frozen=True)
class NeuronSpace:
    """Implements `workbench.space.SearchSpace` for `Genome`.

    Attributes:
        input_shape: (channels, height, width).
        n_outputs: number of classes.
        initial: the initial population.
        backend: how children are trained.
    """

    input_shape: tuple[int, int, int]
    n_outputs: int
    initial: InitialConfig = field(default_factory=InitialConfig)
    backend: str = DEFAULT_BACKEND

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ConfigError(f"unknown backend {self.backend!r}; expected one of: {', '.join(BACKENDS)}")

    name = "neurons"
    mutation_kinds = KINDS
    settings = settings_of(MutationRates)

    @classmethod
    def for_data(
        cls, data: Dataset, initial: InitialConfig | None = None, backend: str = DEFAULT_BACKEND
    ) -> NeuronSpace:
        """The space of networks for a data set."""
        return cls(data.shape, data.n_classes, initial or InitialConfig(), backend)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NeuronSpace:
        """The space back from `config()`."""
        shape = tuple(int(size) for size in config["input_shape"])
        initial = from_values(InitialConfig, config["initial"])
        return cls(shape, int(config["n_outputs"]), initial, config["backend"])  # type: ignore[arg-type]

    def config(self) -> dict[str, Any]:
        """JSON-ready settings."""
        return to_values(self)

    def rates(self, values: Mapping[str, Any] | None = None) -> MutationRates:
        """`MutationRates` with `values` over the defaults."""
        return from_values(MutationRates, values or {})

    def rates_values(self, rates: MutationRates) -> dict[str, Any]:
        """JSON-ready rates."""
        return to_values(rates)

    def sample(self, index: int, rng: np.random.Generator) -> Genome:
        """An initial genome of one of the four kinds, of a drawn size if sizes are to be spread."""
        if self.initial.flops is None:
            return self._sample(rng)
        flops = float(np.exp(rng.uniform(*np.log(self.initial.flops))))
        return near_size(lambda: self._sample(rng), flops, self.initial.law, rng)

    def _sample(self, rng: np.random.Generator) -> Genome:
        initial, shape, n_outputs = self.initial, self.input_shape, self.n_outputs
        shares = np.array([getattr(initial, kind) for kind in _SHARES])
        kind = rng.choice(_SHARES, p=shares / shares.sum())
        if kind == "random":
            return random_genome(
                shape,
                n_outputs,
                rng,
                hidden_layers=initial.hidden_layers,
                layer_size=initial.layer_size,
                edges_per_neuron=initial.edges_per_neuron,
                law=initial.law,
                normalization=initial.normalization,
            )
        if kind == "dense":
            low, high = np.log(initial.dense_widths)
            widths = np.sort(np.exp(rng.uniform(low, high, size=rng.integers(1, 3))).round().astype(int))[::-1]
            return dense_mlp(shape, n_outputs, rng, widths=widths.tolist(), normalization=initial.normalization)
        for _ in range(WINDOW_DRAWS):
            windows = self._windows(kind == "convolution", rng)
            if windowed_edges(shape, n_outputs, windows) <= MOST_WINDOW_EDGES:
                break
        return windowed(shape, n_outputs, rng, windows=windows, normalization=initial.normalization)

    def _windows(self, shared: bool, rng: np.random.Generator) -> list[Windows]:
        """Two or three layers of windows of random size; strides shrink the maps, while their number grows."""
        maps = float(np.exp(rng.uniform(*np.log(self.initial.maps))))
        stride = int(rng.integers(1, 4)) if min(self.input_shape[1:]) > 12 else 1
        layers = [Windows(int(rng.integers(3, 6)), stride, round(maps), shared)]
        if shared and rng.random() < 0.5:
            layers.append(Windows(2, 2, pooling=True))
        for _ in range(int(rng.integers(1, 3))):
            maps *= rng.uniform(*self.initial.maps_growth)
            layers.append(Windows(int(rng.integers(3, 6)), int(rng.integers(1, 3)), round(maps), shared))
        return layers

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
        return topology_to_bytes(genome) if is_compact(genome) else genome.to_bytes()

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
        """The topology with shared-weight groups and keys, edges in the order that takes the fewest bytes."""
        order = np.lexsort((genome.sources, genome.targets))
        return Genome(
            genome.input_shape,
            genome.n_outputs,
            genome.sources[order],
            genome.targets[order],
            np.full(genome.n_edges, np.nan, np.float32),
            genome.shared[order],
            np.zeros_like(genome.biases),
            genome.neuron_keys,
            genome.normalization,
        )

    def describe(self, genome: Genome) -> dict[str, Any]:
        """Layer sizes, edges and sharing."""
        return {
            "layers": "-".join(str(size) for size in np.bincount(genome.layers)),
            "hidden neurons": genome.n_hidden,
            "edges": genome.n_edges,
            "shared edges": int((genome.shared >= 0).sum()),
            "density": round(genome.density, 5),
        }
