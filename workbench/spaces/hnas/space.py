"""The hierarchical search space, as the search sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import DataFacts, Dataset
from workbench.derivations import Derivation, Grammar, replay, sample
from workbench.errors import ConfigError
from workbench.individuals import Cost
from workbench.pictures import Picture
from workbench.settings import check_rates, check_settings, documented, probability, setting
from workbench.space import SpacePreset
from workbench.spaces.hnas.cost import network_cost, tensors
from workbench.spaces.hnas.grammar import GRAMMARS, KeepsWay
from workbench.spaces.hnas.mutations import KINDS, mutated
from workbench.spaces.hnas.network import SMALLEST_SIDE, Form, Network, network
from workbench.spaces.hnas.picture import picture
from workbench.spaces.hnas.presets import hnas_preset
from workbench.spaces.tensors import Tensor
from workbench.spaces.trees import TreeGenome, TreeSpace

if TYPE_CHECKING:
    from torch import nn


@documented
@dataclass(frozen=True)
class HnasRates:
    """Relative probabilities of the mutations; one that a network does not allow gives way to the others."""

    macro: float = probability(0.1, "a part of the macro (D1, D0) drawn again")
    stage: float = probability(0.15, "a part of a stage (C, DOWN) drawn again")
    cell: float = probability(0.15, "a cell drawn again")
    operation: float = probability(0.3, "one operation of a cell drawn again")
    block: float = probability(0.2, "a convolution's activation, kernel or norm drawn again")
    crossover: float = probability(0.1, "two parts of one kind in each other's place")

    def __post_init__(self) -> None:
        check_rates(self, KINDS)


@documented
@dataclass(frozen=True)
class HnasSpace(TreeSpace):
    """Implements `workbench.space.SearchSpace` for the grammars of `hnas.grammar`."""

    variant: str = setting(
        "small",
        "the grammar: small (3 to 9 cells), published (15 to 42 cells) or cell (one cell, repeated in a fixed macro)",
        choices=tuple(GRAMMARS),
    )
    channels: int = setting(4, "channels after the first convolution; each resBlock doubles them", low=1, high=256)
    cells: int = setting(1, "cells in each of the three stages of the grammar 'cell'", low=1, high=20)
    image_size: int = setting(
        0, "longest side of an image; larger ones are averaged over squares first; 0 leaves all", unit="pixels", low=0
    )

    name = "hnas"
    mutation_kinds = KINDS
    rates_record = HnasRates
    size_fact = "cells"

    def __post_init__(self) -> None:
        check_settings(self)
        if min(self.form.image[1:]) < SMALLEST_SIDE:
            sizes = [*range(SMALLEST_SIDE, 1000), 0]
            enough = [size for size in sizes if min(replace(self.form, image_size=size).image[1:]) >= SMALLEST_SIDE]
            way = (
                f"set image_size to {enough[0]} or more, or to 0" if enough else "use another space, such as 'einspace'"
            )
            given, got = ("×".join(map(str, shape)) for shape in (self.input_shape, self.form.image))
            raise ConfigError(
                f"the space 'hnas' halves images twice and expects sides of at least {SMALLEST_SIDE} pixels, got "
                f"images of {given}{f' averaged to {got}' if got != given else ''}; {way}"
            )

    @classmethod
    def presets(cls, name: str, data: Dataset | DataFacts) -> SpacePreset:
        """ "quick" (minutes on two cores) or "paper" (the published grammar and sizes)."""
        return hnas_preset(name, data)

    @property
    def grammar(self) -> Grammar:
        """The grammar of this variant."""
        return GRAMMARS[self.variant]

    @property
    def form(self) -> Form:
        """What is fixed around a derivation."""
        return Form(self.input_shape, self.n_outputs, self.channels, self.cells, self.image_size)

    def sample_tree(self, rng: np.random.Generator) -> Derivation:
        """Each production of a symbol is equally likely, as long as cells keep a way through."""
        return sample(KeepsWay(self.grammar), self.grammar, rng)

    def mutate_tree(self, kind: str, derivation: Derivation, rng: np.random.Generator, rates: Any) -> Derivation:
        """See `hnas.mutations`."""
        return mutated(kind, derivation, rng)

    def check(self, derivation: Derivation) -> None:
        """Raise `GenomeError` if a cell lets nothing through."""
        replay(derivation, KeepsWay(self.grammar))

    def layout(self, derivation: Derivation) -> tuple[Tensor, ...]:
        """The tensors of its parts, in the order of execution."""
        return tuple(tensor for part in self.network(derivation).parts for tensor in tensors(part))

    def build(self, derivation: Derivation) -> nn.Module:
        """The torch module, its values not set."""
        from workbench.spaces.hnas.modules import NetworkModule

        return NetworkModule(self.network(derivation), self.form.pooled)

    def network(self, derivation: Derivation) -> Network:
        """The network that a derivation stands for, as plain data."""
        return network(derivation, self.form)

    def cost(self, genome: TreeGenome) -> Cost:
        """What its parts and sums cost, per image."""
        return network_cost(self.network(genome.derivation).parts)

    def picture(self, genome: TreeGenome) -> Picture:
        """Graph of modules and tree of levels."""
        return picture(genome.derivation, self.form)

    def summary(self, derivation: Derivation) -> str:
        """Cells, and the operations of the tree by number."""
        names = Counter(derivation.production(node).name for node in range(len(derivation)))
        operations = ("conv3x3", "conv1x1", "dconv3x3", "avg_pool", "id", "zero")
        return f"{self._cells(derivation)} cells: " + ", ".join(
            f"{names[one]} {one}" for one in operations if names[one]
        )

    def describe(self, genome: TreeGenome) -> dict[str, Any]:
        """Its line, its cells, and the size of its tree."""
        return {**super().describe(genome), "cells": self._cells(genome.derivation)}

    def _cells(self, derivation: Derivation) -> int:
        """Cells of the network, the copies of a shared one included."""
        found = sum(derivation.production(node).name == "Cell" for node in range(len(derivation)))
        return found * self.network(derivation).copies

    def largest_activation(self, derivation: Derivation) -> int:
        """Values between two modules, per image."""
        return max(prod(part.after) for part in self.network(derivation).parts)
