"""Ranks, crowding, fronts and hypervolume against their definitions."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from evolution_samples import dominates, lost, population, trained
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.evolution import HypervolumeBounds, front_of, hypervolume, minimised, most_accurate, rank
from workbench.evolution.evolution import by_pareto
from workbench.individuals import Cost, Individual
from workbench.objectives import objectives_of

POINTS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.sampled_from([0, 1, 10, 20, 400, 3000])),
    max_size=20,
)
THREE = objectives_of(["accuracy", "flops", "latency"])
BOUNDS = HypervolumeBounds(max_error=0.8, min_flops=10, max_flops=1000)


def ranks_by_peeling(individuals: list[Individual]) -> list[int]:
    """Take away the front, again and again."""
    left, ranks, number = list(individuals), {}, 0
    while left:
        front = [one for one in left if not any(dominates(other, one) for other in left)]
        ranks.update({individual.id: number for individual in front})
        left, number = [one for one in left if one.id not in ranks], number + 1
    return [ranks[individual.id] for individual in individuals]


def volume_by_cells(individuals: list[Individual], bounds: HypervolumeBounds) -> float:
    """Cut the unit square at every coordinate and add up the cells that some point dominates."""
    low, high = np.log10(bounds.min_flops), np.log10(bounds.max_flops)
    points = []
    for individual in individuals:
        error = (1 - individual.val_accuracy) / bounds.max_error
        points.append((max(0, error), max(0, (np.log10(max(1, individual.flops)) - low) / (high - low))))
    xs, ys = (sorted({0.0, 1.0, *(min(1, point[axis]) for point in points)}) for axis in (0, 1))
    total = 0.0
    for (left, right), (bottom, top) in itertools.product(itertools.pairwise(xs), itertools.pairwise(ys)):
        if any(x <= left and y <= bottom for x, y in points):
            total += (right - left) * (top - bottom)
    return total


def test_objectives_are_error_and_log_flops():
    values = minimised(population([(0.75, 1000), (1.0, 0)]))
    np.testing.assert_allclose(values, [[0.25, 3], [0, 0]])
    assert minimised([]).shape == (0, 2)


@given(POINTS)
def test_ranks_are_those_of_repeated_peeling(points):
    # 0 and 1 FLOPs are the same objective
    individuals = population([(accuracy, max(1, flops)) for accuracy, flops in points])
    ranks, crowding = rank(individuals)
    assert ranks.tolist() == ranks_by_peeling(individuals)
    assert crowding.shape == ranks.shape


@given(POINTS)
def test_crowding_is_finite_and_extremes_have_the_largest_between_them(points):
    individuals = population(points)
    ranks, crowding = rank(individuals)
    assert np.isfinite(crowding).all()
    assert (crowding >= 0).all()
    for number in set(ranks.tolist()):
        members = np.flatnonzero(ranks == number)
        flops = np.array([max(1, individuals[index].flops) for index in members])
        assert crowding[members[flops == flops.min()]].max() == crowding[members].max()


def test_crowding_by_hand():
    front = population([(0.1, 10), (0.2, 100), (0.7, 1000), (0.9, 100_000)])
    ranks, crowding = rank(front)
    assert ranks.tolist() == [0, 0, 0, 0]
    second = (0.6 / 0.8 + 2 / 4) / 2  # gap between its neighbours over the range, mean of both objectives
    third = (0.7 / 0.8 + 3 / 4) / 2
    np.testing.assert_allclose(crowding, [third, second, third, third])


def test_equal_points_have_equal_rank_and_one_stays_on_the_front():
    individuals = population([(0.5, 100), (0.5, 100), (0.5, 100), (0.4, 200)])
    assert rank(individuals)[0].tolist() == [0, 0, 0, 1]
    assert [individual.id for individual in front_of(individuals)] == [0]
    assert [individual.id for individual in front_of(reversed(individuals))] == [0]


@pytest.mark.parametrize("count", [1, 2])
def test_a_rank_of_one_or_two_has_finite_crowding(count):
    assert np.isfinite(rank(population([(0.5, 10), (0.6, 20)][:count]))[1]).all()


def test_nothing_to_rank():
    ranks, crowding = rank([])
    assert len(ranks) == len(crowding) == 0
    assert front_of([]) == []
    assert hypervolume([], BOUNDS) == 0


@given(POINTS, st.randoms(use_true_random=False))
def test_front_by_definition(points, random):
    individuals = population(points)
    seen: set[tuple[float, int]] = set()
    expected = []
    for one in individuals:
        key = (one.val_accuracy, one.flops)
        if key not in seen and not any(dominates(other, one) for other in individuals):
            expected.append(one)
        seen.add(key)
    shuffled = list(individuals)
    random.shuffle(shuffled)
    assert front_of(shuffled) == sorted(expected, key=lambda one: one.flops)


def test_the_failed_are_on_no_front_and_in_no_volume():
    good = trained(0, 0.5, 100)
    assert front_of([lost(1), good]) == [good]
    assert front_of([lost(1)]) == []
    assert hypervolume([lost(1), good], BOUNDS) == hypervolume([good], BOUNDS) > 0


@given(POINTS)
def test_hypervolume_by_cells(points):
    individuals = population(points)
    assert hypervolume(individuals, BOUNDS) == pytest.approx(volume_by_cells(individuals, BOUNDS))


@given(POINTS, st.tuples(st.floats(0, 1), st.integers(0, 10_000)))
def test_hypervolume_never_falls_and_stays_a_share(points, another):
    before = hypervolume(population(points), BOUNDS)
    after = hypervolume(population([*points, another]), BOUNDS)
    assert -1e-12 <= before <= after + 1e-12
    assert after <= 1 + 1e-12


@pytest.mark.parametrize(
    ("accuracy", "flops", "expected"),
    [
        (1.0, 10, 1.0),  # the best corner of the box
        (1.0, 1, 1.0),  # smaller than the box: no more than all of it
        (1.0, 100, 0.5),  # half of two decades
        (0.6, 10, 0.5),  # half of the error
        (0.2, 10, 0.0),  # on the wall
        (0.1, 10, 0.0),  # too inaccurate
        (1.0, 1000, 0.0),
        (1.0, 10_000, 0.0),
    ],
)
def test_hypervolume_of_one_point(accuracy, flops, expected):
    assert hypervolume([trained(0, accuracy, flops)], BOUNDS) == pytest.approx(expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_error": 0},
        {"max_error": 1.1},
        {"max_error": float("nan")},
        {"min_flops": 0},
        {"min_flops": 1e9},
        {"max_flops": 10},
        {"max_flops": float("inf")},
        {"max_flops": float("nan")},
    ],
)
def test_bad_bounds(settings):
    with pytest.raises(ConfigError, match="HypervolumeBounds"):
        HypervolumeBounds(**settings)


def timed(points: list[tuple[float, int, float]]) -> list[Individual]:
    """Trained individuals of (accuracy, FLOPs, latency), with ids from 0."""
    bare = population([(accuracy, flops) for accuracy, flops, _ in points])
    return [
        replace(one, cost=replace(one.cost, latency_us=latency))
        for one, (_, _, latency) in zip(bare, points, strict=True)
    ]


def test_one_that_only_latency_saves_stays():
    points = [(0.9, 1000, 50.0), (0.8, 2000, 20.0), (0.7, 3000, 30.0)]
    two, three = population([(accuracy, flops) for accuracy, flops, _ in points]), timed(points)
    assert rank(two)[0].tolist() == [0, 1, 2]
    assert rank(three, THREE)[0].tolist() == [0, 0, 1]
    assert [one.id for one in front_of(two)] == [0]
    assert [one.id for one in front_of(three, THREE)] == [0, 1]
    assert most_accurate(front_of(three, THREE)).id == 0
    assert minimised(three, THREE)[:, 2].tolist() == pytest.approx(np.log10([50, 20, 30]))
    assert by_pareto(three, THREE)[-1].id == 2
    bounds = HypervolumeBounds()
    assert hypervolume(three, bounds) == hypervolume(two, bounds)  # of accuracy and FLOPs alone


def test_latency_counts_only_if_it_is_an_objective():
    mixed = [*timed([(0.9, 1000, 50.0), (0.8, 2000, 20.0)]), trained(2, 0.7, 3000)]
    assert minimised(mixed).shape == (3, 2)
    assert [one.id for one in front_of(mixed)] == [0]
    assert np.isfinite(minimised(timed([(0.5, 10, 0.0)]), THREE)).all()


def test_other_costs_than_flops():
    points = [(0.9, 300, 1), (0.8, 200, 2), (0.7, 100, 3), (0.95, 400, 4)]
    individuals = [
        replace(one, cost=Cost(flops, flops, parameters))
        for one, (_, flops, parameters) in zip(timed([(a, f, 1.0) for a, f, _ in points]), points, strict=True)
    ]
    assert [one.id for one in front_of(individuals)] == [2, 1, 0, 3]
    assert [one.id for one in front_of(individuals, objectives_of(["accuracy", "parameters"]))] == [0, 3]
    four = objectives_of(["accuracy", "flops", "parameters"])
    assert [one.id for one in front_of(individuals, four)] == [2, 1, 0, 3]
    assert minimised(individuals, four)[:, 2].tolist() == pytest.approx(np.log10([1, 2, 3, 4]))
