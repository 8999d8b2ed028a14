"""What `Dataset.from_arrays` refuses, and that it says what was expected, what came, and the way out."""

import numpy as np
import pytest
from dataset_stand_ins import small_dataset

from workbench.datasets import Dataset
from workbench.errors import DataError

IMAGES = np.random.default_rng(0).random((40, 1, 6, 5)).astype(np.float32)
LABELS = np.arange(40) % 4


def refused(match: str, *, images=IMAGES, labels=LABELS, test=IMAGES, test_labels=LABELS, **settings) -> None:
    with pytest.raises(DataError, match=match):
        Dataset.from_arrays(images, labels, test, test_labels, **settings)


def changed(array: np.ndarray, index: object, value: object) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(value):
    where = "in image 7, channel 0, row 2, column 3"
    refused(
        rf"expected finite train images .*got {value} {where} \(1 such",
        images=changed(IMAGES, (7, 0, 2, 3), value),
    )
    refused(
        rf"expected finite test images .*got {value} {where}.*nan_to_num",
        test=changed(IMAGES, (7, 0, 2, 3), value),
    )


def test_too_large_for_float32():
    refused(r"expected finite train images \(as float32\), got 1e\+300", images=IMAGES.astype(float) + 1e300)


@pytest.mark.parametrize("shape", [(40,), (40, 30), (40, 1, 1, 6, 5)])
def test_wrong_number_of_dimensions(shape):
    images = np.zeros(shape)
    refused(
        rf"expected train images as \[n, h, w\] or \[n, c, h, w\], got {len(shape)} dimensions.*reshape",
        images=images,
    )
    refused(r"expected test images as", test=images)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_last(channels):
    images = np.zeros((40, 8, 9, channels), dtype=np.uint8)
    refused(
        rf"got shape \[40, 8, 9, {channels}\], which looks like channels last.*pass channels='last'",
        images=images,
    )


@pytest.mark.parametrize("shape", [(0, 6, 5), (0, 1, 6, 5), (40, 0, 5)])
def test_empty(shape):
    refused("expected at least one train image", images=np.zeros(shape))
    refused("expected at least one test image", test=np.zeros(shape), test_labels=[])


def test_integers_out_of_range():
    refused(
        r"expected integer train images within 0\.\.255, got values 0\.\.256",
        images=np.arange(256 + 1).repeat(6).reshape(257, 3, 2),
    )
    refused(r"within 0\.\.255, got values -1\.\.0.*float32", images=changed(np.zeros((40, 6, 5), int), 3, -1))


@pytest.mark.parametrize("dtype", [complex, object, str])
def test_images_of_another_type(dtype):
    refused(r"expected train images of integers within 0\.\.255 or of floats, got", images=IMAGES.astype(dtype))


def test_ragged_images():
    refused("expected train images as one array, got list", images=[np.zeros((2, 2)), np.zeros((3, 3))])


def test_test_images_of_another_shape_or_type():
    refused(
        r"expected test images of the same shape \[c, h, w\] .*\[1, 6, 5\], got \[1, 5, 6\]",
        test=IMAGES.swapaxes(2, 3),
    )
    refused("same units.*got train float32 and test uint8", test=IMAGES.astype(np.uint8))


def test_labels_of_another_length():
    refused("as many train labels as train images, got 39 labels and 40 images", labels=LABELS[1:])
    refused("as many test labels as test images, got 39 labels and 40 images", test_labels=LABELS[1:])


def test_labels_of_another_form():
    refused(r"expected train labels as \[n\], got shape \[40, 4\].*argmax", labels=np.eye(4)[LABELS])
    refused(r"expected train labels to be integers .*got float64", labels=LABELS + 0.5)
    refused(r"expected test labels to be integers .*got <U.*return_inverse", test_labels=LABELS.astype(str))


