"""Data sets that torchvision downloads: tiny files in their layouts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_stand_ins import write_mnist
from scipy.io import savemat

from workbench.datasets import FACTS, SPLITS, load_dataset
from workbench.datasets.cifar100 import CIFAR100
from workbench.datasets.mnist import FASHION_MNIST, KMNIST
from workbench.datasets.registry import SOURCES
from workbench.datasets.stl10 import STL10
from workbench.datasets.svhn import SVHN
from workbench.errors import DataError

SMALL = {"n_train": 60, "n_test": 20, "held_out": 15}


def images(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("source", [FASHION_MNIST, KMNIST], ids=lambda source: source.name)
def test_of_the_form_of_mnist(tmp_path, source):
    folder = write_mnist(tmp_path)
    (tmp_path / source.folder).parent.mkdir()
    folder.rename(tmp_path / source.folder)
    data = replace(source, **SMALL).load(tmp_path, 0)
    assert (data.name, data.shape, data.n_classes, data.size("train")) == (source.name, (1, 28, 28), 10, 30)
    assert len(set(data.class_names)) == 10


def write_cifar100(root: Path) -> Path:
    folder = root / "cifar-100-binary"
    folder.mkdir(parents=True)
    for name, n in (("train", 300), ("test", 20)):
        rows = np.column_stack([np.full(n, 7, np.uint8), (np.arange(n) % 100).astype(np.uint8), images(n, 3072)])
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join(f"thing_{i}" for i in range(100)) + "\n")
    return folder


def test_cifar100(tmp_path):
    folder, small = write_cifar100(tmp_path), replace(CIFAR100, n_train=300, n_test=20, held_out=100)
    data = small.load(tmp_path, 0)
    assert (data.shape, data.class_names[3]) == ((3, 32, 32), "thing_3")
    np.testing.assert_array_equal(data.labels("test"), np.arange(20))  # the fine labels
    np.testing.assert_array_equal(data.images("test"), images(20, 3072).reshape(20, 3, 32, 32))
    (folder / "fine_label_names.txt").write_text("apple\n")
    with pytest.raises(DataError, match=r"fine_label_names.txt: expected 100 class names, got 1; delete the file"):
        small.load(tmp_path, 0)


def write_svhn(root: Path, labels: int = 10) -> Path:
    (root / "SVHN").mkdir(parents=True)
    for name, n in (("train", 60), ("test", 20)):
        content = {"X": images(n, 3, 32, 32).transpose(2, 3, 1, 0), "y": 1 + np.arange(n)[:, np.newaxis] % labels}
        savemat(root / "SVHN" / f"{name}_32x32.mat", content)
    return root / "SVHN"


def test_svhn(tmp_path):
    folder, small = write_svhn(tmp_path), replace(SVHN, **SMALL)
    data = small.load(tmp_path, 0)
    assert (data.shape, data.n_classes) == ((3, 32, 32), 10)
    np.testing.assert_array_equal(data.labels("test"), (1 + np.arange(20)) % 10)  # 10 stands for 0
    np.testing.assert_array_equal(data.images("test"), images(20, 3, 32, 32))
    savemat(folder / "test_32x32.mat", {"X": images(3, 32), "y": np.arange(3)})
    with pytest.raises(DataError, match=r"expected images \[32, 32, 3, 20\] and labels \[20\], got \[3, 32\] "):
        small.load(tmp_path, 0)
    (folder / "train_32x32.mat").write_bytes((folder / "train_32x32.mat").read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train_32x32.mat: expected arrays X and y, which cannot be read"):
        small.load(tmp_path, 0)


def test_stl10(tmp_path):
    folder, small = tmp_path / "stl10_binary", replace(STL10, **SMALL)
    folder.mkdir()
    for name, n in (("train", 60), ("test", 20)):
        (folder / f"{name}_X.bin").write_bytes(images(n, 3, 96, 96).transpose(0, 1, 3, 2).tobytes())
        (folder / f"{name}_y.bin").write_bytes((1 + np.arange(n, dtype=np.uint8) % 10).tobytes())
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"))
    data = small.load(tmp_path, 0)
    assert (data.shape, data.class_names) == ((3, 96, 96), tuple("abcdefghij"))
    np.testing.assert_array_equal(data.images("test"), images(20, 3, 96, 96))
    (folder / "test_y.bin").write_bytes(bytes(20))
    with pytest.raises(DataError, match=r"test_y.bin: expected labels 0..9, got 255 at index 0"):
        small.load(tmp_path, 0)


@pytest.mark.parametrize("name", SOURCES)
def test_offline_it_says_where_it_looked_and_the_way_out(tmp_path, name):
    with pytest.raises(DataError) as caught:
        load_dataset(name, tmp_path, download=False)
    for part in (f"{tmp_path / SOURCES[name].folder}, missing:", "$WORKBENCH_DATA or pass root=", "'digits'"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_known_without_loading(name):
    source, facts = SOURCES[name], FACTS[name]
    assert sum(facts.sizes[:3]) == source.n_train
    assert [facts.size(split) for split in SPLITS[1:]] == [source.held_out, source.held_out, source.n_test]
