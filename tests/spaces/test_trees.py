"""What the grammar spaces share."""

from __future__ import annotations

import dataclasses
import io
import pickle
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tree_samples import CHAIN, CONVOLUTION, NORM, RELU, ChainRates, ChainSpace, derivation, initialised

from workbench.datasets import Dataset
from workbench.errors import DataError, ExportError, GenomeError, MutationError, WeightsError
from workbench.space import Draws, DropsWeights, Exports, Operates, Predicts, SearchSpace, Times
from workbench.spaces.trees import TreeGenome
from workbench.training import TrainConfig
from workbench.training.torch_trainer import adamw

RNG = np.random.default_rng(0)
DATA = Dataset.from_arrays(
    RNG.integers(0, 255, (60, 2, 5, 4)), np.arange(60) % 3, RNG.integers(0, 255, (9, 2, 5, 4)), np.arange(9) % 3
)
SPACE = ChainSpace.for_data(DATA)
TREE = derivation(CHAIN, CONVOLUTION, CHAIN, NORM, RELU)
CONFIG = TrainConfig(epochs=2, batch_size=16)


def trained(space: ChainSpace = SPACE, config: TrainConfig = CONFIG, seed: int = 0) -> TreeGenome:
    return space.train(space.genome(TREE), DATA, config, seed=seed, stream=(1,)).genome


def part(genome: TreeGenome, key: int, name: str) -> np.ndarray:
    place = 0
    for tensor in SPACE.layout(genome.derivation):
        if (tensor.key, tensor.name) == (key, name):
            return genome.weights[place : place + tensor.size].reshape(tensor.shape)
        place += tensor.size
    raise KeyError(key, name)


def test_protocols():
    for protocol in (SearchSpace, Draws, DropsWeights, Exports, Operates, Predicts, Times):
        assert isinstance(SPACE, protocol)


def test_first_weights_keep_torch_generator_and_fill_all_that_is_missing():
    state = torch.get_rng_state()
    genome = initialised(SPACE, SPACE.genome(TREE), DATA)
    assert torch.equal(torch.get_rng_state(), state)
    assert SPACE.has_weights(genome)
    np.testing.assert_array_equal(part(genome, 103, "scale"), [1, 1])
    np.testing.assert_array_equal(part(genome, 103, "mean"), [0, 0])
    assert part(genome, 101, "weight").std() == pytest.approx(np.sqrt(2 / 18), rel=0.4)


def test_buffers_of_norms_are_trained_stored_and_used():
    genome = trained()
    assert (part(genome, 103, "mean") != 0).all()
    back = SPACE.decode(SPACE.encode(genome))
    assert SPACE.evaluate(back, DATA, "validation") == SPACE.evaluate(genome, DATA, "validation")
    without = genome.weights.copy()
    without[part(genome, 103, "mean").__array_interface__["data"][0] - genome.weights.ctypes.data >> 2] += 5
    images, _ = DATA.arrays("test")
    assert not np.allclose(SPACE.logits(genome, images), SPACE.logits(TreeGenome(TREE, without), images))


def test_norms_and_biases_are_not_decayed():
    decayed, others = adamw(SPACE.build(TREE), CONFIG).param_groups
    assert [tuple(parameter.shape) for parameter in decayed["params"]] == [(2, 2, 3, 3), (3, 2)]
    assert decayed["weight_decay"] == CONFIG.weight_decay
    assert [tuple(parameter.shape) for parameter in others["params"]] == [(2,), (2,), (2,), (3,)]
    assert others["weight_decay"] == 0


@given(st.integers(0, 2**32))
def test_children_inherit_what_has_the_same_key(seed):
    rng = np.random.default_rng(seed)
    parent = SPACE.sample(0, rng)
    parent = TreeGenome(parent.derivation, rng.standard_normal(len(parent.weights)).astype(np.float32))
    child, record = SPACE.mutate(parent, ChainRates(), rng)
    assert record["kind"] in SPACE.mutation_kinds
    kept, place = set(parent.derivation.keys.tolist()) | {-1}, 0
    for tensor in SPACE.layout(child.derivation):
        values = child.weights[place : place + tensor.size].reshape(tensor.shape)
        if tensor.key in kept:
            np.testing.assert_array_equal(values, part(parent, tensor.key, tensor.name))
        else:
            assert np.isnan(values).all()
        place += tensor.size
    assert place == len(child.weights)
    assert record["new_nodes"] == sum(key not in kept for key in child.derivation.keys.tolist())


def test_inheritance_can_be_switched_off():
    space = dataclasses.replace(SPACE, inherit=False)
    child, record = space.mutate(trained(), ChainRates(), np.random.default_rng(0))
    assert np.isnan(child.weights).all()
    assert record["inherited"] == 0


def test_kinds_that_are_impossible_are_not_drawn():
    lonely = SPACE.genome(derivation(RELU))
    for seed in range(10):
        assert SPACE.mutate(lonely, ChainRates(), np.random.default_rng(seed))[1]["kind"] == "leaf"
    with pytest.raises(MutationError, match="no mutation is possible on 1 modules"):
        SPACE.mutate(lonely, ChainRates(leaf=0), np.random.default_rng(0))
    with pytest.raises(MutationError, match="unknown mutation 'wings'; expected one of: chain, leaf"):
        SPACE.apply("wings", lonely, ChainRates(), np.random.default_rng(0))


