"""Tiny files in the layouts of MNIST and CIFAR-10, for tests."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.datasets import Dataset
from workbench.datasets.cifar10 import CIFAR10
from workbench.datasets.mnist import MNIST

SMALL_MNIST = replace(MNIST, n_train=60, n_test=20, held_out=15)
SMALL_CIFAR10 = replace(CIFAR10, n_train=100, n_test=20, held_out=15)


def unique_images(n: int) -> NDArray[np.float32]:
    """Images [n, 2, 2], each recognisable by its first pixel."""
    images = np.zeros((n, 2, 2), dtype=np.float32)
    images[:, 0, 0] = np.arange(n)
    return images


def small_dataset(n: int = 100, n_classes: int = 4, **settings: Any) -> Dataset:
    """`n` unique training images and `n` others to test, of equal classes."""
    labels = np.arange(n) % n_classes
    return Dataset.from_arrays(unique_images(n), labels, unique_images(n), labels, **settings)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.tobytes()


def write_mnist(root: Path, *, gz: bool = False) -> Path:
    """60 training and 20 test images under ROOT/MNIST/raw; returns that folder."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = idx_bytes(array)
            path = folder / (f"{name}.gz" if gz else name)
            path.write_bytes(gzip.compress(content) if gz else content)
    return folder


def cifar_batches() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Rows [20, 3072] and labels [20] of each of the six files."""
    rng = np.random.default_rng(1)
    labels = (np.arange(20) % 10).astype(np.uint8)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    return {name: (rng.integers(0, 256, (20, 3072), dtype=np.uint8), labels) for name in names}


def write_cifar_binary(root: Path) -> Path:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (rows, labels) in cifar_batches().items():
        (folder / f"{name}.bin").write_bytes(np.hstack([labels[:, np.newaxis], rows]).tobytes())
    return folder


def load_mnist(root: Path) -> Dataset:
    return SMALL_MNIST.load(root, seed=0)


def load_cifar(root: Path) -> Dataset:
    return SMALL_CIFAR10.load(root, seed=0)
