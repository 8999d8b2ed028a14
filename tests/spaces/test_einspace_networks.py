"""Networks of einspace: modules and cost against hand-written ones, and against what torch counts."""

from __future__ import annotations

import io
from math import prod

import einspace_oracles as oracles
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workbench.compiler.torch_export import torch_onnx, torch_program
from workbench.datasets import FACTS, load_dataset
from workbench.derivations import Derivation
from workbench.errors import ConfigError
from workbench.search.presets import preset
from workbench.spaces import einspace
from workbench.spaces.einspace import cost, seeds
from workbench.spaces.einspace.grammar import Operation
from workbench.spaces.einspace.heads import head_steps, network
from workbench.spaces.einspace.modules import NetworkModule, build
from workbench.spaces.einspace.network import Network
from workbench.spaces.einspace.picture import picture, summary
from workbench.spaces.einspace.sampling import EinRules, Limits, sample_within
from workbench.spaces.einspace.shapes import expand
from workbench.training import TrainConfig

SHAPE = (3, 32, 32)
SEEDS = {
    "wrn16_4": (2_751_146, 392_612_352),
    "resnet18": (11_215_690, 149_623_808),
    "transformer": (4_270_218, 278_397_568),
    "mlp_mixer": (2_434_698, 270_008_960),
}
"""Parameters and multiply-accumulates for 10 classes."""


def whole(derivation: Derivation, shape=SHAPE, head: str = "published", image_size: int = 0) -> Network:
    return network(expand(derivation, shape), shape, image_size, head, 10)


def unfused(derivation: Derivation, shape=SHAPE, head: str = "published") -> Network:
    steps = expand(derivation, shape)
    return Network(shape, (*steps, *head_steps(head, len(steps) - 1, steps[-1].shape, 10)))


def filled(net: Network, seed: int = 0) -> NetworkModule:
    """With random values everywhere; deviations are positive."""
    module, generator = build(net), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor, values in zip(cost.layout(net), module.tensors(), strict=True):
            assert values.shape == tensor.shape
            values.normal_(0, tensor.init[1] or 0.1, generator=generator)
            if tensor.name in ("scale", "var"):
                values.add_(1)
    return module


def copy_values(source, target) -> None:
    with torch.no_grad():
        for values, into in zip(source, target, strict=True):
            into.copy_(values.view(into.shape))


def images(count: int = 2, shape=SHAPE) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))


