"""The spaces of programs: right values, features, pairs of classes, training, cost, and the screen of mutants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.datasets import FACTS, Dataset, find_datasets, load_dataset
from workbench.errors import ConfigError, DataError, WeightsError
from workbench.space import DropsWeights, Operates, Predicts, Presets, SearchSpace, Times
from workbench.spaces import PairsSpace, ProgramSpace
from workbench.spaces.programs.base import AbstractProgramSpace
from workbench.spaces.programs.features import Preparation
from workbench.spaces.programs.liveness import kept, split
from workbench.spaces.programs.machine import draw
from workbench.spaces.programs.operations import CODES
from workbench.spaces.programs.program import Form, Program
from workbench.spaces.programs.screen import screen_for
from workbench.training import TrainConfig

DIGITS = load_dataset("digits")
LINEAR, NETWORK = (ProgramSpace.for_data(DIGITS, start=start) for start in ("linear", "network"))
NOISE = np.random.default_rng(0).integers(0, 255, (60, 13, 9))
OTHER = Dataset.from_arrays(NOISE, np.arange(60) % 3, NOISE[:9], np.arange(9) % 3, name="other")
SMALL = ProgramSpace.for_data(OTHER, features=8)


def started(space: AbstractProgramSpace, seed: int = 0) -> Program:
    return space.sample(0, np.random.default_rng(seed))


def accuracies(space: AbstractProgramSpace, data: Dataset, epochs: int, seeds: int = 3) -> float:
    """Mean validation accuracy, in percent."""
    config = TrainConfig(epochs=epochs)
    results = [space.train(started(space, seed), data, config, seed=seed, stream=(seed,)) for seed in range(seeds)]
    return 100 * float(np.mean([result.val_accuracy for result in results]))


def real(name: str) -> Dataset:
    if next(one for one in find_datasets() if one.name == name).status != "found":
        pytest.skip(f"{name} is not there; set $WORKBENCH_DATA to a folder that holds it")
    return load_dataset(name, download=False)


# ---------------------------------------------------------------------- right values
@pytest.mark.parametrize(("space", "expected"), [(LINEAR, 98.1), (NETWORK, 98.6)], ids=["linear", "network"])
def test_digits(space, expected):
    """Noise of the mean over three seeds: 0.4 %."""
    assert accuracies(space, DIGITS, 10) == pytest.approx(expected, abs=1.2)


@pytest.mark.parametrize(("start", "expected"), [("linear", 98.6), ("network", 99.2)])
def test_pairs_of_digits(start, expected):
    """The projections, one draw of each, move the mean by 1.5 %."""
    assert accuracies(PairsSpace.for_data(DIGITS, start=start), DIGITS, 20) == pytest.approx(expected, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start", "expected", "noise"),
    [
        ("mnist", "linear", 86.9, 0.5),
        ("mnist", "network", 91.6, 1.2),
        ("cifar10", "linear", 35.5, 3),
        ("cifar10", "network", 38.1, 3),
    ],
)
def test_one_epoch_of_real_images(name, start, expected, noise):
    data = real(name)
    assert accuracies(ProgramSpace.for_data(data, start=start), data, 1) == pytest.approx(expected, abs=noise)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "expected"), [("linear", 69.4), ("network", 72.6)])
def test_published_pairs(start, expected):
    data = real("cifar10")
    assert accuracies(PairsSpace.for_data(data, start=start), data, 1) == pytest.approx(expected, abs=1)


def softmax(values):
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def memory_of(space: AbstractProgramSpace, program: Program) -> dict[str, np.ndarray]:
    """By name, such as "m0", what training left."""
    found = split(program.memory[0], kept(program, space.form), space.form)
    return {f"{kind}{index}": values for (kind, index), values in found.items()}


def one_epoch(space: AbstractProgramSpace) -> tuple[Program, Program, np.ndarray, np.ndarray]:
    """A program before and after an epoch of digits, and features and labels in the order in which it saw them."""
    program = started(space)
    trained = space.train(program, DIGITS, TrainConfig(epochs=1), seed=0, stream=(3, 1)).genome
    images, labels = DIGITS.arrays("train")
    order = np.random.default_rng([3, 1, 1]).permutation(len(labels))
    return program, trained, images.reshape(-1, 64)[order].astype(float), labels[order]


def test_the_linear_program_is_stochastic_gradient_descent():
    _, trained, features, labels = one_epoch(LINEAR)
    weights = np.zeros((64, 64))
    for x, label in zip(features, labels, strict=True):
        answer = weights @ x
        answer[:10] = softmax(answer[:10])
        weights += 0.01 * np.outer(np.eye(64)[label] - answer, x)
    np.testing.assert_allclose(memory_of(LINEAR, trained)["m0"], weights, rtol=1e-9, atol=1e-12)


def test_the_network_is_stochastic_gradient_descent():
    program, trained, features, labels = one_epoch(NETWORK)
    row = next(row for row in range(program.lengths[0]) if program.operation(row).draws)
    first = draw(program.operation(row).name, int(program.keys[row]), 0, program.constants[row], 64)
    second, bias, last_bias = np.zeros((64, 64)), np.zeros(64), np.zeros(64)
    for x, label in zip(features, labels, strict=True):
        hidden = np.maximum(first @ x + bias, 0)
        answer = second @ hidden + last_bias
        answer[:10] = softmax(answer[:10])
        step = 0.01 * (np.eye(64)[label] - answer)
        back = (second.T @ step) * (hidden > 0)
        second, last_bias = second + np.outer(step, hidden), last_bias + step
        first, bias = first + np.outer(back, x), bias + back
    expected = {"m0": first, "m1": second, "v4": bias, "v5": last_bias}
    found = memory_of(NETWORK, trained)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12)


def test_the_linear_program_of_a_pair_is_logistic_regression():
    space = PairsSpace.for_data(DIGITS, pairs="3-8", examples=100)
    trained = space.train(started(space), DIGITS, TrainConfig(epochs=2), seed=0, stream=(5,)).genome
    features, labels = space.examples_of(DIGITS, "train")[0]
    weights = np.zeros(16)
    for epoch in (1, 2):
        for place in np.random.default_rng([5, epoch]).permutation(len(labels))[:100]:
            x = features[place]
            weights += 0.01 * (labels[place] - 1 / (1 + np.exp(-weights @ x))) * x
    np.testing.assert_allclose(memory_of(space, trained)["v1"], weights, rtol=1e-9)


# ---------------------------------------------------------------------- features
@given(
    channels=st.integers(1, 5),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    most=st.integers(1, 64),
    how=st.sampled_from(["auto", "average", "project"]),
)
@settings(max_examples=60, deadline=None)
def test_features_of_any_form(channels, height, width, most, how):
    """Averages are those of each square, and no smaller squares would do."""
    shape = (channels, height, width)
    if how == "average" and channels > most:
        with pytest.raises(ConfigError, match="more channels than"):
            Preparation(shape, most, how=how)
        return
    preparation = Preparation(shape, most, least=3, how=how)
    images = np.random.default_rng(0).standard_normal((4, *shape)).astype(np.float32)
    features = preparation(images)
    assert features.shape == (4, preparation.features)
    assert 3 <= preparation.features <= max(3, most)
    assert not features[:, preparation.taken :].any()
    if preparation.projects:
        assert how == "project" or channels > most or (channels == height == 1 and width > most)
        assert preparation.flops == 2 * channels * height * width * most
        return
    side = preparation.side
    squares = [
        images[:, channel, top : top + side, left : left + side].mean(axis=(1, 2), dtype=float)
        for channel in range(channels)
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    np.testing.assert_allclose(features[:, : len(squares)], np.stack(squares, axis=1), atol=1e-6)
    assert side == 1 or channels * -(-height // (side - 1)) * -(-width // (side - 1)) > most


def test_published_sizes_of_features():
    for shape, features, side in (((1, 8, 8), 64, 1), ((1, 28, 28), 49, 4), ((3, 32, 32), 48, 8)):
        preparation = Preparation(shape, 64, 10)
        assert (preparation.features, preparation.side) == (features, side)
        assert preparation.flops == (0 if side == 1 else np.prod(shape))


def test_projected_features_keep_the_variance():
    images = np.random.default_rng(0).standard_normal((500, 3, 16, 16)).astype(np.float32)
    assert Preparation((3, 16, 16), 16, how="project")(images).var() == pytest.approx(1, rel=0.1)


def test_prepared_features_are_kept_with_the_data():
    assert LINEAR.examples_of(DIGITS, "test")[0].features is NETWORK.examples_of(DIGITS, "test")[0].features


# ---------------------------------------------------------------------- classes and pairs of them
def test_protocols():
    for space in (LINEAR, PairsSpace.for_data(DIGITS)):
        assert isinstance(space, AbstractProgramSpace)
        for protocol in (SearchSpace, DropsWeights, Operates, Presets):
            assert isinstance(space, protocol)
    assert isinstance(LINEAR, Predicts)
    assert isinstance(LINEAR, Times)
    assert not isinstance(PairsSpace.for_data(DIGITS), Predicts)


def test_more_classes_than_values():
    with pytest.raises(ConfigError, match=r"1 to 64 of them, got 65; use another space, or 'pairs'"):
        ProgramSpace((1, 8, 8), 65)
    assert ProgramSpace((1, 2, 2), 64).form.features == 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": "network", "predict": 4}, "predict of at least 5 .*'network', got 4; raise predict"),
        ({"start": "network", "vectors": 7}, "vectors of at least 8"),
        ({"start": "linear", "matrices": 0}, "matrices of at least"),
        ({"operations": "some"}, "operations expects one of all, baseline, linear"),
        ({"features": 65}, "features expects a whole number from 1 to 64, got 65"),
        ({"screen": -1}, "screen expects"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        ProgramSpace.for_data(DIGITS, **settings)


def test_channels_that_cannot_be_averaged():
    with pytest.raises(ConfigError, match=r"images of 70×4×4 have more channels than 64 features; .*\"project\""):
        ProgramSpace((70, 4, 4), 3, reduction="average")
    assert ProgramSpace((70, 4, 4), 3).preparation.projects


def test_pairs():
    space = PairsSpace.for_data(DIGITS)
    assert [task.classes for task in space.tasks][:3] == [(0, 5), (0, 9), (1, 8)]
    assert space.n_tasks == 9
    assert [task.classes for task in PairsSpace.for_data(OTHER).tasks] == [(0, 1), (0, 2), (1, 2)]
    assert [task.classes for task in PairsSpace.for_data(OTHER, pairs=" 2-1, 0-2 ").tasks] == [(2, 1), (0, 2)]
    for text in ("0-3", "1-1", "0-1 0-1", "0", "a-b", "0-1;", "-1-2", "9999999999-0"):
        with pytest.raises(ConfigError, match=r"pairs expects different pairs of classes from 0 to 2 such as 0-1"):
            PairsSpace.for_data(OTHER, pairs=text)
    with pytest.raises(ConfigError, match="at least 2 classes, got 1"):
        PairsSpace((1, 8, 8), 1)


def test_examples_of_pairs():
    """As many of each class, standardised by what is learned from."""
    space = PairsSpace.for_data(DIGITS, pairs="3-8 0-1", train_images=40, validation_images=21)
    for split_name, count in (("train", 40), ("validation", 22)):
        for features, labels in space.examples_of(DIGITS, split_name):
            assert features.shape == (count, 16)
            assert labels.tolist().count(0) == count // 2
    features, _ = space.examples_of(DIGITS, "train")[0]
    np.testing.assert_allclose([features.mean(axis=0), features.var(axis=0)], [[0] * 16, [1] * 16], atol=1e-9)
    tasks = space.tasks
    assert not np.array_equal(tasks[0].preparation.projection, tasks[1].preparation.projection)
    sizes = np.bincount(DIGITS.labels("test"))
    assert [len(labels) for _, labels in space.examples_of(DIGITS, "test")] == [
        sizes[3] + sizes[8],
        sizes[0] + sizes[1],
    ]


def test_a_pair_without_images():
    images = np.zeros((80, 3, 3))
    data = Dataset.from_arrays(images, np.arange(80) % 4, images[:2], [0, 1], name="few")
    space = PairsSpace.for_data(data, pairs="2-3")
    trained = space.train(started(space), data, TrainConfig(epochs=1), seed=0, stream=(0,)).genome
    with pytest.raises(
        DataError, match=r"expected images of classes 2 and 3 in the test split of few, got none; leave"
    ):
        space.evaluate(trained, data, "test")


def test_presets():
    quick = wb.preset("quick", "mnist", "programs")
    assert quick.space(FACTS["mnist"]).examples == 3000
    assert (quick.config.train.epochs, quick.config.selection, quick.config.individuals) == (1, "accuracy", 8100)
    assert wb.preset("quick", "digits", "programs").config.train.epochs == 2  # there are 1,006 examples
    paper = wb.preset("paper", "cifar10", "pairs")
    space = paper.space(FACTS["cifar10"])
    assert space.form == Form(16, 1, 5, 9, 2, vector_labels=False)
    assert space.limits.most == (6, 10, 22)
    assert (space.start, space.operations, space.carries, space.screen) == ("empty", "baseline", True, 0)
    assert (paper.config.population, paper.config.tournament) == (100, 10)
    linear = wb.preset("linear", "digits", "pairs")
    space = linear.space(FACTS["digits"])
    assert (space.form, space.start, space.pairs) == (Form(16, 1, 4, 3, 0, vector_labels=False), "empty", "3-8")
    assert (linear.config.individuals, linear.config.rates["copy"]) == (5100, 0)
    assert wb.preset("linear", OTHER, "pairs").space(OTHER).pairs == "0-1"


# ---------------------------------------------------------------------- training
def test_a_row_an_epoch():
    space = replace(LINEAR, examples=100)
    rows = []
    result = space.train(started(space), DIGITS, TrainConfig(epochs=3), seed=0, stream=(0,), on_epoch=rows.append)
    assert list(result.history) == rows
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["val_accuracy"] == result.val_accuracy > 0.85 > rows[0]["train_accuracy"]
    assert rows[0]["train_loss"] > rows[-1]["train_loss"] > 0
    learning = 64 + 64 + 64**2 + 64**2  # difference, product, outer product, sum
    for row in rows:
        assert row["training_flops"] == pytest.approx((2 * 64**2 + learning) / 3 * 100 / DIGITS.size("train"))
        assert row["processor_seconds"] > 0
    assert result.initial_val_accuracy < 0.2
    stopped = space.train(
        started(space), DIGITS, TrainConfig(epochs=3), seed=0, stream=(0,), on_epoch=lambda row: row["epoch"] == 2
    )
    assert stopped.epochs == 2


def test_training_begins_at_setup():
    """Memory that a program has does not matter, nor does the seed."""
    first = LINEAR.train(started(LINEAR), DIGITS, TrainConfig(epochs=1), seed=0, stream=(0,)).genome
    second = LINEAR.train(first, DIGITS, TrainConfig(epochs=1), seed=1, stream=(0,)).genome
    assert LINEAR.encode(first) == LINEAR.encode(second)
    measured = LINEAR.train(first, DIGITS, TrainConfig(epochs=0), seed=0, stream=(0,))
    assert measured.genome is first
    assert measured.initial_val_accuracy > 0.9


def test_a_program_that_dies_says_where():
    program = started(NETWORK)
    constants = program.constants.copy()
    constants[0, 0] = 1e200  # the learning rate
    dying = Program(program.lengths, program.codes, constants, program.keys)
    result = NETWORK.train(dying, DIGITS, TrainConfig(epochs=2), seed=0, stream=(0,))
    assert "died at example" in result.failure
    assert "of 1,006 in epoch 1: its prediction was not a number" in result.failure
    assert result.genome is dying
    assert np.isnan(result.val_accuracy)
    assert result.epochs == 1
    assert 0 < result.history[0]["training_flops"] < NETWORK.cost(dying).flops / 10
    pairs = PairsSpace.for_data(DIGITS, start="network")
    program = started(pairs)
    constants = program.constants.copy()
    constants[0, 0] = 1e200
    dying = Program(program.lengths, program.codes, constants, program.keys)
    result = pairs.train(dying, DIGITS, TrainConfig(epochs=2), seed=0, stream=(0,))
    assert "in epoch 1 of task 1" in result.failure


def test_a_program_without_memory_is_refused():
    with pytest.raises(WeightsError, match="never trained, or it was not kept; train it first"):
        LINEAR.evaluate(started(LINEAR), DIGITS, "test")


def test_answers_do_not_depend_on_those_before_them():
    """Unless memory runs through, as published."""
    for carries, same in ((False, True), (True, False)):
        space = replace(SMALL, carries=carries)
        program = counting()
        trained = space.train(program, OTHER, TrainConfig(epochs=1), seed=0, stream=(0,)).genome
        machine, (features, _) = space.machine(trained), space.examples_of(OTHER, "validation")[0]
        assert np.array_equal(machine.predict(features)[::-1], machine.predict(features[::-1])) is same


def counting() -> Program:
    """Adds the count of its answers to the features: s0 = s0 + s1, v3 = every value s0, v2 = v0 + v3."""
    codes = [(CODES["scalar_constant"], 0, 0, 1)]
    codes += [(CODES["scalar_sum"], 0, 1, 0), (CODES["scalar_broadcast"], 0, 0, 3), (CODES["vector_sum"], 0, 3, 2)]
    constants = np.zeros((4, 3))
    constants[0, 0] = 1
    return Program((1, 3, 0), np.array(codes, np.uint8), constants, np.arange(1, 5))


# ---------------------------------------------------------------------- cost
def test_costs():
    linear, network = LINEAR.cost(started(LINEAR)), NETWORK.cost(started(NETWORK))
    assert (linear.flops, linear.flops_total, linear.parameters) == (2 * 64**2, 2 * 64**2 + 40, 64**2)
    assert network.flops == 2 * 2 * 64**2 + 3 * 64
    assert network.parameters == 2 * 64**2 + 3 * 64
    pairs = PairsSpace.for_data(DIGITS)
    assert pairs.cost(started(pairs)).flops == 2 * 64 * 16 + 2 * 16 + 2 * 16  # projection, standardising, product
    assert pairs.cost(started(pairs)).parameters == 16


def test_what_does_not_matter_costs_nothing():
    """Instructions on which no answer depends are free, those that only training needs too."""
    program = started(LINEAR)
    rng, rates = np.random.default_rng(0), LINEAR.rates()
    for _ in range(30):
        child, _ = LINEAR.apply("insert", program, rates, rng)
        if LINEAR.describe(child)["live instructions"] == 6 and child.lengths[1] == 2:
            assert LINEAR.cost(child) == LINEAR.cost(program)
            break
    else:
        pytest.fail("no insertion without effect in 30")


# ---------------------------------------------------------------------- the screen
def test_mutants_that_do_the_same_or_die_are_drawn_again():
    rates = SMALL.rates({"copy": 0})
    total = {"tried": 0, "neutral": 0, "died": 0}
    for seed in range(30):
        child, record = SMALL.mutate(started(SMALL), rates, np.random.default_rng(seed))
        faults = record["neutral"] + record["died"]
        assert faults in (record["tried"], record["tried"] - 1)
        assert record["tried"] <= SMALL.screen
        assert child.memory is None
        total = {name: total[name] + record[name] for name in total}
    assert total["neutral"] > 10
    bare = replace(SMALL, screen=0)
    _, record = bare.mutate(started(bare), rates, np.random.default_rng(0))
    assert "tried" not in record


def test_a_copy_is_not_screened():
    only = dict.fromkeys(SMALL.mutation_kinds, 0.0) | {"copy": 1.0}
    program = started(SMALL)
    child, record = SMALL.mutate(program, SMALL.rates(only), np.random.default_rng(0))
    assert record == {"kind": "copy"}
    assert SMALL.encode(child) == SMALL.encode(program)


@given(seed=st.integers(0, 10**6), start=st.sampled_from(["random", "linear", "network"]))
@settings(max_examples=40, deadline=None)
def test_equal_live_instructions_learn_the_same(seed, start):
    """What the screen calls neutral without running it."""
    space = replace(SMALL, start=start)
    rng = np.random.default_rng(seed)
    parent = space.sample(0, rng)
    screen = screen_for(space.form, False)
    for kind in ("insert", "remove", "alter_param"):
        child, _ = space.apply(kind, parent, space.rates(), rng)
        if screen.essence(child) == screen.essence(parent):
            results = [space.train(one, OTHER, TrainConfig(epochs=1), seed=0, stream=(0,)) for one in (parent, child)]
            assert results[0].failure == results[1].failure
            np.testing.assert_equal(results[0].val_accuracy, results[1].val_accuracy)
            if results[0].failure is None:
                np.testing.assert_array_equal(results[0].genome.memory, results[1].genome.memory)
