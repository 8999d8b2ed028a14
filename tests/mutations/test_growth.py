"""Growth that keeps weights shared: copied maps, and one weight for edges between maps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import genomes, seeds

import workbench as wb
from workbench import mutations
from workbench.builder import initialise
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.mutations import MutationRates, apply

GROW = MutationRates(grow_maps=1, new_neuron_edges=(0.5, 1), new_neurons=(0.5, 1))


@cache
def convolution(shape: tuple[int, int, int] = (2, 12, 12)) -> Genome:
    rng = np.random.default_rng(0)
    genome = initialise(windowed(shape, 3, rng, windows=CONVOLUTION, normalization="none"), rng)
    return genome.with_parameters(genome.weights, rng.standard_normal(len(genome.biases)))


def logits(genome: Genome, seed: int) -> np.ndarray:
    images = np.random.default_rng(seed).standard_normal((5, genome.n_inputs))
    return wb.interpret(genome, torch.from_numpy(images)).numpy()


def with_maps(genome: Genome) -> Genome:
    """Without normalisation, and in groups by three kinds of hidden neurons and by output, as pooling has them."""
    hidden = genome.targets >= genome.n_inputs + genome.n_outputs
    kind = np.where(hidden, genome.targets % 3, 3 + genome.targets)
    shared = np.where(genome.shared >= 0, genome.shared * 1000 + kind, -1)
    return replace(genome.with_parameters(genome.weights, shared=shared), normalization="none")


@given(genomes().map(with_maps), seeds())
def test_copied_maps_change_no_answer(genome, seed):
    before = genome.to_bytes()
    child, record = mutations.add_neurons(genome, np.random.default_rng(seed), GROW)
    assert genome.to_bytes() == before
    if "maps_copied" not in record:
        return
    assert child.n_hidden == genome.n_hidden + record["neurons_added"]
    assert child.n_edges == genome.n_edges + record["edges_added"]
    assert set(genome.neuron_keys) < set(child.neuron_keys)
    assert Genome.from_bytes(child.to_bytes()) == child
    expected = logits(genome, seed)
    np.testing.assert_allclose(logits(child, seed), expected, rtol=1e-4, atol=1e-4 * (1 + np.abs(expected).max()))


@given(seeds())
def test_a_copied_channel_is_a_channel(seed):
    genome = convolution()
    rates = replace(GROW, new_neuron_edges=(1e-9, 1e-9))
    child, record = mutations.add_neurons(genome, np.random.default_rng(seed), rates)
    layer = record["layer"]
    assert record["maps_copied"] == 1
    sizes = np.unique(maps_of(genome)[genome.layers == layer], return_counts=True)[1]
    assert np.unique(maps_of(child)[child.layers == layer], return_counts=True)[1].tolist() == [*sizes, sizes[0]]
    new = child.targets >= genome.n_neurons
    assert (child.shared[new] >= 0).all()
    assert len(np.unique(child.weights[new])) <= len(np.unique(child.shared[new]))
    np.testing.assert_allclose(logits(child, seed), logits(genome, seed), rtol=1e-4, atol=1e-4)


def weights_by_ends(genome: Genome) -> dict[tuple[int, int], float]:
    ends = zip(genome.sources.tolist(), genome.targets.tolist(), strict=True)
    return dict(zip(ends, genome.weights.tolist(), strict=True))


def test_original_and_copy_divide_each_outgoing_weight_by_another_part():
    genome, parts = convolution(), set()
    whole = weights_by_ends(genome)
    for seed in range(8):
        now = weights_by_ends(mutations.add_neurons(genome, np.random.default_rng(seed), GROW)[0])
        parts |= {round(now[edge] / weight, 4) for edge, weight in whole.items() if now[edge] != weight}
    assert 0.3 <= min(parts) < 0.4 < 0.6 < max(parts) <= 0.7
    assert len(parts) > 8


@given(seeds())
def test_new_edges_between_maps_have_one_weight_for_all_places(seed):
    genome = convolution()
    rates = MutationRates(grow_maps=1, new_edges=(0.1, 0.3))
    child, record = mutations.add_edges(genome, np.random.default_rng(seed), rates)
    assert record["edges_added"] >= record["edges_requested"]
    assert child.n_edges == genome.n_edges + record["edges_added"]
    maps = maps_of(genome)
    maps[: genome.n_inputs] = np.arange(genome.n_inputs) // 144 - 2
    new = np.arange(genome.n_edges, child.n_edges)
    assert np.isnan(child.weights[new]).all()
    assert child.n_parameters - genome.n_parameters < len(new) or (child.shared[new] < 0).all()
    for group in np.unique(child.shared[new][child.shared[new] >= 0]):
        edges = np.flatnonzero(child.shared == group)
        assert (edges >= genome.n_edges).all()
        sources, targets = child.sources[edges], child.targets[edges]
        assert len(np.unique(maps[sources])) == len(np.unique(maps[targets])) == 1
        assert len(np.unique(targets)) == len(targets)
        offsets = genome.positions[targets] - genome.positions[sources]
        assert np.ptp(offsets, axis=0).max() <= 2.0 + 1e-4
    weights = initialise(child, np.random.default_rng(seed)).weights
    assert not np.isnan(weights).any()


def test_a_new_weight_reaches_all_places_inside():
    genome = convolution(shape=(1, 12, 12))
    lacking = Genome.from_edges(
        genome.input_shape,
        genome.n_outputs,
        *(each[genome.shared != genome.shared[0]] for each in (genome.sources, genome.targets, genome.weights)),
        biases=genome.biases,
        shared=genome.shared[genome.shared != genome.shared[0]],
        normalization="none",
    )
    gone = genome.n_edges - lacking.n_edges
    assert gone == (genome.shared == genome.shared[0]).sum() > 50
    found = 0
    for seed in range(20):
        rates = MutationRates(
            grow_maps=1, new_edges=(1e-9, 1e-9), layer_pairs=1, spatial_base=0.01, spatial_per_layer=0
        )
        _, record = mutations.add_edges(lacking, np.random.default_rng(seed), rates)
        found = max(found, record["edges_added"])
    assert found >= gone


@given(genomes(blank=0.1), seeds())
def test_any_genome_grows_by_maps(genome, seed):
    for kind in ("add_neurons", "add_edges"):
        try:
            child, record = apply(kind, genome, MutationRates(grow_maps=1), np.random.default_rng(seed))
        except MutationError:  # every pair of layers is fully connected
            continue
        assert record["kind"] == kind
        assert child.n_edges == genome.n_edges + record["edges_added"] > genome.n_edges
        assert record["edges_pruned"] == record["neurons_pruned"] == 0
        assert initialise(child, np.random.default_rng(seed)).has_weights


@pytest.mark.parametrize("kind", ["add_neurons", "add_edges"])
def test_networks_that_share_nothing_grow_as_ever(kind, rng):
    genome = random_genome((1, 8, 8), 4, rng, hidden_layers=(2, 2), edges_per_neuron=(6, 6))
    children = [apply(kind, genome, MutationRates(grow_maps=chance), np.random.default_rng(1))[0] for chance in (0, 1)]
    assert children[0].to_bytes() == children[1].to_bytes()
