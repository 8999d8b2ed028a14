from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import genomes, seeds

from workbench import mutations
from workbench.errors import ConfigError, MutationError
from workbench.genome import Genome
from workbench.initial import dense_mlp, random_genome
from workbench.mutations import KINDS, MutationRates, apply, mutate
from workbench.spatial import distances


def keyed_edges(genome: Genome) -> dict[tuple[int, int], tuple[float, int]]:
    """Weight and group of each edge, by names that survive compaction (keys of hidden neurons, ids of others)."""
    first = genome.n_inputs + genome.n_outputs
    names = np.concatenate([-1 - np.arange(first), genome.neuron_keys])
    columns = names[genome.sources], names[genome.targets], genome.weights, genome.shared
    return {(int(s), int(t)): (float(w), int(g)) for s, t, w, g in zip(*columns, strict=True)}


def try_each(genome: Genome, seed: int, rates: MutationRates | None = None):
    for kind in KINDS:
        try:
            yield kind, *apply(kind, genome, rates or MutationRates(), np.random.default_rng(seed))
        except MutationError:
            continue


@given(genomes(blank=0.1), seeds(), st.floats(0, 1))
def test_children_are_valid_and_parents_untouched(genome, seed, bridge):
    before = genome.to_bytes()
    for kind, child, record in try_each(genome, seed, MutationRates(bridge=bridge)):
        assert genome.to_bytes() == before
        assert record["kind"] == kind
        json.dumps(record)
        first = child.n_inputs + child.n_outputs
        hidden = np.arange(first, child.n_neurons)
        assert np.isin(hidden, child.sources).all()
        assert np.isin(hidden, child.targets).all()
        assert child.n_edges > 0
        assert Genome.from_bytes(child.to_bytes()) == child
        assert len(np.unique(child.neuron_keys)) == child.n_hidden
        assert child.normalization == genome.normalization


@given(genomes(blank=0.1), seeds())
def test_records_add_up(genome, seed):
    for kind, child, record in try_each(genome, seed, MutationRates(bridge=0.5)):
        if kind in ("share_weights", "unshare_weights"):
            assert (child.n_edges, child.n_hidden) == (genome.n_edges, genome.n_hidden)
            change = record.get("parameters_added", 0) - record.get("parameters_saved", 0)
            assert child.n_parameters - genome.n_parameters == change != 0
            continue
        change = record["edges_added"] - record["edges_removed"] - record["edges_pruned"]
        assert child.n_edges == genome.n_edges + change
        assert child.n_hidden == genome.n_hidden + record["neurons_added"] - record["neurons_pruned"]


@given(genomes(blank=0.1, sharing=False), seeds())
def test_what_stays_keeps_its_weight_and_key(genome, seed):
    parent = keyed_edges(genome)
    for kind, child, _ in try_each(genome, seed):
        edges = keyed_edges(child)
        common = set(edges) & set(parent)
        if kind != "share_weights":
            for edge in common:
                np.testing.assert_equal(edges[edge][0], parent[edge][0])
            assert all(np.isnan(edges[edge][0]) for edge in set(edges) - set(parent))
        if kind in ("add_neurons", "add_edges", "share_weights", "unshare_weights"):
            assert set(parent) <= set(edges)
            assert set(genome.neuron_keys) <= set(child.neuron_keys)


@given(genomes(), seeds())
def test_membership_in_shared_groups_is_kept(genome, seed):
    parent = keyed_edges(genome)
    for kind, child, _ in try_each(genome, seed):
        if kind == "unshare_weights":
            continue
        edges = keyed_edges(child)
        groups: dict[int, list[tuple[int, int]]] = {}
        for edge, (_, group) in parent.items():
            if group >= 0 and edge in edges:
                groups.setdefault(group, []).append(edge)
        for members in groups.values():
            if len(members) > 1:
                assert len({edges[edge][1] for edge in members}) == 1
                assert edges[members[0]][1] >= 0


