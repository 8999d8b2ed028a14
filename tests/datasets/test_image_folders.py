from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_folders import CLASSES, write_classes, write_image
from PIL import Image

from workbench.datasets import SPLITS, load_dataset
from workbench.datasets.folder import scan
from workbench.datasets.pixels import decoded, size_of
from workbench.errors import DataError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def photos(tmp_path) -> Path:
    return write_classes(tmp_path / "photos")


def test_a_folder_for_each_class(photos):
    data = load_dataset(photos)
    assert (data.name, data.class_names, data.shape) == ("photos", CLASSES, (3, 6, 8))
    assert [data.size(split) for split in SPLITS] == [20, 2, 2, 6]
    for split in SPLITS:
        images, labels = data.images(split), data.labels(split)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(np.round((images.mean(axis=(1, 2, 3)) - 40) / 80), labels)
    everything = np.concatenate([data.images(split) for split in SPLITS])
    assert len({image.tobytes() for image in everything}) == 30  # each once


def test_pixels_are_those_of_the_files(photos):
    data = load_dataset(photos)
    files = {np.asarray(Image.open(path)).transpose(2, 0, 1).tobytes() for path in photos.rglob("*.png")}
    assert {image.tobytes() for split in SPLITS for image in data.images(split)} == files


def test_the_split_is_a_function_of_seed_and_names(photos, tmp_path):
    moved = shutil.copytree(photos, tmp_path / "elsewhere" / "photos")
    one, other, seeded = load_dataset(photos), load_dataset(moved), load_dataset(photos, seed=1)
    assert one.fingerprint == other.fingerprint != seeded.fingerprint
    np.testing.assert_array_equal(one.images("test"), seeded.images("test"))
    write_image(photos / "cat" / "new.png", 40, seed=99)
    before = {image.tobytes() for image in one.images("test")}
    after = {image.tobytes() for image in load_dataset(photos).images("test")}
    assert len(before - after) <= 1


def test_folders_of_training_and_test_images(tmp_path):
    write_classes(tmp_path / "set" / "train", 6)
    write_classes(tmp_path / "set" / "test", 2)
    assert [load_dataset(tmp_path / "set").size(split) for split in SPLITS] == [14, 2, 2, 6]
    write_classes(tmp_path / "set" / "val", 3)
    data = load_dataset(tmp_path / "set")  # validation images are for training, which is split as always
    assert (sum(map(data.size, SPLITS[:3])), data.size("test")) == (27, 6)
    shutil.rmtree(tmp_path / "set" / "test")
    data = load_dataset(tmp_path / "set")
    assert (sum(map(data.size, SPLITS[:3])), data.size("test")) == (18, 9)
    shutil.rmtree(tmp_path / "set" / "val")
    assert load_dataset(tmp_path / "set").size("test") == 3


def test_a_class_may_be_called_train(tmp_path):
    for number, name in enumerate(("bus", "car", "train")):
        for index in range(5):
            write_image(tmp_path / "ways" / name / f"{index}.png", 40 + 80 * number, seed=index)
    assert load_dataset(tmp_path / "ways").class_names == ("bus", "car", "train")


def test_numbers_are_in_their_order(tmp_path):
    for name in ("0", "2", "10"):
        for index in range(4):
            write_image(tmp_path / "set" / name / "below" / f"{index}.png", 40, seed=index)
    assert load_dataset(tmp_path / "set").class_names == ("0", "2", "10")


@pytest.mark.parametrize(("size", "shape"), [(4, (4, 4)), ((5, 9), (5, 9)), (None, (32, 32))])
def test_size_is_as_asked_for(photos, size, shape):
    write_image(photos / "cat" / "large.png", 40, size=(70, 100))
    assert load_dataset(photos, size=size).shape == (3, *shape)


def test_colour_is_decided_by_the_images(tmp_path):
    write_classes(tmp_path / "grey", colour=False)
    assert load_dataset(tmp_path / "grey").shape == (1, 6, 8)
    assert load_dataset(tmp_path / "grey", colour="rgb").shape == (3, 6, 8)
    for path in (tmp_path / "grey").rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    assert load_dataset(tmp_path / "grey").shape == (1, 6, 8)  # grey images that are stored as colour
    write_classes(tmp_path / "colour")
    assert load_dataset(tmp_path / "colour", colour="grey").shape == (1, 6, 8)


