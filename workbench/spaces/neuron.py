"""The neuron-level search space: genomes of single neurons, their mutations, initial genomes of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.compiler.plan import logits_of
from workbench.datasets import DataFacts, Dataset
from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.genome import Genome, check_neurons
from workbench.individuals import Cost, TrainResult
from workbench.initial import (
    INITIAL_KINDS,
    InitialConfig,
    Windows,
    dense_mlp,
    initialise,
    random_genome,
    windowed,
    windowed_edges,
)
from workbench.mutations import KINDS, MutationRates, add_edges, apply, mutate, remove_edges
from workbench.objectives import LatencyModel
from workbench.settings import check_settings, setting
from workbench.space import RecordSpace, SpacePreset, check_ending
from workbench.spaces.recipes import neuron_preset
from workbench.spatial import SpatialLaw
from workbench.training import (
    BACKENDS,
    DEFAULT_BACKEND,
    DEVICES,
    OnEpoch,
    TrainConfig,
    check_backend,
    evaluate,
    train,
    train_together,
)
from workbench.training.calibration import (
    has_onnxruntime,
    native_answer,
    noise,
    onnx_answer,
    prepared_images,
    size_of,
    torch_answer,
)

MOST_WINDOW_EDGES = 1_000_000
"""Windows with more edges are drawn again: to build such a network takes gigabytes, to train it hours."""
WINDOW_DRAWS = 100  # on a huge image none may be small enough, and the last draw is used
SIZE_DRAWS = 12  # genomes drawn for each size that is asked for
NEAR = 0.1  # how far from that size the nearest may be, as a logarithm, before edges are added or removed

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class NeuronSpace(RecordSpace):
    """Implements `workbench.space.SearchSpace` for `Genome`."""

    initial: InitialConfig = setting(InitialConfig, "the initial population")
    backend: str = setting(DEFAULT_BACKEND, "how children are trained", choices=BACKENDS)
    device: str = setting(
        DEVICES[0],
        "where they are trained: cuda, a GPU, needs a backend of torch (csr), and repeats results only up to rounding",
        choices=DEVICES,
    )
    together: int = setting(
        1,
        "children of a generation that are trained together, which a GPU needs to pay; more than 1 needs backend=csr; "
        "1 for each by itself",
        label="children trained together",
        low=1,
        high=10**4,
    )

    name = "neurons"
    size_fact = "hidden layers"
    mutation_kinds = KINDS
    rates_record = MutationRates

    def __post_init__(self) -> None:
        check_settings(self)
        check_backend(self.backend, self.device)
        if self.together > 1 and self.backend != "csr":
            raise ConfigError(
                f"only the backend 'csr' trains children together, got together={self.together} and {self.backend!r}; "
                "use backend='csr', or together=1"
            )

    def check_machine(self) -> None:
        """Raise `ConfigError` if the device is not there."""
        if self.device != DEVICES[0]:
            from workbench.compiler.network import check_device

            check_device(self.device)

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """The presets "quick" (minutes on two cores), "paper" (as published) and "best" (what measurement favours)."""
        return neuron_preset(name, data)

    def sample(self, index: int, rng: np.random.Generator) -> Genome:
        """An initial genome, as `initial` says."""
        return sample_genome(self.initial, self.input_shape, self.n_outputs, rng)

    def mutate(self, genome: Genome, rates: MutationRates, rng: np.random.Generator) -> tuple[Genome, dict[str, Any]]:
        """A child by one of the mutations."""
        return mutate(genome, rates, rng)

    def apply(
        self, kind: str, genome: Genome, rates: MutationRates, rng: np.random.Generator
    ) -> tuple[Genome, dict[str, Any]]:
        """The mutation of that name."""
        return apply(kind, genome, rates, rng)

    def train(
        self,
        genome: Genome,
        data: Dataset,
        config: TrainConfig,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: OnEpoch | None = None,
        teacher: Genome | None = None,
    ) -> TrainResult:
        """Train with inherited weights."""
        named: dict[str, Any] = {"stream": stream, "device": self.device, "on_epoch": on_epoch, "teacher": teacher}
        return train(genome, data, config, seed, self.backend, **named)

    def train_together(
        self,
        genomes: Sequence[Genome],
        data: Dataset,
        config: TrainConfig,
        *,
        seeds: Sequence[int],
        stream: tuple[int, ...],
        on_epochs: Sequence[OnEpoch | None],
        teachers: Sequence[Genome] = (),
    ) -> list[TrainResult]:
        """As `train` for each, up to rounding."""
        named: dict[str, Any] = {"stream": stream, "device": self.device, "on_epochs": on_epochs, "teachers": teachers}
        return train_together(genomes, data, config, seeds, **named)

    def evaluate(self, genome: Genome, data: Dataset, split: str) -> float:
        """Accuracy on a split, found on the CPU, since a run is looked at on any machine."""
        return evaluate(genome, data, split, self.backend)

    def logits(self, genome: Genome, images: np.ndarray) -> np.ndarray:
        """Logits float32 [n, classes] of prepared images float32 [n, c, h, w]; `WeightsError` if it lacks a weight."""
        check_neurons(genome)
        self.check_images(images)
        genome.check_weights()
        return logits_of(genome, images)

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

    def has_weights(self, genome: Genome) -> bool:
        """Whether every edge has a weight."""
        return genome.has_weights

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings of the files that `export` gives."""
        return (".pt2", ".onnx", ".npz")

    def export(self, genome: Genome, ending: str, data: Dataset | None = None, *, raw: bool = False) -> bytes:
        """A file's contents, as `workbench.compiler.export.export_network` writes it."""
        from workbench.compiler.export import FORMATS

        check_ending(ending, self.formats, raw)
        return FORMATS[ending](genome, data, raw)

    def answers(self, genome: Genome, batch: int) -> Mapping[str, Callable[[], object]]:
        """Inference by every backend, by onnxruntime where it is installed; images are noise."""
        from workbench.compiler.network import NeuronNetwork

        full, rng = initialise(genome, np.random.default_rng(0)), np.random.default_rng(0)
        data = noise(self.input_shape, self.n_outputs, rng)
        images = prepared_images(data, batch)
        found = {
            "native": native_answer(full, data, batch),
            "torch csr": torch_answer(NeuronNetwork(full, "csr"), images),
            "torch dense": torch_answer(NeuronNetwork(full, "dense"), images),
        }
        if has_onnxruntime():
            found["onnxruntime"] = onnx_answer(self.export(full, ".onnx"), images.reshape(batch, -1))
        return found

    def describe(self, genome: Genome) -> dict[str, Any]:
        """Layer sizes, edges and sharing."""
        return {
            "summary": "-".join(str(size) for size in np.bincount(genome.layers)),
            "hidden layers": genome.n_layers - 2,
            "hidden neurons": genome.n_hidden,
            "edges": genome.n_edges,
            "shared edges": int((genome.shared >= 0).sum()),
            "density": round(genome.density, 5),
        }


