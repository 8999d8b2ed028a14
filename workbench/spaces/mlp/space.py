"""The search space of dense MLPs: mutations of widths, training by torch, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workbench.datasets import DataFacts, Dataset
from workbench.errors import GenomeError, MutationError, WeightsError
from workbench.genome import FLOPS_PER_NORMALISED_NEURON, SMALLEST_NORMALISED_LAYER
from workbench.genome.npz import names_of, read_arrays, write_arrays
from workbench.individuals import Cost, TrainResult
from workbench.pictures import Line, Picture
from workbench.settings import check_rates, check_settings, documented, probability, setting
from workbench.space import TEACHING, RecordSpace, SpacePreset, check_ending
from workbench.spaces.mlp.genome import MlpGenome, blank, fill, module_of, resize
from workbench.spaces.mlp.looks import listing_of, picture_of
from workbench.spaces.recipes import mlp_preset
from workbench.training import OnEpoch, TrainConfig

KINDS = ("add_layer", "remove_layer", "widen_layer", "narrow_layer")
FORMAT, FORMAT_VERSION = "workbench-mlp", 1
MAX_WIDTH = 2**20  # neurons of a layer that is read from a file


@documented
@dataclass(frozen=True)
class MlpRates:
    """Relative probabilities of the four mutations and the factor by which widths change."""

    add_layer: float = probability(0.2, "one hidden layer more")
    remove_layer: float = probability(0.2, "one hidden layer less")
    widen_layer: float = probability(0.3, "a wider hidden layer")
    narrow_layer: float = probability(0.3, "a narrower hidden layer")
    factor: tuple[float, float] = setting(
        (0.1, 0.5),
        "how much wider or narrower, as a fraction drawn from this range",
        label="change of a width",
        of=("widen_layer", "narrow_layer"),
        unit="of the width",
        above=0,
        below=1,
        slider=(0.01, 0.99),
    )

    def __post_init__(self) -> None:
        check_rates(self, KINDS)


@dataclass(frozen=True)
class MlpSpace(RecordSpace):
    """Implements `workbench.space.SearchSpace` for `MlpGenome`."""

    hidden_layers: tuple[int, int] = setting((1, 3), "initial population: number of hidden layers", low=0)
    hidden_widths: tuple[int, int] = setting((4, 128), "initial population: their widths, drawn log-uniformly", low=1)

    name = "mlp"
    size_fact = "hidden layers"
    mutation_kinds = KINDS
    rates_record = MlpRates
    ignores = ("train.new_edge_scale", *TEACHING)

    def __post_init__(self) -> None:
        check_settings(self)

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """The presets "quick" (minutes on two cores) and "best" (as long as that of the neuron-level space)."""
        return mlp_preset(name, data)

    def sample(self, index: int, rng: np.random.Generator) -> MlpGenome:
        """Random widths, He-initialised."""
        low, high = np.log(self.hidden_widths)
        count = int(rng.integers(self.hidden_layers[0], self.hidden_layers[1] + 1))
        hidden = np.exp(rng.uniform(low, high, size=count)).round().astype(int)
        return fill(blank((int(np.prod(self.input_shape)), *hidden.tolist(), self.n_outputs)), rng)

    def mutate(self, genome: MlpGenome, rates: MlpRates, rng: np.random.Generator) -> tuple[MlpGenome, dict[str, Any]]:
        """Add, remove, widen or narrow a hidden layer; what fits of the parent's weights is inherited."""
        possible = _possible(genome)
        chances = np.array([getattr(rates, kind) * possible[kind] for kind in KINDS], float)
        if chances.sum() == 0:
            raise MutationError(f"no mutation is possible on an MLP of widths {genome.widths}")
        return self.apply(str(rng.choice(KINDS, p=chances / chances.sum())), genome, rates, rng)

    def apply(
        self, kind: str, genome: MlpGenome, rates: MlpRates, rng: np.random.Generator
    ) -> tuple[MlpGenome, dict[str, Any]]:
        """The mutation of that name; `MutationError` if no hidden layer can be removed, widened or narrowed."""
        if not _possible(genome).get(kind):
            expected = f"one of: {', '.join(name for name, allowed in _possible(genome).items() if allowed)}"
            raise MutationError(
                f"expected a mutation possible on an MLP of widths {genome.widths}, {expected}; got {kind!r}"
            )
        widths = list(genome.widths)
        n_hidden = len(widths) - 2
        hidden = [place for place in range(1, n_hidden + 1) if kind != "narrow_layer" or widths[place] > 1]
        layer = int(rng.integers(1, n_hidden + 2)) if kind == "add_layer" else int(rng.choice(hidden))
        origin: list[int | None] = list(range(len(widths)))  # layers of the parent
        if kind == "add_layer":
            widths.insert(layer, max(1, round(float(np.sqrt(widths[layer - 1] * widths[layer])))))
            origin.insert(layer, None)
        elif kind == "remove_layer":
            del widths[layer], origin[layer]
        else:
            change = max(1, round(widths[layer] * rng.uniform(*rates.factor)))
            widths[layer] = max(1, widths[layer] + (change if kind == "widen_layer" else -change))
        child = resize(genome, tuple(widths), origin)
        return child, {"kind": kind, "layer": layer, "widths": widths}

    def train(
        self,
        genome: MlpGenome,
        data: Dataset,
        config: TrainConfig,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: OnEpoch | None = None,
    ) -> TrainResult:
        """Train with torch, by the same recipe as the neuron-level space."""
        from workbench.training.torch_trainer import TorchTrainer

        self.check_fit(data)
        start = fill(genome, np.random.default_rng([seed, 1]))
        module = module_of(start, config.dropout, seed)

        def trained() -> MlpGenome:
            arrays = [parameter.detach().numpy().copy() for parameter in module.parameters()]  # weight, bias, weight, …
            return replace(genome, weights=tuple(arrays[::2]), biases=tuple(arrays[1::2]))

        return TorchTrainer(module, data).train(start, trained, config, stream, on_epoch)

    def evaluate(self, genome: MlpGenome, data: Dataset, split: str) -> float:
        """Accuracy on a split; `WeightsError` if a weight is missing."""
        from workbench.training.torch_trainer import TorchTrainer

        self.check_fit(data)
        self._check_weights(genome)
        return TorchTrainer(module_of(genome), data).accuracy(split)

    def logits(self, genome: MlpGenome, images: np.ndarray) -> np.ndarray:
        """Logits float32 [n, classes] of prepared images float32 [n, c, h, w]; `WeightsError` if it lacks a weight."""
        from workbench.training.torch_trainer import module_logits, slices

        self.check_images(images)
        self._check_weights(genome)
        return module_logits(module_of(genome), (images[some] for some in slices(len(images))))

    def _check_weights(self, genome: MlpGenome) -> None:
        if not self.has_weights(genome):
            raise WeightsError(
                "expected a network with all its weights, got one that lacks some: it was never trained, or they were "
                "not kept; train it first"
            )

    def cost(self, genome: MlpGenome) -> Cost:
        """Counted as for neuron-level genomes."""
        flops = 2 * sum(before * after for before, after in pairwise(genome.widths))
        hidden = genome.widths[1:-1]
        normalised = sum(width for width in hidden if width >= SMALLEST_NORMALISED_LAYER)
        biases = sum(genome.widths[1:])
        total = flops + biases + sum(hidden) + FLOPS_PER_NORMALISED_NEURON * normalised
        return Cost(flops, total, flops // 2 + biases)

    def encode(self, genome: MlpGenome) -> bytes:
        """npz bytes."""
        arrays = {f"weight{i}": array for i, array in enumerate(genome.weights)}
        arrays |= {f"bias{i}": array for i, array in enumerate(genome.biases)}
        return write_arrays(FORMAT, FORMAT_VERSION, {"widths": genome.widths, "keys": genome.keys}, arrays)

    def decode(self, blob: bytes) -> MlpGenome:
        """The genome back; `GenomeError` if the bytes are not one."""
        n_layers = len(names_of(blob)) // 2
        expected: dict[str, tuple[DTypeLike, int]] = {f"weight{i}": (np.float32, 2) for i in range(n_layers)}
        expected |= {f"bias{i}": (np.float32, 1) for i in range(n_layers)}
        head, arrays = read_arrays(blob, FORMAT, FORMAT_VERSION, expected)
        widths = self._widths(head.get("widths"), n_layers)
        weights = tuple(arrays[f"weight{i}"] for i in range(n_layers))
        biases = tuple(arrays[f"bias{i}"] for i in range(n_layers))
        for (before, after), weight, bias in zip(pairwise(widths), weights, biases, strict=True):
            if weight.shape != (after, before) or bias.shape != (after,):
                raise GenomeError(f"expected weights of shape {(after, before)}, got {weight.shape}")
        return MlpGenome(widths, weights, biases, _keys(head.get("keys", []), n_layers - 1))

    def _widths(self, widths: Any, n_layers: int) -> tuple[int, ...]:
        """The widths that a file gives; `GenomeError` if they are no widths, or do not fit this space."""
        whole = isinstance(widths, list) and all(type(width) is int and 0 < width <= MAX_WIDTH for width in widths)
        if not whole or len(widths) != n_layers + 1 or n_layers < 1:
            raise GenomeError(f"expected an MLP with the widths of {n_layers + 1} layers, got {widths!r:.80}")
        ends = int(np.prod(self.input_shape)), self.n_outputs
        if (widths[0], widths[-1]) != ends:
            raise GenomeError(f"expected {ends[0]} inputs and {ends[1]} outputs, got {widths[0]} and {widths[-1]}")
        return tuple(widths)

    def without_weights(self, genome: MlpGenome) -> MlpGenome:
        """The widths and keys."""
        return blank(genome.widths, genome.keys)

    def has_weights(self, genome: MlpGenome) -> bool:
        """Whether no weight is missing."""
        return not any(np.isnan(weight).any() for weight in genome.weights)

    def describe(self, genome: MlpGenome) -> dict[str, Any]:
        """Layer widths."""
        return {
            "summary": "-".join(map(str, genome.widths)),
            "hidden layers": len(genome.widths) - 2,
            "hidden neurons": sum(genome.widths[1:-1]),
            "edges": self.cost(genome).flops // 2,
        }

    def picture(self, genome: MlpGenome) -> Picture:
        """A chain of modules, part by part of each layer."""
        return picture_of(genome, self.input_shape)

    def listing(self, genome: MlpGenome) -> Sequence[Line]:
        """A line per layer."""
        return listing_of(genome)

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings of the files that `export` gives."""
        return (".pt2", ".onnx", ".npz")

    def export(self, genome: MlpGenome, ending: str, data: Dataset | None = None, *, raw: bool = False) -> bytes:
        """A torch program or ONNX model that takes what `workbench.export_onnx` says, or the genome as arrays.

        `ExportError` on another ending or a missing package, `WeightsError` on a genome without weights.
        """
        from workbench.compiler.torch_export import export_facts, torch_onnx, torch_program

        check_ending(ending, self.formats, raw)
        if ending == ".npz":
            return self.encode(genome)
        self._check_weights(genome)
        facts = export_facts(self.input_shape, self.n_outputs, self.cost(genome), data, raw=raw, flat=True)
        write = torch_program if ending == ".pt2" else torch_onnx
        return write(module_of(genome), facts, data, raw=raw, flat=True)

    def answers(self, genome: MlpGenome, batch: int) -> Mapping[str, Callable[[], object]]:
        """Inference by torch, and by onnxruntime where it is installed, on noise: what images show changes no time."""
        from workbench.training.calibration import has_onnxruntime, onnx_answer, torch_answer

        full, rng = fill(genome, np.random.default_rng(0)), np.random.default_rng(0)
        images = rng.standard_normal((batch, genome.widths[0]), np.float32)
        found = {"torch dense": torch_answer(module_of(full), images)}
        if has_onnxruntime():
            found["onnxruntime"] = onnx_answer(self.export(full, ".onnx"), images)
        return found


def _keys(keys: Any, n_hidden: int) -> tuple[int, ...]:
    """The keys of a file's hidden layers, none in older files; `GenomeError` if they are no keys."""
    whole = isinstance(keys, list) and all(type(key) is int and 0 < key < 2**63 for key in keys)
    if not whole or len(set(keys)) != len(keys) or len(keys) not in (0, n_hidden):
        raise GenomeError(f"expected {n_hidden} different keys of hidden layers, got {keys!r:.80}")
    return tuple(keys)


def _possible(genome: MlpGenome) -> dict[str, bool]:
    """By mutation, whether it can be applied."""
    hidden = genome.widths[1:-1]
    some = bool(hidden)
    return dict(zip(KINDS, (True, some, some, max(hidden, default=1) > 1), strict=True))
