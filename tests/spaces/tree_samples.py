"""A tiny grammar space: chains of convolutions, norms and activations, for the tests of what such spaces share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from workbench.derivations import Derivation, Grammar, Production, Uniform, resample, sample
from workbench.errors import GenomeError, MutationError
from workbench.individuals import Cost
from workbench.pictures import Edge, Node, Picture
from workbench.settings import check_settings, documented, setting
from workbench.spaces.tensors import Tensor, he
from workbench.spaces.trees import TreeGenome, TreeSpace

GRAMMAR = Grammar(
    "net",
    (
        Production("net", "chain", ("net", "net")),
        Production("net", "convolution"),
        Production("net", "norm"),
        Production("net", "relu"),
    ),
)
CHAIN, CONVOLUTION, NORM, RELU = range(4)
MAX_NODES = 40


@documented
@dataclass(frozen=True)
class ChainRates:
    """How often which node is drawn again."""

    chain: float = setting(0.5, "relative probability of another chain", low=0, high=1)
    leaf: float = setting(0.5, "relative probability of another module", low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class ChainSpace(TreeSpace):
    """Channels stay as they are, so any chain fits."""

    name = "chains"
    mutation_kinds = ("chain", "leaf")
    rates_record = ChainRates

    @cached_property
    def grammar(self) -> Grammar:
        return GRAMMAR

    def sample_tree(self, rng):
        while True:
            try:
                return sample(Uniform(GRAMMAR), GRAMMAR, rng, max_nodes=MAX_NODES)
            except MutationError:
                continue

    def mutate_tree(self, kind, derivation, rng, rates):
        nodes = np.flatnonzero((derivation.codes == CHAIN) == (kind == "chain"))
        if not len(nodes):
            raise MutationError(f"expected a {kind}, got a network without one")
        return resample(derivation, int(rng.choice(nodes)), Uniform(GRAMMAR), rng, max_nodes=MAX_NODES)

    def check(self, derivation):
        if len(derivation) > 2 * MAX_NODES:
            raise GenomeError(f"expected at most {2 * MAX_NODES} nodes, got {len(derivation)}")

    def layout(self, derivation):
        channels, _, _ = self.input_shape
        tensors = []
        for code, key in zip(derivation.codes.tolist(), derivation.keys.tolist(), strict=True):
            if code == CONVOLUTION:
                tensors.append(Tensor(key, 0, "weight", (channels, channels, 3, 3), he(9 * channels)))
                tensors.append(Tensor(key, 0, "bias", (channels,)))
            elif code == NORM:
                firsts = {"scale": 1.0, "shift": 0.0, "mean": 0.0, "var": 1.0}
                tensors += [Tensor(key, 0, name, (channels,), (first, 0.0)) for name, first in firsts.items()]
        tensors.append(Tensor(-1, 0, "weight", (self.n_outputs, channels), he(channels)))
        return (*tensors, Tensor(-1, 0, "bias", (self.n_outputs,)))

    def build(self, derivation):
        return ChainModule(self, derivation)

    def cost(self, genome):
        channels, height, width = self.input_shape
        counts = np.bincount(genome.derivation.codes, minlength=4).tolist()
        flops = counts[CONVOLUTION] * 18 * channels**2 * height * width + 2 * channels * self.n_outputs
        parameters = counts[CONVOLUTION] * (9 * channels**2 + channels) + counts[NORM] * 2 * channels
        return Cost(flops, flops, parameters + (channels + 1) * self.n_outputs)

    def picture(self, genome):
        return Picture((Node("in", "images", "input", 0), Node("out", "classes", "output", 1)), (Edge("in", "out"),))

    def summary(self, derivation):
        return f"{(derivation.codes != CHAIN).sum()} modules"


class ChainModule(nn.Module):
    def __init__(self, space: ChainSpace, derivation: Derivation) -> None:
        super().__init__()
        channels, parts = space.input_shape[0], list[nn.Module]()
        for code in derivation.codes.tolist():
            if code == CONVOLUTION:
                parts.append(nn.utils.skip_init(nn.Conv2d, channels, channels, 3, padding=1))
            elif code == NORM:
                parts.append(nn.BatchNorm2d(channels))
            elif code == RELU:
                parts.append(nn.ReLU())
        self.parts = nn.Sequential(*parts)
        self.head = nn.utils.skip_init(nn.Linear, channels, space.n_outputs)

    def tensors(self):
        found = []
        for part in [*self.parts, self.head]:
            found += part.parameters()
            if isinstance(part, nn.BatchNorm2d):
                found += [part.running_mean, part.running_var]
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.parts(images).mean((2, 3)))


def derivation(*codes: int, first_key: int = 100) -> Derivation:
    return Derivation(GRAMMAR, np.array(codes, np.uint8), np.arange(first_key, first_key + len(codes)))


def initialised(space: TreeSpace, genome: TreeGenome, data, seed: int = 0) -> TreeGenome:
    """With first weights, as everywhere: trained for no epoch."""
    from workbench.training import TrainConfig

    return space.train(genome, data, TrainConfig(epochs=0), seed=seed, stream=(0,)).genome