def sample_genome(initial: InitialConfig, shape: Shape, n_outputs: int, rng: np.random.Generator) -> Genome:
    """An initial genome of one of the four kinds, of a drawn size if sizes are to be spread."""
    if initial.flops is None:
        return _sample(initial, shape, n_outputs, rng)
    flops = float(np.exp(rng.uniform(*np.log(initial.flops))))
    return _near_size(lambda: _sample(initial, shape, n_outputs, rng), flops, initial.law, rng)


def _sample(initial: InitialConfig, shape: Shape, n_outputs: int, rng: np.random.Generator) -> Genome:
    shares = np.array([getattr(initial, kind) for kind in INITIAL_KINDS])
    kind = rng.choice(INITIAL_KINDS, p=shares / shares.sum())
    if kind == "random":
        names = ("hidden_layers", "layer_size", "edges_per_neuron", "law", "normalization")
        return random_genome(shape, n_outputs, rng, **{name: getattr(initial, name) for name in names})
    if kind == "dense":
        low, high = np.log(initial.dense_widths)
        widths = np.sort(np.exp(rng.uniform(low, high, size=rng.integers(1, 3))).round().astype(int))[::-1]
        return dense_mlp(shape, n_outputs, rng, widths=widths.tolist(), normalization=initial.normalization)
    for _ in range(WINDOW_DRAWS):
        windows = _windows(initial, min(shape[1:]), kind == "convolution", rng)
        if windowed_edges(shape, n_outputs, windows) <= MOST_WINDOW_EDGES:
            break
    return windowed(shape, n_outputs, rng, windows=windows, normalization=initial.normalization)


def _windows(initial: InitialConfig, side: int, shared: bool, rng: np.random.Generator) -> list[Windows]:
    """Two or three layers of windows of random size; strides shrink the maps, while their number grows."""
    maps = float(np.exp(rng.uniform(*np.log(initial.maps))))
    stride = int(rng.integers(1, 4)) if side > 12 else 1
    layers = [Windows(int(rng.integers(3, 6)), stride, round(maps), shared)]
    if shared and rng.random() < 0.5:
        layers.append(Windows(2, 2, pooling=True))
    for _ in range(int(rng.integers(1, 3))):
        maps *= rng.uniform(*initial.maps_growth)
        layers.append(Windows(int(rng.integers(3, 6)), int(rng.integers(1, 3)), round(maps), shared))
    return layers


def _near_size(draw: Callable[[], Genome], flops: float, law: SpatialLaw, rng: np.random.Generator) -> Genome:
    """The nearest to `flops` of several genomes from `draw`, with edges added or removed to come within `NEAR`."""
    nearest = draw()
    for _ in range(SIZE_DRAWS - 1):
        if _distance(nearest, flops) < NEAR:
            return nearest
        nearest = min(nearest, draw(), key=lambda genome: _distance(genome, flops))
    rates = MutationRates(spatial_base=law.base, spatial_per_layer=law.per_layer)
    while _distance(nearest, flops) >= NEAR:
        try:
            changed = _step(nearest, flops, rates, rng)
        except MutationError:  # it can be neither larger nor smaller
            return nearest
        if _distance(changed, flops) >= _distance(nearest, flops):
            return nearest
        nearest = changed
    return nearest


def _step(genome: Genome, flops: float, rates: MutationRates, rng: np.random.Generator) -> Genome:
    """One mutation towards a size."""
    ratio = flops / genome.flops
    if ratio > 1:
        part = min(ratio - 1, rates.new_edges[1])
        return add_edges(genome, rng, replace(rates, new_edges=(part, part)))[0]
    part = min(1 - ratio, rates.removed_edges[1])
    return remove_edges(genome, rng, replace(rates, removed_edges=(part, part)))[0]


def _distance(genome: Genome, flops: float) -> float:
    return abs(float(np.log(max(1, genome.flops) / flops)))
