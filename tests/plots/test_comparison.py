"""Several runs side by side: groups, attainment, equal cost, the rank test."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_runs import member, record, write_run

from workbench.errors import ConfigError
from workbench.evolution import HypervolumeBounds
from workbench.plots import comparison, comparison_figure, rank_table, reached_table, settings_table
from workbench.store import open_run
from workbench.views.compare.curves import curve_of
from workbench.views.compare.data import attainment, rank_test, setting_name


def made(path, accuracy: float, volumes: tuple[float, ...] = (0.3, 0.5), **more):
    """A run of two generations: networks of 100 and 1000 FLOPs."""
    individuals = [
        member(0, None, 0, None, accuracy / 2, 100),
        member(1, 0, 1, "grow", accuracy, 1000),
    ]
    records = [record(0, [0], [0], 6, volumes[0]), record(1, [0, 1], [0, 1], 4, volumes[1])]
    return write_run(path, individuals, records, **more)


@pytest.fixture
def runs(tmp_path):
    rows = (("a", 0.6, "pareto", 1), ("b", 0.7, "pareto", 2), ("c", 0.8, "pareto", 3), ("d", 0.5, "random", 1))
    return {
        name: made(tmp_path / f"{name}.sqlite", accuracy, (0.3, accuracy), selection=selection, seed=seed)
        for name, accuracy, selection, seed in rows
    }


def test_repeats_form_a_group(runs):
    found = comparison(runs)
    names = {group: [curve.name for curve in curves] for group, curves in found.groups.items()}
    assert names == {"selection pareto": ["a", "b", "c"], "selection random": ["d"]}
    assert found.settings["selection"] == {"a": "pareto", "b": "pareto", "c": "pareto", "d": "random"}
    assert set(found.settings) == {"seed", "selection"}
    table = settings_table(found)
    assert table.loc["selection"].tolist() == ["pareto", "pareto", "pareto", "random"]


def test_attainment_of_known_fronts(runs):
    found = comparison(runs).attainment["selection pareto"]
    at = {flops: place for place, flops in enumerate(found.flops.tolist())}
    assert (found.low[at[1000.0]], found.median[at[1000.0]], found.high[at[1000.0]]) == (0.6, 0.7, 0.8)
    assert (found.low[at[100.0]], found.median[at[100.0]], found.high[at[100.0]]) == (0.3, 0.35, 0.4)


def test_a_run_without_a_network_so_small_attains_nothing(tmp_path):
    bounds = HypervolumeBounds()
    small = curve_of(made(tmp_path / "a.sqlite", 0.6), "a", bounds)
    large = curve_of(
        write_run(tmp_path / "b.sqlite", [member(0, None, 0, None, 0.9, 500)], [record(0, [0], [0], 1)]), "b", bounds
    )
    found = attainment([small, large], np.array([50.0, 100.0, 500.0]))
    assert np.isnan(found.high[0])
    assert np.isnan(found.median[1])  # one of two is the higher middle; half of them or more must attain it
    assert found.high[1] == 0.3
    assert (found.low[2], found.high[2]) == (0.3, 0.9)


def test_equal_cost(runs, tmp_path):
    short = write_run(
        tmp_path / "short.sqlite", [member(0, None, 0, None, 0.9, 100)], [record(0, [0], [0], 6, 0.9)], seed=9
    )
    found = comparison({**runs, "short": short})
    assert found.budget == {"training": 2 * 100, "individuals": 6, "epochs": 60, "minutes": 1, "seconds": 1}
    assert {curve.hypervolume_at("individuals", 6) for curve in found.groups["selection random"]} == {0.3}
    assert comparison(runs).budget["individuals"] == 10


def test_fronts_are_those_of_equal_cost(tmp_path):
    """Of each run what it had reached when it had spent no more, individual by individual."""
    cheap = write_run(tmp_path / "a.sqlite", [member(0, None, 0, None, 0.4, 100)], [record(0, [0], [0], 1)])
    dear = [member(0, None, 0, None, 0.3, 60), member(1, None, 0, None, 0.9, 40), member(2, None, 0, None, 0.5, 5000)]
    found = comparison({"a": cheap, "b": write_run(tmp_path / "b.sqlite", dear, [record(0, [0], [1], 3)], seed=1)})
    assert found.both == ("training", "seconds")
    assert (found.budget["training"], found.budget["seconds"]) == (200, 1)
    fronts = {cost: found.at(cost).curves[1] for cost in ("training", "seconds")}
    assert (fronts["training"].flops.tolist(), fronts["training"].accuracy.tolist()) == ([40], [0.9])  # 2 · (60 + 40)
    assert fronts["seconds"].ids == [0]
    until_then = found.curves[1].hypervolume_at("seconds", 1)  # its first generation has not ended
    assert until_then == pytest.approx(1 - 0.7 / 0.9)  # below the smallest FLOPs of the box
    assert found.curves[1].hypervolume_at("seconds", 3) == 0.5  # as the file says
    assert found.curves[1].ids == [1, 2] or found.curves[1].ids == [1]


def test_processor_seconds_are_compared_where_all_runs_have_them(runs, tmp_path):
    def timed(name: str, seconds: float):
        one = member(0, None, 0, None, 0.5, 100)
        history = tuple({**row, "processor_seconds": seconds} for row in one.result.history)
        one = replace(one, result=replace(one.result, history=history))
        return write_run(tmp_path / name, [one], [record(0, [0], [0], 1)], seed=7)

    one, other = timed("x.sqlite", 0.25), timed("y.sqlite", 1.5)
    assert one.processor_seconds() == {0: 0.5}
    found = comparison({"x": one, "y": other})
    assert found.both == ("training", "processor")
    assert found.budget["processor"] == 0.5
    assert comparison({**runs, "x": one}).both == ("training", "seconds")


def test_runs_of_several_spaces_are_grouped_by_space(runs, tmp_path, monkeypatch):
    description = runs["a"].description
    others = {}
    for name, scale in (("p", 1), ("q", 1), ("r", 2)):
        made(tmp_path / f"{name}.sqlite", 0.5, seed=ord(name))
        others[name] = changed_space(tmp_path / f"{name}.sqlite", "letters", {"size": scale})
    assert description.space_name == "numbers"
    found = comparison({**runs, **others})
    names = {group: [curve.name for curve in curves] for group, curves in found.groups.items()}
    assert names == {
        "numbers, selection pareto": ["a", "b", "c"],
        "numbers, selection random": ["d"],
        "letters, size 1": ["p", "q"],
        "letters, size 2": ["r"],
    }


def changed_space(path, name: str, config: dict):
    """The run with another space in its head, whose networks are measured as those of the first."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE run SET value = ? WHERE key = 'space_name'", (json.dumps(name),))
        file.execute("UPDATE run SET value = ? WHERE key = 'space_config'", (json.dumps(config),))
    return open_run(path, SimpleNamespace(name=name, measure="accuracy"))


