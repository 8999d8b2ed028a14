"""What others would train these networks with: whole steps (forward, backward, AdamW) of torch and SparseProp.

A peer makes from a `Work` a pass: a function that trains on all its batches, once more each time, and returns the mean
loss. Batches are prepared beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.compiler import compile_genome
from workbench.compiler.network import NeuronNetwork
from workbench.compiler.plan import Block
from workbench.datasets import Dataset
from workbench.genome import EPS, Genome
from workbench.initial import Windows
from workbench.training import TrainConfig
from workbench.training.augmentation import batches
from workbench.training.native.trainer import NativeTrainer

KEY = (0,)
"""Of the stream of batches."""

Pass = Callable[[], float]


@dataclass(frozen=True)
class Work:
    """A network with weights, the images to train it on, and how; the rate is constant."""

    genome: Genome
    data: Dataset
    config: TrainConfig

    @property
    def steps(self) -> int:
        """Of a pass."""
        return -(-self.data.size("train") // self.config.batch_size)

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Images float32 [batch, inputs] and labels int64 [batch]."""
        found = batches(self.data, self.config, KEY, epoch=0)
        return [(images.reshape(len(images), -1), labels) for images, labels in found]


def native(work: Work) -> Pass:
    """Ours, with the tiles ready."""
    trainer = NativeTrainer(work.genome, work.data)
    rates = np.full(work.steps, work.config.learning_rate)
    return lambda: trainer.train_epoch(work.config, KEY, 0, rates, 0)[0]


