from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import given
from strategies import genomes, seeds

from workbench.errors import GenomeError
from workbench.genome import Genome
from workbench.genome.npz import names_of
from workbench.initial import random_genome
from workbench.spaces import NeuronSpace

ARRAYS = ("sources", "targets", "weights", "shared", "biases", "shared_biases", "neuron_keys")


def tiny(**changes) -> Genome:
    """Two pixels, two outputs; hidden 4 and 5 in layer 1, 6 in layer 2."""
    arguments = {
        "input_shape": (1, 1, 2),
        "n_outputs": 2,
        "sources": [0, 1, 4, 5, 6, 4],
        "targets": [4, 5, 6, 6, 2, 3],
        "weights": [1.0, 2, 3, 4, 5, 6],
        "biases": [0.1, 0.2, 0.3, 0.4, 0.5],
    }
    return Genome.from_edges(**{**arguments, **changes})


def test_the_published_example():
    # Layers of 2, 3, 2 and 2 neurons with W12 (2×3), W13 (2×2), W23 (3×2), W24 (3×2), W34 (2×2).
    one, two, three, four = [0, 1], [4, 5, 6], [7, 8], [2, 3]
    blocks = [(one, two), (one, three), (two, three), (two, four), (three, four)]
    edges = [(s, t) for before, after in blocks for s in before for t in after]
    genome = Genome.from_edges((1, 1, 2), 2, *zip(*edges, strict=True))
    assert np.bincount(genome.layers).tolist() == [2, 3, 2, 2]
    assert genome.n_edges == 6 + 4 + 6 + 6 + 4
    assert genome.flops == 2 * 26
    assert genome.n_parameters == 26 + 7


def test_counts_layers_and_cost():
    genome = tiny()
    assert (genome.n_inputs, genome.n_outputs, genome.n_hidden, genome.n_neurons) == (2, 2, 3, 7)
    assert genome.layers.tolist() == [0, 0, 3, 3, 1, 1, 2]
    assert genome.n_layers == 4
    assert genome.flops == 12
    assert genome.n_parameters == 6 + 5
    assert genome.flops_total == 12 + 5 + 0 + 3  # biases, no layer of 8 neurons, ReLUs
    assert genome.density == pytest.approx(6 / (2 * 2 + 2 * 1 + 2 * 2 + 2 * 1 + 2 * 2 + 1 * 2))


def test_normalised_layers_cost():
    edges = [(0, 2 + i) for i in range(8)] + [(2 + i, 1) for i in range(8)]
    genome = Genome.from_edges((1, 1, 1), 1, *zip(*edges, strict=True))
    assert genome.flops_total == 32 + 9 + 5 * 8 + 8
    assert dataclasses.replace(genome, normalization="none").flops_total == 32 + 9 + 8


def test_positions_are_means_of_predecessors():
    genome = Genome.from_edges((2, 2, 3), 1, [0, 5, 11, 13, 14], [13, 13, 14, 14, 12])
    assert genome.positions[:6].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert genome.positions[6:12].tolist() == genome.positions[:6].tolist()  # channels share positions
    assert genome.positions[13].tolist() == [0.5, 1.0]
    assert genome.positions[14].tolist() == [0.75, 1.5]
    assert np.isnan(genome.positions[12]).all()


def test_arrays_are_read_only_and_the_record_is_frozen():
    genome = tiny()
    for array in (genome.sources, genome.weights, genome.biases, genome.layers, genome.positions):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        genome.normalization = "none"  # type: ignore[misc]


def test_weights_none_means_nan():
    genome = tiny(weights=None)
    assert np.isnan(genome.weights).all()
    assert genome.weights.dtype == np.float32


def test_dead_neurons_are_pruned_in_cascade():
    # 7 -> 8 leads nowhere; 9 -> 4 comes from nowhere.
    genome = tiny(
        sources=[0, 1, 4, 5, 6, 4, 0, 7, 9],
        targets=[4, 5, 6, 6, 2, 3, 7, 8, 4],
        weights=np.arange(9.0),
        biases=np.arange(8.0),
        neuron_keys=[40, 50, 60, 70, 80, 90],
    )
    assert genome.n_hidden == 3
    assert genome.weights.tolist() == [0, 1, 2, 3, 4, 5]
    assert genome.biases.tolist() == [0, 1, 2, 3, 4]
    assert genome.neuron_keys.tolist() == [40, 50, 60]


