"""Long comparisons: files that survive a stop, retraining of a front, random search at equal budget."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from workbench import baselines
from workbench.errors import ConfigError, RunError
from workbench.results.files import ResultFile, looks_at_test, mean_of
from workbench.results.random_search import random_search, training_cost
from workbench.results.retraining import lineage_epochs, retrain_front, retraining_table
from workbench.results.study import measure_baselines
from workbench.search.report import chosen_members, front_table
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig, evaluate, train


def quiet(text: str) -> None:
    """Says nothing."""


# ---------------------------------------------------------------------- files and statistics
def test_a_result_file_keeps_what_came(tmp_path):
    file = ResultFile(tmp_path / "deep" / "results.json")
    assert len(file) == 0
    file.add("a", {"x": 1})
    file.add("b", {"x": 2})
    again = ResultFile(file.path)
    assert again.items() == [("a", {"x": 1}), ("b", {"x": 2})]
    assert ("a" in again, "c" in again) == (True, False)
    assert [path.name for path in file.path.parent.iterdir()] == ["results.json"]


def test_an_entry_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    file = ResultFile(tmp_path / "results.json")
    file.add("a", {"x": 1})
    with pytest.raises(TypeError):
        file.add("b", {"x": object()})
    assert ("b" in file, json.loads(file.path.read_text())) == (False, {"a": {"x": 1}})
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_other_files_are_refused(tmp_path):
    for text in ("[1]", "{", '{"a": 1}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(RunError, match="move it away"):
            ResultFile(tmp_path / "other.json")


def test_the_interval_is_students():
    made = mean_of([0.98, 0.99, 1.00])
    assert made.mean == pytest.approx(0.99)
    assert made.margin == pytest.approx(4.3027 * 0.01 / np.sqrt(3), rel=1e-4)
    assert made.percent() == "99.00 ± 2.48 %"
    assert mean_of([0.5]).percent() == "50.00 %"


# ---------------------------------------------------------------------- baselines
def test_baselines_are_trained_once(tmp_path, digits, monkeypatch):
    small = baselines.Architecture("small", "small", (baselines.Dense(6),), 0.01, epochs=2)
    pruned = replace(small, name="cut", title="cut", sparsities=(0.5, 0.75))
    monkeypatch.setattr("workbench.baselines.baseline", {"small": small, "cut": pruned}.__getitem__)
    few, file, said = digits.subset(100), ResultFile(tmp_path / "baselines.json"), []
    measure_baselines(file, few, (0, 1), ("small", "cut"), epochs=1, say=said.append)
    assert [key for key, _ in file.items()] == [
        "small seed 0",
        "cut seed 0 50.0%",
        "cut seed 0 75.0%",
        "small seed 1",
        "cut seed 1 50.0%",
        "cut seed 1 75.0%",
    ]
    assert len(said) == 6
    assert {entry["epochs"] for _, entry in file.items()} == {1, 2, 3}
    measure_baselines(ResultFile(file.path), few, (0, 1), ("small", "cut"), epochs=1, say=said.append)
    assert len(said) == 6


def test_baselines_trained_for_longer_are_further_entries(tmp_path, digits, monkeypatch):
    small = baselines.Architecture("small", "small", (baselines.Dense(6),), 0.01, epochs=2)
    pruned = replace(small, name="cut", sparsities=(0.5,))
    monkeypatch.setattr("workbench.baselines.baseline", {"small": small, "cut": pruned}.__getitem__)
    few, file = digits.subset(100), ResultFile(tmp_path / "baselines.json")
    measure_baselines(file, few, (0,), ("small",), say=quiet)
    for longer in (2, 3):  # it trains for 2 epochs anyway
        measure_baselines(file, few, (0, 1), ("small", "cut"), longer=longer, say=quiet)
    entries = {key: (entry["title"], entry["epochs"]) for key, entry in file.items()}
    assert entries == {
        "small seed 0": ("small", 2),
        "small seed 0 3 epochs": ("small, 3 epochs", 3),
        "small seed 1 3 epochs": ("small, 3 epochs", 3),
    }
    expected = baselines.train(small, few, replace(baselines.recipe(small, "digits"), epochs=3), seed=1)
    assert file["small seed 1 3 epochs"]["test_accuracy"] == expected.test_accuracy


# ---------------------------------------------------------------------- retraining
def test_members_are_chosen_on_the_selection_split(run, digits):
    whole = front_table(run, digits)
    chosen = chosen_members(run, digits)
    assert chosen["id"].tolist() == whole["id"][whole["test_accuracy"].notna()].tolist()
    assert "test_accuracy" not in chosen
    if len(chosen) > 2:
        some = chosen_members(run, digits, most=2)
        assert some["id"].tolist() == [chosen["id"].iloc[0], chosen["id"].iloc[-1]]
    assert chosen_members(run, digits, most=1)["id"].tolist() == [chosen["id"].iloc[-1]]


def test_the_front_is_trained_again_and_again_only_where_it_is_not(run, digits, tmp_path):
    config, said = TrainConfig(epochs=2, batch_size=32, learning_rate=0.01), []
    file = ResultFile(tmp_path / "front.json")
    table = retrain_front(run, digits, config, (0, 1), file=file, most=2, say=said.append)
    members = chosen_members(run, digits, most=2)["id"].tolist()
    assert table["id"].tolist() == members
    assert len(said) == looks_at_test([file]) == len(members) * (1 + 2 * 2)
    genome = run.genome(members[0])
    row = table.iloc[0]
    assert row["found"] == evaluate(genome, digits, "test")
    fresh = [evaluate(train(genome.without_weights(), digits, config, seed).genome, digits, "test") for seed in (0, 1)]
    assert row["fresh"] == pytest.approx(np.mean(fresh))
    assert (row["fresh_seeds"], row["fresh_epochs"], row["inherited_epochs"]) == (2, 2, 2)
    assert row["lineage_epochs"] == run.lineage(members[0])["epochs"].sum() == lineage_epochs(run, members[0])
    again = retrain_front(run, digits, config, (0, 1), file=ResultFile(file.path), most=2, say=said.append)
    assert again.equals(table)
    assert len(said) == looks_at_test([file])
    with pytest.raises(RunError, match=r"another recipe \(recipe, inherited_recipe differ\)"):
        retrain_front(run, digits, replace(config, epochs=3), (0, 1), file=file, most=2, say=quiet)


def test_workers_change_no_result(run, digits, tmp_path):
    config = TrainConfig(epochs=1, batch_size=32)
    tables = [
        retrain_front(run, digits, config, (0,), file=ResultFile(tmp_path / f"{n}.json"), most=2, workers=n, say=quiet)
        for n in (1, 2)
    ]
    assert tables[0].equals(tables[1])
    assert retraining_table(ResultFile(tmp_path / "none.json")).empty


# ---------------------------------------------------------------------- random search
def test_random_search_spends_the_budget_of_the_evolution(run, digits, tmp_path):
    search = random_search(run, digits, tmp_path / "random.sqlite", seed=1)
    search.start()
    search.join()
    search.close()
    made = open_run(tmp_path / "random.sqlite")
    assert made.state == "finished"
    table = made.individuals
    assert table["parent"].isna().all()
    assert (table["epochs"] == 4).all()  # as many as the evolution's initial individuals
    budget = training_cost(run)
    by_generation = (table["epochs"] * table["flops"]).groupby(table["generation"]).sum().cumsum()
    assert by_generation.iloc[-1] >= budget > by_generation.iloc[-2]
    again = random_search(run, digits, tmp_path / "random.sqlite", seed=1)
    assert again.snapshot().state == "finished"
    again.close()


def test_sampled_sizes_are_log_uniform():
    initial = InitialConfig(
        random=1,
        local=1,
        dense=1,
        convolution=1,
        hidden_layers=(1, 2),
        layer_size=(0.3, 1.0),
        edges_per_neuron=(3, 8),
        spatial_base=1.5,
        spatial_per_layer=0,
        flops=(2_000, 20_000),
    )
    space = NeuronSpace((1, 12, 12), 10, initial)
    rng = np.random.default_rng(0)
    sizes = np.log([space.sample(index, rng).flops for index in range(40)])
    place = (sizes - np.log(2_000)) / np.log(10)
    assert -0.05 < place.min() < 0.15
    assert 0.85 < place.max() < 1.05
    assert abs(place.mean() - 0.5) < 0.15
    assert NeuronSpace.from_config(space.config()) == space
    with pytest.raises(ConfigError, match="flops expects a range"):
        InitialConfig(flops=(0, 1))
