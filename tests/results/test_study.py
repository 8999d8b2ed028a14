"""A whole comparison, small: everything is done once, goes on after a stop, and is printed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import ConfigError, RunError
from workbench.plots import comparison, comparison_figure
from workbench.results import __main__ as command
from workbench.results.files import ResultFile, markdown
from workbench.results.study import Study, carry_out, longest_training, stored_comparison, study_tables
from workbench.search import SearchConfig
from workbench.search.report import chosen_members
from workbench.store import open_run

SMALL = {"population": 5, "children": 3, "generations": 2, "train.epochs": 2, "initial_epochs": 3}


@pytest.fixture(scope="module")
def few(digits):
    return digits.subset(200)


@pytest.fixture(scope="module")
def study(few, tmp_path_factory):
    made = Study(
        "digits",
        "quick",
        (0, 1),
        tmp_path_factory.mktemp("results"),
        SMALL,
        baseline_epochs=1,
        baselines=("logistic",),
        retraining_epochs=2,
        members=2,
        finishing_epochs=2,
    )
    carry_out(made, few, say=lambda words: None)
    return made


def test_random_searches_spend_what_the_searches_spent(study):
    entries = dict(ResultFile(study.results_path("searches")).items())
    assert list(entries) == ["search seed 0", "search seed 1", "random seed 0", "random seed 1"]
    for seed in (0, 1):
        found, random = entries[f"search seed {seed}"], entries[f"random seed {seed}"]
        assert random["training_cost"] >= found["training_cost"]
        assert (found["selection"], random["selection"]) == ("pareto", "random")
        run = open_run(study.run_path("search", seed))
        assert found["hypervolume"] == run.generations["hypervolume"].iloc[-1]
        assert found["individuals"] == 5 + 3 * 2


def test_the_searches_compare_from_the_file_alone(study):
    """As from the run files themselves."""
    stored = stored_comparison(study.results_path("searches"))
    groups = {"evolution": ["search 0", "search 1"], "random search": ["random 0", "random 1"]}
    runs = {name: open_run(study.run_path(*name.split())) for names in groups.values() for name in names}
    found = comparison(runs, groups)
    assert {name: len(curves) for name, curves in stored.groups.items()} == {"evolution": 2, "random search": 2}
    for cost, budget in found.budget.items():
        assert stored.budget[cost] == pytest.approx(budget, rel=1e-5)
        curves = [curve for group in stored.groups.values() for curve in group]
        if any(curve.costs[cost][0] > budget * 1.009 for curve in curves):
            continue  # a busy machine: of what a run had before its first generation, the file knows nothing
        for one, other in zip(stored.tests(cost, budget * 1.01), found.tests(cost, budget * 1.01), strict=True):
            assert one.medians == pytest.approx(other.medians, abs=1e-4)
    for name, attained in found.attainment.items():
        assert stored.attainment[name].median == pytest.approx(attained.median, nan_ok=True)
    assert comparison_figure(stored).layout.xaxis2.title.text == "training: epochs × FLOPs"


def test_a_file_without_costs_does_not_compare(tmp_path):
    ResultFile(tmp_path / "searches.json").add("search seed 0", {"front": [], "selection": "pareto"})
    with pytest.raises(RunError, match="'search seed 0' has no costs"):
        stored_comparison(tmp_path / "searches.json")


def test_what_is_done_is_not_done_again(study, few):
    before = {path.name: path.read_bytes() for path in study.folder.glob("*.json")}
    said: list[str] = []
    carry_out(study, few, say=said.append)
    assert {path.name: path.read_bytes() for path in study.folder.glob("*.json")} == before
    assert [words for words in said if "member" in words or "logistic" in words] == []


def test_the_tables_hold_the_stored_figures(study):
    text = study_tables(study)
    entries = dict(ResultFile(study.results_path("searches")).items())
    assert all(f"{entry['hypervolume']:.4f}" in text for entry in entries.values())
    assert "| logistic regression | 1,280 |" in text
    assert "2 seeds: " not in text
    assert re.search(r"\d\d\.\d\d ± \d+\.\d\d %", text)
    assert text.count("\n### ") == 5
    assert "times fewer operations" in text
    looks = sum(
        "test_accuracy" in line for path in study.folder.glob("*.json") for line in path.read_text().split("\n")
    )
    assert f"looked at {looks} times" in text


def test_tables_are_markdown():
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_the_command_prints_what_there_is(study, capsys, monkeypatch):
    monkeypatch.setattr(command, "Study", lambda name, preset, folder: replace(study, folder=folder))
    assert command.main(["--data", "digits", "--tables", "--folder", str(study.folder)]) == 0
    assert "hand-made networks" in capsys.readouterr().out
    assert command.main(["--data", "nothing", "--folder", str(study.folder)]) == 2
    assert "workbench: " in capsys.readouterr().err


def test_a_step_needs_those_before_it(few, tmp_path):
    study = Study("digits", "quick", (0,), tmp_path, SMALL)
    with pytest.raises(ConfigError, match="do the step 'searches' first"):
        carry_out(study, few, ("retraining",))
    with pytest.raises(ConfigError, match="unknown step 'all'"):
        carry_out(study, few, ("all",))
    with pytest.raises(ConfigError, match="expected the data set 'mnist'"):
        carry_out(replace(study, dataset="mnist"), few)


def test_quick_studies_are_small():
    for name in ("digits", "mnist", "cifar10"):
        study = Study.quick(name, Path("somewhere"))
        assert study.preset == "quick"
        assert (study.retraining_epochs or 99) <= 20
    assert SearchConfig().budget is None


def test_the_most_accurate_member_is_finished(study, few):
    """It grows by the search's own mutations; the largest of those that the selection split chose is the one."""
    entries = dict(ResultFile(study.results_path("finish", 0)).items())
    about, one, two = entries["about"], entries["growth 1 seed 0"], entries["growth 2 seed 0"]
    run = open_run(study.run_path("search", 0))
    assert about["member"] == chosen_members(run, few)["id"].iloc[-1]
    flops = run.individuals.set_index("id")["flops"][about["member"]]
    assert (one["flops"], one["epochs"]) == (flops, 2)
    assert two["flops"] >= 2 * flops
    assert two["lineage_epochs"] > one["lineage_epochs"]
    assert not study.results_path("finish", 1).exists()


