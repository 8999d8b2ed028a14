"""The dense-MLP control."""

from __future__ import annotations

import io
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.genome.npz import write_arrays
from workbench.individuals import Cost
from workbench.spaces.mlp import KINDS, MlpGenome, MlpRates, MlpSpace

SPACE = MlpSpace((1, 2, 3), 3)


def rates(kind: str, **changes) -> MlpRates:
    return MlpRates(**{**dict.fromkeys(KINDS, 0), kind: 1}, **changes)


def mlp(*widths: int) -> MlpGenome:
    """Weights and biases that tell where they were: no two of a layer are equal."""
    pairs = list(itertools.pairwise(widths))
    weights = tuple(np.arange(a * b, dtype=np.float32).reshape(b, a) + 1000 * i for i, (a, b) in enumerate(pairs))
    biases = tuple(np.arange(b, dtype=np.float32) + 1000 * i + 500 for i, (_, b) in enumerate(pairs))
    return MlpGenome(widths, weights, biases)


def check_valid(genome: MlpGenome) -> None:
    assert (genome.widths[0], genome.widths[-1]) == (6, 3)
    assert min(genome.widths) >= 1
    for before, after, weight, bias in zip(
        genome.widths, genome.widths[1:], genome.weights, genome.biases, strict=False
    ):
        assert weight.shape == (after, before)
        assert bias.shape == (after,)
        assert weight.dtype == bias.dtype == np.float32
    assert len(genome.weights) == len(genome.biases) == len(genome.widths) - 1


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_every_chain_of_mutations_is_valid_and_leaves_its_parent_alone(seed, steps):
    rng = np.random.default_rng(seed)
    genome = SPACE.sample(0, rng)
    check_valid(genome)
    for _ in range(steps):
        before = SPACE.encode(genome)
        child, record = SPACE.mutate(genome, MlpRates(), rng)
        check_valid(child)
        assert record["kind"] in KINDS
        assert record["widths"] == list(child.widths) != list(genome.widths)
        assert SPACE.encode(genome) == before
        genome = child


def test_widening_keeps_all():
    parent = mlp(6, 4, 3)
    child, _ = SPACE.mutate(parent, rates("widen_layer", factor=(0.5, 0.5)), np.random.default_rng(0))
    assert child.widths == (6, 6, 3)
    np.testing.assert_array_equal(child.weights[0][:4], parent.weights[0])
    np.testing.assert_array_equal(child.weights[1][:, :4], parent.weights[1])
    np.testing.assert_array_equal(child.biases[0], [500, 501, 502, 503, 0, 0])
    np.testing.assert_array_equal(child.biases[1], parent.biases[1])
    assert np.isnan(child.weights[0][4:]).all()
    assert np.isnan(child.weights[1][:, 4:]).all()


def test_narrowing_keeps_the_first():
    parent = mlp(6, 4, 3)
    child, _ = SPACE.mutate(parent, rates("narrow_layer", factor=(0.5, 0.5)), np.random.default_rng(0))
    assert child.widths == (6, 2, 3)
    np.testing.assert_array_equal(child.weights[0], parent.weights[0][:2])
    np.testing.assert_array_equal(child.weights[1], parent.weights[1][:, :2])
    np.testing.assert_array_equal(child.biases[0], [500, 501])


def test_a_new_layer_leaves_the_others():
    parent = mlp(6, 4, 3)
    child = next(
        child
        for seed in range(20)
        for child, record in [SPACE.mutate(parent, rates("add_layer"), np.random.default_rng(seed))]
        if record["layer"] == 2
    )
    assert child.widths == (6, 4, 3, 3)  # round(sqrt(4 * 3)) = 3
    np.testing.assert_array_equal(child.weights[0], parent.weights[0])
    np.testing.assert_array_equal(child.biases[2], parent.biases[1])
    assert np.isnan(child.weights[1]).all()
    assert np.isnan(child.weights[2]).all()


def test_removing_a_layer_leaves_the_others():
    parent = mlp(6, 4, 5, 7, 3)
    for seed in range(20):
        child, record = SPACE.mutate(parent, rates("remove_layer"), np.random.default_rng(seed))
        gone = record["layer"]
        assert child.widths == tuple(np.delete(parent.widths, gone))
        for layer in range(1, 4):  # of the child
            old = layer if layer < gone else layer + 1
            np.testing.assert_array_equal(child.biases[layer - 1], parent.biases[old - 1])
            if layer == gone:  # it now follows another layer
                assert np.isnan(child.weights[layer - 1]).all()
            else:
                np.testing.assert_array_equal(child.weights[layer - 1], parent.weights[old - 1])


def test_what_is_impossible():
    for kind in ("remove_layer", "widen_layer", "narrow_layer"):
        with pytest.raises(MutationError, match=r"no mutation is possible on an MLP of widths \(6, 3\)"):
            SPACE.mutate(mlp(6, 3), rates(kind), np.random.default_rng(0))
    with pytest.raises(MutationError):
        SPACE.mutate(mlp(6, 1, 3), rates("narrow_layer"), np.random.default_rng(0))
    assert SPACE.mutate(mlp(6, 3), rates("add_layer"), np.random.default_rng(0))[0].widths == (6, 4, 3)


