"""Order of whole numbers, against NumPy's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.genome.topology import first_of_each, stable_order

NUMBERS = arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 9) | st.integers(0, 2**62))


@given(NUMBERS)
def test_order_is_numpys_stable_one(values):
    assert np.array_equal(stable_order(values), np.argsort(values, kind="stable"))
    assert np.array_equal(stable_order(values % 10), np.argsort(values % 10, kind="stable"))


@given(NUMBERS)
def test_first_of_each_value(values):
    for numbers in (values, values % 10):
        assert np.array_equal(first_of_each(numbers), np.sort(np.unique(numbers, return_index=True)[1]))