def test_ids_are_compacted_and_keys_stay():
    genome = tiny(sources=[0, 6, 1], targets=[6, 3, 5], weights=[1.0, 2, 3], neuron_keys=[4, 5, 6])
    assert genome.sources.tolist() == [0, 4]
    assert genome.targets.tolist() == [4, 3]
    assert genome.neuron_keys.tolist() == [6]
    assert genome.biases.tolist() == np.float32([0.1, 0.2, 0.5]).tolist()


def test_no_edges_at_all():
    genome = Genome.from_edges((1, 2, 2), 3, [], [])
    assert (genome.n_edges, genome.n_hidden, genome.flops, genome.n_layers) == (0, 0, 0, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": [0, 1, 4, 5, 6, 6], "targets": [4, 5, 6, 6, 2, 4]}, r"edge \d \(\d -> \d\) lies on a cycle"),
        ({"sources": [0, 1, -4, 5, 6, 4]}, r"edge 2 \(-4 -> 6\) has a negative neuron id"),
        ({"targets": [4, 5, 6, 6, 2, 1]}, r"edge 5 \(4 -> 1\) leads into an input"),
        ({"sources": [0, 1, 4, 5, 6, 2]}, r"edge 5 \(2 -> 3\) leaves an output"),
        ({"targets": [4, 5, 6, 6, 2, 4]}, r"edge 5 \(4 -> 4\) is a loop"),
        ({"targets": [4, 5, 6, 6, 2, 6]}, r"edges 2 and 5 both lead 4 -> 6"),
        ({"targets": [4, 5, 6, 6, 2, 99]}, r"edge 5 \(4 -> 99\) names a neuron beyond the 7"),
        ({"sources": [0, 1]}, "as many sources as targets, got 2 and 6"),
        ({"sources": [0.5] * 6}, "sources as a list of whole numbers"),
        ({"weights": [1.0]}, r"weights of shape \(6,\), got \(1,\)"),
        ({"weights": [np.inf] * 6}, "finite weights"),
        ({"weights": ["a"] * 6}, "weights as 6 numbers"),
        ({"shared": [0, 0, -1, -1, -1, -1]}, "edges 0 and 1 share group 0 but have weight 1.0 and 2.0"),
        ({"shared": [0]}, "one shared-weight group per edge"),
        ({"shared_biases": [-1, 3, 3, 3, -1]}, r"neurons 3 and 4 share group 3 but have bias 0\.2\d* and 0\.3"),
        ({"shared_biases": [0, 0]}, r"one shared-bias group per output and hidden neuron \(5\)"),
        ({"shared_biases": [0.5] * 5}, "shared-bias groups as a list of whole numbers"),
        ({"shared_biases": [2**31] * 5}, "shared-bias groups below 2147483647, got 2147483648"),
        ({"input_shape": (28, 28)}, r"input_shape=\(channels, height, width\)"),
        ({"input_shape": (0, 28, 28)}, "at least 1"),
        ({"n_outputs": 0}, "at least one output"),
        ({"normalization": "group"}, "normalization to be one of"),
        ({"neuron_keys": [1, 1, 2]}, "a key twice"),
        ({"neuron_keys": [1]}, "one neuron key per hidden neuron"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(GenomeError, match=message):
        tiny(**changes)


def test_a_cycle_that_feeds_no_output_is_an_error_too():
    with pytest.raises(GenomeError, match="cycle"):
        tiny(sources=[0, 4, 0, 5, 6], targets=[4, 2, 5, 6, 5], weights=None)


def test_a_group_of_one_dissolves():
    genome = tiny(shared=[3, -1, -1, 7, 7, -1], weights=[1.0, 2, 3, 4, 4, 6])
    assert genome.shared.tolist() == [-1, -1, -1, 7, 7, -1]
    assert genome.n_parameters == 5 + 5


def test_shared_biases_count_once_and_their_groups_dissolve():
    biases = [1.0, 2, 1, 2, 1, 2, 7]  # the last neuron is dead, the one before it shares with an output
    edges = {"sources": [0, 1, 4, 5, 6, 4, 0], "targets": [4, 5, 6, 6, 2, 3, 7], "weights": None}
    genome = tiny(**edges, biases=biases[:6], shared_biases=[5, -1, 5, -1, 5, -1])
    assert genome.shared_biases.tolist() == [5, -1, 5, -1, 5]
    assert genome.n_parameters == 6 + 3
    assert genome.flops_total == tiny().flops_total  # a bias is added to each neuron all the same
    dissolved = tiny(**edges, biases=biases[:6], shared_biases=[-1, 9, -1, -1, -1, 9])  # with the dead neuron
    assert (dissolved.shared_biases == -1).all()
    assert genome.with_parameters(genome.weights).shared_biases.tolist() == [5, -1, 5, -1, 5]
    apart = genome.with_parameters(genome.weights, shared_biases=np.full(5, -1))
    assert apart.n_parameters == 6 + 5
    assert genome != apart
    assert genome == genome.with_parameters(genome.weights, shared_biases=[2, -1, 2, -1, 2])
    with pytest.raises(GenomeError, match=r"neurons 2 and 4 share group 5 but have bias 0\.0 and 2\.0"):
        genome.with_parameters(genome.weights, np.arange(5.0))


def test_without_shared_biases_hashes_and_files_are_as_ever():
    genome = tiny(weights=[1.0, 2, 3, 4, 4, 6], shared=[-1, -1, -1, 0, 0, -1])
    assert genome.content_hash == "d7085b52fbbb8fba9dd6e619b3ab6c972fe7aad938ea1269748c20d61564ebf3"
    files = genome.to_bytes(), genome.without_weights().to_bytes(compact=True)
    assert [json.loads(arrays_of(file)["head"].tobytes())["version"] for file in files] == [1, 1]
    assert [len(arrays_of(file)["shared"].T) for file in files] == [6, 6]


def arrays_of(blob: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(blob)) as stored:
        return dict(stored)


@given(genomes(blank=0.1))
def test_every_hidden_neuron_has_input_and_output(genome):
    first = genome.n_inputs + genome.n_outputs
    hidden = np.arange(first, genome.n_neurons)
    assert np.isin(hidden, genome.targets).all()
    assert np.isin(hidden, genome.sources).all()
    assert (genome.layers[genome.sources] < genome.layers[genome.targets]).all()
    assert (genome.layers[genome.n_inputs : first] == genome.n_layers - 1).all()
    assert set(genome.layers.tolist()) == set(range(genome.n_layers))
    assert not np.isnan(genome.positions[first:]).any()


@given(genomes())
def test_layers_are_longest_paths(genome):
    import networkx as nx

    graph = genome.to_networkx()
    depth = dict.fromkeys(graph, 0)
    for neuron in nx.topological_sort(graph):
        for _, target in graph.out_edges(neuron):
            depth[target] = max(depth[target], depth[neuron] + 1)
    first = genome.n_inputs + genome.n_outputs
    assert genome.layers[first:].tolist() == [depth[neuron] for neuron in range(first, genome.n_neurons)]


@given(genomes(blank=0.2))
def test_bytes_round_trip_exactly(genome):
    again = Genome.from_bytes(genome.to_bytes())
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(genome, name))
    assert again == genome
    assert again.to_bytes() == genome.to_bytes()


@given(genomes(blank=0.2))
def test_networkx_round_trips_exactly(genome):
    again = Genome.from_networkx(genome.to_networkx())
    for name in (*ARRAYS, "input_shape", "normalization"):
        np.testing.assert_array_equal(getattr(again, name), getattr(genome, name))


@given(genomes(), seeds())
def test_hash_ignores_the_order_of_edges_and_sees_everything_else(genome, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(genome.n_edges)

    def rebuilt(**changes):
        arguments = {
            "input_shape": genome.input_shape,
            "n_outputs": genome.n_outputs,
            "sources": genome.sources[order],
            "targets": genome.targets[order],
            "weights": genome.weights[order],
            "biases": genome.biases,
            "shared": genome.shared[order],
            "normalization": genome.normalization,
            "neuron_keys": genome.neuron_keys,
            "shared_biases": genome.shared_biases,
        }
        return Genome.from_edges(**{**arguments, **changes})

    assert rebuilt() == genome
    assert hash(rebuilt()) == hash(genome)
    assert rebuilt(biases=genome.biases + 1) != genome
    assert rebuilt(weights=genome.weights[order] * 2) != genome
    assert (rebuilt(shared_biases=None) == genome) == (genome.shared_biases < 0).all()
    assert rebuilt(normalization="none" if genome.normalization == "layer" else "layer") != genome


def test_damaged_bytes_are_refused():
    blob = tiny().to_bytes()
    for damaged in (b"", b"junk", blob[:-30], blob[: len(blob) // 2], bytes([blob[0] ^ 1]) + blob[1:]):
        with pytest.raises(GenomeError, match="not a genome"):
            Genome.from_bytes(damaged)


def test_bytes_of_a_newer_version_are_refused(monkeypatch):
    monkeypatch.setattr("workbench.genome.npz.FORMAT_VERSION", 99)
    sharing = tiny(biases=[0.0] * 5, shared_biases=[0] * 5)
    blobs = sharing.to_bytes(), sharing.without_weights().to_bytes(compact=True)
    for known in (2, 1):  # as of this workbench, and of those that know no shared biases
        monkeypatch.setattr("workbench.genome.npz.FORMAT_VERSION", known)
        for blob in blobs:
            with pytest.raises(GenomeError, match=rf"format version 99, this workbench reads up to {known}"):
                Genome.from_bytes(blob)


def test_an_npz_bomb_is_refused(monkeypatch):
    blob = tiny().to_bytes()
    monkeypatch.setattr("workbench.genome.npz.MAX_BYTES", 100)
    with pytest.raises(GenomeError, match="at most 100 bytes"):
        Genome.from_bytes(blob)


def test_graphs_by_hand():
    import networkx as nx

    graph = nx.DiGraph(input_shape=(1, 1, 2), n_outputs=1)
    graph.add_edges_from([(0, 3), (1, 3), (3, 2)])
    genome = Genome.from_networkx(graph)
    assert genome.n_hidden == 1
    with pytest.raises(GenomeError, match="input_shape and n_outputs"):
        Genome.from_networkx(nx.DiGraph())
    graph.add_edge(3, "seven")
    with pytest.raises(GenomeError, match="nodes named 0"):
        Genome.from_networkx(graph)


@pytest.mark.parametrize("form", ["graphml", "gexf"])
def test_graphs_go_through_files(form, tmp_path, rng):
    import networkx as nx

    genome = random_genome((1, 4, 4), 3, rng)
    for each in (genome, Genome.from_edges((1, 1, 2), 1, [0, 1], [2, 2])):  # also without weights
        path = tmp_path / f"net.{form}"
        getattr(nx, f"write_{form}")(each.to_networkx(), path)
        graph = getattr(nx, f"read_{form}")(path)
        if form == "graphml":
            assert Genome.from_networkx(graph) == each
        assert graph.number_of_edges() == each.n_edges


def test_names_of_numpy_are_integers():
    import networkx as nx

    graph = nx.DiGraph(input_shape=np.array([1, 1, 2]), n_outputs=np.int64(1))
    graph.add_edges_from(np.array([(0, 3), (1, 3), (3, 2)]))
    assert Genome.from_networkx(graph).n_hidden == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.edges[0, 2].update(weight="abc"), "expected weight to be a number, got 'abc'"),
        (lambda graph: graph.edges[0, 2].update(shared="x"), "expected shared to be a number"),
        (lambda graph: graph.nodes[2].update(bias=[1]), "expected bias to be a number"),
        (lambda graph: graph.nodes[2].update(shared_bias="x"), "expected shared_bias to be a number"),
        (lambda graph: graph.graph.update(input_shape=None), r"expected input_shape .* got None"),
        (lambda graph: graph.graph.update(input_shape=(1, 1, "two")), "expected input_shape"),
        (lambda graph: graph.graph.update(n_outputs=3.7), r"expected n_outputs, got 3\.7"),
        (lambda graph: graph.add_node("0"), "nodes named 0"),
    ],
)
def test_graphs_that_are_no_genomes(change, message):
    graph = Genome.from_edges((1, 1, 2), 1, [0, 1], [2, 2], weights=[1, 2]).to_networkx()
    change(graph)
    with pytest.raises(GenomeError, match=message):
        Genome.from_networkx(graph)


@pytest.mark.parametrize("graph", [None, 7, {}, [(0, 1)]])
def test_what_is_no_graph(graph):
    import networkx as nx

    for each in (graph, nx.Graph(input_shape=(1, 1, 2), n_outputs=1)):
        with pytest.raises(GenomeError, match="expected a directed graph"):
            Genome.from_networkx(each)


def test_a_million_edges_are_no_problem(rng):
    n_inputs, hidden = 3072, 8000
    sources = rng.integers(0, n_inputs, 1_100_000)
    targets = n_inputs + 10 + rng.integers(0, hidden, 1_100_000)
    codes = np.unique(sources * 100_000 + targets)
    sources, targets = codes // 100_000, codes % 100_000
    out = n_inputs + 10 + np.arange(hidden)
    sources, targets = np.r_[sources, out], np.r_[targets, n_inputs + rng.integers(0, 10, hidden)]
    genome = Genome.from_edges((3, 32, 32), 10, sources, targets)
    assert genome.n_edges > 1_000_000
    assert genome.positions.shape == (n_inputs + 10 + hidden, 2)
    assert Genome.from_bytes(genome.to_bytes()) == genome


@given(genomes())
def test_nothing_of_a_topology_is_lost(genome):
    topology = genome.without_weights()
    blob = topology.to_bytes(compact=True)
    assert "source_gaps" in names_of(blob)
    back = Genome.from_bytes(blob)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(topology, name))
    assert back == topology
    assert (back.input_shape, back.normalization) == (genome.input_shape, genome.normalization)


