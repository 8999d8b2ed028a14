"""The native backend against torch: gradients of one step, a whole trajectory, and determinism."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import genomes, seeds
from torch.nn.functional import cross_entropy

from workbench.compiler import compile_genome
from workbench.compiler.network import NeuronNetwork
from workbench.compiler.plan import logits_of
from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, DataError, WeightsError
from workbench.genome import Genome
from workbench.genome.maps import maps_of
from workbench.initial import CONVOLUTION, initialise, random_genome, windowed
from workbench.mutations import MutationRates, mutate
from workbench.training import TrainConfig, evaluate, train, train_together
from workbench.training.augmentation import batches_with_targets
from workbench.training.native import kernels
from workbench.training.native.folding import unfold
from workbench.training.native.jit import kernel
from workbench.training.native.tiles import training_tiles
from workbench.training.native.trainer import NativeTrainer
from workbench.training.native.widths import WIDTHS


@kernel
def batch_grads(*arguments):
    return kernels.batch_grads(*arguments)


@kernel
def forward(*arguments):
    kernels.forward(*arguments)


def data_for(genome: Genome, n: int = 150, seed: int = 0, kind: type = np.uint8) -> Dataset:
    """Random images of the genome's shape; as many classes as it has outputs (but at least two)."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, size=(n, *genome.input_shape)).astype(kind)
    classes = max(2, genome.n_outputs)
    return Dataset.from_arrays(images, np.arange(n) % classes, images[:10], np.arange(10) % classes)


NO_TARGETS = np.zeros((0, 0, 0), np.float32)


