"""Checks of the arrays that a user gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import DataError


def check_images(images: ArrayLike, what: str) -> NDArray[Any]:
    """Convert images to the stored form, [n, c, h, w], uint8, or float32 for float input; it may share their memory.

    `images` are [n, h, w] (grey) or [n, c, h, w]; uint8, other integers within 0..255, bool, or float; else
    `DataError`. `what` is "train" or "test", for messages.
    """
    array = _as_array(images, f"{what} images")
    if array.ndim not in (3, 4):
        raise DataError(
            f"expected {what} images as [n, h, w] or [n, c, h, w], got {array.ndim} dimensions, shape "
            f"{list(array.shape)}; reshape them, for example images.reshape(n, 28, 28)"
        )
    if 0 in array.shape:
        raise DataError(
            f"expected at least one {what} image with at least one pixel, got shape {list(array.shape)}; "
            f"check how the images were selected"
        )
    if array.ndim == 3:
        array = array[:, np.newaxis]  # [n, 1, h, w]
    _, second, third, last = array.shape
    if last in (1, 3, 4) and second > 4 and third > last:
        raise DataError(
            f"expected {what} images as [n, c, h, w], got shape {list(array.shape)}, which looks like "
            f"channels last, [n, h, w, c]; pass images.transpose(0, 3, 1, 2)"
        )
    return _as_stored(array, what)


def check_labels(labels: ArrayLike, n_images: int, what: str) -> NDArray[np.int64]:
    """Convert labels to the stored form, int64 [n_images]; `DataError` unless they are as many integers from 0."""
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
    for index in (int(array.argmin()), int(array.argmax())):
        if not 0 <= array[index] <= np.iinfo(np.int64).max:  # above it: uint64 only
            raise DataError(
                f"expected {what} labels to be integers 0..n_classes-1, got {array[index]} at index {index}; "
                f"number the classes from 0"
            )
    return array.astype(np.int64)


def check_class_names(
    class_names: Sequence[str] | None, train_labels: NDArray[np.int64], test_labels: NDArray[np.int64]
) -> tuple[str, ...]:
    """Names of all classes, by default "0", "1", ...; `DataError` if there is one class, or a label without a class."""
    if isinstance(class_names, str):
        raise DataError(f"expected class_names as a list of names, got the string {class_names!r}; pass a list")
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
