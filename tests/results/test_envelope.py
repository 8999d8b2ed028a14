"""FLOPs at equal accuracy against the envelope of hand-made networks, on made-up results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.results.envelope import (
    COUNTS,
    FOUND,
    FRESH,
    Point,
    envelope,
    even_accuracies,
    hand_made,
    ours,
    pareto,
    ratio_table,
    ratios,
    steps,
    stored_ratios,
)
from workbench.results.files import ResultFile

POINTS = st.lists(st.builds(Point, st.integers(100, 10**7), st.integers(1, 999).map(lambda n: n / 1000)), max_size=8)
GRID = np.linspace(0.0005, 0.9995, 60)


def made_up(folder, name, entries) -> ResultFile:
    file = ResultFile(folder / f"{name}.json")
    for key, entry in entries.items():
        file.add(key, entry)
    return file


@pytest.fixture
def made(tmp_path):
    """Two hand-made networks of two seeds, one of them also trained for longer, and a pruned one."""
    entries = {
        f"{title} {seed}": {
            "title": title,
            "dataset": "mine",
            "flops": flops,
            "flops_total": flops + 100,
            "epochs": epochs,
            "test_accuracy": accuracy + (0.01, -0.01)[seed],
        }
        for title, flops, epochs, accuracy in (
            ("small", 1_000, 40, 0.5),
            ("large", 16_000, 40, 0.75),
            ("large, 300 epochs", 16_000, 300, 0.875),
            ("pruned", 500, 120, 0.3),
        )
        for seed in (0, 1)
    }
    return made_up(tmp_path, "baselines-mine", entries)


@pytest.fixture
def search(tmp_path):
    """The files of a search: two members, and the second of them grown."""

    def member(id, start, flops, accuracy, seed=0, epochs=0):
        keys = ("id", "start", "flops", "flops_total", "test_accuracy", "seed", "epochs")
        return dict(zip(keys, (id, start, flops, 2 * flops, accuracy, seed, epochs), strict=True))

    front = {
        "about": {"run": "now"},
        "1 found": member(1, "found", 500, 0.5),
        "2 found": member(2, "found", 2_000, 0.75),
        "1 fresh seed 0": member(1, "fresh", 500, 0.4, 0, 40),
        "1 fresh seed 1": member(1, "fresh", 500, 0.6, 1, 40),
        "2 fresh seed 0": member(2, "fresh", 2_000, 0.7, 0, 40),
        "1 inherited seed 0": member(1, "inherited", 500, 0.9, 0, 40),
    }
    grown = {"about": {}, "growth 2 seed 0": member(2, "found", 4_000, 0.875) | {"epochs": 200}}
    del grown["growth 2 seed 0"]["start"]  # files of finished members have none
    return [made_up(tmp_path, "retrain-mine-0", front), made_up(tmp_path, "finish-mine-0", grown)]


# ---------------------------------------------------------------------- curves
@given(POINTS, POINTS)
def test_the_front_is_of_those_that_none_beats(points, others):
    front = pareto(points)
    assert set(front) <= set(points)
    for point in points:
        assert any(one.operations <= point.operations and one.accuracy >= point.accuracy for one in front)
    assert front == sorted(front) == sorted(front, key=lambda one: one.accuracy)
    assert pareto([*front, *others]) == pareto([*points, *others])


@given(POINTS)
def test_steps_are_the_cheapest_network_that_reaches_an_accuracy(points):
    for accuracy, found in zip(GRID, steps(points, GRID), strict=True):
        cheapest = min((point.operations for point in points if point.accuracy >= accuracy), default=np.nan)
        assert found == cheapest or np.isnan([found, cheapest]).all()


@given(POINTS)
def test_the_envelope_asks_no_more_of_hand_made_networks_than_those_that_were_measured(points):
    line, measured = envelope(points, GRID), steps(points, GRID)
    known = ~np.isnan(line)
    assert (line[known] <= measured[known] * (1 + 1e-9)).all()
    assert (np.diff(np.log(line[known])) >= -1e-9).all()
    for end in pareto(points)[:: max(1, len(pareto(points)) - 1)]:
        assert envelope(points, np.array([end.accuracy])) == pytest.approx(end.operations)


@given(POINTS, POINTS)
def test_a_further_hand_made_network_never_helps_ours(points, others):
    before, after = envelope(points, GRID), envelope([*points, *others], GRID)
    known = ~np.isnan(before)
    assert (after[known] <= before[known] * (1 + 1e-9)).all()


def test_a_badly_made_network_is_no_corner_of_the_envelope():
    points = [Point(1_000, 0.9), Point(100_000, 0.99), Point(50_000, 0.95), Point(2_000, 0.8)]
    asked = np.array([0.79, 0.8, 0.9, 1 - np.sqrt(0.1 * 0.01), 0.99, 0.995])
    np.testing.assert_allclose(envelope(points, asked), [np.nan, 1_000, 1_000, 10_000, 100_000, np.nan])
    np.testing.assert_array_equal(steps(points, asked), [1_000, 1_000, 1_000, 100_000, 100_000, np.nan])
    corner = Point(3_000, 0.95)
    assert envelope([*points, corner], np.array([0.95])) == pytest.approx(3_000)
    assert np.isnan(envelope([], asked)).all()


def test_each_search_has_a_curve_and_the_mean_is_geometric():
    made = [Point(1_000, 0.5), Point(64_000, 0.9)]
    searches = [[Point(100, 0.6), Point(400, 0.9)], [Point(900, 0.9)], []]
    found = ratios(made, searches, np.array([0.5, 0.9, 0.95]))
    np.testing.assert_allclose(found.ours, [np.sqrt(100 * 900), np.sqrt(400 * 900), np.nan])
    np.testing.assert_array_equal(found.searches, [2, 2, 0])
    np.testing.assert_allclose(found.ratio, [1_000 / 300, 64_000 / 600, np.nan])


@given(POINTS)
def test_even_accuracies_go_from_end_to_end(points):
    found, measured = even_accuracies(points, 5), sorted(point.accuracy for point in points)
    assert len(found) == (5 if points else 0)
    if points:
        assert (found[0], found[-1]) == (measured[0], measured[-1])
        assert not np.isnan(envelope(points, found)).any()


# ---------------------------------------------------------------------- from stored results
def test_hand_made_networks_are_means_over_seeds(made):
    found = hand_made(made, "flops_total")
    np.testing.assert_allclose(found, [(1_100, 0.5), (16_100, 0.75), (16_100, 0.875), (600, 0.3)])
    np.testing.assert_allclose(hand_made(made, "flops", 40), [(1_000, 0.5), (16_000, 0.75)])


def test_ours_are_as_found_or_means_from_scratch(search):
    assert ours(search, FOUND, "flops") == [Point(500, 0.5), Point(2_000, 0.75), Point(4_000, 0.875)]
    np.testing.assert_allclose(ours(search, FRESH, "flops_total"), [(1_000, 0.5), (4_000, 0.7)])


def test_from_scratch_no_hand_made_network_has_trained_longer(made, search):
    asked = np.array([0.5, 0.75, 0.875])
    found = stored_ratios(made, [search], FOUND, "flops", asked)
    assert found.ratio[2] == pytest.approx(16_000 / 4_000)
    np.testing.assert_allclose(found.ratio[0], found.made[0] / 500)
    assert 500 < found.made[0] < 1_000  # on the line from the pruned network to the one trained for longer
    fresh = stored_ratios(made, [search], FRESH, "flops", asked)
    np.testing.assert_allclose(fresh.ratio, [2, np.nan, np.nan])
    np.testing.assert_allclose(fresh.made, [1_000, 16_000, np.nan])


def test_the_table_has_both_ways_and_both_counts(made, search):
    text = ratio_table(made, [search, []])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    assert len(rows[0]) == 1 + 2 * (2 + len(COUNTS))
    assert rows[2][0] == "30 %"
    assert rows[-1] == ["87.5 %", "16,000", "4,000 (1 of 2)", "4.0×", "2.0×", "–", "–", "–", "–"]


def test_without_results_there_is_nothing_to_compare(tmp_path, made):
    assert ratio_table(ResultFile(tmp_path / "none.json"), []).count("\n") == 3
    assert np.isnan(stored_ratios(made, [], FOUND, "flops", np.array([0.5])).ratio).all()
