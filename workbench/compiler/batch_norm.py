"""Batch normalisation of maps in torch: `workbench.training.native.batch_norm` has the method.

It takes part in training only. A network, of one genome or several, is at rest as long as it has no `BatchNorm`, and
then computes ReLU(W x + b). `unfold` gives it one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.compiler.plan import MOMENTUM, TILE, Plan
from workbench.genome import EPS


class BatchNorm(nn.Module):
    """Gains and running averages of the maps of a network; one more map holds all rows that are not normalised.

    Args:
        plan: of the network.
        maps: the map of each hidden or output row that is normalised, else -1, int [neurons - inputs].
    """

    maps: Tensor
    outside: Tensor
    by_weight: Tensor
    by_bias: Tensor
    sizes: Tensor
    passing: Tensor
    running: Tensor

    def __init__(self, plan: Plan, maps: np.ndarray) -> None:
        super().__init__()
        n_maps = int(maps.max()) + 1
        maps = np.where(maps < 0, n_maps, maps)
        by_weight = np.empty(plan.n_weights, np.int64)
        by_weight[plan.parameters] = np.repeat(maps, np.diff(plan.row_starts)[plan.n_inputs :])
        by_bias = np.empty(plan.n_biases, np.int64)
        by_bias[plan.bias_parameters] = maps
        arrays = {
            "maps": maps,  # of each hidden or output row
            "outside": (maps == n_maps)[:, None],
            "by_weight": by_weight,  # the map of the neurons that a weight leads to
            "by_bias": by_bias,  # the map of the neurons that have a bias
            "sizes": np.bincount(maps, minlength=n_maps + 1).clip(1),
            "passing": np.arange(n_maps + 1) == n_maps,  # maps that pass as they are
            "running": np.zeros((2, n_maps + 1), np.float32),  # mean and variance
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array), persistent=name == "running")
        self.gain = nn.Parameter(torch.ones(n_maps))
        self.share: float | None = None  # of the next images in the running averages, if it is not that of `MOMENTUM`

    def forward(self, sums: Tensor, rows: slice) -> Tensor:
        """The sums [rows, batch] of these rows, normalised and with gains, but without biases."""
        return torch.cat([self._normalised(part, self.maps[rows]) for part in sums.split(TILE, dim=1)], dim=1)

    def _normalised(self, sums: Tensor, maps: Tensor) -> Tensor:
        n_images = sums.shape[1]
        counts = self.sizes * n_images
        means = self.totals(sums, maps) / counts
        centred = sums - means[maps].unsqueeze(1)
        variances = self.totals(centred * centred, maps) / counts
        with torch.no_grad():
            share = MOMENTUM * n_images / TILE if self.share is None else self.share
            unbiased = variances * counts / (counts - 1).clamp(min=1)
            changed = self.running + share * (torch.stack([means, unbiased]) - self.running)
            self.running[:, maps] = changed[:, maps]
        scales = self._gains() * torch.rsqrt(variances + EPS)
        return torch.where(self.passing[maps].unsqueeze(1), sums, centred * scales[maps].unsqueeze(1))

    def totals(self, values: Tensor, maps: Tensor) -> Tensor:
        """Sums over the rows of each map and the images, [maps + 1]."""
        return values.new_zeros(len(self.sizes)).index_add(0, maps, values.sum(1))

    def _gains(self) -> Tensor:
        return torch.cat([self.gain, self.gain.new_ones(1)])

    def folded(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and biases of a network at rest that computes what this one does with its running averages."""
        scales = self._gains() * torch.rsqrt(self.running[1] + EPS)
        scales = torch.where(self.passing, 1, scales)
        means = torch.where(self.passing, 0, self.running[0])
        return weight * scales[self.by_weight], bias - (scales * means)[self.by_bias]


class Normalisable(nn.Module):
    """A network that can be normalised by batch.

    Args:
        plan: of the network.
        maps: the map of each hidden or output row that is normalised by batch, else -1, int [neurons - inputs].
    """

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, plan: Plan, maps: np.ndarray) -> None:
        super().__init__()
        self.plan, self.maps = plan, maps
        self.batch_norm: BatchNorm | None = None

    def state(self) -> tuple[Tensor, Tensor, BatchNorm | None]:
        """Weights and biases to compute with, and what normalises by batch, if anything does now."""
        norm = self.batch_norm
        if norm is None or norm.training:
            return self.weight, self.bias, norm
        return *norm.folded(self.weight, self.bias), None

    def at_rest(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and biases at rest, float32 each."""
        norm, state = self.batch_norm, (self.weight, self.bias)
        weight, bias = state if norm is None else norm.folded(*state)
        return weight.detach().cpu().numpy().astype(np.float32), bias.detach().cpu().numpy().astype(np.float32)

    @torch.no_grad()
    def unfold(self, batches: Iterable[Tensor]) -> None:
        """Begin batch normalisation, if the network is to have any, with the statistics of its maps on these images.

        What it computes stays as it is: gains become the deviations, and biases grow by the means. But a map none of
        whose neurons has a bias has not been trained yet: it begins with a gain of 1 and biases of 0.
        """
        if self.maps.max(initial=-1) < 0:
            return
        was_training = self.training
        self.eval()
        weight, bias, _ = self.state()
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        norm = self.batch_norm = BatchNorm(self.plan, self.maps).to(self.weight)
        trained = norm.totals((self.bias != 0).to(self.bias).unsqueeze(1), norm.by_bias) > 0
        trained[-1], outside, seen = True, norm.passing, 0
        norm.passing = trained
        for batch in batches:
            for images in batch.split(TILE):
                seen += len(images)
                norm.share = len(images) / seen
                self(images)
        norm.share, norm.passing = None, outside
        trained &= ~outside
        norm.gain.copy_(torch.where(trained, torch.sqrt(norm.running[1] + EPS), 1)[:-1])
        self.bias.add_(torch.where(trained, norm.running[0], 0)[norm.by_bias])
        self.train(was_training)
