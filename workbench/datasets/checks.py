"""Checks of the arrays that a user gives."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import DataError

GROSS = 4
"""From this ratio of their deviations, or distance of their means in deviations, two sets are of different scales."""

SAMPLE = 2_000
"""Images that are looked at to tell the scale."""


def check_images(images: ArrayLike, what: str, channels: str | None = None) -> NDArray[Any]:
    """Convert images to the stored form, [n, c, h, w], uint8, or float32 for float input; it may share their memory.

    `images` are [n, h, w] (grey) or [n, c, h, w]; uint8, other integers within 0..255, bool, or float; else
    `DataError`. `channels` are "first", "last" ([n, h, w, c]), or None: first, unless the shape looks like the other.
    `what` is "train" or "test", for messages.
    """
    if channels not in (None, "first", "last"):
        raise DataError(f"expected channels to be 'first', 'last' or None, got {channels!r}")
    array = _as_array(images, f"{what} images")
    if array.ndim not in (3, 4):
        raise DataError(
            f"expected {what} images as [n, h, w] or [n, c, h, w], got {array.ndim} dimensions, shape "
            f"{list(array.shape)}; {_how_to_reshape(array)}"
        )
    if 0 in array.shape:
        raise DataError(
            f"expected at least one {what} image with at least one pixel, got shape {list(array.shape)}; "
            f"check how the images were selected"
        )
    if array.ndim == 3:
        array = array[:, np.newaxis]  # [n, 1, h, w]
    elif channels == "last":
        array = array.transpose(0, 3, 1, 2)
    _, second, third, last = array.shape
    if channels is None and last in (1, 3, 4) and second > 4 and third > last:
        raise DataError(
            f"expected {what} images as [n, c, h, w], got shape {list(array.shape)}, which looks like "
            f"channels last, [n, h, w, c]; pass channels='last' if so, else channels='first'"
        )
    return _as_stored(array, what)


def _how_to_reshape(array: NDArray[Any]) -> str:
    """The way from images that are not [n, h, w] to those that are."""
    if array.ndim != 2:
        return "reshape them, for example images.reshape(n, h, w)"
    side = math.isqrt(array.shape[1])
    if side > 1 and side**2 == array.shape[1]:
        return f"pass images.reshape(-1, {side}, {side}) if they are flat images, images[:, None, :] if rows of a table"
    return "pass images.reshape(-1, h, w) if they are flat images, images[:, None, :] if they are rows of a table"


def warn_of_other_scale(train: NDArray[Any], test: NDArray[Any]) -> None:
    """A `UserWarning` if test images [n, c, h, w] are of a grossly different scale than the train images."""
    some = [images[:: 1 + len(images) // SAMPLE].astype(np.float64) for images in (train, test)]
    spread, other = (float(images.std()) for images in some)
    apart = abs(float(some[0].mean() - some[1].mean()))
    if spread > GROSS * other or other > GROSS * spread or apart > GROSS * max(spread, other):
        warnings.warn(
            f"train images lie within {train.min():.4g}..{train.max():.4g}, test images within "
            f"{test.min():.4g}..{test.max():.4g}: if they are in different units, accuracies on the test split mean "
            f"nothing; bring both to one scale",
            stacklevel=3,
        )


def check_labels(labels: ArrayLike, n_images: int, what: str, n_classes: int | None = None) -> NDArray[np.int64]:
    """Convert labels to the stored form, int64 [n_images]; `DataError` unless they are as many integers from 0.

    `n_classes` is the number of class names, if they were given.
    """
    array = _as_array(labels, f"{what} labels")
    if array.ndim != 1:
        raise DataError(
            f"expected {what} labels as [n], got shape {list(array.shape)}; pass labels.ravel(), or "
            f"labels.argmax(axis=1) if they are one-hot"
        )
    if len(array) != n_images:
        raise DataError(
            f"expected as many {what} labels as {what} images, got {len(array)} labels and {n_images} "
            f"images; pass one label for each image"
        )
    if array.dtype.kind not in "iu":
        raise DataError(
            f"expected {what} labels to be integers 0..n_classes-1, got {array.dtype}; convert them, for "
            f"example labels.astype(int), or number the classes by numpy.unique(labels, "
            f"return_inverse=True)[1]"
        )
    if array.min() == 1 and n_classes is not None and array.max() == n_classes:
        raise DataError(
            f"expected {what} labels 0..{n_classes - 1}, as there are {n_classes} class names, got 1..{n_classes}: "
            f"they seem to start at 1; pass labels - 1"
        )
    for index in (int(array.argmin()), int(array.argmax())):
        if not 0 <= array[index] <= np.iinfo(np.int64).max:  # above it: uint64 only
            raise DataError(
                f"expected {what} labels to be integers 0..n_classes-1, got {array[index]} at index {index}; "
                f"number the classes from 0"
            )
    return array.astype(np.int64)


def ordered_names(class_names: Any) -> list[Any] | None:
    """The names of the classes in order; `DataError` if they have none."""
    if isinstance(class_names, Mapping):
        if sorted(class_names.values(), key=str) != sorted(range(len(class_names)), key=str):
            raise DataError(
                f"expected class_names as a mapping from each name to its label 0..{len(class_names) - 1}, got the "
                f"labels {list(class_names.values())[:5]}; pass a list of names in the order of the labels"
            )
        return sorted(class_names, key=class_names.__getitem__)
    if class_names is None:
        return None
    if isinstance(class_names, str | bytes) or not (
        isinstance(class_names, Sequence) or hasattr(class_names, "tolist")
    ):
        raise DataError(
            f"expected class_names as a list of names in the order of the labels, got {type(class_names).__name__} "
            f"{str(class_names)[:60]!r}; pass a list"
        )
    return list(class_names)


def check_class_names(
    class_names: Sequence[Any] | None, train_labels: NDArray[np.int64], test_labels: NDArray[np.int64]
) -> tuple[str, ...]:
    """Names of all classes, by default "0", "1", ...; `DataError` if there is one class, or a label without a class."""
    n_classes = int(train_labels.max()) + 1 if class_names is None else len(class_names)
    if n_classes < 2:
        raise DataError(
            f"expected at least two classes, got {n_classes}; pass images of another class as well, with "
            f"labels 0..n_classes-1"
        )
    source = "largest train label" if class_names is None else "length of class_names"
    for what, labels in (("train", train_labels), ("test", test_labels)):
        if labels.max() >= n_classes:
            raise DataError(
                f"expected {what} labels within 0..{n_classes - 1} (from the {source}), got {labels.max()} "
                f"at index {int(labels.argmax())}; drop these images or name all classes by class_names"
            )
    if class_names is None and n_classes > len(train_labels):  # a stray huge label: no names; the split reports it
        return ()
    return tuple(map(str, range(n_classes) if class_names is None else class_names))


def _as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    """`numpy.asarray` with an error that names the array."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"expected {what} as one array, got {type(values).__name__} that numpy cannot convert ({error}); "
            f"make all of the same shape and pass a numpy array"
        ) from error