def test_runs_of_other_measures_are_refused(runs, tmp_path):
    made(tmp_path / "pairs.sqlite", 0.5)
    pairs = changed_space(tmp_path / "pairs.sqlite", "elsewhere", {})
    with pytest.raises(
        ConfigError, match=r"one measure of success, got different ones \(a: accuracy, .* pairs: that of"
    ):
        comparison({**runs, "pairs": open_run(tmp_path / "pairs.sqlite")})
    assert comparison({"a": runs["a"], "pairs": pairs})


def test_the_table_of_tests(runs):
    row, same = rank_table(comparison(runs)).to_dict("records")
    assert (row["at"], same["at"]) == ("2.2e3 epochs × FLOPs", "2 s over workers")
    assert (row["median"], row["other's median"]) == (0.7, 0.5)
    assert row["P(group > other)"] == 1
    assert np.isnan(row["p"])  # one run cannot be tested
    *_, early = rank_table(comparison(runs), "individuals", share=0.6).to_dict("records")
    assert (early["at"], early["median"], early["other's median"]) == ("6 individuals", 0.3, 0.3)


def test_other_bounds_are_brought_to_the_first(tmp_path):
    wide, narrow = HypervolumeBounds(0.9, 1e1, 1e5), HypervolumeBounds(0.5, 1e1, 1e5)
    first = made(tmp_path / "a.sqlite", 0.8, hypervolume=wide)
    other = made(tmp_path / "b.sqlite", 0.8, hypervolume=narrow)
    curves = comparison({"a": first, "b": other}, {"both": ["a", "b"]}).groups["both"]
    error, size = 0.2 / 0.9, (np.log10(1000) - 1) / 4
    early, start = 0.6 / 0.9, (np.log10(100) - 1) / 4
    expected = (1 - start) * (1 - early) + (1 - size) * (early - error)
    assert curves[1].hypervolume[-1] == pytest.approx(expected)
    assert curves[0].hypervolume[-1] == 0.5  # as the file says