@given(genomes(), seeds())
def test_add_edges_adds_as_many_as_asked_if_there_is_room(genome, seed):
    rng = np.random.default_rng(seed)
    sizes = np.bincount(genome.layers)
    room = (sizes.sum() ** 2 - (sizes**2).sum()) // 2 - genome.n_edges
    if room == 0:
        with pytest.raises(MutationError, match="fully connected"):
            mutations.add_edges(genome, rng)
        return
    child, record = mutations.add_edges(genome, rng)
    assert child.n_edges - genome.n_edges == min(room, record["edges_requested"])
    assert (child.layers == genome.layers).all()
    low, high = max(1, round(0.2 * genome.n_edges)), max(1, round(0.32 * genome.n_edges))
    assert low <= record["edges_requested"] <= high
    assert sum(record["layer_pairs"].values()) == record["edges_added"]


def test_add_edges_spreads_over_three_pairs_with_one_larger_part(rng):
    genome = random_genome((1, 12, 12), 10, rng, hidden_layers=(3, 3), edges_per_neuron=(5, 5))
    for _ in range(10):
        _, record = mutations.add_edges(genome, rng)
        parts = sorted(record["layer_pairs"].values())
        if len(parts) == 3 and record["edges_added"] == record["edges_requested"]:
            assert parts[-1] >= 0.5 * record["edges_requested"]


