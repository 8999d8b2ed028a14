"""One network from inside: confusion, evidence, distributions, training curves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from search.search_samples import NumberSpace, tiny_data
from synthetic_runs import member, write_run

from workbench.compiler.network import interpret
from workbench.errors import DataError, WeightsError
from workbench.genome import Genome
from workbench.initial import initialise, random_genome
from workbench.plots import (
    confusion,
    confusion_figure,
    distribution_figure,
    distributions,
    evidence,
    evidence_figure,
    training_curves,
    training_curves_figure,
)

DATA = tiny_data()


@pytest.fixture
def genome(rng):
    """A network with skip edges and a normalised layer."""
    drawn = random_genome(DATA.shape, DATA.n_classes, rng, hidden_layers=(2, 2), layer_size=(0.5, 0.6))
    biases = rng.normal(size=len(drawn.biases)).astype(np.float32)
    return drawn.with_parameters(initialise(drawn, rng).weights, biases)


def test_confusion_is_that_of_the_interpreter(genome):
    images, labels = DATA.arrays("validation")
    logits = interpret(genome, torch.from_numpy(images.reshape(len(images), -1))).numpy()
    found = confusion(genome, DATA)
    assert found.split == "validation"
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-4)
    expected = np.zeros((2, 2), int)
    np.add.at(expected, (labels, logits.argmax(axis=1)), 1)
    assert found.matrix.tolist() == expected.tolist()
    assert found.accuracy == np.trace(expected) / len(labels)


def test_mistakes_come_by_certainty(genome):
    found = confusion(genome, DATA, "train")
    wrong = found.wrong()
    assert len(wrong) == len(found.labels) - np.trace(found.matrix) > 0
    margins = found.logits[wrong].max(axis=1) - found.logits[wrong, found.labels[wrong]]
    assert (np.diff(margins) <= 0).all()
    assert len(found.wrong(0, 1)) == found.matrix[0, 1]
    assert len(found.wrong(0, 0)) == 0


def test_the_matrix_as_a_figure(genome):
    found = confusion(genome, DATA)
    (cells,) = confusion_figure(genome, DATA).data
    assert np.isnan(np.diag(cells.z)).all()
    assert cells.z[0][1] == found.matrix[0, 1]


def test_contributions_add_up_to_the_logit(genome):
    logits = confusion(genome, DATA, "selection").logits
    for index in range(4):
        found = evidence(genome, DATA, "selection", index)
        np.testing.assert_allclose(found.logits, logits[index], rtol=1e-4, atol=1e-4)
        assert found.predicted == logits[index].argmax()
        assert found.true == DATA.labels("selection")[index]
        for side in (found.for_predicted, found.for_true):
            assert side.contributions.sum() + side.bias == pytest.approx(side.logit, abs=1e-4)
            assert (np.diff(np.abs(side.contributions)) <= 0).all()
            np.testing.assert_array_equal(side.positions, genome.positions[side.neurons])
        assert found.probabilities.sum() == pytest.approx(1)


def test_evidence_as_a_figure(genome):
    wrong = int(confusion(genome, DATA, "train").wrong()[0])
    figure = evidence_figure(genome, DATA, "train", wrong)
    found = evidence(genome, DATA, "train", wrong)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert len(bars) == 2  # for what it was taken for, and for what it is
    assert sum(bars[0].x) == pytest.approx(found.for_predicted.logit, abs=1e-4)
    assert sum(bars[1].x) == pytest.approx(found.for_true.logit, abs=1e-4)


def test_untrained_networks_and_other_data_are_refused(genome):
    bare = genome.with_parameters(None, genome.biases)
    for look in (lambda: confusion(bare, DATA), lambda: evidence(bare, DATA, "validation", 0)):
        with pytest.raises(WeightsError, match="it was never trained, or they were not kept; train it first"):
            look()
    with pytest.raises(DataError, match="expected a network for images"):
        confusion(Genome.from_edges((1, 2, 2), 2, [0, 1], [4, 5], [1, 1]), DATA)
    with pytest.raises(DataError, match="expected an index"):
        evidence(genome, DATA, "validation", 999)
    with pytest.raises(DataError, match="expected a split"):
        confusion(genome, DATA, "exam")


def test_distributions_count_everything(genome):
    info = distributions(genome)
    assert info.weights[1].sum() == genome.n_edges
    assert info.in_degree[1].sum() == genome.n_hidden
    assert info.out_degree[1].sum() == genome.n_inputs + genome.n_hidden
    assert info.unused_inputs == genome.n_inputs - len(set(genome.sources[genome.sources < genome.n_inputs]))
    bounds, counts = info.in_degree
    middle = (bounds[1:] + bounds[:-1]) / 2
    into_hidden = (genome.targets >= genome.n_inputs + genome.n_outputs).sum()
    assert counts @ middle == into_hidden  # bins are one wide here, so this is exact
    assert len(distribution_figure(genome).data) == 5


def test_distributions_of_a_topology(genome):
    info = distributions(genome.with_parameters(None, genome.biases))
    assert info.unknown_weights == genome.n_edges
    assert info.weights[1].sum() == 0


def test_training_curves(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    child = member(1, 0, 1, "grow", 0.7, 1200, before=0.4)
    run = write_run(tmp_path / "run.sqlite", [member(0, None, 0, None, 0.5, 1000), child], [])
    curves = training_curves(run, 1)
    assert curves.epochs.tolist() == [1, 2]
    assert curves.validation.tolist() == [0.7, 0.7]
    assert np.isnan(curves.loss).all()  # was not noted
    assert (curves.before, curves.parent) == (0.4, 0.5)
    figure = training_curves_figure(run, 1)
    assert list(figure.data[0].y) == [0.4, 0.7, 0.7]
    assert "training loss" not in [line.name for line in figure.data]
    assert not figure.layout.yaxis2.visible
    assert figure.data[-1].name == "parent (validation)"
    assert np.isnan(training_curves(run, 0).parent)
