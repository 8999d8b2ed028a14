import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from dataset_stand_ins import small_dataset, unique_images

from workbench.datasets import SPLITS, Dataset
from workbench.errors import DataError


def ids(data: Dataset, split: str) -> list[int]:
    return data.images(split)[:, 0, 0, 0].astype(int).tolist()


def test_splits_are_disjoint_and_cover_the_training_set():
    data = small_dataset(100, validation=0.2, selection=13)
    assert [data.size(split) for split in SPLITS] == [67, 20, 13, 100]
    assert sorted(ids(data, "train") + ids(data, "validation") + ids(data, "selection")) == list(range(100))
    assert ids(data, "test") == list(range(100))


def test_labels_stay_with_their_images():
    data = small_dataset(100, n_classes=4)
    for split in SPLITS:
        np.testing.assert_array_equal(data.labels(split), np.array(ids(data, split)) % 4)


@pytest.mark.parametrize("split", ["train", "validation", "selection"])
def test_classes_are_balanced(split):
    counts = np.bincount(small_dataset(103, n_classes=4, validation=17, selection=18).labels(split))
    assert counts.max() - counts.min() <= 1


def test_same_seed_same_splits():
    first, same, other = small_dataset(seed=1), small_dataset(seed=1), small_dataset(seed=2)
    assert first.fingerprint == same.fingerprint
    assert ids(first, "validation") == ids(same, "validation")
    assert ids(first, "validation") != ids(other, "validation")
    assert first.fingerprint != other.fingerprint


@pytest.mark.filterwarnings("ignore:train images lie")
def test_fingerprint_sees_every_part():
    labels = np.arange(40) % 4
    parts = {"images": unique_images(40), "labels": labels, "name": "custom", "validation": 4}
    changes = {
        "images": unique_images(40) * 2,
        "labels": 3 - labels,
        "name": "other",
        "validation": 8,
    }
    seen = set()
    for changed in ("nothing", *changes):
        p = {key: changes[key] if key == changed else value for key, value in parts.items()}
        data = Dataset.from_arrays(
            p["images"],
            p["labels"],
            unique_images(4),
            np.arange(4),
            name=p["name"],
            validation=p["validation"],
        )
        seen.add(data.fingerprint)
    assert len(seen) == 1 + len(changes)
    assert all(len(f) == 64 for f in seen)


@pytest.mark.filterwarnings("ignore:train images lie")
def test_normalised_by_the_train_split_only():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (200, 3, 5, 4), dtype=np.uint8)
    test = rng.integers(100, 110, (20, 3, 5, 4), dtype=np.uint8)
    data = Dataset.from_arrays(train, np.arange(200) % 2, test, np.arange(20) % 2)
    x, y = data.arrays("train")
    assert (x.dtype, y.dtype, data.mean.dtype, data.std.dtype) == (
        np.float32,
        np.int64,
        np.float32,
        np.float32,
    )
    np.testing.assert_allclose(x.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 2, 3)), 1, atol=1e-5)
    raw = data.images("train").astype(np.float64)
    np.testing.assert_allclose(data.mean, raw.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(data.std, raw.std(axis=(0, 2, 3)), rtol=1e-6)
    expected = (test - data.mean[:, None, None]) / data.std[:, None, None]
    np.testing.assert_allclose(data.arrays("test")[0], expected, atol=1e-5)


def test_statistics_of_many_images_are_those_of_all():
    data = small_dataset(10_000)  # more than are converted to float64 at a time
    images = data.images("train").astype(np.float64)
    np.testing.assert_allclose(data.mean, images.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(data.std, images.std(axis=(0, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize("value", [0.1, 255.0, 0.0])
def test_constant_channel_has_std_1(value):
    images = np.full((40, 2, 3, 3), value, dtype=np.float32)
    images[:, 1] = np.arange(40)[:, None, None]
    data = Dataset.from_arrays(images, np.arange(40) % 2, images, np.arange(40) % 2)
    assert data.std[0] == 1
    np.testing.assert_allclose(data.arrays("train")[0][:, 0], 0, atol=1e-6)


@pytest.mark.parametrize("size", [1e-45, 1e-39, 1e-20])
def test_vanishing_deviations_give_no_nan(size):
    images = (size * np.random.default_rng(0).integers(0, 9, (40, 1, 3, 3))).astype(np.float32)
    labels = np.arange(40) % 2
    assert np.isfinite(Dataset.from_arrays(images, labels, images, labels).arrays("train")[0]).all()


def test_features_of_a_table_are_standardised_one_by_one():
    rows = np.random.default_rng(0).normal([0, 500, -3], [1, 100, 0.01], (200, 1, 3)).astype(np.float32)
    rows, labels = np.insert(rows, 3, 7, axis=2), np.arange(200) % 2
    data = Dataset.from_arrays(rows, labels, rows, labels)
    assert data.is_table
    assert data.mean.shape == data.std.shape == (4,)
    assert data.std[3] == 1
    x, _ = data.arrays("train")
    np.testing.assert_allclose(x.mean(axis=0).ravel(), 0, atol=2e-3)
    np.testing.assert_allclose(x.std(axis=0).ravel(), [1, 1, 1, 0], atol=2e-3)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("uint8", "uint8"),
        ("int64", "uint8"),
        ("bool", "uint8"),
        ("float16", "float32"),
        ("float64", "float32"),
        (">f4", "float32"),
    ],
)
def test_types_are_stored_small(dtype, stored):
    images = (np.arange(40 * 6).reshape(40, 2, 3) % 2).astype(dtype)
    data = Dataset.from_arrays(images, np.arange(40) % 2, images, np.arange(40) % 2)
    assert data.images("train").dtype == stored
    assert data.images("test").dtype.isnative
    np.testing.assert_array_equal(data.images("test")[:, 0], images)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 7, 9), (3, 32, 32), (2, 1, 9)])