@given(genomes())
def test_the_space_writes_every_genome_so_that_it_comes_back_whole(genome):
    space = NeuronSpace(genome.input_shape, genome.n_outputs)
    for one in (genome, genome.without_weights()):
        back = space.decode(space.encode(one))
        assert back == one
        assert back.sources.tolist() == one.sources.tolist()


def test_it_takes_a_third_of_the_bytes():
    genome = random_genome((1, 28, 28), 10, np.random.default_rng(0))
    assert len(genome.without_weights().to_bytes(compact=True)) < 0.34 * len(genome.to_bytes())


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("in_degrees", lambda planes: planes + 1),
        ("in_degrees", lambda planes: planes[:2]),
        ("in_degrees", lambda planes: planes | 128),
        ("source_gaps", lambda planes: planes[:, :-1]),
        ("source_gaps", lambda planes: planes | 64),
        ("shared", lambda planes: planes[:, ::2]),
        ("shared", lambda planes: planes[:, :-1]),
        ("shared", lambda planes: np.c_[planes, planes[:, :1]]),
        ("neuron_keys", lambda keys: keys[:-1]),
        ("neuron_keys", lambda keys: keys.astype(np.int32)),
        ("head", lambda head: head[:-5]),
    ],
)
@pytest.mark.parametrize("sharing", [False, True])
def test_damage_is_noticed(name, damage, sharing):
    genome = random_genome((1, 6, 6), 2, np.random.default_rng(0)).without_weights()
    if sharing:
        genome = genome.with_parameters(None, shared_biases=np.zeros(len(genome.biases), int))
    arrays = arrays_of(genome.to_bytes(compact=True))
    arrays[name] = np.ascontiguousarray(damage(arrays[name]))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with pytest.raises(GenomeError):
        Genome.from_bytes(buffer.getvalue())
