"""Search spaces side by side: equal processor seconds, also over stops; what is kept; tables and figure from it."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError, RunError
from workbench.plots import comparison_figure
from workbench.results import __main__ as command
from workbench.results import spaces
from workbench.results.files import ResultFile
from workbench.results.spaces import (
    SpacesStudy,
    carry_out_run,
    carry_out_spaces,
    comparable_spaces,
    search_of,
    steps_of,
)
from workbench.results.spaces_tables import (
    controls_comparison,
    differences_table,
    kept_runs,
    spaces_comparison,
    spaces_table,
    spaces_tables,
)
from workbench.results.timed import Spending, run_for
from workbench.store import is_being_written, open_run
from workbench.views.compare.curves import curve_of

SECONDS = 0.6
SMALL = {"population": 4, "children": 3, "initial_epochs": 2, "train.epochs": 1}


@pytest.fixture(scope="module")
def few(digits):
    return digits.subset(100)


@pytest.fixture(scope="module")
def study(few, tmp_path_factory):
    """Evolution and random search of one space, in this process."""
    made = SpacesStudy("digits", ("neurons",), (0,), SECONDS, tmp_path_factory.mktemp("spaces"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(spaces.CHANGES, "neurons", SMALL)
        file = ResultFile(made.results_path)
        for kind in spaces.KINDS:
            entry = carry_out_run(made, few, "neurons", kind, 0)
            assert entry is not None
            file.add(spaces.key_of("neurons", kind, 0), entry)
    return made


# ---------------------------------------------------------------------- what a run has spent
def test_what_was_spent_is_kept_beside_the_run(tmp_path):
    spending = Spending(tmp_path / "run.sqlite")
    assert (spending.total, spending.by(2).tolist()) == (0, [0, 0])
    for individuals, seconds in ((0, 0.5), (2, 1.25), (2, 1.5), (3, 2.0)):
        spending.note(individuals, seconds)
    with (tmp_path / "run.seconds").open("a") as file:
        file.write("4 2.")  # killed while it wrote
    again = Spending(tmp_path / "run.sqlite")
    assert again.total == 2.0
    assert again.by(4).tolist() == [1.25, 1.25, 2.0, 2.0]
    again.note(4, 3.0)
    assert Spending(tmp_path / "run.sqlite").by(4)[-1] == 3.0
    (tmp_path / "run.seconds").write_text("something else\n")
    with pytest.raises(RunError, match="does not hold what a run has spent"):
        Spending(tmp_path / "run.sqlite")


def test_all_runs_get_the_same_seconds(study):
    entries = [entry for _, entry in ResultFile(study.results_path).items()]
    assert [entry["selection"] for entry in entries] == ["pareto", "random"]
    for entry in entries:
        assert SECONDS <= entry["processor"] < SECONDS + 0.5  # the clock is looked at every tenth of a second
        assert entry["generations"] > 1
    run = open_run(study.run_path("neurons", "random", 0))
    assert run.individuals["parent"].isna().all()
    front = open_run(study.run_path("neurons", "evolution", 0)).front()["flops"]
    assert run.space_config["initial"]["flops"] == [front.min(), front.max()]


def test_an_interrupted_run_goes_on_and_what_it_spent_counts(study, few, tmp_path, monkeypatch):
    """It tries the same networks as the one that was not interrupted."""
    monkeypatch.setitem(spaces.CHANGES, "neurons", SMALL)
    parts = SpacesStudy("digits", ("neurons",), (0,), SECONDS, tmp_path)
    search, looks = search_of(parts, few, "neurons", "evolution", 0), itertools.count()
    assert not run_for(search, SECONDS, lambda: next(looks) > 1)
    search.close()
    spent = Spending(search.path).total
    assert 0 < spent < SECONDS
    search = search_of(parts, few, "neurons", "evolution", 0)
    assert run_for(search, SECONDS)
    search.close()
    total = Spending(search.path).total
    assert SECONDS <= total < SECONDS + 0.5
    one, other = (open_run(each.run_path("neurons", "evolution", 0)).individuals for each in (study, parts))
    both = min(len(one), len(other))
    assert both > SMALL["population"]
    for column in ("id", "parent", "flops", "val_accuracy"):
        assert one[column][:both].equals(other[column][:both])
    assert run_for(search_of(parts, few, "neurons", "evolution", 0), SECONDS)  # nothing is left to be done
    assert Spending(search.path).total == total


def test_what_is_done_is_not_done_again(study, few):
    before, said = study.results_path.read_bytes(), []
    carry_out_spaces(study, few, said.append)
    assert (study.results_path.read_bytes(), said) == (before, [])


# ---------------------------------------------------------------------- what is kept
@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from((0.1, 0.2, 0.3, 0.4, float("nan")))), max_size=12))
def test_the_steps_have_the_front_at_any_time(networks):
    flops, accuracy = [float(one[0]) for one in networks], [one[1] for one in networks]
    steps = steps_of(flops, accuracy)
    for now in range(len(networks) + 1):
        known = [place for place in range(now) if np.isfinite(accuracy[place])]

        def best(places):
            return {(flops[one], accuracy[one]) for one in places if not any(
                flops[other] <= flops[one] and accuracy[other] >= accuracy[one]
                and (flops[other], accuracy[other]) != (flops[one], accuracy[one])
                for other in places
            )}  # fmt: skip

        assert best([place for place in steps if place < now]) == best(known)


def test_front_and_hypervolume_are_those_of_the_run(study):
    for kept in kept_runs(study.results_path):
        run = open_run(study.run_path("neurons", kept.kind, 0))
        whole = curve_of(run, "run", kept.curve.bounds)
        for training, volume in zip(whole.costs["training"], whole.hypervolume, strict=True):
            assert kept.curve.hypervolume_at("training", training * (1 + 1e-5)) == pytest.approx(volume, abs=1e-4)
        assert kept.curve.flops.tolist() == run.front()["flops"].tolist() == list(whole.flops)
        spending = Spending(run.path)
        half = spending.total / 2
        then = run.individuals[spending.by(kept.individuals) <= half]
        assert kept.curve.at("process", half).flops.max() <= then["flops"].max()


def test_the_network_tested_is_chosen_on_the_selection_split(study, few):
    entry = ResultFile(study.results_path)["neurons evolution seed 0"]
    run = open_run(study.run_path("neurons", "evolution", 0))
    accuracies = [run.space.evaluate(run.genome(int(id)), few, "selection") for id in run.front()["id"]]
    assert entry["selection_accuracy"] == max(accuracies)
    genome = run.genome(entry["chosen"]["id"])
    assert entry["test_accuracy"] == run.space.evaluate(genome, few, "test")


# ---------------------------------------------------------------------- tables
def entry(space: str, kind: str, seed: int, steps: list[list[float]], **more: object) -> dict[str, object]:
    """What is kept of a run that spent 60 processor seconds."""
    return {
        "seconds": 60,
        "space": space,
        "selection": "random" if kind == "random" else "pareto",
        "seed": seed,
        "individuals": 40,
        "processor": 60.0,
        "training": steps[-1][-1] * 2,
        "bounds": {"max_error": 0.5, "min_flops": 1.0, "max_flops": 100.0},
        "steps": steps,
        "test_accuracy": 0.9,
        **more,
    }


@pytest.fixture
def kept(tmp_path):
    file = ResultFile(tmp_path / "spaces-digits.json")
    for seed, better in ((0, 0.0), (1, 0.2)):  # FLOPs in the middle: hypervolume (accuracy − 0.1) / 1.8
        file.add(f"a {seed}", entry("a", "evolution", seed, [[0, 10, 0.5, 5, 100], [7, 10, 0.6 + better, 50, 1000]]))
        file.add(f"b {seed}", entry("a", "random", seed, [[0, 10, 0.5, 5, 100]]))
        file.add(f"c {seed}", entry("slow", "evolution", seed, [[0, 10, 0.4, 55, 50]], individuals=1))
    return file.path


def test_tables_tell_means_at_equal_cost(kept):
    table = spaces_table(kept).set_index(["space", "search"])
    seconds, training = "hypervolume at 60 processor seconds", "hypervolume at 100 epochs × FLOPs"
    assert table.loc[("a", "evolution"), seconds] == "0.333 ± 0.706"  # 5/18 and 7/18, t(1) = 12.7
    assert table.loc[("a", "evolution"), training] == "0.222 ± 0.000"
    assert table.loc[("slow", "evolution"), [seconds, training]].tolist() == ["0.167 ± 0.000"] * 2
    assert table["networks tried"].tolist() == ["40", "40", "1"]
    assert table.loc[("a", "evolution"), "best validation accuracy"] == "70.00 ± 127.06 %"
    gained = differences_table(kept).to_dict("records")
    assert gained == [
        {
            "space": "a",
            "pairs": "2",
            "after the same seconds": "+0.111 ± 0.706",
            "after the same training": "+0.000 ± 0.000",
            "which is": "200 epochs × FLOPs",
        }
    ]
    text = spaces_tables(kept)
    assert text.count("| a |") == 3
    assert "looked at 6 times" in text


def test_the_figure_has_a_colour_a_space(kept):
    found = spaces_comparison(kept)
    assert {name: len(curves) for name, curves in found.groups.items()} == {"a": 2, "slow": 2}
    assert found.both == ("training", "process")
    figure = comparison_figure(found)
    assert figure.layout.xaxis5.title.text == "processor seconds of the whole search"
    assert len({trace.line.color for trace in figure.data if trace.legendgroup == "a" and trace.line.color}) == 1
    assert list(controls_comparison(kept, "a").groups) == ["evolution", "random search"]
    with pytest.raises(RunError, match="no such run"):
        controls_comparison(kept, "b")


def test_other_files_are_no_study(tmp_path):
    ResultFile(tmp_path / "searches.json").add("search seed 0", {"front": [], "selection": "pareto"})
    with pytest.raises(RunError, match="does not hold runs of a study of spaces"):
        kept_runs(tmp_path / "searches.json")


def test_a_study_names_its_spaces(tmp_path, capsys):
    assert {"neurons", "mlp", "hnas", "einspace"} <= set(comparable_spaces())
    with pytest.raises(ConfigError, match=r"expected search spaces out of neurons, .*, got 'cells'"):
        SpacesStudy("digits", ("cells",))
    assert len(list(SpacesStudy("cifar10", ("neurons", "mlp")).pairs())) == 2
    assert list(SpacesStudy("digits", ("neurons", "mlp")).pairs())[:3] == [("neurons", 0), ("mlp", 0), ("neurons", 1)]
    assert command.main(["--study", "spaces", "--data", "digits", "--spaces", "cells"]) == 2
    assert "got 'cells'" in capsys.readouterr().err


# ---------------------------------------------------------------------- the command
@pytest.mark.slow
def test_a_killed_study_goes_on(tmp_path):
    """Killed in the middle of a run, whose process then ends by itself; then it has the seconds that it should have."""
    arguments = ["--study", "spaces", "--data", "digits", "--spaces", "mlp", "--seeds", "0"]
    arguments += ["--seconds", "3", "--folder", str(tmp_path)]
    killed = subprocess.Popen([sys.executable, "-m", "workbench.results", *arguments])
    run = tmp_path / "digits-spaces-mlp-evolution-0.sqlite"
    until(lambda: Spending(run).total > 0)
    killed.kill()
    killed.wait()
    until(lambda: not is_being_written(run))
    spent = Spending(run).total
    assert 0 < spent < 3
    assert command.main(arguments) == 0
    entries = dict(ResultFile(tmp_path / "spaces-digits.json").items())
    assert len(entries) == 2
    assert all(3 <= entry["processor"] < 3.5 for entry in entries.values())


def until(condition) -> None:
    """Wait for something that happens within two minutes, also on a busy machine."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
