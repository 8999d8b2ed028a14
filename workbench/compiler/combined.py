"""Several networks as one, for a GPU, which takes as long to start a small product as to finish it.

The networks read the same images and have as many outputs, and layer l of all of them is one layer of the combined
network: one sparse product, whose matrix is block-diagonal over the networks (but for the inputs, which they share).
Nothing is multiplied by a zero, so a network that diverges makes no other one NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.compiler.batch_norm import Normalisable
from workbench.compiler.network import CsrProduct, Dropout, Layer, check_device, csr_tensor, flat_images
from workbench.compiler.plan import Plan, batch_maps, compile_genome
from workbench.genome import EPS, Genome


def combine(plans: Sequence[Plan]) -> tuple[Plan, list[np.ndarray], list[np.ndarray]]:
    """One plan of several over the same inputs; a layer has the neurons of the first network, then of the second, ...

    Hidden layers keep their numbers; the outputs of all are the last layer, however deep their networks are.

    Args:
        plans: with as many inputs and outputs each.

    Returns:
        The plan, in which neurons and edges are numbered network after network, and is normalised what is normalised in
        any of them; for each network the row of each of its rows, int64 [neurons], and of each of its weights the
        place among all, int64 [weights of the network].
    """
    n_inputs, n_layers = plans[0].n_inputs, max(plan.n_layers for plan in plans)
    layers = np.concatenate([_layers(plan, n_layers) for plan in plans])  # of the hidden and output rows of all
    order = np.argsort(layers, kind="stable")
    rows = np.empty_like(order)
    rows[order] = n_inputs + np.arange(len(order))
    inputs = np.arange(n_inputs)
    parts = np.split(rows, np.cumsum([plan.n_neurons - n_inputs for plan in plans])[:-1])
    row_of = [np.concatenate([inputs, part]) for part in parts]
    degrees = np.concatenate([np.diff(plan.row_starts)[n_inputs:] for plan in plans])
    edges = np.argsort(np.repeat(rows, degrees), kind="stable")
    columns = np.concatenate([own[plan.columns] for own, plan in zip(row_of, plans, strict=True)])
    offsets = np.cumsum([0, *(plan.n_weights for plan in plans)])
    weights = np.concatenate([start + plan.parameters for start, plan in zip(offsets, plans, strict=False)])
    places = _by_first_appearance(weights[edges])
    starts = np.cumsum([0, *(plan.n_biases for plan in plans)])
    biases = np.concatenate([start + plan.bias_parameters for start, plan in zip(starts, plans, strict=False)])[order]
    normalised = np.zeros(n_layers, bool)
    for plan in plans:
        normalised[: plan.n_layers - 1] |= plan.normalised[:-1]
    plan = Plan(
        n_inputs=n_inputs,
        n_outputs=sum(plan.n_outputs for plan in plans),
        neurons=np.concatenate([inputs, n_inputs + order]),
        layer_starts=np.concatenate([[0], n_inputs + np.cumsum(np.bincount(layers, minlength=n_layers))]),
        normalised=normalised,
        row_starts=np.concatenate([np.zeros(n_inputs + 1, np.int64), np.cumsum(degrees[order])]),
        columns=columns[edges],
        edges=edges,
        parameters=places[weights[edges]],
        n_weights=int(offsets[-1]),
        bias_parameters=_by_first_appearance(biases)[biases],
        n_biases=int(starts[-1]),
    )
    return plan, row_of, np.split(places, offsets[1:-1])


def _by_first_appearance(numbers: np.ndarray) -> np.ndarray:
    """New numbers of 0, 1, ..., all of which occur, by where they first do, as in the plan of one network."""
    _, first = np.unique(numbers, return_index=True)
    places = np.empty_like(first)
    places[np.argsort(first)] = np.arange(len(first))
    return places


def _layers(plan: Plan, n_layers: int) -> np.ndarray:
    """The layer, among `n_layers`, of each hidden and output row of a plan."""
    sizes, numbers = np.diff(plan.layer_starts)[1:], np.arange(1, plan.n_layers)
    numbers[-1] = n_layers - 1
    return np.repeat(numbers, sizes)


class CombinedNetwork(Normalisable):
    """Images [batch, inputs] or [batch, c, h, w] -> logits [batch, networks, outputs], by sparse rows.

    Args:
        genomes: the networks, all with weights, of one input shape and number of outputs.
        dropout: as in `NeuronNetwork`; each network draws by itself, what it would draw alone.
        seeds: of the dropout, one for each network.
        device: where to put the parameters.
        dtype: of the parameters.

    Raises:
        ConfigError: if the device is not there.
    """

    def __init__(
        self,
        genomes: Sequence[Genome],
        *,
        dropout: float = 0.0,
        seeds: Sequence[int] = (),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        check_device(device)
        plans = [compile_genome(genome) for genome in genomes]
        plan, rows, places = combine(plans)
        rows, maps = [own[plan.n_inputs :] - plan.n_inputs for own in rows], np.full(plan.n_neurons - plan.n_inputs, -1)
        for genome, one, row in zip(genomes, plans, rows, strict=True):
            own = batch_maps(genome, one)
            maps[row] = np.where(own < 0, -1, own + maps.max() + 1)
        super().__init__(plan, maps)
        self.genomes, self.plans, self._weights = list(genomes), plans, places
        self._biases = [plan.bias_parameters[row] for row in rows]
        weight = np.empty(self.plan.n_weights, np.float32)
        bias = np.empty(self.plan.n_biases, np.float32)
        for genome, plan, place, row in zip(self.genomes, self.plans, self._weights, self._biases, strict=True):
            weight[place], bias[row] = plan.weights_of(genome), plan.biases_of(genome)
        self.weight = nn.Parameter(torch.as_tensor(weight, dtype=dtype))
        self.bias = nn.Parameter(torch.as_tensor(bias, dtype=dtype))
        self.sizes = [  # of each hidden layer: neurons of each network
            [int(np.diff(plan.layer_starts)[layer]) if layer < plan.n_layers - 1 else 0 for plan in self.plans]
            for layer in range(1, self.plan.n_layers - 1)
        ]
        norms = [self._norm(layer + 1, sizes) for layer, sizes in enumerate(self.sizes)]
        self.layers = nn.ModuleList(
            Layer(self.plan, layer, CsrProduct, norm) for layer, norm in enumerate([*norms, None], start=1)
        )
        self.dropouts = nn.ModuleList(Dropout(dropout, seed) for seed in seeds) if dropout else None
        self.to(device, dtype)

    def _norm(self, layer: int, sizes: list[int]) -> SegmentNorm | None:
        """LayerNorm of one layer, over the neurons of each network."""
        if not self.plan.normalised[layer]:
            return None
        return SegmentNorm(sizes, [layer < plan.n_layers and bool(plan.normalised[layer]) for plan in self.plans])

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, networks, outputs]; `DataError` if the images' size does not match the networks' inputs."""
        outputs = [flat_images(images, self.genomes[0]).to(self.weight.dtype).t().contiguous()]  # [neurons, batch]
        state = self.state()
        for layer, sizes in zip(self.layers, [*self.sizes, None], strict=True):
            out = layer(outputs, *state)
            if sizes is not None and self.dropouts is not None:
                parts = zip(self.dropouts, out.split(sizes), strict=True)
                out = torch.cat([dropout(part) if len(part) else part for dropout, part in parts])
            outputs.append(out)
        return outputs[-1].t().unflatten(1, (len(self.plans), -1))

    def to_genome(self, number: int) -> Genome:
        """The genome of a network with this module's parameters, lossless."""
        weights, biases = self.at_rest()
        own = weights[self._weights[number]], biases[self._biases[number]]
        return self.plans[number].to_genome(self.genomes[number], *own)


