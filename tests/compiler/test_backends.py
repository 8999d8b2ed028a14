from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import genomes, seeds

from workbench.compiler import compile_genome
from workbench.compiler.network import PRODUCTS, NeuronNetwork, interpret
from workbench.errors import ConfigError, DataError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.initial import CONVOLUTION, random_genome, windowed

BACKENDS = list(PRODUCTS)


def small_genome(rng: np.random.Generator) -> Genome:
    genome = random_genome((1, 4, 4), 3, rng, hidden_layers=(4, 4), layer_size=(0.8, 0.8), edges_per_neuron=(3, 3))
    return genome.with_parameters(genome.weights, rng.standard_normal(len(genome.biases)))


def images_for(genome: Genome, n: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, genome.n_inputs)))


@given(genomes(), seeds())
def test_every_backend_equals_the_interpreter_in_value_and_gradient(genome, seed):
    images = images_for(genome, seed=seed)
    weights = torch.tensor(genome.weights, dtype=torch.float64, requires_grad=True)
    biases = torch.tensor(genome.biases, dtype=torch.float64, requires_grad=True)
    expected = interpret(genome, images, weights, biases)
    mix = torch.from_numpy(np.random.default_rng(seed).standard_normal(expected.shape))
    (expected * mix).sum().backward()
    for backend in BACKENDS:
        network = NeuronNetwork(genome, backend, dtype=torch.float64)
        logits = network(images)
        torch.testing.assert_close(logits, expected, rtol=1e-8, atol=1e-8)
        (logits * mix).sum().backward()
        plan = network.plan
        gradient = np.zeros(plan.n_weights)  # of a shared weight: the sum over its edges
        np.add.at(gradient, plan.parameters, (weights.grad if weights.grad is not None else weights * 0)[plan.edges])
        np.testing.assert_allclose(grad_of(network.weight), gradient, rtol=1e-6, atol=1e-7)
        gradient = np.zeros(plan.n_biases)
        np.add.at(gradient, plan.bias_parameters, biases.grad[plan.neurons[plan.n_inputs :] - plan.n_inputs])
        np.testing.assert_allclose(grad_of(network.bias), gradient, rtol=1e-6, atol=1e-7)


def grad_of(parameter: torch.nn.Parameter) -> np.ndarray:
    return np.zeros(len(parameter)) if parameter.grad is None else parameter.grad.numpy()


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    genome = small_genome(np.random.default_rng(0))
    network = NeuronNetwork(genome, backend, dtype=torch.float64)
    images = images_for(genome).requires_grad_()

    def run(x, weight, bias):
        return torch.func.functional_call(network, {"weight": weight, "bias": bias}, (x,))

    arguments = (images, network.weight.detach().requires_grad_(), network.bias.detach().requires_grad_())
    assert torch.autograd.gradcheck(run, arguments, atol=1e-6)


