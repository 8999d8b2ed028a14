"""A genome as a `torch.nn.Module`, and three ways to multiply a layer's sparse matrix with the activations before it.

Each way is a module with `forward(values, x)`: `values` [edges of the layer] are the weights of the edges in plan
order, `x` [sources, batch] the activations (feature-major), the result [targets, batch].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.compiler.batch_norm import BatchNorm, Normalisable
from workbench.compiler.plan import Block, Plan, batch_maps, compile_genome
from workbench.errors import ConfigError, DataError
from workbench.genome import EPS, SMALLEST_NORMALISED_LAYER, Genome
from workbench.initial import initialise

csr_tensor = partial(torch.sparse_csr_tensor, check_invariants=False)


class CsrProduct(nn.Module):
    """Compressed sparse rows: the work is proportional to the edges."""

    crow: Tensor
    col: Tensor
    crow_t: Tensor
    col_t: Tensor
    to_t: Tensor

    def __init__(self, block: Block) -> None:
        super().__init__()
        n_targets = len(block.starts) - 1
        rows = np.repeat(np.arange(n_targets), np.diff(block.starts))
        to_t = np.lexsort((rows, block.columns))
        crow_t = np.concatenate([[0], np.cumsum(np.bincount(block.columns, minlength=block.n_sources))])
        self.shape = (n_targets, block.n_sources)
        whole = {"crow": block.starts, "col": block.columns, "crow_t": crow_t, "col_t": rows[to_t]}
        for name, array in {**{name: array.astype(np.int32) for name, array in whole.items()}, "to_t": to_t}.items():
            self.register_buffer(name, torch.as_tensor(array), persistent=False)
        with warnings.catch_warnings():  # torch warns once per process that CSR tensors are in beta
            warnings.simplefilter("ignore", UserWarning)
            torch.eye(1).to_sparse_csr()

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        return _CsrMatmul.apply(values, x, self)


class _CsrMatmul(torch.autograd.Function):
    """out = W · x;  dW = (grad · xᵀ) at the edges;  dx = Wᵀ · grad."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, x: Tensor, matrix: CsrProduct) -> Tensor:
        ctx.save_for_backward(values, x)
        ctx.matrix = matrix
        return csr_tensor(matrix.crow, matrix.col, values, matrix.shape) @ x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, x = ctx.saved_tensors
        matrix, grad = ctx.matrix, grads[0].contiguous()
        grad_values = grad_x = None
        if ctx.needs_input_grad[0]:
            pattern = csr_tensor(matrix.crow, matrix.col, torch.zeros_like(values), matrix.shape)
            grad_values = torch.sparse.sampled_addmm(pattern, grad, x.t(), beta=0.0).values()
        if ctx.needs_input_grad[1]:
            grad_x = csr_tensor(matrix.crow_t, matrix.col_t, values[matrix.to_t], matrix.shape[::-1]) @ grad
        return grad_values, grad_x, None


class DenseProduct(nn.Module):
    """A dense matrix with zeros where there is no edge."""

    place: Tensor

    def __init__(self, block: Block) -> None:
        super().__init__()
        rows = np.repeat(np.arange(len(block.starts) - 1), np.diff(block.starts))
        self.shape = (len(block.starts) - 1, block.n_sources)
        self.register_buffer("place", torch.as_tensor(rows * block.n_sources + block.columns), persistent=False)

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        blank = values.new_zeros(self.shape[0] * self.shape[1])
        return blank.index_put((self.place,), values).view(self.shape) @ x


class GatherProduct(nn.Module):
    """A padded row of source indices (the last one a constant zero neuron) and of weights for each target.

    Slow to train, but made of standard operators only: the form for export.
    """

    source: Tensor
    edge: Tensor

    def __init__(self, block: Block) -> None:
        super().__init__()
        degrees = np.diff(block.starts)
        inside = np.arange(degrees.max(initial=1)) < degrees[:, None]  # [targets, largest in-degree]
        source = np.full(inside.shape, block.n_sources)
        edge = np.full(inside.shape, len(block.columns))
        source[inside], edge[inside] = block.columns, np.arange(len(block.columns))
        self.register_buffer("source", torch.as_tensor(source), persistent=False)
        self.register_buffer("edge", torch.as_tensor(edge), persistent=False)

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        weights = torch.cat([values, values.new_zeros(1)])[self.edge]  # [targets, degree]
        inputs = torch.cat([x, x.new_zeros(1, x.shape[1])])[self.source]  # [targets, degree, batch]
        return (weights.unsqueeze(2) * inputs).sum(dim=1)


PRODUCTS: dict[str, type[nn.Module]] = {"csr": CsrProduct, "dense": DenseProduct, "gather": GatherProduct}
"""Backends of `NeuronNetwork` by name."""