def test_only_layers_wider_than_one_are_narrowed():
    for seed in range(20):
        child, _ = SPACE.mutate(mlp(6, 1, 8, 3), rates("narrow_layer"), np.random.default_rng(seed))
        assert child.widths[1] == 1
        assert child.widths[2] < 8


def test_cost_by_hand():
    # 6-8-5-3: edges 48 + 40 + 15 = 103, biases 16, ReLU 13, the layer of 8 is normalised at 5 a neuron
    assert SPACE.cost(mlp(6, 8, 5, 3)) == Cost(206, 206 + 16 + 13 + 40, 103 + 16)
    assert SPACE.cost(mlp(6, 3)) == Cost(36, 39, 21)


@pytest.mark.parametrize("settings", [{"hidden_layers": (-1, 2)}, {"hidden_layers": (3, 2)}, {"hidden_widths": (0, 5)}])
def test_bad_settings(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        MlpSpace((1, 2, 3), 3, **settings)


@pytest.mark.parametrize("factor", [(0, 0.5), (0.6, 0.5), (0.1, 1.0)])
def test_bad_factor(factor):
    with pytest.raises(ConfigError, match="factor"):
        MlpRates(factor=factor)


def npz(head: dict, **arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "weight", "bias"),
    [
        ({"format": "other"}, (3, 6), (3,)),
        ({"version": 2}, (3, 6), (3,)),
        ({"widths": []}, (3, 6), (3,)),
        ({"widths": [6]}, (3, 6), (3,)),
        ({"widths": None}, (3, 6), (3,)),
        ({}, (6, 3), (3,)),
        ({}, (3, 6), (4,)),
        ({}, (3, 6), ()),
    ],
)
def test_arrays_that_do_not_fit(head, weight, bias):
    head = {"format": "workbench-mlp", "version": 1, "widths": [6, 3], **head}
    with pytest.raises(GenomeError):
        SPACE.decode(npz(head, weight0=np.zeros(weight, np.float32), bias0=np.zeros(bias, np.float32)))


def test_arrays_of_another_type():
    head = {"format": "workbench-mlp", "version": 1, "widths": [6, 3]}
    SPACE.decode(npz(head, weight0=np.zeros((3, 6), np.float32), bias0=np.zeros(3, np.float32)))
    with pytest.raises(GenomeError, match="float32"):
        SPACE.decode(npz(head, weight0=np.zeros((3, 6)), bias0=np.zeros(3, np.float32)))
    with pytest.raises(GenomeError):
        SPACE.decode(npz(head, weight0=np.zeros((3, 6), object), bias0=np.zeros(3, np.float32)))


def test_keys_tell_which_layer_is_which():
    genome = mlp(6, 9, 4, 3)
    assert genome.keys == (1, 2)
    child, _ = SPACE.apply("add_layer", genome, rates("add_layer"), np.random.default_rng(0))
    assert [key for key in child.keys if key in genome.keys] == [1, 2]
    assert 3 in child.keys
    shorter, record = SPACE.apply("remove_layer", child, rates("remove_layer"), np.random.default_rng(0))
    gone = child.keys[record["layer"] - 1]
    assert shorter.keys == tuple(key for key in child.keys if key != gone)
    assert SPACE.decode(SPACE.encode(shorter)).keys == shorter.keys
    assert SPACE.without_weights(shorter).keys == shorter.keys


@pytest.mark.parametrize("keys", [[1], [1, 1], [0, 1], [1, "2"], [1, 2**63], [True, 2], 5, None])
def test_keys_of_a_file_are_checked(keys):
    genome = mlp(6, 9, 4, 3)
    arrays = {f"weight{i}": each for i, each in enumerate(genome.weights)}
    arrays |= {f"bias{i}": each for i, each in enumerate(genome.biases)}
    with pytest.raises(GenomeError, match="expected 2 different keys of hidden layers"):
        SPACE.decode(write_arrays("workbench-mlp", 1, {"widths": genome.widths, "keys": keys}, arrays))
    older = SPACE.decode(write_arrays("workbench-mlp", 1, {"widths": genome.widths}, arrays))
    assert older.keys == (1, 2)


def test_picture_and_listing():
    genome = mlp(6, 9, 4, 3)
    picture = SPACE.picture(genome)
    assert [(node.label, node.kind, node.part) for node in picture.nodes] == [
        ("images", "input", ""),
        ("linear 9", "linear", "layer 1"),
        ("layer norm", "norm", "layer 1"),
        ("ReLU", "activation", "layer 1"),
        ("linear 4", "linear", "layer 2"),
        ("ReLU", "activation", "layer 2"),
        ("linear 3", "linear", "outputs"),
        ("logits", "output", ""),
    ]
    assert (picture.nodes[1].flops, picture.nodes[1].parameters, picture.nodes[0].shape) == (108, 63, (1, 2, 3))
    assert [branch.label for branch in picture.tree] == ["MLP", "layer 1: 9", "layer 2: 4", "outputs: 3"]
    texts = [line.text for line in SPACE.listing(genome)]
    assert texts == ["layer 1: linear 9 · layer norm · ReLU", "layer 2: linear 4 · ReLU", "outputs: linear 3"]
