"""The front with honest accuracies, and the presets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search_samples import SMALL, NumberSpace, finish, tiny_data

from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, RunError
from workbench.mutations import MutationRates
from workbench.search import Search, preset
from workbench.search.report import front_table
from workbench.spaces import NeuronSpace, make_space
from workbench.spaces.recipes import PRESETS
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
    columns = ["id", "generation", "mutation", "flops", "flops_total", "parameters", "summary", "val_accuracy"]
    assert plain.columns.tolist() == columns
    assert (plain["summary"] == (plain["flops"] // 2).astype(str)).all()
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


def own(shape: tuple[int, ...], n: int = 300, n_classes: int = 3) -> Dataset:
    values, labels = np.random.default_rng(0).random((n, *shape)).astype(np.float32), np.arange(n) % n_classes
    return Dataset.from_arrays(values, labels, values[:30], labels[:30], name="own")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10"])
def test_every_preset_builds(name, dataset):
    chosen = preset(name, dataset)
    config = chosen.config
    rates = MutationRates(**config.rates)
    assert rates.law
    assert config.generations >= 1
    space = chosen.space(DIGITS)
    assert space == make_space("neurons", space.config())
    assert config.hypervolume.min_flops <= config.flops_bounds[1] <= config.hypervolume.max_flops
    assert chosen.about == f"Settings measured on {dataset}"


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 1, 13), (1, 5, 40), (1, 12, 12), (3, 64, 48)])
def test_settings_are_derived_from_other_data(name, shape):
    data = own(shape)
    chosen = preset(name, data)
    low, high = chosen.config.flops_bounds
    bounds = chosen.config.hypervolume
    assert bounds.min_flops <= low or name == "paper"
    assert high <= bounds.max_flops
    assert (chosen.config.train.shift > 0) == (min(shape[1:]) >= 16)
    assert "derived from the data" in chosen.about
    genome = chosen.space(data).sample(0, np.random.default_rng(0))
    assert genome.input_shape == shape


def test_named_data_keep_their_settings():
    assert preset("quick", DIGITS).config == preset("quick", "digits").config
    assert preset("quick", DIGITS.subset(100)).config == preset("quick", "digits").config
    assert "derived" in preset("quick", replace(own((1, 5, 5)), name="digits")).about


def test_the_settings_of_a_table_fit_it(tmp_path):
    """Wine: 13 features in units of their own; with MNIST's recipe a child learned 68 %."""
    from sklearn.datasets import load_wine

    rows, labels = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(rows))
    rows, labels = rows[order, None, :], labels[order]
    data = Dataset.from_arrays(rows[:130], labels[:130], rows[130:], labels[130:], name="wine")
    chosen = preset("quick", data, population=4, children=2, generations=1, workers=1)
    finish(Search(data, chosen.config, tmp_path / "run.sqlite", chosen.space(data)))
    assert front_table(open_run(tmp_path / "run.sqlite"), data)["test_accuracy"].max() > 0.85


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
    initial = chosen.space(DIGITS).initial
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
    assert preset(name="quick", data="digits") == preset("quick", "digits")


def test_unknown_preset_and_setting():
    with pytest.raises(
        ConfigError, match="unknown preset 'fast' of the space 'neurons'; expected one of: quick, paper, best"
    ):
        preset("fast", "mnist")
    with pytest.raises(ConfigError, match=r"'cifar-10' \(did you mean 'cifar10'\?\); .* the Dataset itself"):
        preset("best", "cifar-10")
    with pytest.raises(ConfigError, match="the name of a data set, or a Dataset, got None"):
        preset("best", None)
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