def test_hand_made_networks_train_as_long_as_our_longest_lineage(study, tmp_path):
    entries = [dict(ResultFile(study.results_path("retrain", seed)).items()) for seed in (0, 1)]
    entries.append(dict(ResultFile(study.results_path("finish", 0)).items()))
    trained = [
        entry["epochs"] + (entry["lineage_epochs"] if entry.get("start") != "fresh" else 0)
        for file in entries
        for key, entry in file.items()
        if key != "about"
    ]
    longest = longest_training(study)
    assert longest == max(trained) > 2
    made = ResultFile(study.results_path("baselines"))
    for seed in (0, 1):
        assert made[f"logistic seed {seed}"]["epochs"] == 1
        assert made[f"logistic seed {seed} {longest} epochs"]["epochs"] == longest
    with pytest.raises(ConfigError, match=r"'retraining' and 'finishing' first.*--longer-epochs"):
        longest_training(replace(study, folder=tmp_path))


def test_parts_of_a_study_are_chosen_on_the_command_line(few, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_dataset", lambda name, root: few)
    folder = ["--data", "digits", "--folder", str(tmp_path)]
    part = [
        "--quick",
        "--step",
        "baselines",
        "longer",
        "--longer-epochs",
        "21",
        "--baselines",
        "mlp-32",
        "--seeds",
        "2",
    ]
    assert command.main([*folder, *part]) == 0
    assert [key for key, _ in ResultFile(tmp_path / "baselines-digits.json").items()] == [
        "mlp-32 seed 2",
        "mlp-32 seed 2 21 epochs",
    ]
    assert "| MLP 32, 21 epochs | 4,736 |" in capsys.readouterr().out


def test_another_recipe_is_refused(study, few):
    with pytest.raises(RunError, match="another recipe"):
        carry_out(replace(study, finishing_epochs=3), few, ("finishing",), say=lambda words: None)
