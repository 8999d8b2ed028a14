"""Statistics of mutations on a run whose effects are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.search_samples import NumberSpace
from synthetic_runs import member, record, write_run

from workbench.plots import mutation_effects, mutation_effects_figure
from workbench.views.mutations.data import held_probabilities, median, share

GAINS = [0.00, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06]


@pytest.fixture(autouse=True)
def numbers(monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())


@pytest.fixture
def run(tmp_path):
    """Two generations of children of individual 0: what each mutation does is said here."""
    grown = [member(2 + n, 0, 1, "grow", 0.5 + gain, 1200 + 10 * n, before=0.4) for n, gain in enumerate(GAINS)]
    shrunk = [
        member(9, 1, 1, "shrink", 0.55, 500, before=0.3),
        member(10, 1, 1, "shrink", 0.6, 250, before=0.3),
        member(11, 8, 2, "grow", 0.7, 2520, before=0.56),
        replace(member(12, 9, 2, "shrink", 0.1, 400), status="failed", failure="no luck", result=None),
        member(10**9, 0, 2, "grow", 0.9, 5000, before=math.nan, origin="by hand"),
        member(13, 10, 3, "shrink", 0.5, 125, before=0.5),  # its generation is not ranked yet
    ]
    initial = [member(0, None, 0, None, 0.5, 1000), member(1, None, 0, None, 0.6, 1000)]
    records = [
        record(0, [0, 1], [1], 2),
        record(1, [7, 8, 9, 10], [10, 8], 9),
        record(2, [10, 11, 10**9], [10, 11, 10**9], 2, n_failed=1),
    ]
    rates = {"rates": {"grow": 0.5, "shrink": 0.5, "size": [0.1, 0.3]}}
    return write_run(tmp_path / "run.sqlite", [*initial, *grown, *shrunk], records, [("settings", 11, 2, rates)])


def test_effects_are_the_known_ones(run):
    info = mutation_effects(run)
    assert info.kinds == ("grow", "shrink", "by hand")
    grow, shrink, by_hand = info.effects
    assert (grow.children, grow.failed) == (8, 0)
    gains = [*GAINS, 0.7 - 0.56]
    assert grow.after.value == pytest.approx(np.median(gains))
    assert grow.before.value == pytest.approx(-0.1)
    assert grow.flops.value == pytest.approx(np.median([*(1.2 + 0.01 * np.arange(7)), 2520 / 1260]))
    assert grow.front.value == pytest.approx(2 / 8)  # 8 and 11
    assert grow.lines.value == pytest.approx(2 / 8)  # 8 through its child, and 11; 7 has died
    assert (shrink.children, shrink.failed, shrink.before.n) == (4, 1, 3)
    assert shrink.flops.value == pytest.approx(0.5)
    assert shrink.front == share(1, 3)  # 13 is not ranked yet
    assert shrink.lines == share(1, 4)
    assert (by_hand.children, by_hand.after.value, by_hand.before.n) == (1, pytest.approx(0.4), 0)


def test_effects_by_generations(run):
    windows = mutation_effects(run).windows
    assert [(window.first, window.last) for window in windows] == [(1, 1), (2, 2), (3, 3)]
    assert [window.effects[0].children for window in windows] == [7, 1, 0]
    assert windows[0].effects[0].after == pytest.approx(median(GAINS))
    assert windows[2].effects[1].front.n == 0


def test_probabilities_follow_live_changes(run):
    held = held_probabilities(run, ("grow", "shrink"))
    assert held.index.tolist() == [1, 2, 3]
    assert held["grow"].tolist() == pytest.approx([0.75, 0.5, 0.5])


def test_probabilities_that_adapted_are_those_of_the_records(tmp_path):
    held = {"kind": "grow", "probabilities": {"grow": 0.9, "shrink": 0.1}}
    odd = {"kind": "grow", "probabilities": "no numbers"}  # a file may hold anything
    individuals = [
        member(0, None, 0, None, 0.5, 1000),
        member(1, 0, 1, "grow", 0.5, 1000, mutation=held),
        member(2, 0, 2, "grow", 0.5, 1000, mutation=odd),
    ]
    run = write_run(tmp_path / "run.sqlite", individuals, [record(0, [0], [0], 1)])
    assert held_probabilities(run, ("grow", "shrink"))["grow"].tolist() == pytest.approx([0.9, 0.75])


def test_the_figure_shows_the_estimates(run):
    info = mutation_effects(run)
    figure = mutation_effects_figure(run)
    diamonds = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
    scales = {"before": 100, "after": 100, "flops": 1, "front": 1, "lines": 1}  # accuracies differ by points
    assert [list(trace.x) for trace in diamonds] == [
        pytest.approx([scale * getattr(effects, name).value for effects in info.effects], nan_ok=True)
        for name, scale in scales.items()
    ]
    assert "median −10.00 points" in diamonds[0].text[0]
    assert not info.has_screened
    marks = [trace for trace in figure.data if trace.name == "live change"]
    assert len(marks) == 4
    assert all(list(trace.x) == [2] for trace in marks)
    assert "grow 0.75 → 0.5" in marks[0].text[0]


def test_mutants_that_were_screened_are_counted_by_kind(tmp_path):
    counts = [(5, 4, 0), (3, 1, 1), (2, 9, 0), ("many", 1, 1)]
    children = [
        member(1 + n, 0, 1, "grow", 0.5, 1000, mutation={"kind": "grow", "tried": t, "neutral": same, "died": died})
        for n, (t, same, died) in enumerate(counts)
    ]
    individuals = [member(0, None, 0, None, 0.5, 1000), *children, member(9, 0, 1, "shrink", 0.5, 900)]
    run = write_run(tmp_path / "run.sqlite", individuals, [record(0, [0], [0], 1)])
    info = mutation_effects(run)
    grow, shrink = info.effects
    assert (grow.neutral.value, grow.neutral.n) == (pytest.approx(5 / 8), 8)  # impossible records do not count
    assert grow.died.value == pytest.approx(1 / 8)
    assert shrink.neutral.n == 0
    assert info.windows[0].effects[0].neutral == grow.neutral
    figure = mutation_effects_figure(run)
    diamonds = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
    assert list(diamonds[-2].x) == pytest.approx([5 / 8, math.nan], nan_ok=True)
    assert "8 mutants tried" in diamonds[-2].text[0]


def test_a_run_without_children(tmp_path):
    run = write_run(tmp_path / "run.sqlite", [member(0, None, 0, None, 0.5, 1000)], [])
    info = mutation_effects(run)
    assert all(effects.children == 0 and math.isnan(effects.front.value) for effects in info.effects)
    assert mutation_effects_figure(run).data


def test_a_median_and_its_interval():
    assert median(range(1, 7)) == (3.5, 1, 6, 6)  # P(all on one side) = 2 / 64
    assert median(range(1, 21)) == (10.5, 6, 15, 20)  # tables of the sign test
    few = median([1, 2, math.nan, 3])
    assert (few.value, few.n) == (2, 3)
    assert math.isnan(few.low)
    assert few.errors == (0, 0)


def test_the_interval_of_a_median_covers_it_as_often_as_it_says(rng):
    inside = [abs(e.low) <= 0 or e.low <= 0 <= e.high for e in (median(rng.normal(size=15)) for _ in range(2000))]
    assert 0.95 <= np.mean(inside) <= 0.985  # exactly 0.965


def test_a_share_and_its_interval():
    assert share(5, 10) == (0.5, pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4), 10)
    assert share(0, 20) == (0, 0, pytest.approx(0.1611, abs=1e-4), 20)
    assert share(0, 0).n == 0


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_interval(case):
    estimate = share(*case)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
