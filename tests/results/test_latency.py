"""Time to answer: every backend gives the right answer, and is timed as often as it should."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.baselines import Architecture, Block, Convolution, Dense, GlobalPooling, MaxPooling
from workbench.baselines.module import make_module
from workbench.cli import main
from workbench.errors import ConfigError
from workbench.initial import random_genome
from workbench.results.latency import latency_table, measure_latency, subject_of_baseline, subject_of_genome
from workbench.spaces import MlpSpace, NeuronSpace

CNN = Architecture("cnn", "a CNN", (Convolution(3, 3, 1, 1), MaxPooling(), Convolution(5, 2, 2), Dense(7)))
BLOCKS = (Convolution(3, 3, 2, 1, normalised=True), Block(3), Block(5, 2, separable=False), GlobalPooling())
RESIDUAL = Architecture("residual", "a ResNet", BLOCKS)


@pytest.fixture(scope="module")
def genome(digits):
    return random_genome(digits.shape, 10, np.random.default_rng(0))


def answers_agree(answers) -> None:
    first, *others = (np.asarray(answer()).reshape(5, 10) for answer in answers.values())
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-3, atol=1e-4)


def test_all_backends_answer_the_same(genome, digits):
    answers = subject_of_genome("net", genome, NeuronSpace.for_data(digits)).answers(5)
    assert list(answers) == ["native", "torch csr", "torch dense", "onnxruntime"]
    answers_agree(answers)


def test_mlps_are_timed_too(digits):
    space = MlpSpace.for_data(digits)
    subject = subject_of_genome("net", space.without_weights(space.sample(0, np.random.default_rng(0))), space)
    answers = subject.answers(5)
    assert list(answers) == ["torch dense", "onnxruntime"]
    answers_agree(answers)


def test_a_space_that_times_nothing_says_so():
    with pytest.raises(
        ConfigError, match=r"space 'bare' does not time its networks: .*space.Times.* Without it, its cost"
    ):
        subject_of_genome("net", None, SimpleNamespace(name="bare"))


@pytest.mark.parametrize("one", [CNN, RESIDUAL], ids=lambda one: one.name)
def test_a_baseline_answers_the_same_in_onnxruntime(one, digits):
    images = torch.from_numpy(digits.arrays("validation")[0][:5])
    expected = make_module(one.layers, digits.shape, 10, np.random.default_rng(0)).eval()(images).detach().numpy()
    answers = subject_of_baseline(one, digits).answers(5)
    assert list(answers) == ["torch dense", "onnxruntime"]
    for answer in answers.values():
        np.testing.assert_allclose(np.asarray(answer()).reshape(5, 10), expected, rtol=1e-3, atol=1e-4)


def test_the_table_has_a_row_per_network(genome, digits):
    threads = torch.get_num_threads()
    subjects = [subject_of_genome("net", genome, NeuronSpace.for_data(digits)), subject_of_baseline(CNN, digits)]
    measured = measure_latency(subjects, (1, 4), rounds=2, round_seconds=0)
    assert torch.get_num_threads() == threads
    assert len(measured) == 2 * (4 + 2)
    assert (measured["latency_ms"] >= measured["fastest_ms"]).all()
    assert (measured["fastest_ms"] > 0).all()
    table = latency_table(measured)
    assert table["flops"].is_monotonic_increasing
    assert set(table["network"]) == {"net", "a CNN"}
    cnn = table.set_index("network").loc["a CNN"]
    assert np.isnan(cnn["native ×1"])
    assert cnn["torch dense ×4"] > 0


def test_without_onnxruntime_the_others_are_timed(genome, digits, monkeypatch):
    monkeypatch.setattr("workbench.training.calibration.find_spec", lambda name: None)
    assert "onnxruntime" not in NeuronSpace.for_data(digits).answers(genome, 1)


def test_nothing_to_measure_is_an_error(digits):
    with pytest.raises(ConfigError, match="at least one round"):
        measure_latency([subject_of_baseline(CNN, digits)], rounds=0)


def test_the_command_line(run, tmp_path, capsys):
    table = tmp_path / "latency.csv"
    assert main(["latency", str(run.path), "--members", "1", "--batch", "2", "--csv", str(table)]) == 0
    shown = capsys.readouterr().out
    assert "LeNet" not in shown  # not of this data set
    assert "logistic regression" in shown
    assert table.read_text().startswith("network,backend,flops,batch,latency_ms")
    assert main(["latency", str(tmp_path / "none.sqlite")]) == 2
