"""The front with honest accuracies, and the presets."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, finish, tiny_data

from workbench.datasets import load_dataset
from workbench.errors import ConfigError, RunError
from workbench.evolution import HypervolumeBounds
from workbench.mutations import MutationRates
from workbench.search import Search, preset
from workbench.search.presets import PRESETS
from workbench.search.report import front_table
from workbench.spaces import NeuronSpace, make_space
from workbench.store import open_run
from workbench.training import TrainConfig

DATA = tiny_data()


@pytest.fixture
def evaluated(monkeypatch):
    """A run of numbers whose selection accuracy is made up; which individuals were measured on which split."""
    asked: list[tuple[float, str]] = []

    class Honest(NumberSpace):
        def evaluate(self, genome, data, split):
            asked.append((genome[1], split))
            return {"selection": round(genome[1] * 20) / 20, "test": genome[1] - 0.01}[split]

    monkeypatch.setattr("workbench.search.report.make_space", lambda name, config: Honest())
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    return asked


def test_only_those_that_improve_on_the_selection_split_are_tested(tmp_path, evaluated):
    finish(Search(DATA, replace(SMALL, population=40), tmp_path / "run.sqlite", NumberSpace()))
    run = open_run(tmp_path / "run.sqlite")
    table = front_table(run, DATA)
    assert table["id"].tolist() == run.front()["id"].tolist()
    assert table["flops"].is_monotonic_increasing
    best, expected = -1.0, []
    for accuracy in table["selection_accuracy"]:
        expected.append(accuracy > best)
        best = max(best, accuracy)
    tested = table["test_accuracy"].notna().tolist()
    assert tested == expected
    assert True in tested
    assert False in tested
    assert [skill for skill, split in evaluated if split == "test"] == table["val_accuracy"][tested].tolist()
    assert [skill for skill, split in evaluated if split == "selection"] == table["val_accuracy"].tolist()


def test_without_data_or_test_nothing_is_measured(tmp_path, evaluated):
    finish(Search(DATA, SMALL, tmp_path / "run.sqlite", NumberSpace()))
    run = open_run(tmp_path / "run.sqlite")
    plain = front_table(run)
    assert evaluated == []
    columns = ["id", "generation", "mutation", "flops", "flops_total", "parameters", "layers", "val_accuracy"]
    assert plain.columns.tolist() == columns
    assert (plain["layers"] == (plain["flops"] // 2).astype(str)).all()
    untested = front_table(run, DATA, test=False)
    assert {split for _, split in evaluated} == {"selection"}
    assert untested["test_accuracy"].isna().all()


def test_other_data_are_refused(tmp_path):
    """Another split of the same images would select on what was trained on."""
    finish(Search(DATA, SMALL, tmp_path / "run.sqlite", NumberSpace()))
    with pytest.raises(RunError, match="other data"):
        front_table(open_run(tmp_path / "run.sqlite"), tiny_data(seed=1))


def test_an_empty_run(tmp_path):
    Search(DATA, SMALL, tmp_path / "run.sqlite", NumberSpace()).close()
    assert len(front_table(open_run(tmp_path / "run.sqlite"))) == 0


DIGITS = load_dataset("digits")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10", "custom"])
def test_every_preset_builds(name, dataset):
    chosen = preset(name, dataset)
    config = chosen.config
    rates = MutationRates(**config.rates)
    assert rates.law
    assert config.generations >= 1
    space = chosen.space(DIGITS)
    assert space == make_space("neurons", space.config())
    assert (config.hypervolume == HypervolumeBounds()) == (dataset == "custom")
    if dataset == "custom":
        assert config.flops_bounds == (0, math.inf)
    else:
        assert config.hypervolume.min_flops <= config.flops_bounds[1] <= config.hypervolume.max_flops


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_the_paper_preset_is_as_published(dataset):
    chosen = preset("paper", dataset)
    config = chosen.config
    assert (config.population, config.children, config.generations, config.tournament) == (60, 15, 40, 3)
    assert (config.selection, config.survival) == ("pareto", "oldest")
    assert config.flops_min in (None, 70_000)
    rates = NeuronSpace.for_data(DIGITS).rates(config.rates)
    assert rates == MutationRates()
    assert (rates.spatial_base, rates.spatial_per_layer) == (4.0, 1.5)
    initial = chosen.initial
    assert (initial.spatial_base, initial.spatial_per_layer) == (4.0, 1.5)
    assert (initial.hidden_layers, initial.edges_per_neuron, initial.layer_size) == ((1, 4), (5, 20), (0.4, 2.0))


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "digits"])
def test_the_best_preset_is_of_paper_scale(dataset):
    config = preset("best", dataset).config
    assert (config.population, config.children, config.generations) == (60, 15, 40)


def test_changes_go_over_a_preset():
    config = preset("quick", "digits", seed=7, **{"train.epochs": 2, "hypervolume.max_error": 0.25}).config
    assert (config.seed, config.train.epochs, config.hypervolume.max_error) == (7, 2, 0.25)
    assert config.train == replace(preset("quick", "digits").config.train, epochs=2)
    assert preset(name="quick", dataset="digits") == preset("quick", "digits")


def test_unknown_preset_and_setting():
    with pytest.raises(ConfigError, match="unknown preset 'fast'; expected one of: quick, paper, best"):
        preset("fast", "mnist")
    with pytest.raises(ConfigError, match="unknown setting 'speed'"):
        preset("quick", "mnist", speed=3)
    with pytest.raises(ConfigError, match="epochs"):
        preset("quick", "mnist", train=TrainConfig(epochs=2), **{"train.epochs": -2})


def test_the_quick_preset_learns_digits(tmp_path):
    """A very small part of it: every child is better than chance, within the FLOPs allowed."""
    data = DIGITS.subset(200)
    chosen = preset("quick", "digits", population=3, children=2, generations=1, workers=1, **{"train.epochs": 6})
    finish(Search(data, chosen.config, tmp_path / "run.sqlite", chosen.space(data)))
    table = open_run(tmp_path / "run.sqlite").individuals
    assert (table["val_accuracy"] > 0.3).all()
    assert table["flops"].between(300, 20_000).all()
