"""What the search spaces share whose networks are derived by a grammar: genomes, inheritance, training, files.

A genome is a derivation and one vector of weights. A space says which tensors a derivation has (`TreeSpace.layout`) and
builds a torch module with them; a child inherits those of equal key, copy, name and shape.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from workbench.datasets import Dataset
from workbench.derivations import ARRAYS, Derivation, Grammar, read_derivation
from workbench.errors import GenomeError, MutationError, WeightsError
from workbench.genome.npz import names_of, read_arrays, write_arrays
from workbench.individuals import Cost, TrainResult
from workbench.pictures import Picture
from workbench.settings import setting
from workbench.space import TEACHING, RecordSpace, check_ending
from workbench.spaces.tensors import Tensor, filled_values, inherited, set_values, values_of
from workbench.training import OnEpoch, TrainConfig

if TYPE_CHECKING:
    from torch import nn

FORMAT_VERSION = 1
MAX_PARAMETERS = 2**24  # of a network that is read from a file
MAX_FLOPS = 2**37  # likewise, per image
BATCH_VALUES = 2**24
"""Values (64 MB) that the largest activation of one evaluated batch may have."""
LARGEST_BATCH = 1000


@dataclass(frozen=True, eq=False)
class TreeGenome:
    """A derivation, and the values of all tensors of its network one after the other, in the order of the layout."""

    derivation: Derivation
    weights: np.ndarray  # float32 [values]; NaN = not yet initialised


@dataclass(frozen=True)
class TreeSpace(RecordSpace):
    """Base of the search spaces whose genomes are `TreeGenome`.

    Implements `workbench.space.SearchSpace` and the optional protocols. A space gives what is abstract here, its
    settings as fields, `name`, `mutation_kinds` and `rates_record`, which has a probability named after each kind.
    """

    inherit: bool = setting(True, "children inherit weights where key and shape agree; if not, each is trained afresh")

    name: ClassVar[str]
    mutation_kinds: ClassVar[tuple[str, ...]]
    size_fact: ClassVar[str] = "tree nodes"
    ignores: ClassVar[tuple[str, ...]] = ("train.dropout", "train.new_edge_scale", *TEACHING)

    # ------------------------------------------------------------------ what a space gives
    @property
    @abstractmethod
    def grammar(self) -> Grammar:
        """The grammar of its derivations."""

    @abstractmethod
    def sample_tree(self, rng: np.random.Generator) -> Derivation:
        """A derivation of the initial population."""

    @abstractmethod
    def mutate_tree(self, kind: str, derivation: Derivation, rng: np.random.Generator, rates: Any) -> Derivation:
        """Another derivation, whose nodes keep their keys where they are kept; `MutationError` if there is none."""

    @abstractmethod
    def check(self, derivation: Derivation) -> None:
        """Raise `GenomeError` unless the network can be built and is within the bounds of the space."""

    @abstractmethod
    def layout(self, derivation: Derivation) -> tuple[Tensor, ...]:
        """The tensors of its network, computed without torch."""

    @abstractmethod
    def build(self, derivation: Derivation) -> nn.Module:
        """Images [batch, c, h, w] -> logits [batch, classes]; `module.tensors()` lists tensors as `layout` does.

        Values need not be set, and torch's global generator is not used.
        """

    @abstractmethod
    def cost(self, genome: TreeGenome) -> Cost:
        """FLOPs and parameters, computed without torch."""

    @abstractmethod
    def picture(self, genome: TreeGenome) -> Picture:
        """The network as a graph of modules, with its derivation tree."""

    @abstractmethod
    def summary(self, derivation: Derivation) -> str:
        """The network in one short line."""

    def largest_activation(self, derivation: Derivation) -> int:
        """Values of the largest tensor between modules, per image: decides how many are evaluated at once."""
        return BATCH_VALUES // LARGEST_BATCH

    # ------------------------------------------------------------------ genomes
    def genome(self, derivation: Derivation, parent: TreeGenome | None = None) -> TreeGenome:
        """The genome of a derivation; weights that it does not inherit from `parent` are NaN."""
        layout = self.layout(derivation)
        if parent is None or not self.inherit:
            return TreeGenome(derivation, np.full(sum(tensor.size for tensor in layout), np.nan, np.float32))
        return TreeGenome(derivation, inherited(layout, self.layout(parent.derivation), parent.weights))

    def sample(self, index: int, rng: np.random.Generator) -> TreeGenome:
        """A random network, whose weights training initialises."""
        return self.genome(self.sample_tree(rng))

    def mutate(self, genome: TreeGenome, rates: Any, rng: np.random.Generator) -> tuple[TreeGenome, dict[str, Any]]:
        """A mutation of a kind drawn by the rates, among those that are possible."""
        chances = {kind: getattr(rates, kind) for kind in self.mutation_kinds}
        while chances := {kind: chance for kind, chance in chances.items() if chance > 0}:
            total = sum(chances.values())
            kind = str(rng.choice(list(chances), p=[chance / total for chance in chances.values()]))
            try:
                return self.apply(kind, genome, rates, rng)
            except MutationError:
                del chances[kind]
        raise MutationError(
            f"no mutation is possible on {self.summary(genome.derivation)}; raise the rates of other kinds than "
            f"{', '.join(kind for kind in self.mutation_kinds if getattr(rates, kind) > 0)}"
        )

    def apply(
        self, kind: str, genome: TreeGenome, rates: Any, rng: np.random.Generator
    ) -> tuple[TreeGenome, dict[str, Any]]:
        """A mutation of the given kind; `MutationError` if it cannot be applied to this genome."""
        if kind not in self.mutation_kinds:
            raise MutationError(f"unknown mutation {kind!r}; expected one of: {', '.join(self.mutation_kinds)}")
        child = self.genome(self.mutate_tree(kind, genome.derivation, rng, rates), genome)
        before, after = genome.derivation.keys, child.derivation.keys
        new, lost = np.isin(after, before, invert=True), np.isin(before, after, invert=True)
        record = {
            "kind": kind,
            "new_nodes": int(new.sum()),
            "lost_nodes": int(lost.sum()),
            "inherited": round(float(1 - np.isnan(child.weights).mean()), 4),  # share of the child's weights
        }
        if new.any():
            record["node"] = str(after[new.argmax()])  # key of the root of what is new
        return child, record

    def without_weights(self, genome: TreeGenome) -> TreeGenome:
        """The derivation."""
        return TreeGenome(genome.derivation, np.full_like(genome.weights, np.nan))

    def has_weights(self, genome: TreeGenome) -> bool:
        """Whether no weight is missing."""
        return not np.isnan(genome.weights).any()

    def describe(self, genome: TreeGenome) -> dict[str, Any]:
        """Its line, and the size of its tree."""
        tree = genome.derivation
        return {"summary": self.summary(tree), "tree nodes": len(tree), "tree depth": int(tree.depths.max())}

    # ------------------------------------------------------------------ training
    def train(
        self,
        genome: TreeGenome,
        data: Dataset,
        config: TrainConfig,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: OnEpoch | None = None,
    ) -> TrainResult:
        """Train with torch; weights that the genome lacks are drawn."""
        from workbench.training.torch_trainer import TorchTrainer

        self.check_fit(data)
        start = self._initialised(genome, np.random.default_rng([seed, 1]))
        module = self._module(start)
        trainer = TorchTrainer(module, data, self._batch(genome))
        return trainer.train(start, lambda: TreeGenome(start.derivation, values_of(module)), config, stream, on_epoch)

    def evaluate(self, genome: TreeGenome, data: Dataset, split: str) -> float:
        """Accuracy on a split; `WeightsError` if a weight is missing."""
        from workbench.training.torch_trainer import TorchTrainer

        self.check_fit(data)
        return TorchTrainer(self._trained(genome), data, self._batch(genome)).accuracy(split)

    def logits(self, genome: TreeGenome, images: np.ndarray) -> np.ndarray:
        """Prepared images float32 [n, c, h, w] -> float32 [n, classes]; `WeightsError` if a weight is missing."""
        from workbench.training.torch_trainer import module_logits, slices

        self.check_images(images)
        network = self._trained(genome)
        if not len(images):
            return np.zeros((0, self.n_outputs), np.float32)  # not all modules take so few
        some = slices(len(images), self._batch(genome))
        return module_logits(network, (np.array(images[each], np.float32) for each in some))

    def _initialised(self, genome: TreeGenome, rng: np.random.Generator) -> TreeGenome:
        """With first values for all weights that are missing."""
        return TreeGenome(genome.derivation, filled_values(self.layout(genome.derivation), genome.weights, rng))

    def _batch(self, genome: TreeGenome) -> int:
        """Images that are evaluated at once."""
        return max(1, min(LARGEST_BATCH, BATCH_VALUES // self.largest_activation(genome.derivation)))

    def _trained(self, genome: TreeGenome) -> Any:
        """The network of a genome that has all weights."""
        if not self.has_weights(genome):
            raise WeightsError(
                "expected a network with all its weights, got one that lacks some: it was never trained, or they were "
                "not kept; train it first"
            )
        return self._module(genome).eval()

    def _module(self, genome: TreeGenome) -> Any:
        """The network with the genome's weights in it."""
        module: Any = self.build(genome.derivation)
        set_values(module, genome.weights)
        return module

    # ------------------------------------------------------------------ bytes and files
    def encode(self, genome: TreeGenome) -> bytes:
        """npz bytes; a genome that has no weights at all is kept without them."""
        return self._encode(genome, {})

    def _encode(self, genome: TreeGenome, facts: Mapping[str, Any]) -> bytes:
        arrays = dict(genome.derivation.arrays)
        if not np.isnan(genome.weights).all():
            arrays["weights"] = genome.weights
        shape = {"input_shape": self.input_shape, "n_outputs": self.n_outputs}
        return write_arrays(f"workbench-{self.name}", FORMAT_VERSION, {**shape, **facts}, arrays)

    def decode(self, blob: bytes) -> TreeGenome:
        """The genome back; `GenomeError` also if it does not fit this space. Nothing is built before it is checked."""
        expected: dict[str, tuple[DTypeLike, int]] = dict(ARRAYS)
        if "weights" in names_of(blob):
            expected["weights"] = (np.float32, 1)
        head, arrays = read_arrays(blob, f"workbench-{self.name}", FORMAT_VERSION, expected)
        ends = [list(self.input_shape), self.n_outputs]
        if [head.get("input_shape"), head.get("n_outputs")] != ends:
            raise GenomeError(
                f"expected a genome for images of shape {ends[0]} and {ends[1]} classes, got one for "
                f"{head.get('input_shape')!r:.80} and {head.get('n_outputs')!r:.40}"
            )
        derivation = read_derivation(self.grammar, arrays)
        self.check(derivation)
        cost = self.cost(TreeGenome(derivation, np.empty(0, np.float32)))
        if cost.parameters > MAX_PARAMETERS or cost.flops > MAX_FLOPS:
            raise GenomeError(
                f"expected a network of at most {MAX_PARAMETERS:,} parameters and {MAX_FLOPS:,} FLOPs, got "
                f"{cost.parameters:,} and {cost.flops:,}"
            )
        bare = self.genome(derivation)
        weights = arrays.get("weights", bare.weights)
        if weights.shape != bare.weights.shape:
            raise GenomeError(f"expected {len(bare.weights):,} weights of this network, got {len(weights):,}")
        return TreeGenome(derivation, weights)

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings of the files that `export` gives."""
        return (".pt2", ".onnx", ".npz")

    def export(self, genome: TreeGenome, ending: str, data: Dataset | None = None, *, raw: bool = False) -> bytes:
        """A file's contents: a torch program or ONNX model of images [batch, c, h, w] to logits, or the genome.

        Data and raw are as in `workbench.export_onnx`, of which these files differ in that images are not flattened.
        `ExportError` on another ending or a missing package, `WeightsError` on a genome without weights.
        """
        from workbench.compiler.torch_export import export_facts, torch_onnx, torch_program

        check_ending(ending, self.formats, raw)
        if ending == ".npz":
            return self._encode(genome, {"space": self.config()})
        network, cost = self._trained(genome), self.cost(genome)
        facts = export_facts(self.input_shape, self.n_outputs, cost, data, raw=raw, flat=False)
        write = torch_program if ending == ".pt2" else torch_onnx
        return write(network, {**facts, "space": self.name, **self.describe(genome)}, data, raw=raw, flat=False)

    def answers(self, genome: TreeGenome, batch: int) -> Mapping[str, Callable[[], object]]:
        """Inference by torch, and by onnxruntime where it is installed, on noise: what images show changes no time."""
        from workbench.training.calibration import has_onnxruntime, onnx_answer, torch_answer

        full = self._initialised(genome, np.random.default_rng(0))
        images = np.random.default_rng(0).standard_normal((batch, *self.input_shape), np.float32)
        found = {"torch dense": torch_answer(self._module(full), images)}
        if has_onnxruntime():
            found["onnxruntime"] = onnx_answer(self.export(full, ".onnx"), images)
        return found
