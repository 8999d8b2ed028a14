"""Batch normalisation: against torch's own, and what stays as it is when it begins and ends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from strategies import genomes, seeds
from torch import nn
from torch.nn import functional

from workbench.compiler import compile_genome
from workbench.compiler.network import NeuronNetwork
from workbench.compiler.plan import MOMENTUM, TILE, batch_maps, logits_of
from workbench.datasets import Dataset, load_dataset
from workbench.genome import EPS, Genome
from workbench.initial import CONVOLUTION, Windows, initialise, random_genome, windowed
from workbench.mutations import MutationRates, mutate
from workbench.training import TrainConfig, evaluate, train
from workbench.training.native import widths
from workbench.training.native.folding import folded, unfold
from workbench.training.native.tiles import split_tiles
from workbench.training.native.trainer import NativeTrainer

CONFIG = TrainConfig(epochs=2, batch_size=64, learning_rate=0.005, shift=1)
STILL = dataclasses.replace(CONFIG, learning_rate=1e-12)
"""A training that changes no weight worth mentioning."""


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def made(digits: Dataset) -> dict[str, Genome]:
    """Without and with shared weights, not yet trained."""
    sizes = {"hidden_layers": (2, 3), "edges_per_neuron": (4, 6)}
    return {
        "random": random_genome(digits.shape, 10, np.random.default_rng(0), **sizes, normalization="batch"),
        "shared": windowed(digits.shape, 10, np.random.default_rng(0), windows=CONVOLUTION, normalization="batch"),
    }


@pytest.fixture(scope="module")
def trained(digits: Dataset, made: dict[str, Genome]) -> dict[str, Genome]:
    return {name: train(genome, digits, CONFIG).genome for name, genome in made.items()}


def images_for(genome: Genome, n: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    images, classes = rng.integers(0, 256, (n, *genome.input_shape), np.uint8), max(2, genome.n_outputs)
    return Dataset.from_arrays(images, np.arange(n) % classes, images[:10], np.arange(10) % classes)


def begun(genome: Genome, data: Dataset, split: str = "train") -> NativeTrainer:
    """A trainer whose maps have the statistics of a split."""
    trainer, tiles = NativeTrainer(genome, data), split_tiles(data, split)
    buffers = trainer.buffers(tiles.labels.shape[1])
    unfold(trainer.net, trainer.learner, tiles.images, tiles.labels, trainer.pixels, buffers)
    return trainer


@given(genomes())
def test_maps_are_whole_and_in_one_hidden_layer(genome):
    genome = dataclasses.replace(genome, normalization="batch")
    plan = compile_genome(genome)
    maps, rows = batch_maps(genome, plan), plan.neurons[plan.n_inputs :]
    layers, numbers = genome.layers[rows], np.arange(maps.max(initial=-1) + 1)
    assert set(maps) - {-1} == set(numbers)
    of_each = [set(layers[maps == number]) for number in numbers]
    assert all(len(each) == 1 for each in of_each)
    assert sorted(of_each, key=min) == of_each
    assert (maps[layers == plan.n_layers - 1] == -1).all()
    map_of = dict(zip(rows.tolist(), maps.tolist(), strict=True))
    for group in np.unique(genome.shared[genome.shared >= 0]):
        assert len({map_of[target] for target in genome.targets[genome.shared == group].tolist()}) == 1
    if not (genome.shared >= 0).any() and not (genome.shared_biases >= 0).any():  # every neuron is a map of its own
        assert len(numbers) == genome.n_hidden


def test_what_is_not_normalised_is_computed_as_without():
    """A map over two layers, and outputs."""
    sources, targets = [0, 1, 4, 4, 5], [4, 5, 5, 2, 3]
    genome = Genome.from_edges(
        (1, 1, 2), 2, sources, targets, [1.0, 1.0, 1.0, 0.5, 1.0], shared=[0, -1, 0, -1, -1], normalization="batch"
    )
    assert (batch_maps(genome, compile_genome(genome)) == -1).all()
    data = images_for(genome, 90, 0)
    plain = train(dataclasses.replace(genome, normalization="none"), data, CONFIG).genome
    for backend in ("native", "csr"):
        result = train(genome, data, CONFIG, backend=backend).genome
        np.testing.assert_allclose(result.weights, plain.weights, rtol=1e-4)


@settings(max_examples=30)
@given(genomes(blank=0.0), seeds())
def test_beginning_and_ending_leave_the_function_as_it_is(genome, seed):
    genome = dataclasses.replace(genome, normalization="batch")
    data = images_for(genome, 100, seed)
    expected = logits_of(genome, data.arrays("train")[0])
    close = {"rtol": 1e-3, "atol": 1e-4 * max(1, np.abs(expected).max())}
    trainer = begun(genome, data)
    np.testing.assert_allclose(trainer.predict("train"), expected, **close)
    assert trainer.genome().n_edges == genome.n_edges
    network = NeuronNetwork(genome, "dense", dtype=torch.float64)
    images = torch.from_numpy(data.arrays("train")[0]).double()
    network.unfold([images])
    np.testing.assert_allclose(network.eval()(images).detach(), expected, **close)
    np.testing.assert_allclose(logits_of(network.to_genome(), images.numpy()), expected, **close)


@given(genomes(blank=0.0))
def test_at_rest_no_bit_changes(genome):
    genome = dataclasses.replace(genome, normalization="batch")
    trainer = NativeTrainer(genome, images_for(genome, 40, 0))
    rest = folded(trainer.net, trainer.learner)
    for ours, expected in zip(rest, trainer.learner, strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert trainer.genome() == genome
    assert NeuronNetwork(genome).to_genome() == genome


def test_it_is_that_of_torch(rng):
    """A convolution of shared weights: values, derivatives and running averages are those with BatchNorm2d."""
    genome = windowed((2, 7, 7), 3, rng, windows=[Windows(3, 2, 4, shared=True)], normalization="batch")
    network = NeuronNetwork(genome, "csr", dtype=torch.float64)
    images = torch.from_numpy(rng.standard_normal((TILE + 6, 98)))
    network.unfold([images])
    hidden = genome.n_inputs + genome.n_outputs  # the first hidden neuron; a channel has 9
    maps = dict(zip(network.plan.neurons[network.plan.n_inputs :].tolist(), network.maps.tolist(), strict=True))
    channels = [maps[hidden + 9 * channel] for channel in range(4)]
    convolution, norm = nn.Conv2d(2, 4, 3, 2, bias=False).double(), nn.BatchNorm2d(4, EPS, MOMENTUM).double()
    weights = np.empty(4 * 2 * 3 * 3)
    inner = genome.shared >= 0
    weights[genome.shared[inner]] = genome.weights[inner]
    linear = np.zeros((3, 36))
    linear[genome.targets[~inner] - genome.n_inputs, genome.sources[~inner] - hidden] = genome.weights[~inner]
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(weights).view(4, 2, 3, 3))
        norm.running_mean.copy_(network.batch_norm.running[0, channels])
        norm.running_var.copy_(network.batch_norm.running[1, channels])
    logits = torch.relu(norm(convolution(images[:TILE].view(-1, 2, 7, 7)))).flatten(1) @ torch.from_numpy(linear).T
    network.train()
    torch.testing.assert_close(network(images[:TILE]), logits, rtol=1e-6, atol=1e-8)
    running = network.batch_norm.running
    torch.testing.assert_close(running[:, channels], torch.stack([norm.running_mean, norm.running_var]))
    for each in (network(images[:TILE]), logits):
        functional.cross_entropy(each, torch.arange(TILE) % 3).backward()
    torch.testing.assert_close(network.batch_norm.gain.grad[channels], norm.weight.grad, rtol=1e-6, atol=1e-8)
    gradient = np.zeros(network.plan.n_weights)
    gradient[network.plan.parameters] = genome.shared[network.plan.edges]
    inside = gradient >= 0
    expected = convolution.weight.grad.flatten()[gradient[inside].astype(int)]
    torch.testing.assert_close(network.weight.grad[torch.from_numpy(inside)], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["random", "shared"])
@pytest.mark.parametrize("batch_size", [20, 64, 100])
def test_backends_follow_the_same_path(made, trained, digits, name, batch_size):
    config = dataclasses.replace(CONFIG, batch_size=batch_size)
    for genome in (made[name], trained[name]):
        native, reference = (train(genome, digits, config, backend=backend) for backend in ("native", "csr"))
        for mine, theirs in zip(native.history, reference.history, strict=True):
            assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-4)
        assert native.initial_val_accuracy == reference.initial_val_accuracy
        assert native.val_accuracy == pytest.approx(reference.val_accuracy, abs=0.01)


@pytest.mark.parametrize("backend", ["native", "csr"])
def test_a_child_begins_with_what_its_parent_computes(trained, digits, backend):
    for genome in trained.values():
        still = train(genome, digits, STILL, backend=backend)
        assert still.val_accuracy == pytest.approx(evaluate(genome, digits), abs=0.01)
        none = train(genome, digits, dataclasses.replace(CONFIG, epochs=0), backend=backend)
        assert none.genome == genome
        child, _ = mutate(genome, MutationRates(), np.random.default_rng(1))
        result = train(child, digits, CONFIG, backend=backend)
        assert result.genome.normalization == "batch"
        assert evaluate(result.genome, digits) == result.val_accuracy


def test_untrained_maps_begin_normalised(digits, made):
    trainer = begun(made["random"], digits)
    n_rows, n_maps = len(trainer.net.maps), len(trainer.net.map_sizes)
    np.testing.assert_array_equal(trainer.learner.biases[n_rows : n_rows + n_maps], 1)
    assert not trainer.learner.biases[:n_rows].any()
    layer = slice(trainer.plan.layer_starts[1], trainer.plan.layer_starts[2])
    tiles = split_tiles(digits, "train")
    assert tiles.labels.shape[1] == TILE == widths.TILE
    normed = trainer.buffers(TILE).normed[layer][:, tiles.labels[-1] >= 0]  # of the last tile
    np.testing.assert_allclose(normed.mean(axis=1), 0, atol=1e-4)
    assert np.median(normed.std(axis=1)) == pytest.approx(1, abs=1e-3)


def test_a_training_that_stops_early_or_diverges(made, digits):
    stopped = train(made["shared"], digits, dataclasses.replace(CONFIG, epochs=9), on_epoch=lambda row: True)
    assert len(stopped.history) == 1
    assert evaluate(stopped.genome, digits) == stopped.val_accuracy == stopped.history[0]["val_accuracy"]
    failed = train(made["random"], digits, dataclasses.replace(CONFIG, divergence=1e-9))
    assert "diverged" in failed.failure
    assert failed.genome == initialise(made["random"], np.random.default_rng(0))


def test_it_can_be_trained_again_in_the_same_trainer(made, digits):
    trainer = NativeTrainer(made["shared"], digits)
    for _ in range(2):
        trainer.fit(CONFIG, (0,))
        assert evaluate(trainer.genome(), digits) == trainer.accuracy("validation")


def test_it_costs_nothing_at_inference(made):
    plain = dataclasses.replace(made["random"], normalization="none")
    assert made["random"].flops_total == plain.flops_total
    images = np.random.default_rng(0).standard_normal((5, *plain.input_shape))
    np.testing.assert_array_equal(logits_of(made["random"], images), logits_of(plain, images))
