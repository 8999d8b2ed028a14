from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, DataError
from workbench.genome import Genome
from workbench.initial import dense_mlp, random_genome
from workbench.training import BACKENDS, TrainConfig, batches, evaluate, learning_rates, train
from workbench.training.augmentation import augmented, draw_epoch, mixed_with, plain_draw, raw_mean


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def genome(digits: Dataset) -> Genome:
    return random_genome(digits.shape, 10, np.random.default_rng(0), hidden_layers=(1, 2), edges_per_neuron=(4, 6))


QUICK = TrainConfig(epochs=4, batch_size=64, learning_rate=0.02)


@pytest.mark.parametrize("backend", ["csr", "dense"])
def test_training_learns(digits, genome, backend):
    result = train(genome, digits, QUICK, seed=1, backend=backend)
    assert result.failure is None
    assert result.initial_val_accuracy < 0.4
    assert result.val_accuracy > 0.8
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]
    assert result.history[-1]["val_accuracy"] == result.val_accuracy
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert evaluate(result.genome, digits, "validation") == result.val_accuracy
    assert evaluate(result.genome, digits, "test") > 0.75
    assert result.genome.n_edges == genome.n_edges


def test_equal_seeds_give_equal_networks(digits, genome):
    config = dataclasses.replace(QUICK, epochs=2, dropout=0.1, shift=1)
    one, two = (train(genome, digits, config, seed=5) for _ in "ab")
    assert one.genome.to_bytes() == two.genome.to_bytes()
    assert train(genome, digits, config, seed=6).genome != one.genome
    assert train(genome, digits, config, seed=5, stream=(7,)).genome != one.genome


def test_backends_follow_the_same_path(digits, genome):
    config = dataclasses.replace(QUICK, epochs=1)
    results = [train(genome, digits, config, seed=2, backend=backend) for backend in ("csr", "dense", "gather")]
    losses = [result.history[0]["train_loss"] for result in results]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_without_edges_answers_by_its_biases(digits, backend):
    result = train(Genome.from_edges(digits.shape, 10, [], []), digits, QUICK, backend=backend)
    assert result.val_accuracy == pytest.approx(0.1, abs=0.05)


def test_weights_are_inherited(digits, genome):
    trained = train(genome, digits, QUICK, seed=1)
    again = train(trained.genome, digits, dataclasses.replace(QUICK, epochs=0))
    assert again.initial_val_accuracy == again.val_accuracy == trained.val_accuracy
    assert again.genome == trained.genome
    assert again.history == ()


def test_shared_weights_stay_shared(digits):
    from workbench.initial import CONVOLUTION, windowed

    start = windowed(digits.shape, 10, np.random.default_rng(0), windows=CONVOLUTION)
    result = train(start, digits, dataclasses.replace(QUICK, epochs=1))
    assert (result.genome.shared == start.shared).all()
    assert result.genome.n_parameters == start.n_parameters


def test_divergence_is_reported_not_raised(digits, genome):
    for config in (
        dataclasses.replace(QUICK, learning_rate=1e30, schedule="constant"),
        dataclasses.replace(QUICK, divergence=1e-9),
    ):
        result = train(genome, digits, config)
        assert "diverged" in result.failure
        assert np.isnan(result.val_accuracy)
        assert len(result.history) >= 1
        assert not np.isnan(result.genome.weights).any()


def test_progress_is_told(digits, genome):
    rows = []
    train(genome, digits, dataclasses.replace(QUICK, epochs=2), on_epoch=rows.append)
    assert [row["epoch"] for row in rows] == [1, 2]


def test_wrong_images_are_named(digits):
    other = dense_mlp((1, 28, 28), 10, np.random.default_rng(0), widths=(5,))
    for call in (lambda: train(other, digits), lambda: evaluate(other, digits)):
        with pytest.raises(DataError, match=r"takes images \(1, 28, 28\).*digits has images \(1, 8, 8\)"):
            call()
    with pytest.raises(ConfigError, match="unknown backend"):
        train(random_genome(digits.shape, 10, np.random.default_rng(0)), digits, backend="quantum")


def test_label_smoothing_and_weight_decay_do_something(digits, genome):
    plain = train(genome, digits, QUICK, seed=1).genome
    assert np.abs(train(genome, digits, dataclasses.replace(QUICK, weight_decay=1.0), seed=1).genome.weights).mean() < (
        0.9 * np.abs(plain.weights).mean()
    )
    smooth = train(genome, digits, dataclasses.replace(QUICK, label_smoothing=0.2), seed=1)
    assert smooth.history[-1]["train_loss"] > 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": -1}, {"batch_size": 0}, {"learning_rate": 0}, {"schedule": "step"}, {"warmup": 1},
        {"weight_decay": -1}, {"dropout": 1}, {"label_smoothing": 1}, {"shift": -1}, {"new_edge_scale": -1},
        {"divergence": 0}, {"distillation": 1.1}, {"temperature": 0}, {"cutout": -1}, {"mixup": -1}, {"average": 2},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_named(changes):
    with pytest.raises(ConfigError, match=f"TrainConfig.{next(iter(changes))} expects"):
        TrainConfig(**changes)