class Dropout(nn.Module):
    """Inverted dropout with random numbers of its own, so that modules in several threads do not mix."""

    def __init__(self, probability: float, seed: int) -> None:
        super().__init__()
        self.probability, self._seed = probability, seed
        self._random: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """`x` with a share of its values set to 0 while training."""
        if not self.training or not self.probability:
            return x
        if self._random is None or self._random.device != x.device:
            self._random = torch.Generator(x.device).manual_seed(self._seed % 2**63)
        keep = torch.rand(x.shape, generator=self._random, device=x.device) >= self.probability
        return x * keep / (1 - self.probability)


class NeuronNetwork(Normalisable):
    """A genome compiled to sparse matrices: images [batch, inputs] or [batch, c, h, w] -> logits [batch, outputs].

    Edges that share a weight share one parameter, neurons that share a bias another. Missing weights (NaN) are drawn by
    in-degree. Batch normalisation takes part in training by `train`; in a loop of your own, call `unfold` before it.

    Args:
        genome: the network.
        backend: "csr" (sparse rows), "dense" (matrices with zeros) or "gather" (standard operators, for export).
        dropout: probability that a hidden neuron is dropped in training (inverted dropout after the ReLU).
        seed: for weights that are not yet initialised, and for dropout.
        device: where to put the parameters; as for any module, `.to(device)` works too.
        dtype: of the parameters.

    Raises:
        ConfigError: if the backend is unknown, or the device is not there.
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
        if backend not in PRODUCTS:
            raise ConfigError(f"unknown backend {backend!r}; expected one of: {', '.join(PRODUCTS)}")
        plan = compile_genome(genome)
        super().__init__(plan, batch_maps(genome, plan))
        self.backend, self.dropout = backend, Dropout(dropout, seed)
        self.genome = initialise(genome, np.random.default_rng(seed))
        self.weight = nn.Parameter(torch.as_tensor(self.plan.weights_of(self.genome), dtype=dtype))
        bias = np.empty(self.plan.n_biases, np.float32)
        bias[self.plan.bias_parameters] = self.plan.biases_of(self.genome)
        self.bias = nn.Parameter(torch.as_tensor(bias, dtype=dtype))
        self.layers = nn.ModuleList(
            Layer(self.plan, layer, PRODUCTS[backend], layer_norm if self.plan.normalised[layer] else None)
            for layer in range(1, self.plan.n_layers)
        )
        if device is not None:
            check_device(device)
            self.to(device)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, outputs]; `DataError` if the images' size does not match the network's inputs."""
        flat = flat_images(images, self.genome)
        outputs = [flat.to(self.weight.dtype).t().contiguous()]  # of each layer: [neurons, batch]
        state = self.state()
        for layer in self.layers:
            out = layer(outputs, *state)
            outputs.append(out if layer.is_output else self.dropout(out))
        return outputs[-1].t()

    def to_genome(self) -> Genome:
        """The genome with this module's parameters, lossless for float32."""
        weights, biases = self.at_rest()
        return self.plan.to_genome(self.genome, weights, biases[self.plan.bias_parameters])


def flat_images(images: Tensor, genome: Genome) -> Tensor:
    """Images as [batch, inputs]; `DataError` if a genome takes others."""
    flat = images.flatten(1) if images.dim() > 1 else images
    if flat.dim() != 2 or flat.shape[1] != genome.n_inputs:
        raise DataError(
            f"this network takes images of {genome.n_inputs} values {genome.input_shape} "
            f"as [batch, inputs] or [batch, c, h, w], got {tuple(images.shape)}"
        )
    return flat


