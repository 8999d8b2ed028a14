"""A data set: raw images and labels in four splits, and their normalisation."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.datasets.checks import (
    check_class_names,
    check_images,
    check_labels,
    ordered_names,
    warn_of_other_scale,
)
from workbench.datasets.splits import SPLITS, draw_balanced, held_out_count, seeded, split_training
from workbench.errors import DataError

_CHUNK = 2_000  # images converted to float64 at a time

_TINY = np.finfo(np.float32).tiny

Store = Callable[[tuple[int, ...], np.dtype[Any], Callable[[], Iterator[NDArray[Any]]]], NDArray[Any]]
"""Keeps images: (shape [n, c, h, w], type, makes their chunks in order) -> all of them, perhaps mapped from a file."""


def in_memory(
    shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Callable[[], Iterator[NDArray[Any]]]
) -> NDArray[Any]:
    """The `Store` that keeps images in memory."""
    kept, start = np.empty(shape, dtype), 0
    for chunk in chunks():
        kept[start : start + len(chunk)] = chunk
        start += len(chunk)
    return kept


def arranged(
    labels: NDArray[np.int64], n_test: int, n_classes: int, validation: float, selection: float, seed: int
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """The order of the training images in a `Dataset`, [n], and the number of images in each of its splits."""
    n_validation = held_out_count(validation, len(labels), "validation")
    n_selection = held_out_count(selection, len(labels), "selection")
    n_classes = n_classes or int(labels.max()) + 1
    parts = split_training(labels, n_classes, n_validation, n_selection, seeded(seed))
    return np.concatenate(parts), (*map(len, parts), n_test)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels of four disjoint splits; immutable. Made by `from_arrays` or `load_dataset`.

    "train" is for training, "validation" drives evolution, "selection" chooses what is reported, and "test" is used
    only for what was chosen. The first three are a class-balanced split of the training set.

    The images are kept once, in raw units (uint8, or float32 for float input), one split after the other.
    """

    name: str
    class_names: tuple[str, ...]
    _images: NDArray[Any]  # [n, c, h, w], the splits in the order of SPLITS
    _labels: NDArray[np.int64]  # [n]
    _sizes: tuple[int, ...]  # images in each of SPLITS
    source: Mapping[str, Any] | None = None  # the files of a person's own that it was read from; see `own.load_again`

    @classmethod
    def from_arrays(
        cls,
        train_images: ArrayLike,
        train_labels: ArrayLike,
        test_images: ArrayLike,
        test_labels: ArrayLike,
        *,
        validation: float = 0.1,
        selection: float = 0.1,
        seed: int = 0,
        name: str = "custom",
        class_names: Sequence[str] | Mapping[str, int] | None = None,
        channels: Literal["first", "last"] | None = None,
        store: "Store | None" = None,
    ) -> "Dataset":
        """A data set from arrays, which are copied.

        Args:
            train_images: [n, h, w] or [n, c, h, w] of any size; uint8, other integers within 0..255, or float. Rows
                of a table are [n, 1, w]; their features are standardised one by one, images by channel.
            train_labels: [n], integers 0..n_classes-1.
            test_images: as `train_images`, of the same shape and type.
            test_labels: as `train_labels`.
            validation: fraction (float in (0, 1)) or number (int) of training images in the validation split.
            selection: the same for the selection split.
            seed: of the split of the training images.
            name: of the data set.
            class_names: one for each class in order, or a mapping from name to label; by default the numbers up to the
                largest train label.
            channels: where images of four dimensions have them: "first", "last" ([n, h, w, c]), or None: first, and an
                error if the shape looks like the other.
            store: where the copy is kept; by default in memory.

        Raises:
            DataError: the arrays are not as described, do not match each other, hold values that are not finite, or
                have too few images for the splits.
        """
        images, test = check_images(train_images, "train", channels), check_images(test_images, "test", channels)
        _check_same_form(images, test)
        warn_of_other_scale(images, test)
        named = ordered_names(class_names)
        n_named = None if named is None else len(named)
        labels = check_labels(train_labels, len(images), "train", n_named)
        last_labels = check_labels(test_labels, len(test), "test", n_named)
        names = check_class_names(named, labels, last_labels)
        order, sizes = arranged(labels, len(test), len(names), validation, selection, seed)

        def chunks() -> Iterator[NDArray[Any]]:
            for start in range(0, len(order), _CHUNK):
                yield images[order[start : start + _CHUNK]]
            for start in range(0, len(test), _CHUNK):
                yield test[start : start + _CHUNK]

        shape = (len(images) + len(test), *images.shape[1:])
        kept = (store or in_memory)(shape, images.dtype, chunks)
        return cls(str(name), names, kept, np.concatenate([labels[order], last_labels]), sizes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: channels, height, width."""
        _, c, h, w = self._images.shape
        return c, h, w

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def size(self, split: str) -> int:
        """Number of images in a split; `DataError` if there is no such split."""
        return self._sizes[_split_index(split)]

    def images(self, split: str) -> NDArray[Any]:
        """Raw images of a split, [n, c, h, w], uint8 or float32, read-only; `DataError` if there is no such split."""
        return _read_only(self._images[self._slice(split)])

    def labels(self, split: str) -> NDArray[np.int64]:
        """Labels of a split, [n], 0..n_classes-1, read-only, not copied; `DataError` if there is none."""
        return _read_only(self._labels[self._slice(split)])

    def arrays(self, split: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Normalised images, (raw - mean) / std, float32 [n, c, h, w], and labels, int64 [n].

        Each call computes the images anew (four bytes a value): keep them while they are needed. `DataError` if there
        is no such split.
        """
        return self.standardised(self.images(split)), self.labels(split)

    def standardised(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Raw images [n, c, h, w] as `arrays` gives them, (raw - mean) / std, float32."""
        mean, std = self._statistics
        scaled = images.astype(np.float32)
        scaled -= mean
        scaled /= std
        return scaled

    @property
    def is_table(self) -> bool:
        """Whether images are rows of a table, [1, 1, w]: w features without an order, each in its own units."""
        return self.shape[:2] == (1, 1)

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of each channel over the train split, [c] (of each feature of a table, [w]), in raw units, read-only."""
        return _read_only(self._statistics[0].ravel())

    @property
    def std(self) -> NDArray[np.float32]:
        """Standard deviation, as `mean`; 1 where all values are the same."""
        return _read_only(self._statistics[1].ravel())

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 over name, classes, shape, images, labels and splits."""
        digest = hashlib.sha256(repr((self.name, self.class_names, self.shape, self._sizes)).encode())
        for array in (self._images, self._labels):
            digest.update(array.dtype.str.encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def subset(self, n_train: int, seed: int = 0, *, only_train: bool = False) -> "Dataset":
        """A smaller data set with the same name, for quick trials.

        Args:
            n_train: training images to keep, class-balanced, at least one of each class. The other splits shrink in
                proportion, but keep one image of each class that they have.
            seed: of the choice of images.
            only_train: whether the other splits stay whole.

        Raises:
            DataError: `n_train` is less than the number of classes or more than there are.
        """
        n = held_out_count(n_train, self.size("train"), "n_train")
        if not self.n_classes <= n <= self.size("train"):
            raise DataError(
                f"expected n_train within {self.n_classes}..{self.size('train')} (one image of each class "
                f".. all training images of {self.name!r}), got {n_train}; ask for a number in that range"
            )
        rng = seeded(seed)
        kept = []
        for split, size in zip(SPLITS, self._sizes, strict=True):
            share = 1.0 if only_train and split != "train" else n / self.size("train")
            wanted = n if split == "train" else max(round(size * share), self.n_classes)
            drawn = draw_balanced(self.labels(split), self.n_classes, min(wanted, size), rng)
            kept.append(drawn + self._slice(split).start)
        rows = np.concatenate(kept)
        sizes = tuple(map(len, kept))
        return replace(self, _images=self._images[rows], _labels=self._labels[rows], _sizes=sizes, source=None)

    def __repr__(self) -> str:
        c, h, w = self.shape
        sizes = ", ".join(f"{split} {self.size(split)}" for split in SPLITS)
        return f"<Dataset {self.name!r}: {c}x{h}x{w} {self._images.dtype}, {self.n_classes} classes, {sizes}>"

    def _slice(self, split: str) -> slice:
        """Rows of a split in the arrays."""
        index = _split_index(split)
        start = sum(self._sizes[:index])
        return slice(start, start + self._sizes[index])

    @cached_property
    def _statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation over the train split, [c, 1, 1] each; of a table, [1, 1, w]."""
        images, axes = self.images("train"), (0,) if self.is_table else (0, 2, 3)
        chunks = [images[i : i + _CHUNK] for i in range(0, len(images), _CHUNK)]
        sums = sum(chunk.sum(axis=axes, dtype=np.float64, keepdims=True) for chunk in chunks)[0]
        values = images.size / sums.size
        mean = sums / values
        variance = sum(np.square(chunk - mean).sum(axis=axes, keepdims=True) for chunk in chunks)[0] / values
        std = np.sqrt(variance).astype(np.float32)
        # rounding of the mean may give a constant channel a tiny deviation; dividing by less than _TINY overflows
        constant = (images.min(axis=axes, keepdims=True) == images.max(axis=axes, keepdims=True))[0]
        std[constant | (std < _TINY)] = 1
        return mean.astype(np.float32), std


def _split_index(split: str) -> int:
    if split not in SPLITS:
        raise DataError(f"expected a split out of {', '.join(SPLITS)}, got {split!r}")
    return SPLITS.index(split)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def _check_same_form(train: NDArray[Any], test: NDArray[Any]) -> None:
    """`DataError` unless train and test images have the same shape [c, h, w] and type."""
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"expected test images of the same shape [c, h, w] as the train images, {list(train.shape[1:])}, "
            f"got {list(test.shape[1:])}; resize or crop one of them"
        )
    if train.dtype != test.dtype:
        raise DataError(
            f"expected train and test images in the same units, both integers or both floats, got train "
            f"{train.dtype} and test {test.dtype}; convert one of them to the scale and type of the other"
        )
