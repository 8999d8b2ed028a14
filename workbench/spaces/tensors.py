"""The values of a network as one vector: which tensors there are, their first values, what a child inherits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tensor:
    """One array of a network: a parameter, or a buffer such as a running mean."""

    key: int  # of the node of the tree that has it
    copy: int  # which of the equal copies of that node, from 0
    name: str  # "weight", "bias", "scale", "shift", "mean", "var" …
    shape: tuple[int, ...]
    init: tuple[float, float] = (0.0, 0.0)  # mean and deviation of the normal distribution of its first values

    @property
    def size(self) -> int:
        """Values in it."""
        return prod(self.shape)


def he(inputs: int) -> tuple[float, float]:
    """First values of a weight with that many inputs to each output (He et al. 2015): deviation sqrt(2 / inputs)."""
    return 0.0, float(np.sqrt(2 / inputs))


def inherited(layout: Sequence[Tensor], of_parent: Sequence[Tensor], weights: np.ndarray) -> np.ndarray:
    """The values of a child: those of its parent where key, copy, name and shape agree, else NaN."""
    places, place = dict[tuple[Any, ...], int](), 0
    for tensor in of_parent:
        places[tensor.key, tensor.copy, tensor.name, tensor.shape] = place
        place += tensor.size
    parts = []
    for tensor in layout:
        at = places.get((tensor.key, tensor.copy, tensor.name, tensor.shape))
        parts.append(np.full(tensor.size, np.nan, np.float32) if at is None else weights[at : at + tensor.size])
    return np.concatenate(parts)


def filled_values(layout: Sequence[Tensor], weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All values, with those that are NaN drawn, tensor by tensor."""
    filled, place = weights.copy(), 0
    for tensor in layout:
        part = filled[place : place + tensor.size]
        missing = np.isnan(part)
        if missing.any():
            mean, deviation = tensor.init
            drawn = rng.standard_normal(tensor.size, np.float32) if deviation else np.zeros(1, np.float32)
            np.copyto(part, np.float32(mean) + np.float32(deviation) * drawn, where=missing)
        place += tensor.size
    return filled


def values_of(module: Any) -> np.ndarray:
    """The values of a network's tensors, float32 [values]."""
    import torch

    return torch.cat([tensor.detach().reshape(-1) for tensor in module.tensors()]).numpy()


def set_values(module: Any, values: np.ndarray) -> None:
    """Set a network's tensors to `values`, float32 [values], in the order of its `tensors()`."""
    import torch

    tensors = list(module.tensors())
    parts = torch.from_numpy(values.copy()).split([tensor.numel() for tensor in tensors])
    with torch.no_grad():
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))
