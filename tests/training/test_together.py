"""Networks trained together are those that each of them would be alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from devices import lacks_cuda, on_devices
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, DataError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.genome.topology import NORMALIZATIONS
from workbench.individuals import TrainResult
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.training import TrainConfig, train, train_together

CONFIG = TrainConfig(epochs=2, batch_size=64, learning_rate=0.01, shift=1)
SEEDS = [3, 4, 5, 6]
STREAM = (1, 2)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def several(digits: Dataset) -> list[Genome]:
    """Of one to three hidden layers, one without normalisation, one with all that is shared, normalised by batch."""
    rng = np.random.default_rng(0)
    made = [random_genome(digits.shape, 10, rng, hidden_layers=(n, n), edges_per_neuron=(4, 6)) for n in (1, 3, 2)]
    made[2] = dataclasses.replace(made[2], normalization="none")
    convolution = windowed(digits.shape, 10, rng, windows=CONVOLUTION, normalization="batch")
    maps = maps_of(convolution)[convolution.n_inputs :]
    return [*made, convolution.with_parameters(convolution.weights, shared_biases=maps)]


def alone(genome: Genome, data: Dataset, config: TrainConfig, seed: int, **more) -> TrainResult:
    return train(genome, data, config, seed, "csr", stream=STREAM, **more)


def assert_same(one: TrainResult, other: TrainResult, atol: float = 1e-5) -> None:
    if one.genome.normalization == "batch":  # AdamW amplifies rounding where it makes a derivative 0
        atol = max(atol, 0.02)
    np.testing.assert_allclose(one.genome.weights, other.genome.weights, atol=atol)
    np.testing.assert_allclose(one.genome.biases, other.genome.biases, atol=atol)
    assert one.val_accuracy == pytest.approx(other.val_accuracy, abs=0.005, nan_ok=True)
    assert one.initial_val_accuracy == pytest.approx(other.initial_val_accuracy, abs=0.005)
    assert len(one.history) == len(other.history)
    for ours, theirs in zip(one.history, other.history, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ("epoch", "learning_rate", "train_loss"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4)


@on_devices
@pytest.mark.parametrize("changes", [{}, {"batch_size": 50, "label_smoothing": 0.1, "schedule": "cosine"}])
def test_each_is_trained_as_alone(several, digits, device, changes):
    config = dataclasses.replace(CONFIG, **changes)
    together = train_together(several, digits, config, SEEDS, stream=STREAM, device=device)
    for genome, seed, result in zip(several, SEEDS, together, strict=True):
        assert result.failure is None
        assert_same(result, alone(genome, digits, config, seed), 1e-5 if device == "cpu" else 1e-3)


@on_devices
def test_each_drops_out_what_it_would_alone(several, digits, device):
    config = dataclasses.replace(CONFIG, dropout=0.3)
    together = train_together(several, digits, config, SEEDS, stream=STREAM, device=device)
    for genome, seed, result in zip(several, SEEDS, together, strict=True):
        same = alone(genome, digits, config, seed, device=device)
        assert_same(result, same, 1e-5 if device == "cpu" else 1e-3)


@settings(max_examples=10)
@given(st.lists(st.tuples(seeds(), st.integers(1, 4), st.sampled_from(NORMALIZATIONS)), min_size=1, max_size=4))
def test_random_genomes_of_any_depth(drawn):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (90, 1, 5, 5)), np.arange(90) % 3
    data = Dataset.from_arrays(images, labels, images[:9], labels[:9], validation=9, selection=9)
    several = []
    for seed, depth, normalization in drawn:
        genome = random_genome(data.shape, 3, np.random.default_rng(seed), hidden_layers=(depth, depth))
        several.append(dataclasses.replace(genome, normalization=normalization))
    config = TrainConfig(epochs=2, batch_size=32)
    together = train_together(several, data, config, stream=STREAM)
    for seed, (genome, result) in enumerate(zip(several, together, strict=True)):
        assert_same(result, alone(genome, data, config, seed))


def test_one_that_diverges_fails_alone(several, digits):
    broken = several[1].with_parameters(np.full(several[1].n_edges, np.float32(3e38)), several[1].biases)
    with np.errstate(all="ignore"):
        together = train_together([several[0], broken, several[2]], digits, CONFIG, SEEDS[:3], stream=STREAM)
    failed = together[1]
    assert "training diverged: mean loss" in failed.failure
    assert np.isnan(failed.val_accuracy)
    assert failed.genome == broken
    assert len(failed.history) == 1
    for genome, seed, result in ((several[0], 3, together[0]), (several[2], 5, together[2])):
        assert_same(result, alone(genome, digits, CONFIG, seed))


def test_one_that_stops_keeps_its_weights_of_then(several, digits):
    rows = [[] for _ in several]

    def call(number: int):
        def on_epoch(row):
            rows[number].append(row)
            return number == 1

        return on_epoch

    together = train_together(
        several, digits, CONFIG, SEEDS, stream=STREAM, on_epochs=[call(number) for number in range(4)]
    )
    assert [len(each) for each in rows] == [2, 1, 2, 2]
    assert [list(result.history) for result in together] == rows
    for genome, seed, result, stops in zip(several, SEEDS, together, (False, True, False, False), strict=True):
        assert_same(result, alone(genome, digits, CONFIG, seed, on_epoch=lambda row, stops=stops: stops))


def test_all_that_stop_end_the_training(several, digits):
    config = dataclasses.replace(CONFIG, epochs=1000)
    together = train_together(several, digits, config, SEEDS, on_epochs=[lambda row: True] * 4)
    assert [result.epochs for result in together] == [1] * 4


def test_without_epochs_they_are_only_measured(several, digits):
    config = dataclasses.replace(CONFIG, epochs=0)
    for genome, seed, result in zip(several, SEEDS, train_together(several, digits, config, SEEDS), strict=True):
        assert_same(result, alone(genome, digits, config, seed))
        assert result.val_accuracy == result.initial_val_accuracy
    assert train_together([], digits) == []


def test_what_is_expected(several, digits):
    with pytest.raises(ConfigError, match="expected a seed and a call for each of 4 genomes, got 1 seeds, 4 calls"):
        train_together(several, digits, CONFIG, [1])
    other = random_genome((1, 5, 5), 10, np.random.default_rng(0))
    with pytest.raises(DataError, match="takes images"):
        train_together([*several, other], digits)


@lacks_cuda
def test_a_device_that_is_not_there(several, digits):
    with pytest.raises(ConfigError, match="device 'cuda' cannot be used here"):
        train_together(several, digits, device="cuda")
