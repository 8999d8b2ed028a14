from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import genomes, seeds

from workbench.errors import GenomeError, MutationError
from workbench.genome import Genome
from workbench.surgery import Region, connect, delete_edges, delete_neurons, edges_of, share_edges


def keyed(genome: Genome) -> dict[tuple[int, int], float]:
    """Weight of each edge by names that survive compaction."""
    first = genome.n_inputs + genome.n_outputs
    names = np.concatenate([-1 - np.arange(first), genome.neuron_keys])
    columns = names[genome.sources], names[genome.targets], genome.weights
    return {(int(s), int(t)): float(w) for s, t, w in zip(*columns, strict=True)}


def check_child(genome: Genome, before: bytes, child: Genome, record) -> None:
    """What holds after every kind of surgery."""
    assert genome.to_bytes() == before
    json.dumps(record)
    hidden = np.arange(child.n_inputs + child.n_outputs, child.n_neurons)
    assert np.isin(hidden, child.sources).all()
    assert np.isin(hidden, child.targets).all()
    assert child.n_edges > 0
    assert Genome.from_bytes(child.to_bytes()) == child
    assert set(child.neuron_keys) <= set(genome.neuron_keys)
    if "edges_added" in record:
        change = record["edges_added"] - record["edges_removed"] - record["edges_pruned"]
        assert child.n_edges == genome.n_edges + change
        assert child.n_hidden == genome.n_hidden - record["neurons_pruned"]


def attempt(work):
    """The child, the record and "", or nothing and what the error says."""
    try:
        return *work(), ""
    except MutationError as error:
        return None, None, str(error)


@given(genomes(blank=0.1), seeds(), st.integers(1, 4))
def test_deleted_neurons_are_gone_and_the_rest_keeps_its_weights(genome, seed, amount):
    assume(genome.n_hidden > 0)
    first, before = genome.n_inputs + genome.n_outputs, genome.to_bytes()
    chosen = first + np.random.default_rng(seed).choice(genome.n_hidden, min(amount, genome.n_hidden), replace=False)
    child, record, error = attempt(lambda: delete_neurons(genome, chosen))
    if child is None:
        assert "no path from an input to an output" in error
        return
    check_child(genome, before, child, record)
    assert record["edges_removed"] == len(edges_of(genome, chosen))
    assert not set(genome.neuron_keys[chosen - first]) & set(child.neuron_keys)
    weights = keyed(genome)
    assert all(np.array_equal(weights[pair], w, equal_nan=True) for pair, w in keyed(child).items())


@given(genomes(), seeds(), st.floats(0, 0.9))
def test_deleted_edges_are_gone_and_all_others_that_lead_somewhere_stay(genome, seed, share):
    before = genome.to_bytes()
    chosen = np.flatnonzero(np.random.default_rng(seed).random(genome.n_edges) < share)
    assume(len(chosen) > 0)
    child, record, error = attempt(lambda: delete_edges(genome, chosen))
    if child is None:
        assert "no path from an input to an output" in error
        return
    check_child(genome, before, child, record)
    assert record["edges_removed"] == len(chosen)
    weights, names = keyed(genome), list(keyed(genome))
    left = keyed(child)
    assert left.items() <= weights.items()
    assert not {names[edge] for edge in chosen} & set(left)
    keep = np.delete(np.arange(genome.n_edges), chosen)
    alone = Genome.from_edges(
        genome.input_shape,
        genome.n_outputs,
        genome.sources[keep],
        genome.targets[keep],
        biases=genome.biases,
        neuron_keys=genome.neuron_keys,
    )
    assert set(keyed(alone)) == set(left)


@given(genomes(sharing=False), seeds())
def test_connecting_adds_one_edge_or_says_why_not(genome, seed):
    rng, before = np.random.default_rng(seed), genome.to_bytes()
    source, target = rng.integers(0, genome.n_neurons, size=2).tolist()
    child, record, error = attempt(lambda: connect(genome, source, target))
    if "does not go forward" in error:
        edges = np.append(genome.sources, source), np.append(genome.targets, target)
        with pytest.raises(GenomeError, match=r"cycle|leads into an input|leaves an output|loop"):
            Genome.from_edges(genome.input_shape, genome.n_outputs, *edges, biases=genome.biases)
    if child is None:
        assert "does not go forward" in error or "connected already" in error
        return
    check_child(genome, before, child, record)
    assert child.n_edges == genome.n_edges + 1
    new = set(keyed(child)) - set(keyed(genome))
    assert len(new) == 1
    assert np.isnan(keyed(child)[new.pop()])


