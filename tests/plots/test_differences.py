from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import genomes, seeds

from workbench.errors import GenomeError, MutationError
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.mutations import KINDS, MutationRates, apply
from workbench.plots import dag_difference_figure, space_difference_figure
from workbench.views.network.data import (
    ADDED,
    KEPT,
    REMOVED,
    SHARED,
    counterpart,
    genome_difference,
)
from workbench.views.network.layout import dag_layout


def named_edges(genome: Genome) -> dict[tuple[int, int], float]:
    """Weight of each edge by names that survive compaction: an oracle of plain dictionaries."""
    first = genome.n_inputs + genome.n_outputs
    names = np.concatenate([-1 - np.arange(first), genome.neuron_keys])
    columns = names[genome.sources], names[genome.targets], genome.weights
    return {(int(s), int(t)): float(w) for s, t, w in zip(*columns, strict=True)}


@given(genomes(), seeds())
def test_every_mutation_is_told_apart_as_sets_of_names_say(genome, seed):
    for kind in KINDS:
        try:
            child, _ = apply(kind, genome, MutationRates(bridge=0.5), np.random.default_rng(seed))
        except MutationError:
            continue
        for before, after in ((genome, child), (child, genome)):
            counts = genome_difference(before, after).counts
            was, now = named_edges(before), named_edges(after)
            assert counts["edges_added"] == len(now.keys() - was.keys())
            assert counts["edges_removed"] == len(was.keys() - now.keys())
            assert counts["edges_kept"] == len(was.keys() & now.keys())
            both = [(was[pair], now[pair]) for pair in was.keys() & now.keys()]
            assert counts["edges_reweighted"] == sum(a != b for a, b in both if not np.isnan([a, b]).any())
            old, new = set(before.neuron_keys), set(after.neuron_keys)
            found = [counts[f"neurons_{what}"] for what in ("added", "removed", "kept")]
            assert found == [len(new - old), len(old - new), len(old & new)]


@given(genomes(), seeds())
def test_the_union_can_be_drawn(genome, seed):
    for kind in KINDS:
        try:
            child, _ = apply(kind, genome, MutationRates(), np.random.default_rng(seed))
        except MutationError:
            continue
        info = dag_layout(child, genome)
        difference = info.difference
        n_neurons = len(difference.neuron_state)
        assert n_neurons == child.n_neurons + difference.counts["neurons_removed"]
        assert info.source.max() < n_neurons
        assert len(np.unique(np.stack([info.x, info.y], axis=1), axis=0)) == n_neurons
        assert sum(info.layer_sizes) == n_neurons
        assert min(info.layer_sizes) > 0
        assert (difference.layers[difference.sources] < difference.layers[difference.targets]).all()


def chain(*hidden: int) -> Genome:
    """Input -> hidden neurons of these keys, one after the other -> output."""
    ids = [0, *range(2, 2 + len(hidden)), 1]
    return Genome.from_edges((1, 1, 1), 1, ids[:-1], ids[1:], np.ones(len(ids) - 1), neuron_keys=hidden)


def test_a_removed_layer_keeps_a_place_of_its_own():
    before = chain(7, 8, 9)
    after = Genome.from_edges((1, 1, 1), 1, [0, 2, 3], [2, 3, 1], np.ones(3), neuron_keys=[7, 9])
    difference = genome_difference(before, after)
    assert difference.layers.tolist() == [0, 4, 1, 3, 2]  # input, output, 7, 9, and 8 that went
    assert difference.neuron_state.tolist() == [KEPT, KEPT, KEPT, KEPT, REMOVED]
    assert sorted(difference.edge_state.tolist()) == sorted([KEPT, ADDED, KEPT, REMOVED, REMOVED])
    assert difference.sources[difference.edge_state == ADDED].tolist() == [2]


def test_neurons_that_changed_places_are_drawn_nevertheless():
    info = dag_layout(chain(8, 7), chain(7, 8))
    assert info.layer_sizes == (1, 1, 1, 1)  # the union has a circle


def test_sharing_is_a_change_of_its_own():
    edges = [0, 1, 3, 4], [3, 4, 2, 2]
    before = Genome.from_edges((1, 1, 2), 1, *edges, [1.0, 3.0, 1.0, 1.0])
    after = Genome.from_edges((1, 1, 2), 1, *edges, [2.0, 2.0, 1.0, 1.0], shared=[0, 0, -1, -1])
    difference = genome_difference(before, after)
    assert difference.edge_state.tolist() == [SHARED, SHARED, KEPT, KEPT]
    assert difference.counts["edges_now_shared"] == difference.counts["edges_reweighted"] == 2
    assert not difference.is_empty
    assert genome_difference(before, before).is_empty


def test_unknown_weights_are_no_change():
    known = chain(7)
    assert genome_difference(known, known.with_parameters(None, known.biases)).counts["edges_reweighted"] == 0


def test_genomes_of_other_images_cannot_be_compared(rng):
    with pytest.raises(GenomeError, match="same inputs and outputs"):
        genome_difference(chain(1), random_genome((1, 4, 4), 2, rng))


@pytest.mark.parametrize("make", [dag_difference_figure, space_difference_figure])
def test_figures_draw_what_changed(make, rng):
    before = random_genome((1, 8, 8), 4, rng, hidden_layers=(2, 2))
    after, _ = apply("add_neurons", before, MutationRates(), rng)
    for one, other, state in ((before, after, "added"), (after, before, "removed")):
        figure, counts = make(one, other), genome_difference(one, other).counts
        traces = {trace.name: trace for trace in figure.data}
        neurons = traces[f"neurons {state} ({counts[f'neurons_{state}']:,})"]
        assert len(neurons.x) == counts[f"neurons_{state}"]
        drawn = int(np.isnan(np.array(traces[f"edges {state}"].x, float)).sum())
        if make is dag_difference_figure:
            assert drawn == counts[f"edges_{state}"]
        assert 0 < drawn <= counts[f"edges_{state}"]
        assert f"{counts['edges_added']:,} −{counts['edges_removed']:,}" in figure.layout.title.text
    assert traces["edges removed"].line.dash == "dot"


def test_figures_of_large_changes_say_that_edges_are_left_out(rng):
    before = random_genome((1, 28, 28), 10, rng, hidden_layers=(2, 2), edges_per_neuron=(20, 21))
    after, _ = apply("remove_layer", before, MutationRates(), rng)
    figure = dag_difference_figure(before, after)
    assert f"5,000 of {before.n_edges:,} edges are drawn" in figure.layout.title.text
    assert "edges kept" not in {trace.name for trace in figure.data}  # changed ones come first


@given(genomes(), seeds())
def test_counterparts_have_the_same_key(genome, seed):
    try:
        child, _ = apply("remove_edges", genome, MutationRates(), np.random.default_rng(seed))
    except MutationError:
        return
    first = genome.n_inputs + genome.n_outputs
    for neuron in range(genome.n_neurons):
        found = counterpart(genome, child, neuron)
        if neuron < first:
            assert found == neuron
        elif found is None:
            assert genome.neuron_keys[neuron - first] not in child.neuron_keys
        else:
            assert child.neuron_keys[found - first] == genome.neuron_keys[neuron - first]
    assert counterpart(genome, child, genome.n_neurons) is None
