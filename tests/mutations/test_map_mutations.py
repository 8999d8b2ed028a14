"""Mutations for networks with shared weights: splitting groups by place, and removing neurons as whole maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import genomes, seeds

from workbench import mutations
from workbench.errors import ConfigError, MutationError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.initial import Windows, dense_mlp, windowed
from workbench.mutations import MutationRates

CONVOLUTION = [Windows(3, 1, 6, True), Windows(3, 2, 8, True)]


def attempt(mutation, genome: Genome, seed: int, rates: MutationRates):
    try:
        return mutation(genome, np.random.default_rng(seed), rates)
    except MutationError:
        assume(False)


@pytest.fixture
def shared(rng) -> Genome:
    return windowed((1, 10, 10), 3, rng, windows=CONVOLUTION)


def place_of(genome: Genome, edge: int) -> tuple[float, float]:
    target = genome.positions[genome.targets[edge]]
    return tuple(genome.positions[genome.sources[edge]] if np.isnan(target).any() else target)


@given(genomes(blank=0.1), seeds(), st.integers(2, 5))
def test_unsharing_splits_groups_by_place_and_changes_no_value(genome, seed, side):
    child, record = attempt(mutations.unshare_weights, genome, seed, MutationRates(regions=(side, side)))
    for name in ("sources", "targets", "weights", "biases", "shared_biases", "neuron_keys"):
        np.testing.assert_array_equal(getattr(child, name), getattr(genome, name))
    split = {int(genome.shared[edge]) for edge in np.flatnonzero(genome.shared != child.shared)}
    assert len(split) == record["groups_split"]
    for group in split:
        members = np.flatnonzero(genome.shared == group)
        places = np.array([place_of(genome, edge) for edge in members])
        cells = ((places + 0.5) * side / genome.input_shape[1:]).astype(int)
        same_cell = (cells[:, None] == cells).all(axis=2)
        now = child.shared[members]
        same_group = (now[:, None] == now) & (now >= 0) | np.eye(len(now), dtype=bool)
        np.testing.assert_array_equal(same_group, same_cell)
        assert not same_cell.all()


def test_many_regions_give_every_place_a_weight_of_its_own(shared, rng):
    wholly = MutationRates(regions=(10, 10), unshared_groups=(1, 1))
    child = shared
    while (child.shared >= 0).any():
        child, record = mutations.unshare_weights(child, rng, wholly)
        assert record["groups_split"] == record["groups_possible"]
    assert child.n_parameters == child.n_edges + len(child.biases)
    assert child.flops == shared.flops
    with pytest.raises(MutationError, match="no edges in different ones of 10 × 10 regions share a weight"):
        mutations.unshare_weights(child, rng, wholly)


@given(genomes(blank=0.1), seeds(), st.floats(0, 20), st.floats(0.02, 0.6))
def test_removing_neurons_keeps_half_of_each_layer_and_every_output(genome, seed, strength, part):
    rates = MutationRates(weak_neurons_first=strength, removed_neuron_edges=(part, part))
    child, record = attempt(mutations.remove_neurons, genome, seed, rates)
    first = genome.n_inputs + genome.n_outputs
    gone = np.r_[np.zeros(first, bool), ~np.isin(genome.neuron_keys, child.neuron_keys)]
    for layer in range(1, genome.n_layers - 1):
        members = genome.layers == layer
        assert gone[members].sum() <= members.sum() / 2
    outputs = slice(genome.n_inputs, first)
    assert ((child.in_degrees[outputs] > 0) == (genome.in_degrees[outputs] > 0)).all()
    assert record["edges_pruned"] == 0
    assert record["edges_removed"] <= record["edges_requested"] or record["maps_chosen"] == 1
    assert record["neurons_pruned"] == gone.sum() >= record["maps_chosen"] > 0


def test_neurons_that_share_weights_go_together(shared):
    maps, first = maps_of(shared), shared.n_inputs + shared.n_outputs
    sizes = set()
    for seed in range(20):
        rates = MutationRates(removed_neuron_edges=(0.2, 0.2))
        child, _ = mutations.remove_neurons(shared, np.random.default_rng(seed), rates)
        gone = np.r_[np.zeros(first, bool), ~np.isin(shared.neuron_keys, child.neuron_keys)]
        assert not np.intersect1d(maps[gone], maps[~gone]).size
        sizes.add(int(gone.sum()))
    assert len(sizes) > 1


def test_a_large_map_stays_where_smaller_ones_can_go(rng):
    genome = windowed((1, 12, 12), 4, rng, windows=[Windows(3, 1, 2, True), Windows(3, 3, 8, True)])
    for seed in range(20):
        child, _ = mutations.remove_neurons(genome, np.random.default_rng(seed))
        assert (child.layers == 1).sum() == (genome.layers == 1).sum()


def test_what_matters_least_in_its_layer_goes_first(rng):
    """The neurons of the first layer all weigh less than those of the second, which has the least important one."""
    genome = dense_mlp((1, 3, 3), 2, rng, widths=(6, 6))
    weights = np.ones(genome.n_edges)
    first = genome.n_inputs + genome.n_outputs
    in_first = genome.layers == 1
    weights[in_first[genome.targets]] = 0.01
    weakest = int(np.flatnonzero(genome.layers == 2)[3])
    weights[(genome.targets == weakest) | (genome.sources == weakest)] /= 10
    genome = genome.with_parameters(weights)
    rates = MutationRates(weak_neurons_first=100, removed_neuron_edges=(0.05, 0.05))
    for seed in range(20):
        child, record = mutations.remove_neurons(genome, np.random.default_rng(seed), rates)
        assert record["maps_chosen"] == 1
        assert genome.neuron_keys[weakest - first] not in child.neuron_keys


def test_the_places_of_a_depthwise_convolution_go_with_the_map_that_feeds_them(rng):
    # Three chains input -> a -> b -> both outputs.
    sources, targets = [0, 1, 2, 5, 6, 7, 8, 9, 10, 8, 9, 10], [5, 6, 7, 8, 9, 10, 3, 3, 3, 4, 4, 4]
    genome = Genome.from_edges((1, 1, 3), 2, sources, targets, np.ones(12))
    child, record = mutations.remove_neurons(genome, rng)
    assert (child.n_hidden, record["edges_removed"], record["neurons_pruned"]) == (4, 4, 2)


def test_removing_neurons_leaves_no_layer_empty_and_no_output_unfed(rng):
    with pytest.raises(MutationError, match="half of a hidden layer"):
        mutations.remove_neurons(dense_mlp((1, 2, 2), 2, rng, widths=(1, 1)), rng)
    with pytest.raises(MutationError, match="half of a hidden layer"):
        mutations.remove_neurons(dense_mlp((1, 2, 2), 2, rng, widths=()), rng)
    alone = Genome.from_edges((1, 1, 2), 2, [0, 1, 4, 5], [4, 5, 2, 3])
    with pytest.raises(MutationError, match="all that feeds an output"):
        mutations.remove_neurons(alone, rng)


@given(genomes(blank=0.1), seeds(), st.floats(0, 20), st.floats(0.02, 0.6))
def test_shared_weights_go_whole_and_cut_no_neuron_off(genome, seed, weak_first, part):
    rates = MutationRates(whole_groups=True, weak_first=weak_first, removed_edges=(part, part))
    child, record = attempt(mutations.remove_edges, genome, seed, rates)
    assert child.neuron_keys.tolist() == genome.neuron_keys.tolist()
    assert ((child.in_degrees > 0) == (genome.in_degrees > 0)).all()
    assert record["edges_pruned"] == 0
    assert record["edges_removed"] == genome.n_edges - child.n_edges == sum(record["layer_pairs"].values()) > 0
    stay = set(zip(child.sources.tolist(), child.targets.tolist(), strict=True))
    kept = np.array([pair in stay for pair in zip(genome.sources.tolist(), genome.targets.tolist(), strict=True)])
    pairs = genome.layers[genome.sources] * genome.n_layers + genome.layers[genome.targets]
    for pair in np.unique(pairs):
        for group in np.unique(genome.shared[(pairs == pair) & (genome.shared >= 0)]):
            assert len(set(kept[(pairs == pair) & (genome.shared == group)])) == 1
    for pair, count in record["layer_pairs"].items():
        lower, upper = map(int, pair.split("-"))
        members = pairs == lower * genome.n_layers + upper
        assert count <= (members.sum() // 2 if upper - lower == 1 else members.sum())


def test_the_weakest_place_of_a_kernel_goes_first(shared):
    groups = np.unique(shared.shared[shared.targets >= shared.n_inputs + shared.n_outputs])
    weights = np.ones(shared.n_edges)
    weakest = shared.shared == groups[groups >= 0][4]
    weights[weakest] = 0.01
    genome = shared.with_parameters(weights)
    rates = MutationRates(whole_groups=True, weak_first=100, removed_edges=(1e-3, 1e-3), layer_pairs=3)
    child, _ = mutations.remove_edges(genome, np.random.default_rng(0), rates)
    assert not (child.weights < 0.1).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regions": (1, 4)}, "regions expects a range .* of whole numbers with 2 <= low"),
        ({"weak_neurons_first": -1}, "weak_neurons_first expects a number from 0"),
        ({"remove_neurons": 2}, "remove_neurons expects a number from 0 to 1"),
    ],
)
def test_bad_sizes_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        MutationRates(**changes)
