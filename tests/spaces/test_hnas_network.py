"""The hierarchical space: counts of its grammars, and parts, costs and outputs against hand-written torch networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from workbench.derivations import Derivation, Grammar, new_keys
from workbench.spaces.hnas import HnasSpace
from workbench.spaces.hnas.grammar import GRAMMARS, count, has_way
from workbench.spaces.hnas.network import network

CIFAR = ((3, 32, 32), 10)


def cell_of(*names: str) -> Derivation:
    """A derivation of the grammar "cell" with these operations on edges 12, 13, 23, 14, 24, 34."""
    grammar = GRAMMARS["cell"]
    codes = [0, *(next(code for code, one in enumerate(grammar.productions) if one.name == name) for name in names)]
    return Derivation(grammar, np.array(codes, np.uint8), new_keys(7, np.random.default_rng(0)))


def test_how_many_derivations_there_are() -> None:
    published, cell = GRAMMARS["published"], GRAMMARS["cell"]
    once = Grammar(published.start, tuple(dict.fromkeys(published.productions)))
    assert f"{published.count() // 10**443:,}" == "1,238"
    assert f"{once.count() // 10**373}" == "702"  # 7.03e375
    assert f"{count(published) // 10**443:,}" == "1,237"
    assert (cell.count(), count(cell)) == (15_625, 15_284)


def test_a_way_through_a_cell() -> None:
    assert has_way([False, False, False, True, False, False])
    assert has_way([True, False, True, False, False, True])
    assert not has_way([True, True, True, False, False, False])
    assert not has_way([True, False, False, False, False, True])


@pytest.mark.parametrize(
    ("operation", "parameters", "flops"), [("conv3x3", 1_531_546, 440_239_360), ("conv1x1", 241_306, 62_752_000)]
)
def test_the_published_figures_of_nas_bench_201(operation: str, parameters: int, flops: int) -> None:
    """220.12 M multiply-accumulates and 1,531,546 parameters: Dong & Yang 2020, of the same cell."""
    space = HnasSpace(*CIFAR, variant="cell", channels=16, cells=5)
    cost = space.cost(space.genome(cell_of(*[operation] * 6)))
    assert (cost.parameters, cost.flops) == (parameters, flops)


# ---------------------------------------------------------------------- NAS-Bench-201 by hand
class Block(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = Block(inputs, outputs, 3, 2), Block(outputs, outputs, 3)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(F.avg_pool2d(x, 2)) + self.second(self.first(x))


class Cell(nn.Module):
    """A cell with conv3x3, id, avg_pool, zero, conv1x1 and conv3x3 on its edges."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two, self.three = Block(channels, channels, 3), Block(channels, channels, 1), None
        self.three = Block(channels, channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        second = self.one(x)
        third = x + F.avg_pool2d(second, 3, 1, 1, count_include_pad=False)
        return self.two(second) + self.three(third)


def by_hand(channels: int, cells: int) -> nn.Sequential:
    stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
    parts: list[nn.Module] = [stem]
    for stage in range(3):
        if stage > 0:
            parts.append(Residual(channels, 2 * channels))
            channels *= 2
        parts += [Cell(channels) for _ in range(cells)]
    return nn.Sequential(
        *parts, nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)
    )


def states(module: nn.Module) -> list[torch.Tensor]:
    """Values by execution: of each convolution and norm, the shortcut of a residual block last."""
    found = []
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            found += [child.weight, child.bias] if child.bias is not None else [child.weight]
        if isinstance(child, nn.BatchNorm2d):
            found += [child.running_mean, child.running_var]
    return found


@pytest.mark.parametrize("training", [False, True])
def test_outputs_equal_nas_bench_201_by_hand(training: bool) -> None:
    space = HnasSpace(*CIFAR, variant="cell", channels=4, cells=2)
    ours = space.build(cell_of("conv3x3", "id", "avg_pool", "zero", "conv1x1", "conv3x3")).train(training)
    theirs = by_hand(4, 2).train(training)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for mine, value in zip(ours.tensors(), states(theirs), strict=True):
            assert mine.shape == value.shape
            value.copy_(torch.rand(value.shape, generator=generator) - 0.3 * (value.ndim > 1))
            mine.copy_(value)
        images = torch.randn((5, 3, 32, 32), generator=generator)
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variant", ["small", "cell", "published"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 13, 9)])
def test_cost_and_layout_agree_with_torch(variant: str, shape: tuple[int, int, int]) -> None:
    """`FlopCounterMode` counts convolutions and linear layers; pooling that is chosen comes on top."""
    for seed in range(2 if variant == "published" else 6):
        space = HnasSpace(shape, 10, variant=variant, channels=3, image_size=(shape[1] + 1) // 2)
        derivation = space.sample_tree(np.random.default_rng(seed))
        module, cost = space.build(derivation).eval(), space.cost(space.genome(derivation))
        layout = space.layout(derivation)
        assert [tensor.shape for tensor in layout] == [tuple(tensor.shape) for tensor in module.tensors()]
        assert cost.parameters == sum(parameter.numel() for parameter in module.parameters())
        pooled = shape[0] * shape[1] * shape[2]
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            assert module(torch.zeros(1, *shape)).shape == (1, 10)
        for part in network(derivation, space.form).parts:
            if part.kind == "avg_pool":
                ones = torch.ones(1, 1, *part.before[1:])
                window = F.avg_pool2d(ones, 3, 1, 1, count_include_pad=True, divisor_override=1)
                pooled += part.before[0] * int(window.sum())
        assert cost.flops == counter.get_total_flops() + pooled
        assert cost.flops_total > cost.flops


def test_norms_and_activations_are_torchs() -> None:
    space = HnasSpace((4, 8, 8), 3, channels=4)
    seen = set()
    for seed in range(60):
        derivation = space.sample_tree(np.random.default_rng(seed))
        module = space.build(derivation)
        for part in module.parts:
            if part.part.kind != "block" or part.part.block in seen or part.part.before[0] != 4:
                continue
            seen.add(part.part.block)
            activation, kind, norm = part.part.block
            conv = nn.Conv2d(
                4,
                4,
                1 if kind == "conv1x1" else 3,
                padding=int(kind != "conv1x1"),
                bias=False,
                groups=4 if kind == "dconv3x3" else 1,
            )
            size = part.part.before
            norms = {
                "batch": nn.BatchNorm2d(4),
                "instance": nn.InstanceNorm2d(4, affine=True),
                "layer": nn.LayerNorm(size),
            }
            theirs = nn.Sequential(
                {"relu": nn.ReLU(), "hardswish": nn.Hardswish(), "mish": nn.Mish()}[activation], conv, norms[norm]
            )
            with torch.no_grad():
                part.conv_weight.copy_(conv.weight)
                part.norm_scale.fill_(1)
                images = torch.randn(6, *size, generator=torch.Generator().manual_seed(seed))
                torch.testing.assert_close(part.train()(images), theirs(images), rtol=1e-4, atol=1e-5)
    assert len(seen) == 27


def test_what_no_image_reaches_is_no_part() -> None:
    space = HnasSpace(*CIFAR, variant="cell", channels=4, cells=1)
    dead = cell_of(
        "conv3x3", "zero", "zero", "conv3x3", "zero", "conv3x3"
    )  # edge 12 leads nowhere, 34 comes from nowhere
    alone = cell_of("zero", "zero", "zero", "conv3x3", "zero", "zero")
    assert space.cost(space.genome(dead)) == space.cost(space.genome(alone))
