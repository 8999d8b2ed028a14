"""Dense MLPs: widths, parameters and keys of their layers, and the torch module that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from workbench.genome import EPS, SMALLEST_NORMALISED_LAYER

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class MlpGenome:
    """Widths of all layers, inputs and outputs included, and the parameters of the layers between them."""

    widths: tuple[int, ...]  # neurons per layer
    weights: tuple[np.ndarray, ...] = field(
        repr=False
    )  # per layer after the first, float32 [outputs, inputs]; NaN = not yet initialised
    biases: tuple[np.ndarray, ...] = field(repr=False)  # per layer after the first, float32 [outputs]
    keys: tuple[int, ...] = ()  # per hidden layer, the same in parent and child; from 1 on if none are given

    def __post_init__(self) -> None:
        if not self.keys:
            object.__setattr__(self, "keys", tuple(range(1, len(self.widths) - 1)))


def blank(widths: tuple[int, ...], keys: tuple[int, ...] = ()) -> MlpGenome:
    """An MLP without weights."""
    weights = [np.full((after, before), np.nan, np.float32) for before, after in pairwise(widths)]
    return MlpGenome(widths, tuple(weights), tuple(np.zeros(after, np.float32) for after in widths[1:]), keys)


def resize(genome: MlpGenome, widths: tuple[int, ...], origin: Sequence[int | None]) -> MlpGenome:
    """An MLP of `widths` with what fits of `genome`'s parameters; new weights are NaN.

    `origin` says for each layer which of `genome` it was; None if it is new.
    """
    weights, biases = [], []
    for layer in range(1, len(widths)):
        weight = np.full((widths[layer], widths[layer - 1]), np.nan, np.float32)
        bias = np.zeros(widths[layer], np.float32)
        old = origin[layer]
        if old is not None:
            rows = min(len(genome.biases[old - 1]), len(bias))
            bias[:rows] = genome.biases[old - 1][:rows]
            if origin[layer - 1] == old - 1:  # the same two layers still follow each other
                kept = genome.weights[old - 1][:rows, : weight.shape[1]]
                weight[:rows, : kept.shape[1]] = kept
        weights.append(weight)
        biases.append(bias)
    keys, fresh = [], max(genome.keys, default=0) + 1
    for old in origin[1:-1]:
        keys.append(fresh if old is None else genome.keys[old - 1])
        fresh += old is None
    return MlpGenome(widths, tuple(weights), tuple(biases), tuple(keys))


def fill(genome: MlpGenome, rng: np.random.Generator) -> MlpGenome:
    """NaN weights drawn from a normal distribution of deviation sqrt(2 / inputs)."""
    weights = []
    for weight in genome.weights:
        drawn = (rng.standard_normal(weight.shape) * np.sqrt(2 / weight.shape[1])).astype(np.float32)
        weights.append(np.where(np.isnan(weight), drawn, weight))
    return replace(genome, weights=tuple(weights))


def module_of(genome: MlpGenome, dropout: float = 0.0, seed: int = 0) -> nn.Sequential:
    """Images [batch, c, h, w] -> logits [batch, outputs], normalised as neuron-level networks are."""
    import torch
    from torch import nn

    from workbench.compiler.network import Dropout

    layers: list[nn.Module] = [nn.Flatten()]
    drop = Dropout(dropout, seed)
    for weight, bias in zip(genome.weights, genome.biases, strict=True):
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        layers.append(linear)
        if len(bias) >= SMALLEST_NORMALISED_LAYER:
            layers.append(nn.LayerNorm(len(bias), EPS, elementwise_affine=False))
        layers += [nn.ReLU(), drop]
    last = max(place for place, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    return nn.Sequential(*layers[: last + 1])  # outputs: no norm, no ReLU