class SegmentNorm(nn.Module):
    """LayerNorm [neurons, batch] -> [neurons, batch], per sample over each of several segments of the neurons.

    Means are products with a sparse matrix, so that the number of segments costs nothing.

    Args:
        sizes: neurons of each segment.
        normalised: whether each segment is; the others pass through.
    """

    crow: Tensor
    col: Tensor
    share: Tensor
    segment: Tensor

    def __init__(self, sizes: Sequence[int], normalised: Sequence[bool]) -> None:
        super().__init__()
        lengths, flags = np.array(sizes), np.array(normalised)
        counts = lengths[flags]
        segment = np.repeat(np.where(flags, np.cumsum(flags) - 1, len(counts)), lengths)  # the last: not normalised
        self.shape = (len(counts) + 1, len(segment))
        arrays = {
            "crow": np.cumsum([0, *counts, 0]).astype(np.int32),
            "col": np.flatnonzero(segment < len(counts)).astype(np.int32),
            "share": np.repeat(1 / counts, counts),
            "segment": segment,
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with mean 0 and variance 1 in each segment."""
        return _SegmentNorm.apply(x, self)

    def means(self, x: Tensor) -> Tensor:
        """Means [segments + 1, batch]; 0 for all that is not normalised."""
        return csr_tensor(self.crow, self.col, self.share, self.shape) @ x


class _SegmentNorm(torch.autograd.Function):
    """y = (x - mean(x)) · s with s = 1 / sqrt(variance + EPS);  dx = s · (dy - mean(dy) - y · mean(dy · y))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: SegmentNorm) -> Tensor:
        centred = x - norm.means(x)[norm.segment]
        scale = torch.rsqrt(norm.means(centred * centred) + EPS)  # [segments + 1, batch]
        scale[-1] = 1
        scale = scale[norm.segment]
        y = centred * scale
        ctx.save_for_backward(y, scale)
        ctx.norm = norm
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        y, scale = ctx.saved_tensors
        norm, dy = ctx.norm, grads[0].contiguous()
        return scale * (dy - norm.means(dy)[norm.segment] - y * norm.means(dy * y)[norm.segment]), None