def in_torch(work: Work, network: nn.Module, compiled: bool = False, flat: bool = True) -> Pass:
    """A pass of a module from images, flat or as they are, to logits; biases are those parameters that are named so."""
    groups: tuple[list[nn.Parameter], list[nn.Parameter]] = [], []
    for name, parameter in network.named_parameters():
        groups["bias" in name].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": work.config.weight_decay}, {"params": groups[1], "weight_decay": 0.0}],
        lr=work.config.learning_rate,
        fused=True,
    )
    call = torch.compile(network) if compiled else network
    shape = (-1,) if flat else work.data.shape
    prepared = [(torch.from_numpy(x).view(len(x), *shape), torch.from_numpy(y)) for x, y in work.batches()]

    def one_pass() -> float:
        total = torch.zeros(())
        for images, labels in prepared:
            optimizer.zero_grad()
            loss = functional.cross_entropy(call(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / work.steps

    return one_pass


def activated(sums: Tensor, normalised: bool) -> Tensor:
    """ReLU(LayerNorm(sums)) over all but the first axis."""
    return functional.relu(functional.layer_norm(sums, sums.shape[1:], eps=EPS) if normalised else sums)


class BatchMajor(nn.Module):
    """The network as torch's users write it: [batch, neurons], a module for each layer's product."""

    def __init__(self, genome: Genome, layer: Callable[[Tensor, nn.Parameter], nn.Module]) -> None:
        super().__init__()
        plan = compile_genome(genome)
        self.normalised = plan.normalised[1:].tolist()
        self.blocks: list[Block] = [plan.block(number) for number in range(1, plan.n_layers)]
        weights, biases = plan.weights_of(genome), torch.as_tensor(plan.biases_of(genome))
        self.layers = nn.ModuleList()
        for block in self.blocks:
            matrix = torch.zeros(len(block.starts) - 1, block.n_sources)
            matrix[rows_of(block), block.columns] = torch.as_tensor(weights[block.edges])
            self.layers.append(layer(matrix, nn.Parameter(biases[block.rows].clone())))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, outputs]."""
        outputs = [images]
        for block, layer, normalised in zip(self.blocks, self.layers, self.normalised, strict=True):
            feeding = [outputs[number] for number in block.feeders]
            sums = layer(feeding[0] if len(feeding) == 1 else torch.cat(feeding, dim=1))
            outputs.append(activated(sums, normalised))
        return sums


def rows_of(block: Block) -> np.ndarray:
    """Target of each edge."""
    return np.repeat(np.arange(len(block.starts) - 1), np.diff(block.starts))


class Masked(nn.Module):
    """A dense matrix, of which a mask keeps the edges."""

    def __init__(self, matrix: Tensor, bias: nn.Parameter) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(matrix), bias
        self.register_buffer("mask", (matrix != 0).float())

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.mask, self.bias)


def masked(work: Work, compiled: bool = False) -> Pass:
    """Dense matrices with a mask."""
    return in_torch(work, BatchMajor(work.genome, Masked), compiled)


def csr(work: Work, compiled: bool = False) -> Pass:
    """Our own network in torch, with its sparse matrices."""
    return in_torch(work, NeuronNetwork(work.genome), compiled)


def sparseprop_modules(work: Work) -> Pass:
    """SparseProp's layers (Nikdan et al. 2023, "SparseProp: Efficient Sparse Backpropagation")."""
    from sparseprop.modules import SparseLinear

    return in_torch(work, BatchMajor(work.genome, SparseLinear))


def sparseprop_kernels(work: Work) -> Pass:
    """Its products alone, forward and backward: no loss, no optimiser, nothing transposed; returns no loss."""
    from sparseprop import backend

    plan, size = compile_genome(work.genome), work.config.batch_size
    weights = torch.as_tensor(plan.weights_of(work.genome))
    calls = []
    for number in range(1, plan.n_layers):
        block = plan.block(number)
        values, x = weights[block.edges], torch.rand(block.n_sources, size)
        out = torch.zeros(len(block.starts) - 1, size)
        indices = [torch.as_tensor(array.astype(np.int32)) for array in (block.starts, block.columns)]
        calls.append((x, *indices, values, out, torch.zeros_like(x), torch.zeros_like(values)))

    def one_pass() -> float:
        for _ in range(work.steps):
            for x, starts, columns, values, out, *grads in calls:
                backend.sparse_linear_vectorized_forward(x, starts, columns, values, out)
                backend.sparse_linear_vectorized_backward(x, starts, columns, values, out, *grads)
        return float("nan")

    return one_pass


class Convolutions(nn.Module):
    """A genome made by `windowed`, all its windows shared, by convolutions; a bias at every place, as ours."""

    def __init__(self, genome: Genome, windows: Sequence[Windows]) -> None:
        super().__init__()
        self.strides = [layer.stride for layer in windows]
        self.normalised = compile_genome(genome).normalised[1:-1].tolist()
        groups, first = np.unique(genome.shared, return_index=True)
        weights = torch.as_tensor(genome.weights[first[groups >= 0]])  # of each group, in the order of the kernels
        biases = torch.tensor(genome.biases)
        self.kernels, self.biases, used = nn.ParameterList(), nn.ParameterList(), genome.n_outputs
        (maps, *extent), last = genome.input_shape, genome.n_inputs + genome.n_outputs
        for layer in windows:
            shape = (layer.maps, maps, layer.size, layer.size)
            kernel, weights = weights[: math.prod(shape)].clone(), weights[math.prod(shape) :]
            self.kernels.append(kernel.view(shape))
            maps, extent = layer.maps, [(side - layer.size) // layer.stride + 1 for side in extent]
            last, n_neurons = genome.n_inputs + used, maps * math.prod(extent)
            self.biases.append(biases[used : used + n_neurons].view(maps, *extent).clone())
            used += n_neurons
        self.output = nn.Linear(used + genome.n_inputs - last, genome.n_outputs)
        own = genome.shared < 0
        with torch.no_grad():
            places = genome.targets[own] - genome.n_inputs, genome.sources[own] - last
            self.output.weight[places] = torch.as_tensor(genome.weights[own])
            self.output.bias.copy_(biases[: genome.n_outputs])

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, outputs] of images [batch, c, h, w]."""
        layers = zip(self.kernels, self.biases, self.strides, self.normalised, strict=True)
        for kernel, bias, stride, normalised in layers:
            images = activated(functional.conv2d(images, kernel, stride=stride) + bias, normalised)
        return self.output(images.flatten(1))


def convolutions(work: Work, windows: Sequence[Windows]) -> Pass:
    """torch's convolutions."""
    return in_torch(work, Convolutions(work.genome, windows), flat=False)
