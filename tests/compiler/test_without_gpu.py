"""What matters on a GPU and can be seen without one: where tensors are, and how many operations a step takes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.compiler import combined, network
from workbench.compiler.combined import CombinedNetwork, SegmentNorm
from workbench.compiler.network import PRODUCTS, CsrProduct, NeuronNetwork
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, initialise, random_genome, windowed

SHAPE = (1, 8, 8)


def several() -> list[Genome]:
    rng = np.random.default_rng(0)
    made = [random_genome(SHAPE, 10, rng, hidden_layers=(n, n)) for n in (1, 3)]
    return [initialise(each, rng) for each in (*made, windowed(SHAPE, 10, rng, windows=CONVOLUTION))]


class Operations(TorchDispatchMode):
    """Counts the operations of torch by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def test_a_step_takes_as_many_operations_for_many_networks_as_for_few():
    counts = []
    for times in (1, 4):
        net = CombinedNetwork(several() * times)
        with Operations() as seen:
            net(torch.randn(4, 64)).sum().backward()
        counts.append(seen.counts)
    assert counts[0] == counts[1]


class DenseInstead:
    """In the place of a sparse matrix, for which tensors that only pretend have no operations."""

    def __init__(self, crow: Tensor, col: Tensor, values: Tensor, shape: tuple[int, int]) -> None:
        assert crow.device == col.device == values.device
        self._values, self._shape = values, shape

    def __matmul__(self, x: Tensor) -> Tensor:
        return self._values.new_zeros(self._shape) @ x

    def values(self) -> Tensor:
        return self._values


def sampled(pattern: DenseInstead, left: Tensor, right: Tensor, beta: float) -> DenseInstead:
    assert (left @ right).device == pattern.values().device
    return pattern


def on_a_pretended_gpu(module: nn.Module) -> nn.Module:
    """As `.to("cuda")`: what is registered moves, and nothing else does."""
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    moved = torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")
                    tensors[name] = nn.Parameter(moved) if tensors is part._parameters else moved
    return module


def test_every_operation_stays_on_the_device(monkeypatch):
    for module in (network, combined):
        monkeypatch.setattr(module, "csr_tensor", DenseInstead)
    monkeypatch.setattr(torch.sparse, "sampled_addmm", sampled)
    genomes = several()
    networks = [NeuronNetwork(genome, backend) for genome in genomes for backend in PRODUCTS]
    together = CombinedNetwork(genomes)
    with torch.no_grad(), FakeTensorMode():  # an operation on tensors of two devices is an error
        images = torch.empty(16, 64, device="cuda")
        for each in (*networks, together):
            assert on_a_pretended_gpu(each)(images).device.type == "cuda"
        for layer in together.layers:
            context = SimpleNamespace(needs_input_grad=(True, True))
            context.save_for_backward = lambda *saved, to=context: setattr(to, "saved_tensors", saved)
            product: CsrProduct = layer.product
            values, x = torch.empty(len(product.col), device="cuda"), torch.empty(product.shape[1], 16, device="cuda")
            out = network._CsrMatmul.forward(context, values, x, product)
            assert {grad.device.type for grad in network._CsrMatmul.backward(context, out)[:2]} == {"cuda"}
            if isinstance(layer.norm, SegmentNorm):
                out = combined._SegmentNorm.forward(context, out, layer.norm)
                assert combined._SegmentNorm.backward(context, out)[0].device.type == "cuda"
