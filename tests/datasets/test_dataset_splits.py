import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.datasets.splits import draw_balanced, held_out_count, split_training


@st.composite
def split_sizes(draw):
    counts = np.array(draw(st.lists(st.integers(3, 60), min_size=2, max_size=12)))
    spare = int(counts.sum()) - len(counts)
    n_validation = draw(st.integers(1, spare - 1))
    return counts, n_validation, draw(st.integers(1, spare - n_validation))


@given(split_sizes(), st.integers(0, 5))
def test_split_training_covers_all_and_keeps_every_class(sizes, seed):
    counts, n_validation, n_selection = sizes
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = split_training(labels, len(counts), n_validation, n_selection, np.random.default_rng(seed))
    assert [len(part) for part in parts] == [
        len(labels) - n_validation - n_selection,
        n_validation,
        n_selection,
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    in_train = np.bincount(labels[parts[0]], minlength=len(counts))
    assert in_train.min() >= 1
    if n_validation + n_selection <= 0.5 * len(labels) and counts.min() >= 6:  # nothing has to be kept back
        for part, n in zip(parts[1:], (n_validation, n_selection), strict=True):
            share = counts * n / len(labels)
            assert np.abs(np.bincount(labels[part], minlength=len(counts)) - share).max() <= 1


@given(st.integers(2, 12), st.integers(3, 40), st.data())
def test_equal_classes_give_equal_shares_to_all_three(n_classes, each, data):
    spare = n_classes * (each - 2)
    n_validation = data.draw(st.integers(1, spare))
    n_selection = data.draw(st.integers(1, n_classes * (each - 1) - n_validation))
    labels = np.repeat(np.arange(n_classes), each)
    for part in split_training(labels, n_classes, n_validation, n_selection, np.random.default_rng(0)):
        counts = np.bincount(labels[part], minlength=n_classes)
        assert counts.max() - counts.min() <= 1


@given(st.lists(st.integers(0, 30), min_size=2, max_size=8).filter(any), st.data())
def test_draw_balanced_is_proportional_and_exact(counts, data):
    counts = np.array(counts)
    labels = np.repeat(np.arange(len(counts)), counts)
    n = data.draw(st.integers(0, len(labels)))
    drawn = draw_balanced(labels, len(counts), n, np.random.default_rng(0))
    assert len(drawn) == len(set(drawn.tolist())) == n
    found = np.bincount(labels[drawn], minlength=len(counts))
    assert np.abs(found - counts * n / len(labels)).max() < 1


def test_a_small_class_is_in_every_split():
    labels = np.array([0] * 1000 + [1] * 997 + [2] * 3)
    for part in split_training(labels, 3, 200, 200, np.random.default_rng(0)):
        assert set(labels[part]) == {0, 1, 2}


@pytest.mark.parametrize(("asked", "n"), [(0.1, 20), (np.float32(0.5), 100), (7, 7), (np.int64(7), 7), (1e-9, 1)])
def test_fraction_or_count(asked, n):
    assert held_out_count(asked, 200, "validation") == n