def native_grads(
    genome: Genome, data: Dataset, config: TrainConfig, teacher: Genome | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean loss and derivatives of the first batch, by the parameters of weights, and of biases and gains."""
    trainer = NativeTrainer(genome, data, teacher=teacher)
    tiles = training_tiles(data, config, (0,), 0)
    targets = trainer.targets(tiles, config, (0,), 0)
    batch = slice(0, tiles.per_batch)
    images, labels, buffers = tiles.images[batch], tiles.labels[batch], trainer.buffers(tiles.labels.shape[1])
    unfold(trainer.net, trainer.learner, images, labels, trainer.pixels, buffers)
    loss, _ = batch_grads(
        trainer.net, trainer.learner, images, labels, targets[batch], trainer.pixels, 0.0, config.label_smoothing,
        np.uint64(0), buffers,
    )  # fmt: skip
    grads = np.zeros(trainer.plan.n_weights, np.float64)
    np.add.at(grads, trainer.plan.parameters[trainer.order], trainer.learner.edge_grads[: genome.n_edges])
    biases, n_rows = np.zeros(trainer.plan.n_biases, np.float64), len(genome.biases)
    np.add.at(biases, trainer.plan.bias_parameters, trainer.learner.bias_grads[:n_rows])
    gains = trainer.learner.bias_grads[n_rows:][: len(trainer.net.map_sizes)]
    return loss / (labels >= 0).sum(), grads, np.concatenate([biases, gains])


def torch_grads(
    genome: Genome, data: Dataset, config: TrainConfig, teacher: Genome | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """The same in float64 by autograd; a target is the sum of its parts, whose losses add up."""
    network = NeuronNetwork(genome, "dense", dtype=torch.float64)
    images, labels, targets = next(batches_with_targets(data, config, (0,), 0))
    images = torch.from_numpy(images)
    network.unfold([images.double()])
    logits, share = network(images.double()), 0.0 if teacher is None else config.distillation
    if targets is None:
        loss = cross_entropy(logits, torch.from_numpy(labels), label_smoothing=config.label_smoothing)
    else:
        loss = cross_entropy(logits, torch.from_numpy(targets).double())
    loss = (1 - share) * loss
    if teacher is not None:
        said = NeuronNetwork(teacher, "dense", dtype=torch.float64)(images.double()).detach()
        loss = loss + share * cross_entropy(logits, torch.softmax(said / config.temperature, 1))
    loss.backward()
    weights, *biases = [np.zeros(p.shape) if p.grad is None else p.grad.numpy() for p in network.parameters()]
    return float(loss.detach()), weights, np.concatenate(biases)  # and the gains of batch normalisation


def assert_same_grads(
    genome: Genome, config: TrainConfig, kind: type = np.uint8, teacher: Genome | None = None
) -> None:
    data = data_for(genome, kind=kind)
    ours, theirs = (grads(genome, data, config, teacher) for grads in (native_grads, torch_grads))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-4, abs=1e-5)
    for mine, reference in zip(ours[1:], theirs[1:], strict=True):
        scale = max(1e-2, np.abs(reference).max(initial=0))  # softmax - 1 alone rounds at 1e-7
        np.testing.assert_allclose(mine, reference, rtol=2e-3, atol=2e-4 * scale)


@settings(max_examples=40)
@given(
    genomes(),
    st.builds(
        TrainConfig,
        batch_size=st.sampled_from([1, 7, 16, 17, 32, 33, 64, 100, 128]),
        shift=st.integers(0, 1),
        mirror=st.booleans(),
        cutout=st.integers(0, 2),
        mixup=st.sampled_from([0.0, 0.5]),
        label_smoothing=st.sampled_from([0.0, 0.1]),
    ),
    st.sampled_from([np.uint8, np.float32]),
)
def test_gradients_of_any_genome_equal_torchs(genome, config, kind):
    assume(genome.n_outputs > 1)
    assert_same_grads(genome, config, kind)


@settings(max_examples=20)
@given(
    genomes(),
    seeds(),
    st.builds(
        TrainConfig,
        batch_size=st.sampled_from([7, 64, 100]),
        shift=st.integers(0, 1),
        mixup=st.sampled_from([0.0, 0.5]),
        label_smoothing=st.sampled_from([0.0, 0.1]),
        distillation=st.sampled_from([0.3, 1.0]),
        temperature=st.sampled_from([0.5, 1.0, 4.0]),
    ),
)
def test_gradients_with_a_teacher_equal_torchs(genome, seed, config):
    assume(genome.n_outputs > 1)
    rng = np.random.default_rng(seed)
    teacher = initialise(random_genome(genome.input_shape, genome.n_outputs, rng, hidden_layers=(1, 1)), rng)
    assert_same_grads(genome, config, teacher=teacher)


@pytest.mark.parametrize("packs", [False, True])
def test_pixels_may_be_packed_or_not(monkeypatch, packs):
    monkeypatch.setattr("workbench.training.native.trainer.PACKS", packs)
    genome = random_genome((3, 8, 8), 4, np.random.default_rng(3), hidden_layers=(2, 2), edges_per_neuron=(4, 4))
    for batch_size in (10, 30, 100):
        assert_same_grads(genome, TrainConfig(batch_size=batch_size))


def test_pixels_that_hardly_differ_keep_their_digits():
    rng = np.random.default_rng(0)
    images = np.rint(200 + 0.3 * rng.standard_normal((400, 1, 8, 8))).astype(np.uint8)
    data = Dataset.from_arrays(images, np.arange(400) % 3, images, np.arange(400) % 3)
    genome = initialise(random_genome(data.shape, 3, rng), rng)
    expected = logits_of(genome, data.standardised(images))
    np.testing.assert_allclose(
        NativeTrainer(genome, data).predict("test"), expected, atol=1e-3 * np.abs(expected).max()
    )


def fan(in_degree: int, n_outputs: int = 2) -> Genome:
    """One hidden neuron with many inputs beside a layer of single-input ones."""
    rng = np.random.default_rng(0)
    first = in_degree + n_outputs
    sources = [*range(in_degree), *range(9), *range(first, first + 10), *range(first, first + 10)]
    targets = [
        *[first] * in_degree,
        *range(first + 1, first + 10),
        *[in_degree] * 10,
        *[in_degree + n_outputs - 1] * 10,
    ]
    pairs = sorted(set(zip(sources, targets, strict=True)))
    weights = rng.standard_normal(len(pairs)) * 0.05
    return Genome.from_edges((1, 1, in_degree), n_outputs, *zip(*pairs, strict=True), weights)


@pytest.mark.parametrize("in_degree", [9, 15, 16, 17, 33, 1000])
def test_in_degrees_from_one_to_a_thousand(in_degree):
    assert_same_grads(fan(in_degree), TrainConfig(batch_size=70))


def test_shared_weights_of_a_convolution():
    genome = windowed((2, 9, 9), 4, np.random.default_rng(1), windows=CONVOLUTION)
    assert genome.n_parameters < genome.n_edges
    assert_same_grads(genome, TrainConfig(batch_size=64))


def test_a_bias_for_each_channel_is_trained_as_one():
    data, rng = load_dataset("digits"), np.random.default_rng(1)
    apart = windowed(data.shape, 10, rng, windows=CONVOLUTION)
    genome = apart.with_parameters(apart.weights, shared_biases=maps_of(apart)[apart.n_inputs :])
    config = TrainConfig(epochs=2, batch_size=64, learning_rate=0.01)
    trained = [train(genome, data, config, backend=name).genome for name in ("native", "csr", "gather")]
    for one in trained:
        np.testing.assert_array_equal(one.shared_biases, genome.shared_biases)
        np.testing.assert_allclose(one.biases, trained[0].biases, atol=2e-3)
        assert len(np.unique(one.biases)) == compile_genome(genome).n_biases < len(genome.biases) / 2


def test_one_output_trains():
    genome = Genome.from_edges((1, 2, 2), 1, [0, 1, 5], [5, 5, 4], [0.5, 0.5, 1.0])
    trainer = NativeTrainer(genome, data_for(genome))
    logits = trainer.predict("train")
    expected = NeuronNetwork(genome)(torch.from_numpy(trainer.data.arrays("train")[0])).detach().numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@given(genomes(), st.integers(1, min(WIDTHS)), st.sampled_from([0.0, 0.3]), st.sampled_from([np.uint8, np.float32]))
def test_no_bit_depends_on_the_width_of_tiles(genome, n, dropout, kind):
    data, results = data_for(genome, kind=kind), []
    raw = data.images("train")[:n].reshape(n, -1).T
    for width in WIDTHS:
        trainer = NativeTrainer(genome, data)
        labels = np.full((1, width), -1, np.int32)
        labels[0, :n] = np.arange(n) % genome.n_outputs
        images = np.zeros((1, genome.n_inputs, width), kind)
        images[0, :, :n] = raw
        unfold(trainer.net, trainer.learner, images, labels, trainer.pixels, trainer.buffers(width))
        loss = batch_grads(
            trainer.net, trainer.learner, images, labels, NO_TARGETS, trainer.pixels, dropout, 0.1, np.uint64(7),
            trainer.buffers(width),
        )  # fmt: skip
        grads = trainer.learner.edge_grads, trainer.learner.bias_grads
        results.append([loss, *grads, trainer.buffers(width).out[genome.n_inputs :, :n]])
    for result in results[1:]:
        for ours, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("batch_size", [16, 32, 64, 100, 128])
def test_a_trajectory_equals_torchs(batch_size):
    data = load_dataset("digits")
    rng = np.random.default_rng(2)
    genome = random_genome(data.shape, 10, rng, hidden_layers=(2, 3), edges_per_neuron=(4, 6))
    child, _ = mutate(genome, MutationRates(add_edges=0, remove_layer=0, remove_edges=0, add_neurons=0), rng)  # shares
    start = initialise(child, rng)
    config = TrainConfig(epochs=2, batch_size=batch_size, learning_rate=0.005, shift=1, label_smoothing=0.05)
    native, reference = (train(start, data, config, seed=3, backend=name) for name in ("native", "csr"))
    for mine, theirs in zip(native.history, reference.history, strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-4)
        assert mine["train_accuracy"] == pytest.approx(theirs["train_accuracy"], abs=0.003)
    np.testing.assert_allclose(native.genome.weights, reference.genome.weights, atol=2e-3)
    assert native.initial_val_accuracy == reference.initial_val_accuracy
    assert evaluate(native.genome, data, "test") == pytest.approx(
        evaluate(native.genome, data, "test", "csr"), abs=0.003
    )


@pytest.fixture(scope="module")
def taught() -> tuple[Dataset, Genome, TrainConfig, list[Genome]]:
    """Data, a trained teacher, a recipe, and genomes to be taught."""
    data, rng = load_dataset("digits"), np.random.default_rng(5)
    teacher = train(random_genome(data.shape, 10, rng), data, TrainConfig(epochs=20, learning_rate=0.01)).genome
    config = TrainConfig(epochs=2, shift=1, label_smoothing=0.05, distillation=0.6, temperature=2.0)
    return data, teacher, config, [random_genome(data.shape, 10, rng, hidden_layers=(1, 2)) for _ in range(4)]


@pytest.mark.parametrize("changes", [{}, {"cutout": 3, "mixup": 0.3, "average": 0.2}])
def test_every_backend_learns_the_same_from_a_teacher(taught, changes):
    data, teacher, config, several = taught
    config = dataclasses.replace(config, **changes)
    native, csr = ([train(one, data, config, seed, name, stream=(0,), teacher=teacher)
                    for seed, one in enumerate(several)] for name in ("native", "csr"))  # fmt: skip
    together = train_together(several, data, config, teachers=[teacher] * len(several))
    for one, others in zip(native, zip(csr, together, strict=True), strict=True):
        for other in others:
            np.testing.assert_allclose(one.genome.weights, other.genome.weights, atol=2e-3)
            for mine, theirs in zip(one.history, other.history, strict=True):
                assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-4)


def test_averages_are_those_of_the_weights_after_each_step():
    """An epoch here is one step; a share of 1 is the mean, a smaller one forgets."""
    genome = random_genome((2, 4, 4), 3, np.random.default_rng(0), hidden_layers=(1, 1))
    data = data_for(genome, 100)

    def after_each_step(share: float) -> list[np.ndarray]:
        config = TrainConfig(epochs=5, batch_size=100, mirror=True, average=share)
        trainer, seen = NativeTrainer(genome, data), []
        history = trainer.fit(config, (0,), lambda row: seen.append(trainer.genome().weights.copy()))
        assert history[-1]["val_accuracy"] == evaluate(trainer.genome(), data)
        return seen

    raw, mean, recent = (after_each_step(share) for share in (0.0, 1.0, 0.5))
    np.testing.assert_allclose(mean[-1], np.mean(raw, axis=0), atol=1e-6)
    expected = raw[0]
    for step in range(1, 5):
        expected = expected + (raw[step] - expected) / (1 + 0.5 * step)
        np.testing.assert_allclose(recent[step], expected, atol=1e-6)


def test_a_teacher_is_copied_where_it_has_the_whole_target(taught):
    data, teacher, config, several = taught
    config = dataclasses.replace(config, epochs=30, distillation=1.0, temperature=1.0, learning_rate=0.01)
    wrong = dataclasses.replace(data, _labels=np.roll(data._labels, 1))  # labels say nothing
    result = train(several[0], wrong, config, teacher=teacher)
    said, copied = (NativeTrainer(each, data).predict("validation").argmax(1) for each in (teacher, result.genome))
    assert (said == copied).mean() > 0.9


def test_what_is_expected_of_a_teacher(taught):
    data, teacher, config, several = taught
    other = random_genome((1, 5, 5), 10, np.random.default_rng(0))
    for call in (lambda t, c: train(several[0], data, c, teacher=t),
                 lambda t, c: train_together(several, data, c, teachers=[t] * 4)):  # fmt: skip
        with pytest.raises(WeightsError, match="train it first"):
            call(several[0].without_weights(), config)
        with pytest.raises(DataError, match="takes images"):
            call(other, config)
        with pytest.raises(ConfigError, match="a teacher expects a share"):
            call(teacher, TrainConfig(distillation=0))
    with pytest.raises(ConfigError, match="1 teachers"):
        train_together(several, data, config, teachers=[teacher])


def test_bit_identical_alone_and_in_threads(taught):
    data, teacher, config, _ = taught
    genomes = [random_genome(data.shape, 10, np.random.default_rng(seed)) for seed in range(6)]
    config = dataclasses.replace(config, dropout=0.2, cutout=2, mixup=0.2, average=0.1)

    def run(genome: Genome) -> bytes:
        return train(genome, data, config, seed=1, stream=(5, 2), teacher=teacher).genome.to_bytes()

    alone = [run(genome) for genome in genomes]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, genomes)) == alone
    assert [run(genome) for genome in genomes] == alone


def test_dropout_drops_the_share_it_should():
    # 400 hidden neurons that all say 1, summed: with dropout the mean stays and the spread is binomial.
    n = 400
    sources, targets = np.r_[np.zeros(n, int), 2 + np.arange(n)], np.r_[2 + np.arange(n), np.ones(n, int)]
    genome = Genome.from_edges((1, 1, 1), 1, sources, targets, np.r_[np.zeros(n), np.ones(n)], np.r_[0, np.ones(n)])
    genome = dataclasses.replace(genome, normalization="none")
    trainer = NativeTrainer(genome, data_for(genome))
    buffers, values = trainer.buffers(64), []
    for key in range(20):
        forward(trainer.net, trainer.learner, 0.0, 0.25, np.uint64(key), buffers)
        values.append(buffers.out[-1].copy())
    sums = np.concatenate(values)
    assert len(np.unique(sums)) > 20
    assert sums.mean() == pytest.approx(n, rel=0.01)
    assert sums.std() == pytest.approx(np.sqrt(n * 0.25 / 0.75), rel=0.1)


def test_dropout_trains():
    data = load_dataset("digits")
    genome = random_genome(data.shape, 10, np.random.default_rng(0))
    config = TrainConfig(epochs=8, batch_size=32, dropout=0.1)
    result = train(genome, data, config)
    assert result.val_accuracy > 0.85
    assert result.genome != train(genome, data, config, seed=1).genome


def test_divergence_is_reported():
    data = load_dataset("digits")
    genome = random_genome(data.shape, 10, np.random.default_rng(0), normalization="none")
    result = train(genome, data, TrainConfig(epochs=3, learning_rate=1e20, schedule="constant"))
    assert "diverged" in result.failure
    assert np.isnan(result.val_accuracy)


def test_nan_logits_count_as_wrong():
    data = load_dataset("digits")
    genome = random_genome(data.shape, 10, np.random.default_rng(0))
    broken = genome.with_parameters(np.full(genome.n_edges, 1e38), genome.biases)
    with np.errstate(all="ignore"):
        assert 0 <= evaluate(broken, data, "test") <= 1
        assert evaluate(broken, data, "test") == evaluate(broken, data, "test", "csr")


def test_another_device_is_refused():
    data = load_dataset("digits")
    genome = random_genome(data.shape, 10, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="native backend runs on the CPU"):
        train(genome, data, device="cuda")