def test_runs_of_other_data_do_not_compare(runs, tmp_path):
    other = made(tmp_path / "other.sqlite", 0.5, fingerprint="xyz")
    with pytest.raises(ConfigError, match="same data and splits"):
        comparison({**runs, "other": other})
    with pytest.raises(ConfigError, match="at least one run"):
        comparison({})
    with pytest.raises(ConfigError, match="groups of the runs a, b, c, d, got z"):
        comparison(runs, {"some": ["a", "z"]})


def test_what_is_reached_at_equal_cost(runs):
    table = reached_table(comparison(runs))
    assert table["at"].unique().tolist() == ["2.2e3 epochs × FLOPs", "2 s over workers"]
    first = table.iloc[0]
    assert (first["run"], first["flops"], first["val_accuracy"], first["hypervolume"]) == ("a", 1000, 0.6, 0.6)


def test_the_figure(runs):
    figure = comparison_figure(runs, cost="minutes")
    medians = [trace.name for trace in figure.data if trace.showlegend]
    assert medians == ["selection pareto, median", "selection random, median"]
    for row in range(3):  # training and time always, then what was asked for
        points = [trace for trace in figure.data if trace.xaxis == f"x{3 * row + 3}"]
        assert [list(trace.y) for trace in points] == [[0.6, 0.7, 0.8], [0.5]]
    titles = [text.text for text in figure.layout.annotations]
    assert titles[::3] == [
        f"validation accuracy at {spent}" for spent in ("2.2e3 epochs × FLOPs", "2 s over workers", "2 min")
    ]
    assert not any(trace.xaxis == "x9" for trace in comparison_figure(runs).data)
    with pytest.raises(ConfigError, match=r"cost expects one of training, seconds, individuals, .*, got 'money'"):
        comparison_figure(runs, cost="money")


def test_the_rank_test_of_few_seeds():
    apart = rank_test("a", [4, 5, 6], "b", [1, 2, 3])
    assert (apart.p, apart.smallest_p, apart.effect) == (pytest.approx(0.1), pytest.approx(0.1), 1)
    same = rank_test("a", [1, 2], "b", [1, 2])
    assert (same.p, same.effect) == (1, 0.5)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=4), st.lists(st.integers(0, 4), min_size=2, max_size=4))
def test_the_rank_test_is_that_of_all_permutations(one, other):
    """Also with ties: p is the share of the divisions whose U lies as far from its middle."""

    def distance(first: list[int], second: list[int]) -> float:
        u = sum((a > b) + 0.5 * (a == b) for a in first for b in second)
        return abs(u - len(first) * len(second) / 2)

    everyone = one + other
    divisions = [
        distance([everyone[i] for i in part], [everyone[i] for i in range(len(everyone)) if i not in part])
        for part in combinations(range(len(everyone)), len(one))
    ]
    seen = distance(one, other)
    found = rank_test("a", one, "b", other)
    assert found.p == pytest.approx(np.mean([each >= seen - 1e-9 for each in divisions]), abs=1e-9)
    assert found.effect == pytest.approx(np.mean([(a > b) + 0.5 * (a == b) for a in one for b in other]))


def test_settings_have_the_names_that_sliders_have():
    assert setting_name("rates.bridge") == "reconnect after removal"
    assert setting_name("train.epochs") == "epochs per child"
    assert setting_name("space.hidden_layers") == "hidden layers"