def test_the_published_example_by_hand():
    one, two, three, four = [0, 1], [4, 5, 6], [7, 8], [2, 3]
    blocks = [(one, two), (one, three), (two, three), (two, four), (three, four)]
    edges = [(s, t) for before, after in blocks for s in before for t in after]
    rng = np.random.default_rng(1)
    weights, biases = rng.standard_normal(26), rng.standard_normal(7)
    genome = Genome.from_edges((1, 1, 2), 2, *zip(*edges, strict=True), weights, biases)
    w12, w13, w23, w24, w34 = (
        part.reshape(len(before), len(after))
        for part, (before, after) in zip(np.split(weights, [6, 10, 16, 22]), blocks, strict=True)
    )
    b4, b2, b3 = np.split(biases, [2, 5])
    x = rng.standard_normal((5, 2))
    out2 = np.maximum(x @ w12 + b2, 0)  # layers of fewer than 8 neurons are not normalised
    out3 = np.maximum(x @ w13 + out2 @ w23 + b3, 0)
    expected = out2 @ w24 + out3 @ w34 + b4
    for backend in BACKENDS:
        logits = NeuronNetwork(genome, backend, dtype=torch.float64)(torch.from_numpy(x))
        np.testing.assert_allclose(logits.detach().numpy(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("size", "normalised"), [(7, False), (8, True)])
def test_layers_of_at_least_eight_are_normalised(size, normalised, rng):
    edges = [(0, 3 + i) for i in range(size)] + [(1, 3 + i) for i in range(size)] + [(3 + i, 2) for i in range(size)]
    genome = Genome.from_edges((1, 1, 2), 1, *zip(*edges, strict=True), rng.standard_normal(3 * size))
    x = torch.randn(6, 2, dtype=torch.float64)
    first = torch.tensor(genome.weights[: 2 * size].reshape(2, size), dtype=torch.float64)
    hidden = x @ first
    if normalised:
        hidden = torch.nn.functional.layer_norm(hidden, (size,), eps=1e-5)
    expected = torch.relu(hidden) @ torch.tensor(genome.weights[2 * size :], dtype=torch.float64)
    torch.testing.assert_close(NeuronNetwork(genome, dtype=torch.float64)(x)[:, 0], expected, rtol=1e-6, atol=1e-6)


@given(genomes(blank=0.0), seeds())
def test_without_normalisation_pruning_changes_no_logit(genome, seed):
    # Hang a dead branch onto the genome: fed by the network, reaching no output.
    rng = np.random.default_rng(seed)
    alive = dataclasses.replace(genome, normalization="none")
    dead = genome.n_neurons
    feeders = np.flatnonzero(np.arange(dead) != -1)
    feeders = feeders[(feeders < genome.n_inputs) | (feeders >= genome.n_inputs + genome.n_outputs)]
    chosen = rng.choice(feeders, min(3, len(feeders)), replace=False)
    grown = Genome.from_edges(
        genome.input_shape,
        genome.n_outputs,
        np.r_[genome.sources, chosen],
        np.r_[genome.targets, np.full(len(chosen), dead)],
        np.r_[genome.weights, rng.standard_normal(len(chosen))],
        np.r_[genome.biases, 1.0],
        np.r_[genome.shared, np.full(len(chosen), -1)],
        "none",
        shared_biases=np.r_[genome.shared_biases, -1],
    )
    images = images_for(genome)
    torch.testing.assert_close(interpret(grown, images), interpret(alive, images), rtol=0, atol=0)
    assert grown.n_hidden == genome.n_hidden


@given(genomes(blank=0.0))
def test_state_goes_back_losslessly(genome):
    for backend in BACKENDS:
        assert NeuronNetwork(genome, backend).to_genome() == genome


def test_trained_state_goes_back_and_shared_parameters_stay_equal(rng):
    genome = windowed((1, 6, 6), 3, rng, windows=CONVOLUTION)
    assert (genome.shared >= 0).sum() > 5
    maps = maps_of(genome)[genome.n_inputs :]
    assert len(np.unique(maps)) < len(maps) / 2
    genome = genome.with_parameters(genome.weights, shared_biases=maps)
    assert (genome.shared_biases >= 0).sum() > 5
    network = NeuronNetwork(genome)
    with torch.no_grad():
        network.weight += torch.randn(network.weight.shape)
        network.bias += torch.randn(network.bias.shape)
    trained = network.to_genome()
    assert trained != genome
    again = NeuronNetwork(trained, "dense")
    images = images_for(genome).float()
    torch.testing.assert_close(again(images), network(images))
    assert len(network.weight) + len(network.bias) == genome.n_parameters == trained.n_parameters


@given(genomes())
def test_the_plan_is_one_csr_in_layer_order(genome):
    plan = compile_genome(genome)
    rows = np.repeat(np.arange(plan.n_neurons), np.diff(plan.row_starts))
    np.testing.assert_array_equal(plan.neurons[plan.columns], genome.sources[plan.edges])
    np.testing.assert_array_equal(plan.neurons[rows], genome.targets[plan.edges])
    assert (plan.columns < rows).all()
    assert (np.diff(genome.layers[plan.neurons]) >= 0).all()
    np.testing.assert_array_equal(plan.neurons[: plan.n_inputs], np.arange(plan.n_inputs))
    if not plan.shares_weights:
        np.testing.assert_array_equal(plan.parameters, np.arange(genome.n_edges))
    if not plan.shares_biases:
        np.testing.assert_array_equal(plan.bias_parameters, np.arange(len(genome.biases)))
    assert plan.n_weights + plan.n_biases == genome.n_parameters


def test_uninitialised_weights_are_drawn_by_seed(rng):
    genome = Genome.from_edges((1, 1, 3), 2, [0, 1, 2], [3, 3, 4])
    images = torch.randn(2, 3)
    one, two, other = (NeuronNetwork(genome, seed=seed)(images) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert not torch.isnan(one).any()


def test_images_of_any_form_and_wrong_ones(rng):
    genome = Genome.from_edges((2, 2, 2), 2, [0, 7], [8, 9], [1.0, 2.0])
    network = NeuronNetwork(genome)
    images = torch.randn(3, 2, 2, 2)
    assert torch.equal(network(images), network(images.flatten(1)))
    for wrong in (torch.randn(3, 1, 2, 2), torch.randn(8), torch.randn(3, 9)):
        with pytest.raises(DataError, match=r"takes images of 8 values \(2, 2, 2\)"):
            network(wrong)


def test_unknown_backend():
    with pytest.raises(ConfigError, match="unknown backend 'fast'; expected one of: csr, dense, gather"):
        NeuronNetwork(Genome.from_edges((1, 1, 1), 1, [0], [1]), "fast")


def test_dropout_drops_hidden_neurons_in_training_only():
    sources = np.r_[np.zeros(200, int), 2 + np.arange(200)]
    targets = np.r_[2 + np.arange(200), np.ones(200, int)]
    genome = Genome.from_edges((1, 1, 1), 1, sources, targets, np.ones(400), normalization="none")
    network = NeuronNetwork(genome, dropout=0.25, seed=3)
    x = torch.ones(500, 1)
    network.train()
    dropped = network(x)
    assert dropped.mean().item() == pytest.approx(200, rel=0.01)  # inverted: the mean stays
    assert dropped.std().item() == pytest.approx(np.sqrt(200 * 0.25 / 0.75), rel=0.15)
    network.eval()
    assert (network(x) == 200).all()
    again = NeuronNetwork(genome, dropout=0.25, seed=3)
    again.train()
    assert torch.equal(again(x), dropped)


def test_device_meta_moves_everything(rng):
    network = NeuronNetwork(small_genome(rng), "dense", device="meta")
    assert {tensor.device.type for tensor in [*network.parameters(), *network.buffers()]} == {"meta"}
