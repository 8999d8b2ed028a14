"""The real MNIST and CIFAR-10, where $WORKBENCH_DATA has them."""

import os

import numpy as np
import pytest

from workbench.datasets import SPLITS, Dataset, find_datasets, load_dataset


def real(name: str) -> Dataset:
    if not os.environ.get("WORKBENCH_DATA"):
        pytest.skip(f"$WORKBENCH_DATA is not set; set it to a folder that holds {name}")
    info = next(info for info in find_datasets() if info.name == name)
    if info.status != "found":
        pytest.skip(f"{name} is not complete in {' or '.join(map(str, info.paths))} ($WORKBENCH_DATA)")
    return load_dataset(name, download=False)


@pytest.mark.parametrize(
    ("name", "shape", "n_train", "mean"),
    [("mnist", (1, 28, 28), 60_000, [33.3]), ("cifar10", (3, 32, 32), 50_000, [125.3, 123.0, 113.9])],
)
def test_real_data(name, shape, n_train, mean):
    data = real(name)
    assert (data.shape, data.n_classes, data.images("train").dtype) == (shape, 10, np.uint8)
    assert [data.size(split) for split in SPLITS] == [n_train - 10_000, 5_000, 5_000, 10_000]
    np.testing.assert_allclose(data.mean, mean, atol=1)
    whole = np.bincount(np.concatenate([data.labels(split) for split in SPLITS[:3]]))
    if name == "cifar10":
        assert whole.tolist() == [5_000] * 10
        assert np.bincount(data.labels("test")).tolist() == [1_000] * 10
    else:
        assert whole.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert np.bincount(data.labels("test")).tolist() == [
            980,
            1135,
            1032,
            1010,
            982,
            892,
            958,
            1028,
            974,
            1009,
        ]
    for split in SPLITS[:3]:
        share = whole * data.size(split) / n_train
        assert np.abs(np.bincount(data.labels(split)) - share).max() < 2
    x, _ = data.arrays("validation")
    np.testing.assert_allclose(x.mean(axis=(0, 2, 3)), 0, atol=0.05)
    np.testing.assert_allclose(x.std(axis=(0, 2, 3)), 1, atol=0.05)