@given(genomes(), seeds())
def test_add_neurons_adds_living_neurons_and_as_many_edges_as_asked(genome, seed):
    child, record = mutations.add_neurons(genome, np.random.default_rng(seed))
    new = record["neurons_added"]
    assert child.n_hidden == genome.n_hidden + new
    assert record["neurons_pruned"] == record["edges_pruned"] == 0
    assert new == min(record["neurons_requested"], record["edges_requested"] // 2)
    assert record["edges_added"] <= record["edges_requested"]
    assert child.n_edges == genome.n_edges + record["edges_added"]


def test_add_neurons_reaches_the_edges_asked_for(rng):
    genome = random_genome((1, 12, 12), 10, rng, hidden_layers=(2, 2), edges_per_neuron=(8, 8))
    for _ in range(30):
        child, record = mutations.add_neurons(genome, rng)
        assert child.n_edges == genome.n_edges + record["edges_requested"]
        neurons = record["neurons_added"] / genome.n_neurons
        assert 0.11 < neurons < 0.33 or record["neurons_added"] == record["edges_requested"] // 2


def test_add_neurons_makes_new_layers_and_joins_old_ones(rng):
    genome = random_genome((1, 10, 10), 5, rng, hidden_layers=(2, 2), edges_per_neuron=(8, 8))
    depths = {True: set(), False: set()}
    for _ in range(80):
        child, record = mutations.add_neurons(genome, rng)
        depths[record["new_layer"]].add(record["layer"])
        new = child.layers[-record["neurons_added"] :]
        assert (new == record["layer"]).all()
        assert child.n_layers == genome.n_layers + record["new_layer"]
    assert depths == {True: {1, 2, 3}, False: {1, 2}}


def test_add_neurons_to_a_network_without_hidden_ones(rng):
    genome = dense_mlp((1, 3, 3), 2, rng, widths=())
    child, record = mutations.add_neurons(genome, rng)
    assert record["new_layer"]
    assert child.n_layers == 3


@given(genomes(), seeds())
def test_remove_edges_keeps_half_of_every_adjacent_pair(genome, seed):
    try:
        child, record = mutations.remove_edges(genome, np.random.default_rng(seed))
    except MutationError:
        return
    assert child.n_edges < genome.n_edges
    assert record["edges_removed"] <= record["edges_requested"]
    below, above = genome.layers[genome.sources], genome.layers[genome.targets]
    for pair, gone in record["layer_pairs"].items():
        lower, upper = map(int, pair.split("-"))
        had = int(((below == lower) & (above == upper)).sum())
        assert gone <= (had // 2 if upper - lower == 1 else had)


def test_remove_edges_is_impossible_without_edges(rng):
    with pytest.raises(MutationError, match="remove_edges is impossible: there are no edges"):
        mutations.remove_edges(Genome.from_edges((1, 2, 2), 2, [], []), rng)


def test_remove_edges_prefers_long_ones(rng):
    genome = random_genome((1, 16, 16), 10, rng, hidden_layers=(1, 1), edges_per_neuron=(12, 12))
    lengths = distances(genome.positions[genome.sources], genome.positions[genome.targets])
    kept = np.nanmean(lengths)
    gone = []
    for seed in range(10):
        _, record = mutations.remove_edges(genome, np.random.default_rng(seed), MutationRates(layer_pairs=1))
        if record["removed_distances"]:
            gone.append(record["removed_distances"]["median"])
    assert np.mean(gone) > 1.1 * kept


def test_removed_edges_follow_the_inverse_law():
    # One hidden neuron per length, 20 pixels in a row, all feeding the neuron at the far left.
    sources = np.r_[np.arange(21), 22]
    genome = Genome.from_edges((1, 1, 21), 1, sources, np.r_[np.full(21, 22), 21])
    length = np.abs(np.arange(21) - 10.0)
    weight = np.exp(length / (4 + 1.5))
    counts = np.zeros(21)
    rng = np.random.default_rng(3)
    n = 3000
    for _ in range(n):
        child, record = mutations.remove_edges(genome, rng, MutationRates(removed_edges=(1e-9, 1e-9), layer_pairs=2))
        assert record["edges_removed"] == 1
        counts[np.setdiff1d(np.arange(21), child.sources)] += 1
    expected = n * weight / weight.sum()
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_added_edges_follow_the_law(rng):
    genome = random_genome((1, 20, 20), 3, rng, hidden_layers=(1, 1), layer_size=(0.5, 0.5), edges_per_neuron=(2, 2))
    hidden = np.flatnonzero(genome.layers == 1)
    child, _ = mutations.add_edges(genome, np.random.default_rng(1), MutationRates(new_edges=(2, 2), layer_pairs=1))
    new = slice(genome.n_edges, None)
    inner = genome.layers[child.targets[new]] == 1
    sources, targets = child.sources[new][inner], child.targets[new][inner]
    length = distances(genome.positions[sources], genome.positions[targets])
    all_lengths = distances(genome.positions[:400, None], genome.positions[hidden][None]).ravel()
    weight = np.exp(-all_lengths / 5.5)
    assert len(length) > 500
    assert abs(length.mean() - (all_lengths * weight).sum() / weight.sum()) < 0.35


def test_remove_layer_takes_the_layer_and_can_bridge(rng):
    genome = random_genome((1, 10, 10), 5, rng, hidden_layers=(3, 3), edges_per_neuron=(6, 6))
    child, record = mutations.remove_layer(genome, rng, MutationRates(bridge=1))
    layer = record["layer"]
    gone = genome.layers == layer
    first = genome.n_inputs + genome.n_outputs
    assert not np.isin(genome.neuron_keys[gone[first:]], child.neuron_keys).any()
    lost = int((gone[genome.sources] | gone[genome.targets]).sum())
    assert record["edges_removed"] == lost
    assert 0.79 * lost <= record["edges_requested"] <= 0.96 * lost
    assert mutations.remove_layer(genome, rng)[1]["edges_added"] == 0


def test_remove_layer_is_impossible_without_hidden_layers_or_ways_round(rng):
    with pytest.raises(MutationError, match="no hidden layer"):
        mutations.remove_layer(dense_mlp((1, 2, 2), 2, rng, widths=()), rng)
    with pytest.raises(MutationError, match="nothing would be left"):
        mutations.remove_layer(dense_mlp((1, 2, 2), 2, rng, widths=(3,)), rng)


def test_sharing_makes_a_convolution_out_of_local_edges(rng):
    # Four hidden neurons, each with the same window of three pixels: three groups of equal offset.
    sources = [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 8, 9, 10, 11]
    targets = [8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11, 6, 6, 7, 7]
    weights = np.arange(16.0)
    genome = Genome.from_edges((1, 1, 6), 2, sources, targets, weights)
    child, record = mutations.share_weights(genome, rng, MutationRates(shared_groups=(1, 1)))
    assert record["groups_shared"] == record["groups_possible"] == 3
    assert child.n_parameters == genome.n_parameters - 9
    assert child.flops == genome.flops
    np.testing.assert_allclose(child.weights[:12].reshape(4, 3), np.tile(weights[:12].reshape(4, 3).mean(0), (4, 1)))
    assert child.weights[12:].tolist() == weights[12:].tolist()
    with pytest.raises(MutationError, match="no two edges of equal offset"):
        mutations.share_weights(child, rng)


def test_later_edges_join_the_group_of_their_offset(rng):
    sources, targets = [0, 1, 2, 5, 6, 7], [5, 6, 7, 3, 4, 4]
    genome = Genome.from_edges((1, 1, 3), 2, sources, targets, [1, 1, 4, 1, 2, 3], shared=[9, 9, -1, -1, -1, -1])
    child, _ = mutations.share_weights(genome, rng, MutationRates(shared_groups=(1, 1)))
    assert child.shared[:3].tolist() == [9, 9, 9]
    assert child.weights[:3].tolist() == [2, 2, 2]


@given(genomes(), seeds())
def test_an_impossible_draw_gives_way_to_another(genome, seed):
    rates = MutationRates(add_edges=0, add_neurons=0.001, remove_layer=1, share_weights=1, remove_edges=1)
    child, record = mutate(genome, rates, np.random.default_rng(seed))
    assert record["kind"] in KINDS
    assert record["kind"] not in record["impossible"]
    assert child != genome


def test_no_mutation_possible_is_an_error_not_a_loop(rng):
    genome = dense_mlp((1, 2, 2), 2, rng, widths=())
    with pytest.raises(MutationError, match="no mutation is possible"):
        mutate(genome, MutationRates(add_neurons=0, remove_edges=0, share_weights=0), rng)
    with pytest.raises(MutationError, match="unknown mutation"):
        apply("duplicate", genome, MutationRates(), rng)


def test_kinds_are_drawn_by_their_probabilities(rng):
    genome = random_genome((1, 8, 8), 4, rng, hidden_layers=(2, 2), edges_per_neuron=(6, 6))
    rates = MutationRates(add_neurons=0.1, add_edges=0.6, remove_edges=0.3, remove_layer=0, share_weights=0)
    kinds = [mutate(genome, rates, rng)[1]["kind"] for _ in range(600)]
    assert abs(kinds.count("add_edges") - 360) < 60
    assert abs(kinds.count("add_neurons") - 60) < 40
    assert "remove_layer" not in kinds


def test_by_default_there_are_the_five_published_kinds_only(rng):
    rates = MutationRates()
    assert {kind for kind, chance in rates.probabilities().items() if chance > 0} == set(KINDS[:5])


def test_equal_seeds_give_equal_children(rng):
    genome, _ = mutations.share_weights(random_genome((1, 12, 12), 10, rng), rng)
    for kind in KINDS:
        first, second = (apply(kind, genome, MutationRates(bridge=1), np.random.default_rng(4))[0] for _ in "ab")
        assert first.to_bytes() == second.to_bytes()


def test_default_rates_are_the_published_constants():
    rates = MutationRates()
    assert (rates.spatial_base, rates.spatial_per_layer) == (4.0, 1.5)
    assert rates.new_neurons == (0.12, 0.32)
    assert rates.new_neuron_edges == (0.18, 0.28)
    assert rates.new_edges == (0.20, 0.32)
    assert rates.removed_edges == (0.12, 0.22)
    assert (rates.layer_pairs, rates.larger_part, rates.bridging_edges) == (3, 0.6, (0.8, 0.95))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict.fromkeys(KINDS, 0), "at least one mutation"),
        ({"add_edges": -0.1}, "add_edges expects a number from 0 to 1"),
        ({"bridge": 2}, "bridge expects"),
        ({"new_edges": (0.3, 0.2)}, "new_edges expects a range"),
        ({"layer_pairs": 0}, "layer_pairs expects a whole number from 1 up"),
        ({"spatial_base": 0}, "spatial_base expects a number above 0"),
    ],
)
def test_bad_rates_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        MutationRates(**changes)


def test_new_keys_are_new_even_with_the_parents_random_numbers():
    genome = random_genome((1, 8, 8), 4, np.random.default_rng(0))
    for _ in range(3):
        genome, _ = mutations.add_neurons(genome, np.random.default_rng(0))
    assert len(np.unique(genome.neuron_keys)) == genome.n_hidden