def test_schedules():
    config = TrainConfig(learning_rate=1.0, warmup=0.25)
    rates = learning_rates(config, np.arange(100), 100)
    assert np.argmax(rates) == 25
    assert max(rates) == 1.0
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[-1] < 0.001
    cosine = learning_rates(TrainConfig(learning_rate=1.0, schedule="cosine"), np.arange(100), 100)
    assert cosine[0] == 1.0
    assert all(np.diff(cosine) < 0)
    assert (learning_rates(TrainConfig(learning_rate=1.0, schedule="constant"), np.arange(100), 100) == 1.0).all()


def coloured(n: int = 30) -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(n, 3, 5, 6), dtype=np.uint8)
    return Dataset.from_arrays(images, np.arange(n) % 3, images, np.arange(n) % 3)


def test_batches_are_a_pure_function_of_their_key():
    data, config = coloured(), TrainConfig(batch_size=7, shift=1, mirror=True)
    one, two, other_epoch, other_key = (
        list(batches(data, config, key, epoch)) for key, epoch in [((1, 2), 3), ((1, 2), 3), ((1, 2), 4), ((1, 3), 3)]
    )
    for (x, y), (x2, y2) in zip(one, two, strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
    assert not np.array_equal(one[0][0], other_epoch[0][0])
    assert not np.array_equal(one[0][0], other_key[0][0])
    assert sum(len(y) for _, y in one) == data.size("train")
    assert len(one[-1][1]) == data.size("train") % 7


def test_batches_without_augmentation_are_the_training_set():
    data = coloured()
    images, labels = data.arrays("train")
    x, y = (np.concatenate(part) for part in zip(*batches(data, TrainConfig(batch_size=4), (0,), 0), strict=True))
    assert sorted(x.sum(axis=(1, 2, 3)).tolist()) == pytest.approx(sorted(images.sum(axis=(1, 2, 3)).tolist()))
    assert np.bincount(y).tolist() == np.bincount(labels).tolist()
    assert x.dtype == np.float32


def test_augmentation_moves_and_mirrors():
    image = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4) + 1
    shifts, mirrored = np.array([[1, 0], [0, -2], [0, 0]]), np.array([False, False, True])
    draw = plain_draw(3)._replace(shifts=shifts, mirrored=mirrored)
    moved = augmented(np.repeat(image, 3, axis=0), np.arange(3), draw, 0, image[0])
    assert moved[0, 0].tolist() == [[0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert moved[1, 0].tolist() == [[3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]]
    assert moved[2, 0].tolist() == [[4, 3, 2, 1], [8, 7, 6, 5], [12, 11, 10, 9]]
    assert image[0, 0, 0, 0] == 1


def test_new_augmentations_leave_the_old_draws_as_they_were():
    data, old = coloured(), TrainConfig(shift=2, mirror=True)
    for changes in ({"cutout": 2}, {"mixup": 0.3}, {"cutout": 3, "mixup": 1.0}):
        new = draw_epoch(data, dataclasses.replace(old, **changes), (1, 2), 3)
        for one, other in zip(draw_epoch(data, old, (1, 2), 3)[:3], new[:3], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_cutout_puts_the_mean_into_a_square_anywhere(kind):
    rng, n = np.random.default_rng(0), 300
    images = rng.integers(200, 256, size=(n, 3, 5, 6)).astype(kind)
    images[:, 0] -= kind(100)
    data = Dataset.from_arrays(images, np.arange(n) % 3, images[:9], np.arange(9) % 3)
    raw, mean = data.images("train"), raw_mean(data)
    assert np.abs(data.standardised(mean[None])).max() < (0.05 if kind == np.uint8 else 1e-5)
    draw = draw_epoch(data, TrainConfig(cutout=3), (0,), 0)
    cut = augmented(raw, np.arange(len(raw)), draw, 3, mean)
    covered = np.zeros((5, 6), int)
    for before, after, (row, column) in zip(raw, cut, draw.corners, strict=True):
        inside = np.zeros((5, 6), bool)
        inside[max(row, 0) : row + 3, max(column, 0) : column + 3] = True
        assert inside.any()
        np.testing.assert_array_equal(after, np.where(inside, mean, before))
        covered += inside
    assert (covered > 0).all()
    assert covered.max() == covered[1:-1, 1:-1].max()  # those at the border are covered less often


def test_images_are_mixed_with_the_next_of_their_group():
    assert mixed_with(np.arange(20)).tolist() == [*range(1, 16), 0, 17, 18, 19, 16]
    tile = np.r_[np.arange(18), np.full(14, -1)].reshape(2, 16)
    assert mixed_with(tile)[0].tolist() == [*range(1, 16), 0]
    assert mixed_with(tile)[1, :2].tolist() == [17, 16]
    assert mixed_with(np.array([7])).tolist() == [7]
    data = coloured()
    draw = draw_epoch(data, TrainConfig(mixup=0.5), (0,), 0)
    assert draw.shares.min() >= 0.5
    raw, chosen = data.images("train"), draw.order[:8]
    mixed, share = augmented(raw, chosen, draw, 0, raw_mean(data)), draw.shares[chosen][:, None, None, None]
    exact = share * raw[chosen] + (1 - share) * raw[np.roll(chosen, -1)]
    assert np.abs(mixed - exact).max() <= 0.5 + 1e-4


def test_shifts_cover_the_range():
    data = coloured(300)
    seen = {tuple(np.argwhere(x[i, 0] != x[i, 0, 0, 0]).min(axis=0)) for x, _ in batches(
        data, TrainConfig(shift=2, batch_size=50), (0,), 0) for i in range(len(x))}  # fmt: skip
    assert len(seen) > 3
