"""A genome as a `torch.nn.Module`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from workbench.compiler.plan import Plan, compile_genome
from workbench.compiler.products import PRODUCTS
from workbench.errors import ConfigError, DataError
from workbench.genome import EPS, Genome
from workbench.initial import initialise


class NeuronNetwork(nn.Module):
    """A genome compiled to sparse matrices: images [batch, inputs] or [batch, c, h, w] -> logits [batch, outputs].

    Edges that share a weight share one parameter. Weights the genome does not have yet (NaN) are drawn by in-degree.

    Args:
        genome: the network.
        backend: "csr" (sparse rows), "dense" (matrices with zeros) or "gather" (standard operators, for export).
        dropout: probability that a hidden neuron is dropped in training (inverted dropout after the ReLU).
        seed: for weights that are not yet initialised, and for dropout.
        device: where to put the parameters; as for any module, `.to(device)` works too.
        dtype: of the parameters.

    Raises:
        ConfigError: if the backend is unknown.
    """

    def __init__(
        self,
        genome: Genome,
        backend: str = "csr",
        *,
        dropout: float = 0.0,
        seed: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if backend not in PRODUCTS:
            raise ConfigError(f"unknown backend {backend!r}; expected one of: {', '.join(PRODUCTS)}")
        self.backend, self.dropout = backend, dropout
        self.genome = initialise(genome, np.random.default_rng(seed))
        self.plan = compile_genome(genome)
        self.weight = nn.Parameter(torch.as_tensor(self.plan.weights_of(self.genome), dtype=dtype))
        self.bias = nn.Parameter(torch.as_tensor(self.plan.biases_of(self.genome), dtype=dtype))
        self.layers = nn.ModuleList(_Layer(self.plan, layer, backend) for layer in range(1, self.plan.n_layers))
        if device is not None:
            self.to(device)
        self._seed = seed
        self._random: torch.Generator | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, outputs]; `DataError` if the images have not as many values as the network inputs."""
        flat = images.flatten(1) if images.dim() > 1 else images
        if flat.dim() != 2 or flat.shape[1] != self.plan.n_inputs:
            raise DataError(
                f"this network takes images of {self.plan.n_inputs} values {self.genome.input_shape} "
                f"as [batch, inputs] or [batch, c, h, w], got {tuple(images.shape)}"
            )
        outputs = [flat.to(self.weight.dtype).t().contiguous()]  # of each layer: [neurons, batch]
        for layer in self.layers:
            out = layer(outputs, self.weight, self.bias)
            if self.training and self.dropout > 0 and not layer.is_output:
                out = self._drop(out)
            outputs.append(out)
        return outputs[-1].t()

    def _drop(self, out: Tensor) -> Tensor:
        """Inverted dropout with this module's own random numbers, so that modules in several threads do not mix."""
        if self._random is None or self._random.device != out.device:
            self._random = torch.Generator(out.device).manual_seed(self._seed % 2**63)
        keep = torch.rand(out.shape, generator=self._random, device=out.device) >= self.dropout
        return out * keep / (1 - self.dropout)

    def to_genome(self) -> Genome:
        """The genome with this module's parameters, lossless for float32."""
        weights, biases = self.weight.detach().cpu().numpy(), self.bias.detach().cpu().numpy()
        return self.plan.to_genome(self.genome, weights.astype(np.float32), biases.astype(np.float32))


class _Layer(nn.Module):
    """One layer: sparse product with the layers that feed it, bias, LayerNorm, ReLU."""

    parameter: Tensor | None

    def __init__(self, plan: Plan, layer: int, backend: str) -> None:
        super().__init__()
        first, last = plan.layer_starts[layer], plan.layer_starts[layer + 1]
        low, high = plan.row_starts[first], plan.row_starts[last]
        columns = plan.columns[low:high]
        column_layers = np.searchsorted(plan.layer_starts, columns, side="right") - 1
        self.feeders: list[int] = np.unique(column_layers).tolist()  # only these are gathered for the product
        sizes = np.diff(plan.layer_starts)
        offsets = np.zeros(layer, np.int64)
        offsets[self.feeders] = np.cumsum(sizes[self.feeders]) - sizes[self.feeders]
        local = columns - plan.layer_starts[column_layers] + offsets[column_layers]
        starts = plan.row_starts[first : last + 1] - low
        self.product = PRODUCTS[backend](starts, local, int(sizes[self.feeders].sum()))
        self.edges = slice(int(low), int(high))
        self.rows = slice(int(first) - plan.n_inputs, int(last) - plan.n_inputs)
        self.normalised, self.is_output = bool(plan.normalised[layer]), layer == plan.n_layers - 1
        parameter = torch.as_tensor(plan.parameters[low:high]) if plan.shares_weights else None
        self.register_buffer("parameter", parameter, persistent=False)

    def forward(self, outputs: list[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
        values = weight[self.edges] if self.parameter is None else weight[self.parameter]
        total = bias[self.rows].unsqueeze(1)  # [neurons, 1]
        if not self.feeders:  # outputs that nothing feeds
            return total.expand(-1, outputs[0].shape[1])
        feeding = [outputs[layer] for layer in self.feeders]
        x = feeding[0] if len(feeding) == 1 else torch.cat(feeding)  # [sources, batch]
        out = self.product(values, x) + total
        if self.is_output:
            return out
        if self.normalised:
            variance, mean = torch.var_mean(out, dim=0, correction=0)  # per sample, over the layer's neurons
            out = (out - mean) * torch.rsqrt(variance + EPS)
        return torch.relu(out)
