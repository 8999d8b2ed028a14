"""Presets of every space, and settings of the space itself."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.datasets import FACTS, SPLITS, DataFacts, Dataset, load_dataset
from workbench.errors import ConfigError
from workbench.search.presets import facts_of
from workbench.settings import all_settings
from workbench.space import Presets, RecordSpace
from workbench.spaces import SPACES, MlpSpace, make_space
from workbench.spaces.recipes import derived_recipe, neuron_preset

OURS = [name for name, kind in SPACES.items() if kind.__module__.startswith("workbench.")]  # not those of other tests
EVERY_SPACE = pytest.mark.parametrize("name", OURS)


def test_what_is_known_of_digits_without_loading_them():
    data, facts = load_dataset("digits"), FACTS["digits"]
    assert (facts.name, facts.shape, facts.n_classes, facts.is_table) == ("digits", data.shape, 10, False)
    assert [facts.size(split) for split in SPLITS] == [data.size(split) for split in SPLITS]


@EVERY_SPACE
@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10"])
def test_every_space_has_a_quick_preset_for_every_data_set(name, dataset):
    chosen = wb.preset("quick", dataset, name, seed=3)
    space = chosen.space(facts_of(dataset))
    assert isinstance(space, Presets)
    assert space == make_space(name, space.config())
    assert chosen.config.seed == 3
    assert chosen.config.generations >= 1
    assert chosen.about
    space.rates(chosen.config.rates)
    low, high = chosen.config.flops_bounds
    sizes = [space.cost(space.sample(index, np.random.default_rng(index))).flops for index in range(5)]
    assert any(low <= size <= high for size in sizes)


@EVERY_SPACE
def test_a_preset_that_a_space_lacks(name):
    with pytest.raises(ConfigError, match=f"unknown preset 'slow' of the space '{name}'; expected one of: quick"):
        wb.preset("slow", "digits", name)


@EVERY_SPACE
def test_settings_that_a_space_does_not_obey_are_settings_of_the_search(name):
    assert set(SPACES[name].ignores) <= {one.name for one in all_settings(wb.SearchConfig)}
    assert SPACES[name].measure == ("pairs" if name == "pairs" else "accuracy")


def test_changes_go_to_the_search_the_rates_and_the_space():
    changes = {"population": 5, "rates.bridge": 0.5, "space.initial.local": "1", "space.backend": "csr"}
    chosen = wb.preset("quick", "digits", **changes)
    assert chosen.config.population == 5
    assert chosen.config.rates["bridge"] == 0.5
    assert chosen.config.rates["spatial_base"] == 1.0  # of the preset
    record = wb.preset("quick", "digits", rates=wb.MutationRates(add_edges=0.9), **{"rates.bridge": 0.5}).config.rates
    assert (record["add_edges"], record["bridge"]) == (0.9, 0.5)
    space = chosen.space(load_dataset("digits"))
    assert (space.initial.local, space.backend) == (1, "csr")
    assert space.initial.spatial_base == 1.0


def test_mlps_have_settings_of_their_own():
    ours, theirs = wb.preset("quick", "mnist", "mlp").config, wb.preset("quick", "mnist").config
    assert ours.flops_bounds == (2 * 1588, 64 * 1588)
    assert ours.hypervolume == theirs.hypervolume  # so that hypervolumes compare
    assert (ours.train.epochs, ours.train.learning_rate, ours.rates) == (3, 0.02, {})
    best = wb.preset("best", "mnist", MlpSpace, **{"space.hidden_layers": (2, 2)})
    assert best.config.population == 60
    assert best.space(FACTS["mnist"]) == MlpSpace((1, 28, 28), 10, (2, 2), (2, 256))
    rows = np.random.default_rng(0).random((300, 1, 12))
    data = Dataset.from_arrays(rows, np.arange(300) % 3, rows[:30], np.arange(30) % 3, name="rows")
    assert "derived from the data" in wb.preset("quick", data, "mlp").about


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space.input_shape": 5}, "unknown setting 'input_shape' of MlpSpace; expected one of: hidden_layers, "),
        ({"space.hidden_widths": "wide"}, "hidden_widths expects 2 numbers"),
        ({"space.hidden_widths": "0,4"}, "MlpSpace.hidden_widths expects a range"),
    ],
)
def test_bad_settings_of_a_space(changes, message):
    with pytest.raises(ConfigError, match=message):
        wb.preset("quick", "digits", "mlp", **changes).space(FACTS["digits"])


@EVERY_SPACE
def test_settings_without_effect_in_a_space_are_refused(name):
    chosen = wb.preset("quick", "digits", name)
    for idle in chosen.kind.ignores:
        with pytest.raises(ConfigError, match=f"{idle}: without effect in the space '{name}'; leave it as it is"):
            chosen.changed({idle: "0.1"})


@EVERY_SPACE
def test_oblong_images_have_presets(name):
    images = np.random.default_rng(0).random((12, 7, 20))
    data = Dataset.from_arrays(images, np.arange(12) % 3, images, np.arange(12) % 3, name="oblong")
    chosen = wb.preset("quick", data, name).space(data)
    assert chosen.cost(chosen.sample(0, np.random.default_rng(0))).flops > 0


@pytest.mark.parametrize(
    ("shape", "shift", "decay"),
    [((1, 28, 28), 1, 1.5), ((3, 32, 32), 2, 1.6), ((3, 64, 48), 2, 2.4), ((3, 96, 96), 5, 4.8), ((1, 8, 8), 0, 1.0)],
)
def test_pixels_of_a_derived_preset_grow_with_the_image(shape, shift, decay):
    data = DataFacts("own", shape, 5, (1000, 100, 100, 100))
    recipe = derived_recipe(data)
    assert (recipe.train["shift"], recipe.law["spatial_base"]) == (shift, decay)
    chosen = neuron_preset("quick", data)
    assert chosen.search["rates"]["spatial_base"] == chosen.space["initial.spatial_base"] == decay
    assert f"shifts up to {shift} px" in chosen.about
    assert f"decay length {decay:g} px" in chosen.about


def test_rows_of_a_table_are_neither_shifted_nor_near():
    images = np.random.default_rng(0).random((90, 1, 30))
    data = Dataset.from_arrays(images, np.arange(90) % 3, images[:9], np.arange(9) % 3, name="table")
    recipe = derived_recipe(data)
    assert (recipe.train["shift"], recipe.law["spatial_base"]) == (0, 3000.0)
    assert "72 rows of 30 features, 3 classes" in neuron_preset("quick", data).about
    assert "no spatial preference" in neuron_preset("quick", data).about


def test_a_space_without_presets():
    class Bare(RecordSpace):
        pass

    with pytest.raises(ConfigError, match=r"Bare.* has no presets .* give Search a SearchConfig and the space instead"):
        wb.preset("quick", "digits", Bare)
    with pytest.raises(ConfigError, match="unknown search space 'cells'; expected one of: neurons, mlp"):
        wb.preset("quick", "digits", "cells")
