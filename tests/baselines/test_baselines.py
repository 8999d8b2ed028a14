"""Hand-made networks: what they cost, and that training and pruning do what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import baselines
from workbench.baselines import Architecture, Block, Convolution, Dense, GlobalPooling, MaxPooling, cost_of
from workbench.baselines.module import make_module, masks_of, prune_to
from workbench.baselines.training import few_threads
from workbench.compiler.network import interpret
from workbench.datasets import load_dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.initial import dense_mlp
from workbench.training import TrainConfig

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)

PUBLISHED_FLOPS = {  # 2 · multiply-accumulates, by hand
    ("logistic", MNIST): 2 * 784 * 10,
    ("lenet-300-100", MNIST): 532_400,
    ("lenet-5", MNIST): 833_040,
    ("strided-cnn-3-8", MNIST): 43_360,
    ("strided-cnn-6-12", MNIST): 81_600,
    ("small-cnn", CIFAR): 1_453_920,
    ("strided-cnn-8-16-24", CIFAR): 276_624,
    ("mlp-2048-1024", CIFAR): 2 * (3072 * 2048 + 2048 * 1024 + 1024 * 10),
    ("depthwise-6-12-24-24", CIFAR): 137_568,
    ("depthwise-8-16-32-32", CIFAR): 199_808,
    ("depthwise-12-24-24-48-48", CIFAR): 450_240,
    ("depthwise-16-32-48-48-96-96", CIFAR): 1_626_496,
    ("depthwise-4-8-16", MNIST): 27_496,
    ("depthwise-6-12-24-24", MNIST): 72_012,
    ("depthwise-8-24-24-48", MNIST): 176_448,
}


@pytest.mark.parametrize(("name", "shape"), PUBLISHED_FLOPS)
def test_flops_are_the_known_ones(name, shape):
    assert cost_of(baselines.baseline(name).layers, shape, 10).flops == PUBLISHED_FLOPS[name, shape]


def test_cost_by_hand():
    layers = (Convolution(2, 3, padding=1), MaxPooling(2), Dense(5))
    cost = cost_of(layers, (1, 4, 4), 3)
    assert cost.flops == 2 * (9 * 32 + 8 * 5 + 5 * 3)
    assert cost.flops_total - cost.flops == (32 + 32) + 3 * 8 + (5 + 5) + 3  # biases and ReLUs, pooling, …, outputs
    assert cost.parameters == 2 * 10 + 9 * 5 + 6 * 3


def test_cost_of_blocks_by_hand():
    """On 2 maps of 4 × 4: a depthwise and a pointwise convolution, and the input added; then two whole ones."""
    same = cost_of((Block(2),), (2, 4, 4), 3)
    assert same.flops == 2 * (9 * 32 + 2 * 32 + 32 * 3)
    assert same.flops_total - same.flops == 2 * 32 + 2 * 32 + 32 + 3  # biases and ReLUs of both, sums, outputs
    assert same.parameters == 2 * (9 + 2) + 2 * (2 + 2) + 33 * 3
    other = cost_of((Block(3, 2, separable=False), GlobalPooling()), (2, 4, 4), 3)
    assert other.flops == 2 * (18 * 12 + 27 * 12 + 3 * 3)
    assert other.flops_total - other.flops == 2 * 12 + 2 * 12 + 12 + 3  # nothing is added; each map becomes its mean
    assert other.parameters == 3 * (18 + 2) + 3 * (27 + 2) + 4 * 3


@st.composite
def convolutional(draw) -> tuple:
    """Hidden layers for images of at least 8 × 8 pixels."""
    maps, strides = st.integers(1, 5), st.integers(1, 2)
    stem = draw(st.sampled_from([(), (Convolution(3, 3, 2, 1, normalised=True),), (Convolution(2, 3), MaxPooling())]))
    blocks = draw(st.lists(st.builds(Block, maps, strides, st.booleans()), max_size=3))
    return *stem, *blocks, *draw(st.sampled_from([(GlobalPooling(),), (Dense(4),), ()]))


@settings(max_examples=30, deadline=None)
@given(convolutional(), st.sampled_from([(1, 8, 9), (3, 12, 8)]))
def test_modules_do_what_is_counted(layers, shape):
    """FLOPs by what each convolution and each dense layer of the module gives and reads."""
    module, counted = make_module(layers, shape, 3, np.random.default_rng(0)).eval(), []

    def count(part, inputs, output) -> None:
        counted.append(2 * output.numel() * part.weight[0].numel())

    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            part.register_forward_hook(count)
    assert module(torch.zeros(1, *shape)).shape == (1, 3)
    cost = cost_of(layers, shape, 3)
    assert (cost.flops, cost.parameters) == (sum(counted), sum(one.numel() for one in module.parameters()))


@pytest.mark.parametrize("block", [Block(4), Block(4, separable=False), Block(4, 2), Block(5)], ids=repr)
def test_a_block_adds_its_input_where_shapes_agree(block):
    body, relu, *_ = make_module((block,), (4, 6, 6), 3, np.random.default_rng(0))
    images = torch.randn(8, 4, 6, 6)
    first, norm, _, second, last = body
    x = last(second(norm(first(images)).relu()))
    if x.shape == images.shape:
        x = x + images
    torch.testing.assert_close(relu(body(images)), x.relu())
    assert (first.groups, second.kernel_size) == ((4, (1, 1)) if block.separable else (1, (3, 3)))


def test_well_made_networks_train_as_long_as_members_of_a_front():
    one = baselines.baseline("depthwise-6-12-24-24")
    assert {name: baselines.recipe(one, name).epochs for name in ("mnist", "cifar10", "mine")} == {
        "mnist": 20,
        "cifar10": 40,
        "mine": 20,
    }
    config = baselines.recipe(one, "cifar10")
    assert (config.learning_rate, config.weight_decay, config.batch_size) == (0.01, 0.01, 128)
    assert (config.shift, config.mirror) == (2, True)


def test_dense_networks_cost_what_the_same_genome_costs():
    genome = dense_mlp((1, 4, 4), 3, np.random.default_rng(0), widths=(9, 4), normalization="none")
    cost = cost_of((Dense(9), Dense(4)), (1, 4, 4), 3)
    assert (cost.flops, cost.flops_total, cost.parameters) == (genome.flops, genome.flops_total, genome.n_parameters)


@pytest.mark.parametrize("one", baselines.BASELINES, ids=lambda one: one.name)
def test_modules_have_the_parameters_that_are_counted(one):
    for shape in (MNIST, CIFAR):
        module = make_module(one.layers, shape, 10, np.random.default_rng(0))
        counted = cost_of(one.layers, shape, 10).parameters
        assert sum(parameter.numel() for parameter in module.parameters()) == counted
        assert module(torch.zeros(2, *shape)).shape == (2, 10)


def test_suites_name_baselines():
    for names in baselines.SUITES.values():
        for name in names:
            baselines.baseline(name)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


SMALL = Architecture("small", "small", (Convolution(4, 3), MaxPooling(), Dense(16)), 0.01, epochs=4)


def test_training_improves_and_repeats(digits):
    config = TrainConfig(epochs=4, batch_size=32, learning_rate=0.01)
    record = baselines.train(SMALL, digits, config, seed=1)
    untrained = baselines.train(SMALL, digits, replace(config, epochs=0), seed=1)
    assert record.test_accuracy > 0.8 > 0.4 > untrained.test_accuracy
    assert (record.dataset, record.seed, record.epochs, record.learning_rate) == ("digits", 1, 4, 0.01)
    assert record.flops == cost_of(SMALL.layers, digits.shape, 10).flops
    again = baselines.train(SMALL, digits, config, seed=1)
    assert replace(again, seconds=0) == replace(record, seconds=0)


def test_pruned_networks_keep_what_they_should(digits):
    dense = Architecture("pruned", "pruned", (Dense(30), Dense(20)), sparsities=(0.5, 0.9))
    config = TrainConfig(epochs=3, batch_size=32, learning_rate=0.005)
    came = []
    records = baselines.train_pruned(dense, digits, config, seed=0, on_record=came.append)
    assert came == records
    total = 64 * 30 + 30 * 20 + 20 * 10
    assert [record.title for record in records] == ["pruned 50.0%", "pruned 90.0%"]
    assert [record.epochs for record in records] == [6, 9]
    assert all(record.flops <= 2 * round(total * left) for record, left in zip(records, (0.5, 0.1), strict=True))
    assert records[0].flops > 0.9 * total
    assert records[1].test_accuracy > 0.5
    with pytest.raises(ConfigError, match="no sparsities"):
        baselines.train_pruned(SMALL, digits)


def test_pruning_takes_the_smallest_weights_and_training_does_not_bring_them_back():
    module = make_module((Dense(8),), (1, 3, 3), 4, np.random.default_rng(0))
    sizes = np.concatenate([module[1].weight.detach().numpy().ravel(), module[3].weight.detach().numpy().ravel()])
    prune_to(module, 0.5)
    masks = np.concatenate([mask.ravel() for mask in masks_of(module)])
    assert masks.sum() == round(0.5 * len(sizes))
    assert np.abs(sizes[masks]).min() >= np.abs(sizes[~masks]).max()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(2, 1, 3, 3)).square().sum().backward()
    optimizer.step()
    module(torch.zeros(1, 1, 3, 3))  # masks are applied when it runs
    assert not module[1].weight.detach().numpy()[~masks_of(module)[0]].any()
    prune_to(module, 0.75)
    again = np.concatenate([mask.ravel() for mask in masks_of(module)])
    assert again.sum() == round(0.25 * len(sizes))
    assert not (again & ~masks).any()


def test_a_pruned_network_as_a_genome_says_the_same():
    module = make_module((Dense(8), Dense(6)), (1, 3, 3), 4, np.random.default_rng(0))
    prune_to(module, 0.9)
    images = torch.rand(5, 1, 3, 3)
    genome = Genome.from_torch(module, (1, 3, 3))
    assert genome.n_edges <= sum(mask.sum() for mask in masks_of(module))
    assert genome.n_hidden < 8 + 6
    torch.testing.assert_close(interpret(genome, images.flatten(1)), module(images).detach())


@pytest.mark.parametrize("name", ["depthwise-4-8-16", "strided-cnn-3-8"])
def test_convolutional_networks_as_genomes_say_the_same(name):
    one = baselines.baseline(name)
    module = make_module(one.layers, MNIST, 10, np.random.default_rng(0)).eval()
    images = torch.randn(3, *MNIST)
    genome = Genome.from_torch(module, MNIST)
    torch.testing.assert_close(interpret(genome, images.flatten(1)), module(images).detach(), atol=1e-4, rtol=1e-4)
    # Nothing is multiplied by padding, or for places that no window reaches; pooling and additions are edges.
    assert 0.9 < genome.flops / cost_of(one.layers, MNIST, 10).flops < 1.03


def test_errors_say_the_way_out(digits):
    with pytest.raises(ConfigError, match=r"unknown baseline 'resnet'; expected one of: logistic"):
        baselines.train("resnet", digits)
    with pytest.raises(ConfigError, match="too small for this network"):
        baselines.train("strided-cnn-3-8", digits)
    with pytest.raises(ConfigError, match="no dropout"):
        baselines.train(SMALL, digits, TrainConfig(dropout=0.1))
    with pytest.raises(ConfigError, match="expects maps"):
        cost_of((Dense(3), MaxPooling()), MNIST, 10)


@pytest.mark.parametrize(("flops", "threads"), [(1_000, 1), (10_000_000, 2)])
def test_threads_are_few_and_given_back(flops, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with few_threads(flops):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
