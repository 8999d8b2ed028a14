"""Programs learn and answer as an obvious, slow interpreter does, to the last bit; only live instructions matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces.program_oracle import Oracle, Stream, same
from spaces.program_samples import (
    CLASSES,
    LINEAR_CLASSES,
    LINEAR_PAIRS,
    NETWORK_CLASSES,
    NETWORK_PAIRS,
    PAIRS,
    program_of,
    programs,
)

from workbench.errors import ConfigError, DataError, GenomeError, WeightsError
from workbench.spaces.programs.liveness import answering, kept, kept_size, live, split
from workbench.spaces.programs.machine import Machine, draw
from workbench.spaces.programs.operations import OPERATIONS
from workbench.spaces.programs.program import Form, Program

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 16))
ORDER = RNG.permutation(60)
RATE = 0.01


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def parts(machine, program, form):
    return {key: values.copy() for key, values in split(machine.memory, kept(program, form), form).items()}


def test_a_linear_program_of_pairs_is_sgd():
    labels = (FEATURES[:, 0] > 0.2).astype(np.int64)
    machine, weights = Machine(LINEAR_PAIRS, PAIRS), np.zeros(16)
    learned = machine.learn(FEATURES, labels, ORDER)
    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        weights += RATE * (y - sigmoid(weights @ x)) * x
    np.testing.assert_allclose(machine.memory, weights, rtol=1e-12)
    np.testing.assert_allclose(machine.predict(FEATURES), (FEATURES @ weights)[:, None], rtol=1e-12)
    assert learned.examples == 60
    assert 0 < learned.error < 0.6
    assert learned.right > 0.5


def test_a_network_of_pairs_is_sgd():
    labels = (FEATURES[:, 0] * FEATURES[:, 1] > 0).astype(np.int64)
    machine = Machine(NETWORK_PAIRS, PAIRS)
    start = parts(machine, NETWORK_PAIRS, PAIRS)
    last, first = start["v", 1], start["m", 0]
    assert 0.05 < first.std() < 0.15
    machine.learn(FEATURES, labels, ORDER)
    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        hidden = first @ x
        active = np.maximum(hidden, 0)
        step = RATE * (y - sigmoid(last @ active))
        first += np.outer(step * (hidden > 0) * last, x)
        last += step * active
    nothing = np.zeros(16)  # for the maximum
    np.testing.assert_allclose(machine.memory, np.concatenate([last, nothing, first.ravel()]), rtol=1e-9)


def test_programs_of_classes_are_sgd():
    labels = RNG.integers(10, size=60)
    linear, network = Machine(LINEAR_CLASSES, CLASSES), Machine(NETWORK_CLASSES, CLASSES)
    start = parts(network, NETWORK_CLASSES, CLASSES)
    weights, first, last = np.zeros((16, 16)), start["m", 0], start["m", 1]

    def error(outputs, y):
        squashed = np.concatenate([softmax(outputs[:10]), outputs[10:]])
        return np.eye(16)[y] - squashed

    for x, y in zip(FEATURES[ORDER], labels[ORDER], strict=True):
        weights += RATE * np.outer(error(weights @ x, y), x)
        hidden = first @ x
        active = np.maximum(hidden, 0)
        step = RATE * error(last @ active, y)
        back = (last.T @ step) * (hidden > 0)
        last += np.outer(step, active)
        first += np.outer(back, x)
    linear.learn(FEATURES, labels, ORDER)
    network.learn(FEATURES, labels, ORDER)
    np.testing.assert_allclose(linear.memory, weights.ravel(), rtol=1e-9, atol=1e-15)
    nothing = np.zeros(16)  # for the maximum
    expected = np.concatenate([nothing, first.ravel(), last.ravel()])
    np.testing.assert_allclose(network.memory, expected, rtol=1e-9, atol=1e-15)
    assert kept_size(NETWORK_CLASSES, CLASSES) == len(expected)


def test_what_does_not_fit_is_refused():
    machine = Machine(LINEAR_PAIRS, PAIRS)
    labels = np.zeros(60, np.int64)
    with pytest.raises(DataError, match="shape"):
        machine.predict(FEATURES[:, :5])
    with pytest.raises(DataError, match="places"):
        machine.learn(FEATURES, labels, np.array([60]))
    with pytest.raises(DataError, match="labels"):
        machine.learn(FEATURES, labels + 2, ORDER)
    with pytest.raises(DataError, match="60 examples"):
        machine.learn(FEATURES, labels[1:], ORDER)
    with pytest.raises(DataError, match="errors float64"):
        machine.learn(FEATURES, labels, ORDER, np.zeros(59))
    with pytest.raises(WeightsError, match="16 values"):
        Machine.with_memory(LINEAR_PAIRS, PAIRS, np.zeros(15))
    with pytest.raises(WeightsError, match="train it anew"):
        Machine.with_memory(LINEAR_PAIRS, PAIRS, machine.memory).learn(FEATURES, labels, ORDER)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda codes: np.full_like(codes, 255), "operations below 65, got 255"),
        (lambda codes: codes + np.uint8([0, 100, 0, 0]), "addresses that the memory has"),
        (lambda codes: codes + np.uint8([0, 0, 0, 100]), "addresses that the memory has"),
        (lambda codes: codes.astype(int), "codes uint8"),
        (lambda codes: codes[:-1], "codes uint8"),
    ],
)
def test_no_program_leaves_its_memory(change, message):
    """Compiled code runs on addresses as they are, so a program made by hand is looked at before."""
    damaged = replace(NETWORK_CLASSES, codes=change(NETWORK_CLASSES.codes))
    with pytest.raises(GenomeError, match=message):
        Machine(damaged, CLASSES)
    with pytest.raises(GenomeError, match=message):
        Machine.with_memory(damaged, CLASSES, np.zeros(0))


@pytest.mark.parametrize(
    "change", [{"n_outputs": 17}, {"n_outputs": 0}, {"vectors": 2}, {"matrices": -1}, {"scalars": 21}]
)
def test_a_form_has_room_for_labels_and_predictions(change):
    with pytest.raises(ConfigError, match="of a form from"):
        replace(CLASSES, features=16, **change)


@settings(max_examples=300)
@given(drawn=programs, carries=st.booleans(), task=st.integers(0, 3))
def test_programs_learn_and_answer_as_the_oracle_does(drawn, carries, task):
    """The oracle executes all instructions, the machine only those that are live."""
    form, program = drawn
    rng = np.random.default_rng(program.n_instructions)
    features = rng.normal(size=(10, form.features)).round(1)
    labels = rng.integers(form.n_outputs if form.vector_labels else 2, size=10)
    order, errors = rng.permutation(6), np.zeros(6)
    machine, oracle = Machine(program, form, task=task, carries=carries), Oracle(program, form, task, carries)
    learned = machine.learn(features, labels, order, errors)
    expected, right = oracle.learn(features, labels, order)
    assert same(errors[: len(expected)], expected)
    died = not expected[-1] <= 100
    assert learned.examples == len(expected) - died
    if died:  # what it would answer means nothing
        return
    assert learned.right == right / 6
    assert learned.error == pytest.approx(np.mean(expected))
    answers = machine.predict(features)
    assert same(answers, oracle.predict(features))
    assert same(machine.predict(features), answers)
    addresses = kept(program, form, carries=carries)
    assert machine.memory.size == kept_size(program, form, carries=carries)
    for address, values in split(machine.memory, addresses, form).items():
        assert same(values, oracle.at(address))
    again = Machine.with_memory(program, form, machine.memory, task=task, carries=carries)
    assert same(again.predict(features), answers)
    assert same(again.memory, machine.memory)


@settings(max_examples=300)
@given(drawn=programs, carries=st.booleans())
def test_without_dead_instructions_a_program_does_the_same(drawn, carries):
    form, program = drawn
    lives, answers = live(program, form, carries=carries), answering(program, form, carries=carries)
    assert not (answers & ~lives).any()
    counts = [int(lives[section].sum()) for section in program.sections]
    arrays = (array[lives] for array in (program.codes, program.constants, program.keys))
    lean = Program((counts[0], counts[1], counts[2]), *arrays)
    assert live(lean, form, carries=carries).all()
    assert kept(lean, form, carries=carries) == kept(program, form, carries=carries)
    features, labels = np.eye(form.features), np.zeros(form.features, np.int64)
    whole, rest = (Machine(one, form, carries=carries) for one in (program, lean))
    order = np.arange(form.features)
    assert whole.learn(features, labels, order) == rest.learn(features, labels, order)
    assert same(whole.predict(features), rest.predict(features))
    assert same(whole.memory, rest.memory)


def test_what_runs_from_answer_to_answer_is_live():
    """Each answer is s2, which comes from s3; but Learn overwrites both, so between examples nothing does."""
    program = program_of(
        [("scalar_constant", 3, 0.5)],
        [("scalar_abs", 1, 2), ("scalar_abs", 2, 3), ("scalar_sum", 3, 3, 3)],
        [("scalar_constant", 2, 0.1), ("scalar_constant", 3, 0.2)],
    )
    assert live(program, PAIRS).tolist() == [False, True, False, False, True, False]
    assert answering(program, PAIRS).tolist() == [False, True, False, False, False, False]
    assert kept(program, PAIRS) == [("s", 2)]
    assert live(program, PAIRS, carries=True).all()
    assert answering(program, PAIRS, carries=True).tolist() == [False, True, True, True, False, False]
    assert kept(program, PAIRS, carries=True) == [("s", 2), ("s", 3)]
    for carries, expected in ((False, [0.1, 0.1, 0.1]), (True, [0.1, 0.2, 0.4])):
        machine = Machine(program, PAIRS, carries=carries)
        machine.learn(FEATURES, np.zeros(60, np.int64), ORDER)
        assert machine.predict(FEATURES[:3]).ravel().tolist() == expected


def test_what_runs_from_example_to_example_is_live():
    """Answers need s4 alone, which Learn makes of what it left in s3 one example before."""
    program = program_of(
        [("scalar_constant", 2, 0.5), ("scalar_constant", 5, 3.0)],
        [("scalar_abs", 1, 4)],
        [("scalar_abs", 4, 3), ("scalar_sum", 3, 3, 2), ("scalar_sum", 5, 5, 2)],
    )
    assert live(program, PAIRS).tolist() == [True, False, True, True, True, False]
    assert kept(program, PAIRS) == [("s", 4)]
    machine = Machine(program, PAIRS)
    machine.learn(FEATURES, np.zeros(60, np.int64), ORDER[:5])
    assert machine.memory.tolist() == [2.0]


def test_learning_goes_on_where_it_stopped():
    labels = (FEATURES[:, 0] > 0).astype(np.int64)
    one, two = Machine(NETWORK_PAIRS, PAIRS), Machine(NETWORK_PAIRS, PAIRS)
    whole = one.learn(FEATURES, labels, ORDER)
    halves = [two.learn(FEATURES, labels, order) for order in (ORDER[:20], ORDER[20:])]
    assert same(one.memory, two.memory)
    assert whole.examples == sum(half.examples for half in halves)
    assert whole.error == pytest.approx(halves[0].error / 3 + halves[1].error * 2 / 3)


def test_tasks_draw_other_numbers_and_keys_too():
    def first(key, task):
        return draw("vector_gaussian", key, task, (0.0, 1.0), 64)

    assert same(first(1, 0), first(1, 0))
    assert not same(first(1, 0), first(1, 1))
    assert not same(first(1, 0), first(2, 0))
    many = np.concatenate([first(key, 0) for key in range(1, 400)])
    assert abs(many.mean()) < 0.02
    assert abs(many.std() - 1) < 0.02
    assert abs(np.corrcoef(many[:-64], many[64:])[0, 1]) < 0.02


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.draws], ids=lambda one: one.name)
def test_the_first_draw_is_known(operation):
    program = program_of([(operation.name, 0, -0.5, 0.75)], [], [])
    drawn = draw(operation.name, 1, 3, program.constants[0], PAIRS.features)
    assert same(drawn, Oracle(program, Form(16, 1, 2, 2, 2, vector_labels=False), task=3).at((operation.output, 0)))


@pytest.mark.parametrize("count", [1, 2, 9, 64])
def test_normal_draws_are_by_box_and_muller(count):
    for key in range(1, 200):
        drawn = Stream(key, 0).gaussian(count, 0.5, 2.0)
        expected = 0.5 + 2.0 * np.array(Stream(key, 0).normal(count))
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=2e-14)
