"""Answers to a few images at a time equal those of the reference interpreter and those in tiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import genomes

from workbench.compiler.plan import logits_of
from workbench.datasets import Dataset
from workbench.errors import ConfigError, DataError, WeightsError
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.training.native.predictor import Predictor
from workbench.training.native.trainer import NativeTrainer


def data_for(genome: Genome, kind: type = np.uint8, n: int = 150) -> Dataset:
    """Random images of the genome's shape, all of them for validation but a few."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(n, *genome.input_shape)).astype(kind)
    classes = max(2, genome.n_outputs)
    labels = np.arange(n) % classes
    return Dataset.from_arrays(images, labels, images, labels)


def assert_right(genome: Genome, data: Dataset, count: int) -> None:
    images = data.images("test")[:count]
    logits = Predictor(genome, data).logits(images)
    assert (logits.dtype, logits.shape) == (np.float32, (count, genome.n_outputs))
    tiled = NativeTrainer(genome, data).predict("test")[:count]
    expected = logits_of(genome, data.standardised(images))
    for other in (tiled, expected):
        np.testing.assert_allclose(logits, other, rtol=1e-5, atol=1e-5 * np.abs(other).max(initial=1))


@settings(max_examples=60)
@given(genomes(), st.sampled_from([0, 1, 2, 3, 5, 16, 17, 40, 65, 130]), st.sampled_from([np.uint8, np.float32]))
def test_answers_equal_the_interpreters_and_the_tiles(genome, count, kind):
    assume(genome.n_outputs > 1)
    assert_right(genome, data_for(genome, kind), count)


@pytest.mark.parametrize("normalization", ["layer", "none"])
@pytest.mark.parametrize("count", [1, 4, 16])
def test_wide_layers_and_many_edges_a_neuron(normalization, count):
    rng = np.random.default_rng(0)
    sizes = {"hidden_layers": (3, 3), "layer_size": (0.6, 0.6), "edges_per_neuron": (37, 37)}
    genome = random_genome((3, 12, 12), 10, rng, **sizes, normalization=normalization)
    assert_right(genome, data_for(genome), count)


def test_shared_weights_of_a_convolution():
    genome = windowed((2, 9, 9), 4, np.random.default_rng(1), windows=CONVOLUTION)
    assert genome.n_parameters < genome.n_edges
    assert_right(genome, data_for(genome), 1)


def test_answers_depend_on_no_other_image_and_stay():
    genome = random_genome((1, 8, 8), 10, np.random.default_rng(0))
    predictor, images = Predictor(genome, data_for(genome)), data_for(genome).images("test")
    first = predictor.logits(images[:1])
    before = first.copy()
    many = predictor.logits(images[:20])
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(predictor.logits(images[:1]), before)
    np.testing.assert_allclose(many[:1], before, rtol=1e-5, atol=1e-5)
    for turned in (images[:1, :, ::-1, ::-1], images[:20, :, ::-1, ::-1]):
        np.testing.assert_array_equal(predictor.logits(turned), predictor.logits(turned.copy()))


def test_threads_may_share_a_predictor():
    genome = random_genome((1, 8, 8), 10, np.random.default_rng(0))
    data = data_for(genome)
    predictor, images = Predictor(genome, data), data.images("test")
    counts = [1, 17, 40, 2, 130] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda count: predictor.logits(images[:count]), counts))
    for count, logits in zip(counts, found, strict=True):
        np.testing.assert_array_equal(logits, predictor.logits(images[:count]))


def test_values_that_are_no_numbers_are_seen():
    genome = random_genome((1, 8, 8), 10, np.random.default_rng(0), normalization="none")
    broken = genome.with_parameters(np.full(genome.n_edges, 1e38), genome.biases)
    data = data_for(genome)
    with np.errstate(all="ignore"):
        for count in (1, 20):
            assert not np.isfinite(Predictor(broken, data).logits(data.images("test")[:count])).all()


def test_what_cannot_be_answered():
    genome = random_genome((1, 8, 8), 10, np.random.default_rng(0))
    data = data_for(genome)
    predictor = Predictor(genome, data)
    for images in (np.zeros((1, 1, 8, 7), np.uint8), np.zeros((1, 64), np.uint8), np.zeros((1, 1, 8, 8)), 3, [], None):
        with pytest.raises(ConfigError, match=r"expected raw images uint8 \[n, 1, 8, 8\], got "):
            predictor.logits(images)
    with pytest.raises(DataError, match="this genome takes images"):
        Predictor(random_genome((1, 9, 9), 10, np.random.default_rng(0)), data)
    with pytest.raises(WeightsError):
        Predictor(genome.with_parameters(np.full(genome.n_edges, np.nan), genome.biases), data)