def test_missing_weights_are_refused():
    genome = trained()
    images, _ = DATA.arrays("test")
    for lacking in (SPACE.without_weights(genome), SPACE.genome(TREE)):
        assert not SPACE.has_weights(lacking)
        for use in (
            lambda lacking=lacking: SPACE.evaluate(lacking, DATA, "test"),
            lambda lacking=lacking: SPACE.logits(lacking, images),
            lambda lacking=lacking: SPACE.export(lacking, ".pt2"),
        ):
            with pytest.raises(WeightsError, match="train it first"):
                use()


def test_other_data_are_refused():
    other = Dataset.from_arrays(
        RNG.integers(0, 255, (60, 5, 4)), np.arange(60) % 3, RNG.integers(0, 255, (9, 5, 4)), np.arange(9) % 3
    )
    with pytest.raises(DataError, match=r"images \(2, 5, 4\) with 3 classes"):
        SPACE.train(SPACE.genome(TREE), other, CONFIG, seed=0, stream=(0,))


def test_bytes_come_back_bit_for_bit_and_without_weights_they_are_few():
    genome = trained()
    whole, bare = SPACE.encode(genome), SPACE.encode(SPACE.without_weights(genome))
    assert SPACE.encode(SPACE.decode(whole)) == whole
    assert SPACE.encode(SPACE.decode(bare)) == bare
    assert len(bare) < len(whole)
    assert SPACE.decode(bare).derivation == TREE


def edited(genome: TreeGenome, **changes: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with np.load(io.BytesIO(SPACE.encode(genome))) as arrays:
        np.savez(buffer, **{**arrays, **changes})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros(3, np.float32)}, "weights of this network, got 3"),
        ({"weights": np.zeros(3)}, "float32"),
        ({"codes": np.full(5, 9, np.uint8)}, "codes below 4"),
        ({"codes": np.full(5, RELU, np.uint8)}, "an end"),
        ({"codes": np.full(5, CHAIN, np.uint8)}, "complete"),
        ({"keys": np.zeros(5, np.int64)}, "key twice"),
        ({"keys": np.zeros(4, np.int64)}, "key for each"),
        ({"codes": np.zeros(2**20, np.uint8), "keys": np.arange(2**20)}, "at most"),
    ],
)
def test_damaged_arrays(changes, message):
    with pytest.raises(GenomeError, match=message):
        SPACE.decode(edited(trained(), **changes))


def test_a_huge_network_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr("workbench.spaces.trees.MAX_PARAMETERS", 50)
    monkeypatch.setattr(ChainSpace, "layout", lambda *_: pytest.fail("it was laid out"))
    blob = ChainSpace.encode(SPACE, TreeGenome(TREE, np.zeros(3, np.float32)))
    with pytest.raises(GenomeError, match="at most 50 parameters"):
        SPACE.decode(blob)


def test_tasks_are_pickled_flat():
    rng = np.random.default_rng(0)
    deep = derivation(*[CHAIN, RELU] * 90, RELU)
    for genome in (SPACE.sample(0, rng), TreeGenome(deep, np.zeros(9, np.float32))):
        back = pickle.loads(pickle.dumps(genome))
        assert back.derivation == genome.derivation
        np.testing.assert_array_equal(back.weights, genome.weights)


def test_threads_that_train_at_once_change_nothing():
    alone = SPACE.encode(trained())
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(SPACE.encode(trained()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3


def test_the_largest_activation_decides_how_many_images_are_evaluated_at_once(monkeypatch):
    genome, images = trained(), DATA.arrays("train")[0]
    whole = SPACE.logits(genome, images)
    monkeypatch.setattr(ChainSpace, "largest_activation", lambda *_: 2**24 // 7)
    np.testing.assert_allclose(SPACE.logits(genome, images), whole, rtol=1e-5, atol=1e-6)
    assert SPACE.logits(genome, images[:0]).shape == (0, 3)
    assert SPACE._batch(genome) == 7


@pytest.mark.parametrize("raw", [False, True])
def test_exported_networks_say_the_same(raw, tmp_path):
    genome = trained()
    images, _ = DATA.arrays("test")
    expected = SPACE.logits(genome, images)
    given_images = DATA.images("test") if raw else images
    program = torch.export.load(io.BytesIO(SPACE.export(genome, ".pt2", DATA, raw=raw))).module()
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(SPACE.export(genome, ".onnx", DATA, raw=raw))
    for count in (1, 9):
        batch = given_images[:count].copy()
        with torch.inference_mode():
            np.testing.assert_allclose(program(torch.from_numpy(batch)).numpy(), expected[:count], atol=1e-5)
        np.testing.assert_allclose(session.run(["logits"], {"images": batch})[0], expected[:count], atol=1e-5)
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["input_shape"] == "[2, 5, 4]"
    assert facts["class_names"] == '["0", "1", "2"]'
    assert ("raw" in facts["images"]) == raw


def test_what_cannot_be_exported_says_why():
    genome = trained()
    assert SPACE.encode(SPACE.decode(SPACE.export(genome, ".npz"))) == SPACE.encode(genome)
    for ending, raw, message in (
        (".h5", False, r"\.pt2, \.onnx, \.npz"),
        (".npz", True, "raw"),
        (".pt2", True, "data"),
    ):
        with pytest.raises(ExportError, match=message):
            SPACE.export(genome, ending, raw=raw)


def test_latency():
    for batch in (1, 3):
        answers = SPACE.answers(SPACE.genome(TREE), batch)
        assert next(iter(answers)) == "torch dense"
        assert np.shape(answers["torch dense"]()) == (batch, 3)
