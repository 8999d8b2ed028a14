"""The search space einspace: sampling, mutation, cost and networks of derivations by its grammar."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import DataFacts, Dataset
from workbench.derivations import Derivation, Grammar, replay
from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.individuals import Cost
from workbench.pictures import Picture
from workbench.settings import check_rates, check_settings, documented, probability, setting
from workbench.space import SpacePreset
from workbench.spaces.einspace import cost, heads
from workbench.spaces.einspace.grammar import GRAMMAR, WIDTHS
from workbench.spaces.einspace.network import Network
from workbench.spaces.einspace.picture import picture, summary
from workbench.spaces.einspace.presets import einspace_preset
from workbench.spaces.einspace.sampling import (
    KINDS,
    MAX_OPERATIONS,
    TRIES,
    EinRules,
    Limits,
    resample_within,
    sample_within,
)
from workbench.spaces.einspace.seeds import published_within
from workbench.spaces.einspace.shapes import expand
from workbench.spaces.tensors import Tensor
from workbench.spaces.trees import TreeGenome, TreeSpace

if TYPE_CHECKING:
    from torch import nn


@documented
@dataclass(frozen=True)
class EinRates:
    """How often parts of each kind are drawn again, and how large they may become."""

    resample_module: float = probability(0.35, "a module drawn again, with all within it")
    resample_branching: float = probability(0.1, "a branching drawn again: clones, or groups along a dimension")
    resample_aggregation: float = probability(0.1, "an aggregation drawn again: products, sums, concatenations")
    resample_routing: float = probability(0.15, "a routing drawn again: permutations, images to columns and back")
    resample_computation: float = probability(0.3, "a computation drawn again: linear maps, norms, activations")
    budget: int = setting(
        24,
        "operations of a new module at most, copies counted",
        label="size of a new module",
        unit="operations",
        of=("resample_module",),
        low=1,
        high=MAX_OPERATIONS,
        slider=(1, 64),
    )
    published: bool = setting(
        False,
        "all nodes of the tree are equally likely to be drawn again, as published, whatever the probabilities above",
        label="all nodes alike",
    )

    def __post_init__(self) -> None:
        check_rates(self, KINDS)


@dataclass(frozen=True)
class EinSpace(TreeSpace):
    """Networks from fundamental operations (Ericsson et al. 2024). Implements `workbench.space.SearchSpace`.

    The largest network is bounded by `operations`, `max_width` and what the settings after them say.
    """

    image_size: int = setting(
        0,
        "longest side of an image; larger ones are averaged over squares first; 0 leaves all",
        unit="pixels",
        low=0,
        high=4096,
    )
    head: str = setting(
        "tokens",
        "what is averaged before the last linear map, if a network ends with tokens: the tokens, or as published their "
        "features",
        choices=heads.HEADS,
    )
    start: str = setting(
        "random",
        "initial population: random networks, or published ones (each as large as may be) and mutants of them",
        choices=("random", "published"),
    )
    budget: int = setting(
        48,
        "operations of a random network of the initial population at most, copies counted",
        low=2,
        high=MAX_OPERATIONS,
    )
    computation: float = setting(
        0.32, "probability that a module is a computation, where it may be another one", above=0, below=1
    )
    operations: int = setting(
        MAX_OPERATIONS, "operations of any network at most, copies counted", low=2, high=MAX_OPERATIONS
    )
    max_width: int = setting(128, "features of a linear map at most", low=WIDTHS[0], high=WIDTHS[-1])
    max_flops: float = setting(1e7, "FLOPs of a network per image at most", low=0, high=2**37)
    max_parameters: int = setting(10**6, "parameters of a network at most", low=0, high=2**24)
    max_values: int = setting(
        2**18, "values that all operations put out for one image at most; training keeps them", low=1, high=2**28
    )

    name = "einspace"
    mutation_kinds = tuple(KINDS)
    rates_record = EinRates

    def __post_init__(self) -> None:
        check_settings(self)
        self._check_image_size()
        if self.budget > self.operations:
            raise ConfigError(
                f"EinSpace.budget expects at most as many operations as any network may have ({self.operations}), got "
                f"{self.budget}"
            )
        smallest = cost.cost(heads.network((), self.input_shape, self.image_size, self.head, self.n_outputs))
        for name, least in (("max_flops", smallest.flops), ("max_parameters", smallest.parameters)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"EinSpace.{name} expects at least {least:,}, which the smallest network for images "
                    f"{'×'.join(map(str, self.input_shape))} with {self.n_outputs} classes has, got "
                    f"{getattr(self, name):,}"
                )

    def _check_image_size(self) -> None:
        sides = self.input_shape[1:]
        if self.image_size and any(side > self.image_size and side % self.image_size for side in sides):
            fit = [size for size in range(1, max(sides)) if all(side <= size or side % size == 0 for side in sides)]
            raise ConfigError(
                f"EinSpace.image_size expects a size that divides images of {sides[0]}×{sides[1]} pixels, such as "
                f"{', '.join(map(str, [*fit[-3:], 0]))}, got {self.image_size}"
            )

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """ "quick" (minutes on two cores) or "paper" (the published grammar, head and sizes)."""
        return einspace_preset(name, data)

    @property
    def grammar(self) -> Grammar:
        """The whole grammar, whatever the settings exclude."""
        return GRAMMAR

    def rules(self, operations: int | None = None) -> EinRules:
        """What may follow what, in networks of at most so many operations."""
        flops, most = int(self.max_flops), operations or self.operations
        limits = Limits(most, flops, self.max_parameters, self.max_values, self.max_width)
        return EinRules(heads.scaled_shape(self.input_shape, self.image_size), limits, self.computation)

    # ------------------------------------------------------------------ derivations
    def sample(self, index: int, rng: np.random.Generator) -> TreeGenome:
        """A random network; or one of the published ones that fit and, when each was given, a mutant of one."""
        if self.start == "random":
            return super().sample(index, rng)
        fitting = _published(self)
        if not fitting:
            raise ConfigError(
                f"EinSpace.start='published' expects bounds that leave room for a published network, got {self}; allow "
                "larger networks, or start from random ones"
            )
        derivation = fitting[index % len(fitting)]
        if index >= len(fitting):
            derivation = self.mutate_tree("resample_module", derivation, rng, EinRates())
        return self.genome(derivation)

    def sample_tree(self, rng: np.random.Generator) -> Derivation:
        """Drawn as published, within the budget."""
        for _ in range(TRIES):
            derivation = sample_within(self.rules(self.budget), rng)
            if self._excess(derivation) is None:
                return derivation
        raise MutationError(f"found no network within the bounds of {self}; allow larger ones")

    def mutate_tree(self, kind: str, derivation: Derivation, rng: np.random.Generator, rates: Any) -> Derivation:
        """A node of the kind, drawn uniformly, with its subtree drawn again in its context, to begin otherwise."""
        if not any(derivation.production(node).symbol in KINDS[kind] for node in range(len(derivation))):
            raise MutationError(f"{kind} expects a network with a part of that kind, got {self.summary(derivation)}")
        for _ in range(TRIES):
            try:
                child = resample_within(derivation, kind, self.rules(), rates.budget, rng)
            except MutationError:
                continue
            if self._excess(child) is None:
                return child
        raise MutationError(f"{kind} found nothing else that fits {self.summary(derivation)}, in {TRIES} tries")

    def mutate(self, genome: TreeGenome, rates: Any, rng: np.random.Generator) -> tuple[TreeGenome, dict[str, Any]]:
        """A mutation of a kind drawn by the rates, or as published by how many nodes the network has of it."""
        if rates.published:
            tree = genome.derivation
            symbols = Counter(tree.production(node).symbol for node in range(len(tree)))
            nodes = {kind: sum(symbols[symbol] for symbol in of) for kind, of in KINDS.items()}
            rates = replace(rates, **{kind: count / len(tree) for kind, count in nodes.items()})
        return super().mutate(genome, rates, rng)

    def check(self, derivation: Derivation) -> None:
        """Raise `GenomeError` unless shapes fit and the network is within the bounds."""
        try:
            replay(derivation, self.rules())
        except GenomeError as error:
            raise GenomeError(
                f"{error}: it does not fit shapes, or the bounds of this space ({self.operations} operations, width "
                f"{self.max_width}, {self.max_flops:,.0f} FLOPs, {self.max_parameters:,} parameters, "
                f"{self.max_values:,} values)"
            ) from None
        if excess := self._excess(derivation):
            raise GenomeError(excess)

    def _excess(self, derivation: Derivation) -> str | None:
        """In which way the network with its head is too large, if it is."""
        whole = cost.cost(self.network(derivation))
        if whole.flops > self.max_flops or whole.parameters > self.max_parameters:
            return (
                f"expected a network of at most {self.max_flops:,.0f} FLOPs and {self.max_parameters:,} parameters, "
                f"got {whole.flops:,} and {whole.parameters:,}"
            )
        if (kept := cost.activations(self.network(derivation)).kept) > self.max_values:
            return f"expected a network whose operations put out at most {self.max_values:,} values, got {kept:,}"
        return None

    # ------------------------------------------------------------------ networks
    def network(self, derivation: Derivation) -> Network:
        """The network as flat steps, from the raw image to the logits."""
        return _network(derivation, self.input_shape, self.image_size, self.head, self.n_outputs)

    def layout(self, derivation: Derivation) -> tuple[Tensor, ...]:
        """The tensors of its steps, in order."""
        return cost.layout(self.network(derivation))

    def build(self, derivation: Derivation) -> nn.Module:
        """The torch module, its values not set."""
        from workbench.spaces.einspace.modules import build

        return build(self.network(derivation))

    def cost(self, genome: TreeGenome) -> Cost:
        """FLOPs and parameters of the network with its head."""
        return cost.cost(self.network(genome.derivation))

    def picture(self, genome: TreeGenome) -> Picture:
        """The network as a graph of modules, with its derivation tree."""
        return picture(genome.derivation, self.network(genome.derivation))

    def summary(self, derivation: Derivation) -> str:
        """The network in one short line."""
        return summary(self.network(derivation))

    def largest_activation(self, derivation: Derivation) -> int:
        """Values of the largest tensor, per image."""
        return cost.activations(self.network(derivation)).largest


@lru_cache(8)
def _published(space: EinSpace) -> list[Derivation]:
    return published_within(space.check)


@lru_cache(256)
def _network(
    derivation: Derivation, input_shape: tuple[int, int, int], image_size: int, head: str, n_outputs: int
) -> Network:
    steps = expand(derivation, heads.scaled_shape(input_shape, image_size))
    return heads.network(steps, input_shape, image_size, head, n_outputs)