def test_what_is_kept_of_an_image(tmp_path):
    deep = np.array([[0, 65535], [257 * 128, 257 * 3]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(decoded(tmp_path / "deep.png", (2, 2), "grey"), [[[0, 255], [128, 3]]])
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0, 3] = 255
    Image.fromarray(clear).save(tmp_path / "clear.png")
    np.testing.assert_array_equal(decoded(tmp_path / "clear.png", (2, 2), "grey"), [[[0, 255], [255, 255]]])
    turned = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(8, 32))
    turned.save(tmp_path / "turned.jpg", exif=exif_of(6))
    assert size_of(tmp_path / "turned.jpg") == (32, 8)
    first_row = decoded(tmp_path / "turned.jpg", (32, 8), "grey")[0, 0]
    assert np.all(np.diff(first_row.astype(int)) < 0)  # the first column, upwards


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_any_size_becomes_any_other(tmp_path_factory, height, width, tall, wide):
    path = tmp_path_factory.getbasetemp() / "any.png"
    write_image(path, 100, size=(height, width))
    pixels = decoded(path, (tall, wide), "rgb")
    assert pixels.shape == (3, tall, wide)
    assert 70 <= pixels.min() <= pixels.max() <= 130
    if (height, width) == (tall, wide):
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(path)).transpose(2, 0, 1))


def one_class(folder: Path) -> None:
    shutil.rmtree(folder / "cat")
    shutil.rmtree(folder / "dog")


def nested(folder: Path) -> None:
    shutil.move(folder, folder.with_name("moved"))
    shutil.move(folder.with_name("moved"), folder / "inner")


def mixed(folder: Path) -> None:
    write_image(folder / "stray.png", 0)


def empty_class(folder: Path) -> None:
    (folder / "elk").mkdir()


def few(folder: Path) -> None:
    for index in range(8):
        (folder / "owl" / f"{index}.png").unlink()


def only_test(folder: Path) -> None:
    nested(folder)
    (folder / "inner").rename(folder / "test")


def train_and_class(folder: Path) -> None:
    nested(folder)
    (folder / "inner").rename(folder / "train")
    (folder / "elk").mkdir()


def unknown_in_test(folder: Path) -> None:
    nested(folder)
    (folder / "inner").rename(folder / "train")
    write_image(folder / "test" / "elk" / "a.png", 0)


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def hollow(folder: Path) -> None:
    gone(folder)
    folder.mkdir()


def dangling(folder: Path) -> None:
    (folder / "owl" / "a.png").symlink_to("nowhere.png")


def circle(folder: Path) -> None:
    (folder / "owl" / "a.png").symlink_to("a.png")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "owl" / "a.png")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (dangling, "1 files or folders of .*photos cannot be read: .*owl/a.png: No such file"),
        (circle, "owl/a.png: Too many levels of symbolic links"),
        (pipe, "owl/a.png: not a regular file"),
        (one_class, "photos: expected a folder of .* for each of two or more classes, got one, 'owl'"),
        (nested, "got one folder; if its folders, such as cat, are the classes, give .*photos/inner"),
        (mixed, "got 1 images outside of one, such as stray.png; move each into the folder of its class"),
        (empty_class, "at least 3 training images of each class .*, got elk: 0; add images"),
        (few, "at least 3 training images of each class .*, got owl: 1; add images"),
        (only_test, "expected a folder 'train' beside 'test'; add it"),
        (train_and_class, "either folders of classes or train, got also elk; move them there"),
        (unknown_in_test, "the same classes to train and to test on, got elk only in the test images"),
        (gone, "there is no file or folder .*photos; expected a folder with a folder of PNG or JPEG files for each"),
        (hollow, "for each of two or more classes, got none"),
    ],
)
def test_folders_that_are_no_data_set(photos, damage, message):
    damage(photos)
    with pytest.raises(DataError, match=message):
        load_dataset(photos)


def test_broken_files_are_named_all_at_once(photos, root):
    (photos / "cat" / "0.png").write_bytes(b"")
    (photos / "dog" / "1.png").write_bytes((photos / "dog" / "1.png").read_bytes()[:60])
    (photos / "owl" / "2.jpg").write_text("<html>not found</html>")
    with pytest.raises(DataError, match=r"3 of 31 images cannot be read: .*cat/0.png: .*dog/1.png: .*owl/2.jpg: not a"):
        load_dataset(photos)
    assert list((root / "cache").iterdir()) == []


