import numpy as np

from workbench.datasets import SPLITS, load_dataset


def test_digits_are_bundled():
    data = load_dataset("digits", root="/nowhere", download=False)
    assert (data.name, data.shape, data.n_classes) == ("digits", (1, 8, 8), 10)
    assert [data.size(split) for split in SPLITS] == [1006, 216, 216, 359]
    assert data.images("train").dtype == np.uint8
    assert data.images("train").max() == 16
    for split in SPLITS:
        counts = np.bincount(data.labels(split), minlength=10)
        assert counts.max() - counts.min() <= 0.01 * data.size(split) + 2


def test_only_the_training_set_is_split_by_the_seed():
    first, same, other = (load_dataset("digits", seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    np.testing.assert_array_equal(first.images("test"), other.images("test"))
    assert not np.array_equal(first.images("validation"), other.images("validation"))


def test_they_are_those_of_scikit_learn():
    """In another order: each image and its label as often as there."""
    from sklearn.datasets import load_digits

    data, bunch = load_dataset("digits"), load_digits()
    images = np.concatenate([data.images(split).reshape(-1, 64) for split in SPLITS])
    labels = np.concatenate([data.labels(split) for split in SPLITS])
    theirs = np.column_stack([bunch.images.reshape(-1, 64).astype(np.int64), bunch.target])
    ours = np.column_stack([images.astype(np.int64), labels])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