def test_labels_out_of_range():
    refused(r"expected train labels .*got -1 at index 3; number the classes from 0", labels=changed(LABELS, 3, -1))
    refused(
        r"expected test labels within 0\.\.3 \(from the largest train label\), got 9 at index 5",
        test_labels=changed(LABELS, 5, 9),
    )
    refused(
        r"expected train labels within 0\.\.2 \(from the length of class_names\), got 3",
        class_names=["a", "b", "c"],
    )
    refused("expected train labels", labels=np.full(40, 2**64 - 1, dtype=np.uint64))


@pytest.mark.parametrize("names", ["abcd", {"a", "b", "c", "d"}, 4, iter("abcd")])
def test_class_names_without_an_order(names):
    refused("expected class_names as a list of names in the order of the labels, got ", class_names=names)


def test_class_names_as_a_mapping():
    labels = {"dog": 2, "cat": 0, "cow": 1, "hen": 3}
    data = Dataset.from_arrays(IMAGES, LABELS, IMAGES, LABELS, class_names=labels)
    assert data.class_names == ("cat", "cow", "dog", "hen")
    for wrong in ({**labels, "hen": 4}, {0: "cat", 1: "cow", 2: "dog", 3: "hen"}):
        refused(r"a mapping from each name to its label 0\.\.3", class_names=wrong)


def test_labels_that_start_at_one():
    refused(
        r"got 1\.\.4: they seem to start at 1; pass labels - 1", labels=LABELS + 1, class_names=["a", "b", "c", "d"]
    )


def test_flat_images():
    refused(r"pass images.reshape\(-1, 8, 8\) if they are flat", images=np.zeros((40, 64)))
    refused(r"images\[:, None, :\] if they are rows of a table", images=np.zeros((40, 13)))


def test_channels_that_are_said():
    images = np.zeros((40, 8, 5, 3), dtype=np.uint8)
    for channels, shape in (("first", (8, 5, 3)), ("last", (3, 8, 5))):
        data = Dataset.from_arrays(images, LABELS, images, LABELS, channels=channels)
        assert data.shape == shape
    refused("expected channels to be 'first', 'last' or None, got 'middle'", channels="middle")


@pytest.mark.parametrize("change", [lambda x: 16 * x, lambda x: x / 255, lambda x: x + 10])
def test_test_images_of_another_scale_warn(change):
    with pytest.warns(UserWarning, match=r"train images lie within .* test images within .*one scale"):
        Dataset.from_arrays(IMAGES, LABELS, change(IMAGES), LABELS)


def test_one_class():
    refused("expected at least two classes, got 1", labels=LABELS * 0)
    refused("expected at least two classes, got 0", class_names=[])


def test_tiny_class():
    labels = np.array([0] * 20 + [1] * 18 + [2] * 2)
    refused("at least 3 training images of each class .*got class 2: 2; add", labels=labels, test_labels=labels)
    refused("got class 4: 0", class_names=["a", "b", "c", "d", "e"])


def test_stray_huge_label():
    refused(
        "at least 3 training images of each of the 1000000000001 classes.*without gaps",
        labels=changed(LABELS, 0, 10**12),
    )


@pytest.mark.parametrize("settings", [{"validation": 33}, {"validation": 0.5, "selection": 0.5}, {"selection": 33}])
def test_nothing_left_to_train_on(settings):
    refused("leave at least one training image of each of the 4 classes, got 40.*smaller splits", **settings)


@pytest.mark.parametrize("split", ["validation", "selection"])
@pytest.mark.parametrize("asked", [0, -1, 0.0, 1.0, 1.5, -0.1, float("nan"), True, "10%", None])
def test_split_size_without_meaning(split, asked):
    refused(f"expected {split} as a fraction between 0 and 1", **{split: asked})


@pytest.mark.parametrize("seed", [-1, 0.5, None, True])
def test_seed_without_meaning(seed):
    refused("expected a seed that is an integer from 0 upwards, got", seed=seed)
    with pytest.raises(DataError, match="expected a seed"):
        small_dataset().subset(10, seed=seed)