@given(genomes(sharing=False))
def test_shared_edges_have_the_mean_weight_of_equal_offsets(genome):
    before = genome.to_bytes()
    child, record, error = attempt(lambda: share_edges(genome, np.arange(genome.n_edges)))
    if child is None:
        assert "same offset" in error
        return
    check_child(genome, before, child, record)
    assert (child.flops, child.n_edges) == (genome.flops, genome.n_edges)
    assert genome.n_parameters - child.n_parameters == record["parameters_saved"] > 0
    joined = (child.shared >= 0) & (genome.shared < 0)
    assert joined.sum() == record["edges_shared"] > 0
    offset = np.rint(child.positions[child.targets] - child.positions[child.sources])
    for group in np.unique(child.shared[joined]):
        fresh = (child.shared == group) & joined
        assert len(np.unique(offset[fresh], axis=0)) == 1
        members = child.shared == group
        np.testing.assert_allclose(child.weights[members], genome.weights[members].mean(), rtol=1e-5, atol=1e-6)


@given(genomes(), seeds())
def test_a_region_holds_what_lies_in_it(genome, seed):
    rng = np.random.default_rng(seed)
    (top, bottom), (left, right) = np.sort(rng.uniform(-1, 6, size=(2, 2)), axis=1)
    layer = int(rng.integers(1, genome.n_layers)) if rng.random() < 0.5 else None
    region = Region(top, left, bottom, right, layer)
    inside = {
        neuron
        for neuron, (row, column) in enumerate(genome.positions.tolist())
        if top <= row <= bottom and left <= column <= right
    }
    hidden = {neuron for neuron in inside if neuron >= genome.n_inputs + genome.n_outputs}
    chosen = {neuron for neuron in hidden if layer is None or genome.layers[neuron] == layer}
    assert set(region.neurons(genome).tolist()) == chosen
    pairs = zip(genome.sources.tolist(), genome.targets.tolist(), strict=True)
    assert region.edges(genome).tolist() == [e for e, (s, t) in enumerate(pairs) if t in chosen and s in inside]


def chain() -> Genome:
    """Input 0 -> hidden 3 -> hidden 4 -> output 2, and input 1 -> output 2."""
    return Genome.from_edges((1, 1, 2), 1, [0, 3, 4, 1], [3, 4, 2, 2], [1.0, 2.0, 3.0, 4.0])


def test_pruning_runs_in_cascade():
    child, record = delete_neurons(chain(), 4)
    assert (child.n_hidden, child.n_edges) == (0, 1)
    assert (record["neurons_pruned"], record["edges_removed"], record["edges_pruned"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda g: delete_neurons(g, 0), "inputs and outputs are fixed"),
        (lambda g: delete_neurons(g, 99), r"ids 3 to 4\), got 99"),
        (lambda g: delete_neurons(g, []), "no neurons chosen"),
        (lambda g: delete_edges(g, [7]), "edges from 0 to 3, got 7"),
        (lambda g: delete_edges(g, [0.5]), "whole numbers"),
        (lambda g: delete_edges(g, range(4)), "no path from an input to an output"),
        (lambda g: connect(g, 4, 3), "close a cycle; connect 3 -> 4 instead"),
        (lambda g: connect(g, 3, 3), "does not go forward"),
        (lambda g: connect(g, 0, 3), "connected already"),
        (lambda g: connect(g, 0, 1), "1 is an input"),
        (lambda g: connect(g, 2, 4), "2 is an output"),
        (lambda g: connect(g, 0, 5), "ids from 0 to 4, got 5"),
        (lambda g: share_edges(g, [2, 3]), "edges into outputs have no offset"),
        (lambda g: Region(2, 0, 1, 5), "top <= bottom"),
        (lambda g: Region(0, 0, float("nan"), 5), "top <= bottom"),
    ],
)
def test_errors_say_what_is_wrong(work, message):
    with pytest.raises(MutationError, match=message):
        work(chain())
