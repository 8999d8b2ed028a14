"""Several networks as one: every one of them as it is alone."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import genomes, seeds

from workbench.compiler import compile_genome
from workbench.compiler.combined import CombinedNetwork, SegmentNorm, combine
from workbench.compiler.network import NeuronNetwork, layer_norm

SHAPE, OUTPUTS = (1, 4, 3), 3


def alike(largest: int = 4):
    """Genomes of any depth for the same images."""
    return st.lists(genomes(shape=SHAPE, n_outputs=OUTPUTS), min_size=1, max_size=largest)


@given(alike(), seeds())
def test_values_and_gradients_are_those_of_each_alone(several, seed):
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.standard_normal((5, 12)))
    mix = torch.from_numpy(rng.standard_normal((5, len(several), OUTPUTS)))
    combined = CombinedNetwork(several, dtype=torch.float64)
    logits = combined(images)
    (logits * mix).sum().backward()
    for number, genome in enumerate(several):
        alone = NeuronNetwork(genome, dtype=torch.float64)
        expected = alone(images)
        torch.testing.assert_close(logits[:, number], expected, rtol=1e-8, atol=1e-8)
        (expected * mix[:, number]).sum().backward()
        near = {"rtol": 1e-6, "atol": 1e-7}
        weights, biases = (torch.zeros_like(one) if one.grad is None else one.grad for one in alone.parameters())
        torch.testing.assert_close(combined.weight.grad[combined._weights[number]], weights, **near)
        biases = biases[alone.plan.bias_parameters]
        torch.testing.assert_close(combined.bias.grad[combined._biases[number]], biases, **near)


@given(alike())
def test_genomes_come_back_losslessly(several):
    combined = CombinedNetwork(several)
    assert [combined.to_genome(number) for number in range(len(several))] == several


@given(alike())
def test_the_combined_plan_is_one_csr_in_layer_order(several):
    plans = [compile_genome(genome) for genome in several]
    plan, rows, weights = combine(plans)
    targets = np.repeat(np.arange(plan.n_neurons), np.diff(plan.row_starts))
    layer_of = np.repeat(np.arange(plan.n_layers), np.diff(plan.layer_starts))
    assert (layer_of[plan.columns] < layer_of[targets]).all()
    assert len(plan.columns) == sum(genome.n_edges for genome in several)
    found = set(zip(plan.columns.tolist(), targets.tolist(), plan.parameters.tolist(), strict=True))
    for own, row, weight in zip(plans, rows, weights, strict=True):
        ends = np.repeat(np.arange(own.n_neurons), np.diff(own.row_starts))
        edges = zip(row[own.columns].tolist(), row[ends].tolist(), weight[own.parameters].tolist(), strict=True)
        assert found >= set(edges)
    every = np.concatenate([row[plan.n_inputs :] for row in rows])
    np.testing.assert_array_equal(np.sort(every), np.arange(plan.n_inputs, plan.n_neurons))
    np.testing.assert_array_equal(np.sort(np.concatenate(weights)), np.arange(plan.n_weights))


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=5), seeds())
def test_segments_are_normalised_as_layers_are(segments, seed):
    sizes = [size for size, _ in segments]
    flags = [flag and size > 0 for size, flag in segments]
    x, mix = torch.from_numpy(np.random.default_rng(seed).standard_normal((2, sum(sizes), 3)))
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    parts = [layer_norm(part) if flag else part for part, flag in zip(one.split(sizes), flags, strict=True)]
    expected, out = torch.cat(parts), SegmentNorm(sizes, flags)(other)
    torch.testing.assert_close(out, expected)
    for each in (expected, out):
        (each * mix).sum().backward()
    torch.testing.assert_close(other.grad, one.grad)


def test_a_network_that_is_not_finite_keeps_it_to_itself(rng):
    from workbench.initial import random_genome

    several = [random_genome((1, 4, 4), 3, rng, hidden_layers=(2, 2), layer_size=(0.8, 0.8)) for _ in range(3)]
    broken = several[1].with_parameters(np.full(several[1].n_edges, np.float32(3e38)), several[1].biases)
    images = torch.randn(6, 16)
    network = CombinedNetwork([several[0], broken, several[2]])
    logits = network(images)
    (logits**2).sum().backward()
    assert not torch.isfinite(logits[:, 1]).all()
    for number in (0, 2):
        torch.testing.assert_close(logits[:, number], NeuronNetwork(several[number])(images), rtol=1e-4, atol=1e-5)
        assert torch.isfinite(network.weight.grad[network._weights[number]]).all()