def _as_stored(images: NDArray[Any], what: str) -> NDArray[Any]:
    """Cast to uint8 or float32; `DataError` naming a value that cannot be stored."""
    kind = images.dtype.kind
    if kind == "b" or images.dtype == np.uint8:
        return images.astype(np.uint8, copy=False)
    if kind in "iu":
        low, high = images.min(), images.max()
        if low < 0 or high > 255:
            raise DataError(
                f"expected integer {what} images within 0..255, got values {low}..{high} of type "
                f"{images.dtype}; pass them as float32 instead"
            )
        return images.astype(np.uint8)
    if kind != "f":
        raise DataError(
            f"expected {what} images of integers within 0..255 or of floats, got {images.dtype}; convert "
            f"them, for example images.astype('float32')"
        )
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, reported below
        stored = images.astype(np.float32, copy=False)
    finite = np.isfinite(stored)
    if not finite.all():
        n, c, row, column = (int(i) for i in np.unravel_index(int(finite.argmin()), finite.shape))
        raise DataError(
            f"expected finite {what} images (as float32), got {images[n, c, row, column]} in image {n}, "
            f"channel {c}, row {row}, column {column} ({finite.size - int(finite.sum())} such values in "
            f"all); remove these images or fill the values, for example by numpy.nan_to_num"
        )
    return stored