def torch_flops(module: nn.Module, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops()


# ---------------------------------------------------------------------- right values
@pytest.mark.parametrize("name", SEEDS)
def test_published_networks(name: str) -> None:
    net = whole(getattr(seeds, name)())
    counted = cost.cost(net)
    assert (counted.parameters, counted.flops) == (SEEDS[name][0], 2 * SEEDS[name][1])
    module, by_hand = filled(net).eval(), getattr(oracles, name)().eval()
    copy_values(module.tensors(), oracles.tensors(by_hand))
    assert sum(parameter.numel() for parameter in by_hand.parameters()) == counted.parameters
    with torch.no_grad():
        torch.testing.assert_close(module(images()), by_hand(images()), rtol=1e-3, atol=1e-4)
    assert torch_flops(module, images(1)) == counted.flops


def test_published_resnet18_with_max_pooling_is_what_the_derivable_one_has_beside_its_strided_convolution() -> None:
    strided = cost.cost(whole(seeds.derivation(seeds.sequence(seeds.convolution(64), seeds.convolution(64, 3, 2)))))
    plain = cost.cost(whole(seeds.derivation(seeds.convolution(64))))
    ours = cost.cost(whole(seeds.resnet18()))
    assert ours.parameters - (strided.parameters - plain.parameters) == 11_178_762
    assert ours.flops - (strided.flops - plain.flops) == 2 * 140_186_624
    by_hand = oracles.resnet18(max_pooling=True).eval()
    assert sum(parameter.numel() for parameter in by_hand.parameters()) == 11_178_762
    assert torch_flops(by_hand, images(1)) == 2 * 140_186_624


@pytest.mark.parametrize(
    "derivation", [einspace.transformer(1, 32, 16), pytest.param(einspace.resnet18(16), marks=pytest.mark.slow)]
)
def test_small_ones_train(derivation: Derivation) -> None:
    space, digits = einspace.EinSpace((1, 8, 8), 10), load_dataset("digits")
    space.check(derivation)
    config = TrainConfig(epochs=4, learning_rate=0.01)
    result = space.train(space.genome(derivation), digits, config, seed=1, stream=(1,))
    assert result.failure is None
    assert result.val_accuracy > 0.6 > 0.3 > result.initial_val_accuracy


def test_a_small_mixer_fits_sixteen_tokens() -> None:
    einspace.EinSpace((3, 32, 32), 10, image_size=16).check(einspace.mlp_mixer(2, 32, 16))


@pytest.mark.parametrize("name", SEEDS)
def test_published_networks_are_genomes_of_the_published_preset(name: str) -> None:
    space = preset("paper", "cifar10", "einspace").space(FACTS["cifar10"])
    space.check(getattr(einspace, name)())


def test_widths_are_those_of_the_grammar() -> None:
    with pytest.raises(ConfigError, match=r"expected a width of the grammar \(16, 32, .*\), got 24"):
        einspace.transformer(1, 24)


def test_a_convolution() -> None:
    derivation = seeds.derivation(seeds.convolution(16))
    net = whole(derivation)
    step = net.steps[0]
    assert (step.kind, step.args, step.shape) == ("convolution", (3, 1, 1), (16, 32, 32))
    assert (cost.flops(net, step), cost.parameters(net, step)) == (884_736, 448)
    apart = unfused(derivation)
    assert [each.kind for each in apart.steps] == ["im2col", "linear", "col2im", "mean", "linear"]
    assert cost.cost(apart) == cost.cost(net)
    fused, slow, by_hand = filled(net), filled(apart), oracles.conv(3, 16)
    copy_values(list(fused.tensors())[:2], by_hand.parameters())
    with torch.no_grad():
        x = images()
        image = slow.parts[2](slow.parts[1](slow.parts[0](x)))
        assert (image - by_hand(x)).abs().max() < 2e-6
        assert (fused.parts[0](x) - by_hand(x)).abs().max() < 6e-7
        torch.testing.assert_close(fused(x), slow(x))


def test_attention() -> None:
    net = whole(seeds.derivation(seeds.sequence(seeds.patches(32), seeds.attention(16))), head="tokens")
    module = filled(net).eval()
    by_hand = nn.Sequential(oracles.Patches(32, 64), oracles.Attention(32, 16), oracles.Mean(1), nn.Linear(16, 10))
    copy_values(module.tensors(), oracles.tensors(by_hand))
    with torch.no_grad():
        torch.testing.assert_close(module(images()), by_hand(images()), rtol=1e-4, atol=1e-5)
    products = 64 * 48 * 32 + 3 * 64 * 32 * 16 + 2 * 64 * 64 * 16 + 16 * 10
    assert cost.cost(net).flops == 2 * products


# ---------------------------------------------------------------------- every operation
def every_operation() -> Derivation:
    """All kinds of operations at least once, for images of 3×32×32."""
    s = seeds
    orders = [(1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
    turned = [s.routing(Operation("permute", order), s.NORM, Operation("permute", order)) for order in orders]
    grouped = s.copies(Operation("group", (4, 3)), s.convolution(16), Operation("concatenate", (3,)))
    halves = (
        s.BRANCHING_2,
        s.CODES["B2", Operation("group", (2, 1))],
        *s.RELU,
        *s.SKIP,
        s.CODES["A2", Operation("add")],
    )
    product = s.two(s.computation("softmax"), s.routing(s.IDENTITY, s.SKIP), Operation("dot"))
    eight = s.copies(Operation("clone", (8,)), s.computation("position"), Operation("add"))
    tokens = s.routing(Operation("im2col", (8, 8, 0)), s.sequence(s.NORM, s.attention(16)), s.SWAP)
    return s.derivation(s.sequence(grouped, halves, product, *turned, eight, tokens, s.computation("linear", 32)))


@pytest.mark.parametrize("head", ["published", "tokens"])
def test_every_operation_counts_what_torch_counts_and_trains(head: str) -> None:
    net = whole(every_operation(), head=head)
    counted, module = cost.cost(net), filled(net)
    assert torch_flops(module.eval(), images(1)) == counted.flops
    assert sum(parameter.numel() for parameter in module.parameters()) == counted.parameters
    assert counted.flops < counted.flops_total
    module.train()(images()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert all(tensor.isfinite().all() for tensor in module.tensors())


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(["published", "tokens"]))
def test_sampled_networks_count_what_torch_counts(seed: int, head: str) -> None:
    shape = (3, 16, 16)
    rules = EinRules(shape, Limits(40, 10**7, 10**6, 10**5, 64), 0.32)
    derivation = sample_within(rules, np.random.default_rng(seed))
    net, apart = whole(derivation, shape, head), unfused(derivation, shape, head)
    counted, x = cost.cost(net), images(2, shape)
    assert cost.cost(apart) == counted
    assert cost.activations(net).kept <= cost.activations(apart).kept
    assert cost.layout(net) == cost.layout(apart)
    module, slow = filled(net).eval(), filled(apart).eval()
    assert torch_flops(module, x[:1]) == torch_flops(slow, x[:1]) == counted.flops
    assert sum(parameter.numel() for parameter in module.parameters()) == counted.parameters
    with torch.no_grad():
        torch.testing.assert_close(module(x), slow(x), rtol=1e-3, atol=1e-4)
    drawn = picture(derivation, net)
    assert sum(node.flops for node in drawn.nodes) == counted.flops
    assert len({node.key for node in drawn.nodes}) == len(drawn.nodes)


def test_every_operation_is_exported() -> None:
    module, x = filled(whole(every_operation())).eval(), images(3)
    facts = {"input_shape": SHAPE, "n_outputs": 10}
    with torch.no_grad():
        expected = module(x)
        program = torch.export.load(io.BytesIO(torch_program(module, facts, None, raw=False, flat=False))).module()
        torch.testing.assert_close(program(x), expected)
    session = onnxruntime.InferenceSession(torch_onnx(module, facts, None, raw=False, flat=False))
    torch.testing.assert_close(torch.from_numpy(session.run(None, {"images": x.numpy()})[0]), expected)


def test_shapes_of_steps_are_those_of_values() -> None:
    net = unfused(every_operation())
    module, seen = filled(net).eval(), []
    for part in module.parts:
        part.register_forward_hook(lambda *call: seen.append(tuple(call[-1].shape[1:])))
    with torch.no_grad():
        module(images())
    assert seen == [step.shape for step in net.steps]


def test_fused_networks_answer_and_learn_as_unfused_ones() -> None:
    layers = seeds.sequence(seeds.convolution(16, 3, 2), seeds.NORM_RELU, seeds.patches(16), seeds.NORM)
    derivation = seeds.derivation(layers)
    pair = [filled(each(derivation, head="tokens")) for each in (whole, unfused)]
    outputs = [module.train()(images(8)) for module in pair]
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    for output in outputs:
        output.square().sum().backward()
    for ours, theirs in zip(*(module.tensors() for module in pair), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        if ours.requires_grad:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-4)


def test_patches_that_others_read_are_kept() -> None:
    inner = seeds.two(seeds.computation("linear", 16), seeds.sequence(seeds.RELU, seeds.computation("linear", 16)))
    derivation = seeds.derivation(seeds.routing(Operation("im2col", (3, 1, 1)), inner, Operation("col2im")))
    net = whole(derivation)
    assert [step.kind for step in net.steps[:-2]] == ["im2col", "convolution", "leaky_relu", "linear", "add", "col2im"]
    with torch.no_grad():
        torch.testing.assert_close(filled(net)(images()), filled(unfused(derivation))(images()))


def test_memory_of_an_answer_is_what_is_counted() -> None:
    """A chain holds two images at once, however long it is."""
    net = whole(seeds.derivation(seeds.sequence(*[seeds.convolution(64)] * 4)))
    counted = cost.activations(net)
    assert counted.largest == 64 * 32 * 32
    assert counted.peak == 2 * 64 * 32 * 32
    assert counted.kept == 4 * 64 * 32 * 32


# ---------------------------------------------------------------------- around the derivation
def test_down_scaling_is_counted_and_averages() -> None:
    derivation = seeds.derivation(seeds.convolution(16))
    small = network(expand(derivation, (3, 16, 16)), SHAPE, 16, "tokens", 10)
    x = images()
    module = filled(small)
    torch.testing.assert_close(module.parts[0](x), nn.functional.avg_pool2d(x, 2))
    assert cost.flops(small, small.steps[0]) == 2 * prod(SHAPE)
    alone = whole(derivation, (3, 16, 16), "tokens")
    assert cost.cost(small).flops == cost.cost(alone).flops + 2 * prod(SHAPE)


def test_each_side_is_scaled_down_by_its_own_factor() -> None:
    """Only sides beyond the image size are, so an oblong image may become a square."""
    derivation = seeds.derivation(seeds.convolution(16))
    small = network(expand(derivation, (1, 4, 8)), (1, 4, 40), 8, "tokens", 10)
    x = torch.rand(2, 1, 4, 40)
    torch.testing.assert_close(filled(small).parts[0](x), x.reshape(2, 1, 4, 8, 5).mean(4))


def test_heads_see_places_or_features() -> None:
    derivation = seeds.derivation(seeds.sequence(seeds.patches(32), seeds.RELU))
    for head, width, dimension in (("published", 64, 2), ("tokens", 32, 1)):
        net = whole(derivation, head=head)
        assert cost.layout(net)[-2].shape == (10, width)
        module = filled(net)
        tokens = nn.functional.leaky_relu(module.parts[1](module.parts[0](images())))
        torch.testing.assert_close(module(images()), module.parts[-1](tokens.mean(dimension)))


def test_a_batch_of_one_value_a_channel_is_normalised_by_earlier_ones() -> None:
    net = whole(seeds.derivation(seeds.sequence(seeds.convolution(16, 16, 16), seeds.NORM)), (3, 16, 16))
    module = filled(net).train()
    before = [tensor.clone() for tensor in module.tensors()]
    assert module(images(1, (3, 16, 16))).isfinite().all()
    assert all(torch.equal(*pair) for pair in zip(before, module.tensors(), strict=True))


def test_nothing_draws_from_the_global_generator() -> None:
    state = torch.get_rng_state()
    build(whole(seeds.transformer(1)))
    assert torch.equal(state, torch.get_rng_state())


# ---------------------------------------------------------------------- to be looked at
@pytest.mark.parametrize("make", [every_operation, seeds.resnet18, seeds.transformer])
def test_pictures_hold_together(make) -> None:
    derivation = make()
    net = whole(derivation)
    drawn, counted = picture(derivation, net), cost.cost(net)
    columns = {node.key: node.column for node in drawn.nodes}
    assert len(columns) == len(drawn.nodes)
    assert all(columns[edge.source] < columns[edge.target] for edge in drawn.edges)
    assert {node.part for node in drawn.nodes} <= {branch.key for branch in drawn.tree} | {""}
    assert sum(node.flops for node in drawn.nodes) == counted.flops
    assert sum(node.parameters for node in drawn.nodes) == counted.parameters
    assert [branch.parent for branch in drawn.tree] == [None, *derivation.parents[1:].tolist()]


def test_a_picture_of_copies() -> None:
    derivation = seeds.transformer(1)
    drawn = picture(derivation, whole(derivation))
    assert [node.label for node in drawn.nodes][:4] == [
        "image",
        "conv 4×4 / 4, 512",
        "positional encoding",
        "linear 64",
    ]
    assert drawn.nodes[3].facts == {"copies": 4}
    assert drawn.nodes[3].parameters == 4 * (512 * 64 + 64)
    assert [edge.label for edge in drawn.edges if edge.label] == ["× 4"]
    assert [branch.copies for branch in drawn.tree if branch.copies > 1] == [4]
    assert drawn.nodes[-1].kind == "output"


def test_a_convolution_is_its_routing() -> None:
    derivation = seeds.derivation(seeds.sequence(seeds.convolution(16), seeds.convolution(32, 3, 2)))
    net = whole(derivation)
    drawn = picture(derivation, net)
    nodes = [node for node in drawn.nodes if node.kind == "convolution"]
    assert [node.label for node in nodes] == ["conv 3×3, 16", "conv 3×3 / 2, 32"]
    assert [branch.label for branch in drawn.tree if branch.key in {node.part for node in nodes}] == [
        node.label for node in nodes
    ]
    assert summary(net) == "2 convolutions"
    assert summary(whole(seeds.derivation(seeds.sequence(seeds.SKIP, seeds.SKIP)))) == "no computation"
