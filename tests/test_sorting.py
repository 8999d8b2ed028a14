"""Order of whole numbers, and places in cumulative sums, against NumPy's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.genome.topology import first_of_each, pair_codes, sort_stably, stable_order
from workbench.spatial import _places

NUMBERS = arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 9) | st.integers(0, 2**62))


@given(NUMBERS)
def test_order_is_numpys_stable_one(values):
    assert np.array_equal(stable_order(values), np.argsort(values, kind="stable"))
    assert np.array_equal(stable_order(values % 10), np.argsort(values % 10, kind="stable"))
    assert np.array_equal(sort_stably(values)[0], np.sort(values))


@given(NUMBERS)
def test_first_of_each_value(values):
    for numbers in (values, values % 10):
        assert np.array_equal(first_of_each(numbers), np.sort(np.unique(numbers, return_index=True)[1]))


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 2**31)), max_size=40))
def test_order_of_pairs(pairs):
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    assert np.array_equal(stable_order(pair_codes(first, second)), np.lexsort((second, first)))


@given(
    st.lists(st.floats(1e-9, 1e3) | st.just(0.0), min_size=1, max_size=200).filter(any),
    st.lists(st.floats(0, 1, exclude_max=True), max_size=50),
)
def test_places_in_a_cumulative_sum(parts, random):
    cumulative, random = np.cumsum(parts), np.array(random, float)
    expected = np.searchsorted(cumulative, random * cumulative[-1], side="right")
    assert np.array_equal(_places(cumulative, random), np.minimum(expected, len(parts) - 1))
