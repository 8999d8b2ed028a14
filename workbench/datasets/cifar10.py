"""CIFAR-10, from the official "binary version" or the "python version" that torchvision downloads."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.dataset import Dataset
from workbench.datasets.layout import Layout
from workbench.datasets.restricted_pickle import byte_array, load_restricted
from workbench.errors import DataError

DESCRIPTION = "60,000 photographs of ten kinds of things, 32x32 colour"
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
_REPAIR = "delete the file and load again, or replace it by an intact copy"


def layouts(root: Path) -> tuple[Layout, ...]:
    """The places where CIFAR-10 may lie: ROOT/cifar-10-batches-bin, ROOT/cifar-10-batches-py."""
    binary = tuple(f"{name}.bin" for name in _BATCHES)
    return (
        Layout("binary version", root / "cifar-10-batches-bin", binary),
        Layout("python version", root / "cifar-10-batches-py", _BATCHES),
    )


def load(
    layout: Layout,
    seed: int = 0,
    *,
    n_batch: int = 10_000,
    validation: int = 5_000,
    selection: int = 5_000,
) -> Dataset:
    """Reads CIFAR-10 from a complete layout.

    Args:
        layout: one of `layouts`, without missing files.
        seed: decides the train, validation and selection splits.
        n_batch: images that each of the six files must hold.
        validation: images in the validation split.
        selection: images in the selection split.

    Raises:
        DataError: a file is damaged, or holds another number of images.
    """
    read = _read_binary if layout.folder.name.endswith("-bin") else _read_python
    images = np.empty((6, n_batch, *_SHAPE), dtype=np.uint8)
    labels = np.empty((6, n_batch), dtype=np.int64)
    for batch, name in enumerate(layout.names):
        images[batch], labels[batch] = read(layout.folder / name, n_batch)
    return Dataset.from_arrays(
        images[:5].reshape(-1, *_SHAPE),
        labels[:5].ravel(),
        images[5],
        labels[5],
        validation=validation,
        selection=selection,
        seed=seed,
        name="cifar10",
        class_names=_class_names(layout.folder),
    )


def _read_binary(path: Path, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [n, 3, 32, 32] and labels [n] of one file of records: a label byte, then R, G, B planes."""
    n_expected = n * (1 + _PIXELS)
    try:
        n_actual = path.stat().st_size
        records = np.fromfile(path, dtype=np.uint8, count=n_expected)
    except OSError as error:
        raise DataError(f"{path}: expected {n_expected} bytes, got a file that cannot be read ({error})") from error
    if n_actual != n_expected or records.size != n_expected:
        raise DataError(
            f"{path}: expected {n_expected} bytes ({n} records of {1 + _PIXELS}), got {n_actual} bytes; {_REPAIR}"
        )
    records = records.reshape(n, 1 + _PIXELS)
    return records[:, 1:].reshape(n, *_SHAPE), _checked_labels(records[:, 0], path)


def _read_python(path: Path, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [n, 3, 32, 32] and labels [n] of one pickle."""
    found = load_restricted(path)
    images = byte_array(found.get("data"), (n, _PIXELS))
    labels = found.get("labels")
    if images is None or not isinstance(labels, list) or len(labels) != n:
        raise DataError(
            f"{path}: expected a pickle with 'data', uint8 [{n}, {_PIXELS}], and 'labels', a list of {n} "
            f"integers, got other content ({path.stat().st_size} bytes, keys {sorted(found)}); {_REPAIR}"
        )
    if not all(type(label) is int and 0 <= label <= 255 for label in labels):
        raise DataError(f"{path}: expected labels 0..9, got others in 'labels'; {_REPAIR}")
    return images.reshape(n, *_SHAPE), _checked_labels(np.array(labels, dtype=np.uint8), path)


def _checked_labels(labels: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """The labels, if all are within 0..9."""
    if labels.max() > 9:
        index = int(labels.argmax())
        raise DataError(f"{path}: expected labels 0..9, got {labels[index]} in record {index}; {_REPAIR}")
    return labels


def _class_names(folder: Path) -> tuple[str, ...]:
    """Names from the layout's optional list of classes, else the official ones."""
    text, pickled = folder / "batches.meta.txt", folder / "batches.meta"
    if text.is_file():
        path, names = text, tuple(text.read_text(encoding="utf-8", errors="replace").split())
    elif pickled.is_file():
        entries = load_restricted(pickled).get("label_names")
        entries = entries if isinstance(entries, list) else []
        path, names = pickled, tuple(e.decode("latin1") if isinstance(e, bytes) else str(e) for e in entries)
    else:
        return CLASS_NAMES
    if len(names) != 10:
        raise DataError(f"{path}: expected 10 class names, got {len(names)}; {_REPAIR}")
    return names