def check_device(device: torch.device | str) -> None:
    """Raise `ConfigError` unless torch can use a device here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # by kind of device: no driver, no such number, not compiled in
        reason = str(error).partition("\n")[0][:200]
        raise ConfigError(
            f"device {str(device)!r} cannot be used here ({reason}); "
            "expected 'cpu', or where torch.cuda.is_available() 'cuda'"
        ) from error


class RawImages(nn.Module):
    """A network that takes raw images [batch, c, h, w] and centres and scales them itself.

    The network takes them flattened, [batch, inputs], if `flat`, else as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: np.ndarray, std: np.ndarray, flat: bool = True) -> None:
        super().__init__()
        self.network, self.flat = network, flat
        self.register_buffer("mean", torch.from_numpy(mean.copy()))
        self.register_buffer("std", torch.from_numpy(std.copy()))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, outputs]."""
        prepared: Tensor = (images.to(torch.float32) - self.mean) / self.std
        return self.network(prepared.flatten(1) if self.flat else prepared)


def layer_norm(x: Tensor) -> Tensor:
    """LayerNorm [neurons, batch] -> [neurons, batch], per sample over the neurons."""
    variance, mean = torch.var_mean(x, dim=0, correction=0)
    return (x - mean) * torch.rsqrt(variance + EPS)


class Layer(nn.Module):
    """One layer: sparse product with the layers that feed it, bias, normalisation if there is any, ReLU."""

    parameter: Tensor | None
    bias_parameter: Tensor | None

    def __init__(
        self, plan: Plan, layer: int, product: type[nn.Module], norm: Callable[[Tensor], Tensor] | None
    ) -> None:
        super().__init__()
        block = plan.block(layer)
        self.feeders, self.edges, self.rows = block.feeders, block.edges, block.rows
        self.product, self.norm = product(block), norm
        self.is_output = layer == plan.n_layers - 1
        parameter = torch.as_tensor(plan.parameters[block.edges]) if plan.shares_weights else None
        self.register_buffer("parameter", parameter, persistent=False)
        parameter = torch.as_tensor(plan.bias_parameters[block.rows]) if plan.shares_biases else None
        self.register_buffer("bias_parameter", parameter, persistent=False)

    def forward(
        self, outputs: list[Tensor], weight: Tensor, bias: Tensor, batch_norm: BatchNorm | None = None
    ) -> Tensor:
        """The layer's values [neurons, batch] from those of all layers before it."""
        values = weight[self.edges] if self.parameter is None else weight[self.parameter]
        biases = bias[self.rows] if self.bias_parameter is None else bias[self.bias_parameter]
        total = biases.unsqueeze(1)  # [neurons, 1]
        if not self.feeders:  # outputs without edges
            return total.expand(-1, outputs[0].shape[1])
        feeding = [outputs[layer] for layer in self.feeders]
        x = feeding[0] if len(feeding) == 1 else torch.cat(feeding)  # [sources, batch]
        if self.is_output:
            return self.product(values, x) + total
        if batch_norm is None:
            out = self.product(values, x) + total
            return torch.relu(out if self.norm is None else self.norm(out))
        after = torch.where(batch_norm.outside[self.rows], 0, total)  # biases that are added after normalising
        out = self.product(values, x) + (total - after)
        return torch.relu(batch_norm(out if self.norm is None else self.norm(out), self.rows) + after)


def interpret(genome: Genome, images: Tensor, weights: Tensor | None = None, biases: Tensor | None = None) -> Tensor:
    """Logits of a genome, computed by its definition, neuron by neuron: for teaching, and as the tests' oracle.

        out_l = ReLU(LayerNorm(sum over k < l of out_k · W_kl + b_l))      hidden layers
        logits = sum over k of out_k · W_k,last + b_last

    Args:
        genome: the network.
        images: [batch, inputs].
        weights: [edges], the genome's own if None; pass a tensor that requires gradients to differentiate.
        biases: [outputs + hidden], likewise.

    Returns:
        Logits [batch, outputs], of the dtype of `images`.

    Raises:
        WeightsError: if the genome's own weights are to be used, and some are missing.
    """
    if weights is None:
        genome.check_weights()
    weights = torch.tensor(genome.weights, dtype=images.dtype) if weights is None else weights
    biases = torch.tensor(genome.biases, dtype=images.dtype) if biases is None else biases
    incoming: dict[int, list[int]] = {neuron: [] for neuron in range(genome.n_neurons)}
    for edge, target in enumerate(genome.targets.tolist()):
        incoming[target].append(edge)
    out: dict[int, Tensor] = {neuron: images[:, neuron] for neuron in range(genome.n_inputs)}  # each [batch]
    for layer in range(1, genome.n_layers):
        members = np.flatnonzero(genome.layers == layer).tolist()
        for neuron in members:
            total = biases[neuron - genome.n_inputs].expand(len(images))
            for edge in incoming[neuron]:
                total = total + out[int(genome.sources[edge])] * weights[edge]
            out[neuron] = total
        if layer == genome.n_layers - 1:
            break  # outputs: no norm, no ReLU
        if genome.normalization == "layer" and len(members) >= SMALLEST_NORMALISED_LAYER:
            zero = torch.zeros_like(out[members[0]])
            mean = sum((out[neuron] for neuron in members), zero) / len(members)
            variance = sum(((out[neuron] - mean) ** 2 for neuron in members), zero) / len(members)
            for neuron in members:
                out[neuron] = (out[neuron] - mean) / torch.sqrt(variance + EPS)
        for neuron in members:
            out[neuron] = torch.clamp(out[neuron], min=0)
    outputs = range(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    return torch.stack([out[neuron] for neuron in outputs], dim=1)  # [batch, outputs]