def test_folders_that_cannot_be_read(photos, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(photos))

    monkeypatch.setattr("pathlib.Path.iterdir", refused)
    with pytest.raises(DataError, match=r"cannot read .*photos: Permission denied"):
        load_dataset(photos)


def test_other_files_are_left_out_with_a_word(photos):
    (photos / "cat" / "notes.txt").write_text("")
    (photos / "cat" / ".DS_Store").write_text("")
    (photos / "__MACOSX").mkdir()
    with pytest.warns(UserWarning, match=r"1 files are left out, such as notes.txt"):
        assert load_dataset(photos).class_names == CLASSES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size as pixels a side, or height and width, from 1 to 4096, got 0"),
        ({"size": (3, 4, 5)}, "size as pixels"),
        ({"size": 2.5}, "size as pixels"),
        ({"size": True}, "size as pixels"),
        ({"colour": "sepia"}, "colour to be one of grey, rgb, got 'sepia'"),
        ({"seed": -1}, "a seed that is an integer"),
    ],
)
def test_bad_options(photos, options, message):
    with pytest.raises(DataError, match=message):
        load_dataset(photos, **options)
    with pytest.raises(DataError, match="size and colour are for folders of images"):
        load_dataset("digits", size=4)


def test_they_are_decoded_once_and_mapped(photos, monkeypatch):
    first = load_dataset(photos)
    monkeypatch.setattr("workbench.datasets.folder._chunks", None)
    again = load_dataset(photos)
    assert again.fingerprint == first.fingerprint
    assert is_mapped(again.images("train"))


def is_mapped(array: np.ndarray | None) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = array.base if isinstance(array.base, np.ndarray) else None
    return False


def test_a_changed_folder_is_decoded_anew(photos, root):
    before = load_dataset(photos)
    write_image(photos / "cat" / "0.png", 200, seed=7)
    os.utime(photos / "cat" / "0.png", ns=(1, 1))
    after = load_dataset(photos)
    assert after.fingerprint != before.fingerprint
    assert len(list((root / "cache").iterdir())) == 1  # in place of the stale one
    load_dataset(photos, size=4)
    assert len(list((root / "cache").iterdir())) == 2


@pytest.mark.parametrize("place", [0, 20, 300, -1])
def test_a_damaged_cache_is_made_again(photos, root, place):
    good = load_dataset(photos).fingerprint
    (kept,) = (root / "cache").iterdir()
    content = bytearray(kept.read_bytes())
    content[place] ^= 1
    kept.write_bytes(content)
    assert load_dataset(photos).fingerprint == good
    kept.write_bytes(content[:200])
    assert load_dataset(photos).fingerprint == good
    np.save(kept, np.zeros(3, np.uint8))
    kept.write_bytes(kept.read_bytes().replace(b"(3,)", b"(3.)"))  # a header that makes numpy raise a TypeError
    assert load_dataset(photos).fingerprint == good
    kept.unlink()
    kept.mkdir()
    assert load_dataset(photos).fingerprint == good  # nothing can be written there


def test_without_room_for_a_cache_images_stay_in_memory(photos, root):
    root.write_text("a file")
    assert not is_mapped(load_dataset(photos).images("train"))


def test_without_pillow(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"need Pillow; install it with: pip install 'neuron-workbench\[data\]'"):
        load_dataset(photos)


def test_whatever_is_in_a_file_it_is_an_image_or_an_error(tmp_path):
    """Damaged PNG and JPEG files, and heads that promise images of any size."""
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(buffer, kind)
        for _ in range(150):
            content = bytearray(buffer.getvalue())
            for place in rng.integers(0, min(len(content), 120), rng.integers(1, 4)):
                content[place] = rng.integers(256)
            (tmp_path / "mutant.png").write_bytes(content[: rng.integers(1, len(content) + 1)])
            with contextlib.suppress(DataError):
                assert decoded(tmp_path / "mutant.png", (5, 5), "rgb").shape == (3, 5, 5)


def test_scanning_reads_no_image(photos):
    for path in photos.rglob("*.png"):
        path.write_bytes(b"")
    assert len(scan(photos).train) == 24
