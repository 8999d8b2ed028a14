"""Who becomes a parent, who dies."""

from __future__ import annotations

import numpy as np
import pytest
from evolution_samples import population, trained
from hypothesis import given
from hypothesis import strategies as st

from workbench.evolution import SURVIVALS, rank
from workbench.evolution.evolution import ORDERS, by_accuracy, by_pareto, pareto_tournament

POINTS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([10, 200, 3000])), min_size=1, max_size=12
)


def test_a_tournament_is_won_by_the_best_of_those_drawn():
    ranked = by_pareto(population([(0.1 * i, 10) for i in range(8)]))
    expected = np.random.default_rng(3).integers(8, size=3).min()
    assert pareto_tournament(ranked, 3, np.random.default_rng(3)) is ranked[expected]


def test_a_larger_tournament_prefers_the_better_more():
    ranked = population([(0.5, 10)] * 10)
    rng = np.random.default_rng(0)
    mean = {size: np.mean([pareto_tournament(ranked, size, rng).id for _ in range(2000)]) for size in (1, 3, 10)}
    assert mean[1] > mean[3] > mean[10]
    assert mean[1] == pytest.approx(4.5, abs=0.5)  # by chance alone


def test_a_tournament_larger_than_the_population():
    assert pareto_tournament(population([(0.5, 10)]), 100, np.random.default_rng(0)).id == 0


@given(POINTS)
def test_pareto_order(points):
    individuals = population(points)
    ranks, crowding = rank(individuals)
    key = {one.id: (ranks[i], -crowding[i], one.id) for i, one in enumerate(individuals)}
    assert by_pareto(individuals) == sorted(individuals, key=lambda one: key[one.id])


def test_accuracy_order_ties_go_by_age():
    individuals = [trained(4, 0.5), trained(2, 0.9), trained(1, 0.5), trained(3, 0.9)]
    assert [one.id for one in by_accuracy(individuals)] == [2, 3, 1, 4]


@given(POINTS, st.integers(0, 12), st.randoms(use_true_random=False))
def test_survivors(points, count, random):
    individuals = [trained(id, *point, generation=id // 3) for id, point in enumerate(points)]
    random.shuffle(individuals)
    count = min(count, len(individuals))
    by_age = sorted(individuals, key=lambda one: one.id)
    expected = {
        "oldest": by_age[count:],
        "worst": sorted(individuals, key=lambda one: (one.val_accuracy, -one.id))[count:],
        "nsga2": ORDERS["pareto"](by_age)[: len(individuals) - count],
    }
    for name, survive in SURVIVALS.items():
        kept = survive(individuals, count)
        assert len(kept) == len(individuals) - count
        if name != "nsga2":
            assert [one.id for one in kept] == sorted(one.id for one in expected[name])
        else:  # equal points have crowding by their order, so compare what cannot depend on it
            ranks = dict(zip((one.id for one in individuals), rank(individuals)[0], strict=True))
            died = [one for one in individuals if one not in kept]
            assert max((ranks[one.id] for one in kept), default=0) <= min((ranks[one.id] for one in died), default=99)
            assert [one.id for one in kept] == sorted(one.id for one in kept)


def test_age_goes_by_generation_then_id():
    individuals = [trained(7, generation=1), trained(9, generation=0), trained(3, generation=1)]
    assert [one.id for one in SURVIVALS["oldest"](individuals, 1)] == [3, 7]
    assert [one.id for one in SURVIVALS["oldest"](individuals, 2)] == [7]