def test_any_size_and_colour(shape):
    images = np.random.default_rng(0).random((30, *shape))
    data = Dataset.from_arrays(images, np.arange(30) % 3, images, np.arange(30) % 3)
    assert data.shape == (shape if len(shape) == 3 else (1, *shape))
    assert data.arrays("validation")[0].shape == (data.size("validation"), *data.shape)


def test_classes_and_their_names():
    assert small_dataset(n_classes=3).class_names == ("0", "1", "2")
    data = small_dataset(n_classes=2, class_names=["cat", "dog"])
    assert (data.n_classes, data.class_names) == (2, ("cat", "dog"))


def test_nothing_can_be_changed():
    images, labels = unique_images(40), np.arange(40) % 2
    data = Dataset.from_arrays(images, labels, images, labels)
    before = data.fingerprint, data.images("test").copy()
    images[:], labels[:] = 9, 0
    np.testing.assert_array_equal(data.images("test"), before[1])
    for array in (data.images("train"), data.labels("train"), data.arrays("train")[1], data.mean, data.std):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(FrozenInstanceError):
        data.name = "other"


def test_images_are_kept_once():
    data = small_dataset()
    assert np.shares_memory(data.images("train"), data.images("train"))
    assert not np.shares_memory(data.images("train"), data.images("test"))


def test_pickled_and_back():
    data = small_dataset()
    copy = pickle.loads(pickle.dumps(data))
    assert copy.fingerprint == data.fingerprint
    assert not copy.images("train").flags.writeable


def test_repr_tells_the_sizes():
    assert "train 80, validation 10, selection 10, test 100" in repr(small_dataset())


@pytest.mark.parametrize("method", ["size", "images", "labels", "arrays"])
def test_unknown_split(method):
    with pytest.raises(DataError, match="train, validation, selection, test, got 'val'"):
        getattr(small_dataset(), method)("val")


def test_subset_is_smaller_balanced_and_part_of_the_whole():
    data = small_dataset(200, n_classes=4)  # 160 / 20 / 20 / 200
    small = data.subset(40)
    assert [small.size(split) for split in SPLITS] == [40, 5, 5, 50]
    for split in SPLITS:
        assert set(ids(small, split)) <= set(ids(data, split))
        np.testing.assert_array_equal(small.labels(split), np.array(ids(small, split)) % 4)
        counts = np.bincount(small.labels(split), minlength=4)
        assert counts.max() - counts.min() <= 1
    np.testing.assert_allclose(small.mean, small.images("train").mean(), rtol=1e-6)
    assert (small.name, small.class_names) == (data.name, data.class_names)


def test_subset_is_seeded():
    data = small_dataset(200)
    assert data.subset(40).fingerprint == data.subset(40, seed=0).fingerprint
    assert data.subset(40).fingerprint != data.subset(40, seed=1).fingerprint
    assert data.subset(data.size("train")).fingerprint == data.fingerprint


def test_a_subset_may_keep_the_other_splits_whole():
    data = small_dataset(200, n_classes=4)
    small = data.subset(40, only_train=True)
    assert small.size("train") == 40
    for split in ("validation", "selection", "test"):
        assert np.array_equal(np.sort(small.labels(split)), np.sort(data.labels(split)))
        assert small.size(split) == data.size(split)
    assert small.subset(40, only_train=True).fingerprint == small.fingerprint


def test_smallest_subset_keeps_every_class():
    small = small_dataset(200, n_classes=4).subset(4)
    for split in SPLITS:
        assert set(small.labels(split).tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("n_train", [3, 161])
def test_subset_out_of_range(n_train):
    with pytest.raises(DataError, match=rf"within 4\.\.160 .*got {n_train}"):
        small_dataset(200, n_classes=4).subset(n_train)
