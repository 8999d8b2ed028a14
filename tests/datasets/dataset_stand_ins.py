"""Tiny files in the layouts of MNIST and CIFAR-10, for tests."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.datasets import Dataset, cifar10, mnist

MNIST_SIZES: dict[str, int] = {"n_train": 60, "n_test": 20, "validation": 10, "selection": 20}
CIFAR_SIZES: dict[str, int] = {"n_batch": 20, "validation": 10, "selection": 20}


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


def write_cifar_python(root: Path, protocol: int = 2) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, (rows, labels) in cifar_batches().items():
        content = {b"data": rows, b"labels": labels.tolist(), b"filenames": [b"a.png"] * 20}
        (folder / name).write_bytes(pickle.dumps(content, protocol=protocol))
    meta = {"label_names": list(cifar10.CLASS_NAMES), "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=protocol))
    return folder


def load_mnist(root: Path, seed: int = 0) -> Dataset:
    (layout,) = mnist.layouts(root)
    return mnist.load(layout, seed, **MNIST_SIZES)


def load_cifar(root: Path, seed: int = 0) -> Dataset:
    layout = next(layout for layout in cifar10.layouts(root) if not layout.missing())
    return cifar10.load(layout, seed, **CIFAR_SIZES)
