"""Images in folders, one folder for each class: which images there are, and the data set that they make."""

import errno
import hashlib
import os
import stat
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.cache import cache_for
from workbench.datasets.dataset import Dataset, arranged
from workbench.datasets.pixels import COLOURS, ENDINGS, decoded, size_of
from workbench.errors import DataError

ROLES = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Names of folders that hold those of the classes."""

TEST_SHARE = 0.15
"""Of each class, where there is no folder of test images."""

KEPT_SIDE = 64
"""Images that are all of one size keep it up to this many pixels a side; others become `SIDE` × `SIDE`."""

SIDE = 32

LOOKED_AT = 64
"""Images that are looked at to choose size and colour."""

MANY = 5_000
"""Images from which decoding is announced."""

CHROMA = 2.0
"""Mean difference between the channels of a picture, of 255, up to which it is grey."""

_CHUNK = 256  # images that are decoded together


@dataclass(frozen=True)
class ImageFolder:
    """The images below a folder, as paths relative to it, in a fixed order."""

    path: Path
    classes: tuple[str, ...]
    train: tuple[tuple[str, int], ...]  # path and label of each image
    test: tuple[tuple[str, int], ...]
    facts: tuple[tuple[str, int, int], ...]  # path, bytes and time of change of each image, sorted

    @property
    def stamp(self) -> str:
        """Hexadecimal digest of names and sizes of the files: it is the same for a copy of the folder."""
        return _digest([(name, size) for name, size, _ in self.facts])


def load_folder(
    path: Path,
    root: Path,
    *,
    size: tuple[int, int] | None = None,
    colour: str | None = None,
    seed: int = 0,
    name: str | None = None,
) -> Dataset:
    """A data set of the images of a folder, decoded once and mapped from a file below `root` from then on.

    Args:
        path: holds a folder of PNG and JPEG files for each class, or `train` and `test` folders that do. Without a
            test folder, `TEST_SHARE` of each class are test images, chosen by their names.
        root: of the data sets.
        size: height and width; images are scaled to cover it, and cut in the middle. By default that of the images if
            it is the same for all and not above `KEPT_SIDE`, else `SIDE` × `SIDE`.
        colour: "grey" or "rgb"; by default as the images are.
        seed: of the split of the training images.
        name: of the data set; by default that of the folder.

    Raises:
        DataError: if the folder is not as described, or files in it are broken, which are named.
    """
    found = scan(path)
    if size is None or colour is None:
        guessed = _looked_at(found)
        size, colour = size or guessed[0], colour or guessed[1]
    labels, last = (np.array([label for _, label in part], np.int64) for part in (found.train, found.test))
    order, sizes = arranged(labels, len(last), len(found.classes), 0.1, 0.1, seed)
    files = [found.train[index][0] for index in order] + [file for file, _ in found.test]
    shape = (len(files), COLOURS[colour], *size)
    made = {"size": list(size), "colour": colour, "seed": seed}
    store = cache_for(root, path, made, (found.classes, found.facts))
    images = store(shape, np.dtype(np.uint8), lambda: _chunks(path, files, size, colour))
    source = {"path": str(path), "stamp": found.stamp, **made}
    all_labels = np.concatenate([labels[order], last])
    return Dataset(name or path.name or "images", found.classes, images, all_labels, sizes, source)


def scan(path: Path) -> ImageFolder:
    """The images of a folder, without reading them; `DataError` if it is not as `load_folder` describes."""
    roles = _roles(path)
    found = {role: _classes(folder, path) for role, folder in (roles or {"train": path}).items()}
    facts = tuple(sorted(each for classes in found.values() for files in classes.values() for each in files))
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    names = sorted(found["train"], key=lambda name: (int(name), name) if name.isdecimal() else (sys.maxsize, name))
    label = {name: number for number, name in enumerate(names)}
    for role, classes in found.items():
        if unknown := [name for name in classes if name not in label]:
            raise DataError(
                f"{path}: expected the same classes to train and to test on, got {', '.join(unknown[:5])} only in the "
                f"{role} images; add training images of these classes, or leave them out"
            )
    pairs = {
        role: [(file, label[name]) for name in names for file, _, _ in classes.get(name, ())]
        for role, classes in found.items()
    }
    train, test = pairs["train"] + pairs.get("validation", []), pairs.get("test")
    if test is None:
        chosen = {file for files in found["train"].values() for file in _for_test([file for file, _, _ in files])}
        test = [pair for pair in train if pair[0] in chosen]
        train = [pair for pair in train if pair[0] not in chosen]
    _check_enough(path, names, train, test)
    return ImageFolder(path, tuple(names), tuple(train), tuple(test), facts)


def _roles(path: Path) -> dict[str, Path]:
    """The folders of training, validation and test images; none if the folder holds those of the classes."""
    folders = _folders(path)
    known = {name: role for role, names in ROLES.items() for name in names}
    roles = {known[each.name.lower()]: each for each in folders if each.name.lower() in known and _folders(each)}
    if not roles:
        return {}
    if "train" not in roles:
        raise DataError(f"{path}: expected a folder 'train' beside {next(iter(roles.values())).name!r}; add it")
    if others := [each.name for each in folders if each not in roles.values()]:
        used = ", ".join(each.name for each in roles.values())
        raise DataError(
            f"{path}: expected either folders of classes or {used}, got also {', '.join(others[:5])}; move them there, "
            "or away"
        )
    return roles


def _classes(folder: Path, top: Path) -> dict[str, list[tuple[str, int, int]]]:
    """By the name of each class, its images, as in `ImageFolder.facts`."""
    direct = [each.name for each in sorted(folder.iterdir()) if each.suffix.lower() in ENDINGS and each.is_file()]
    if direct:
        raise DataError(
            f"{folder}: expected a folder for each class, got {len(direct)} images outside of one, such as "
            f"{direct[0]}; move each into the folder of its class"
        )
    folders, ignored, unread = _folders(folder), [], []
    if len(folders) == 1 and (inner := _folders(folders[0])) and folder == top:
        raise DataError(
            f"{folder}: expected a folder for each class, got one folder; if its folders, such as {inner[0].name}, are "
            f"the classes, give {folders[0]}"
        )
    classes: dict[str, list[tuple[str, int, int]]] = {}
    for each in folders:
        images = classes[each.name] = []
        for parent, below, files in os.walk(each, onerror=lambda error: unread.append(_reason(error))):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(files):
                if name.lower().endswith(ENDINGS) and not name.startswith("."):
                    try:
                        images.append(_fact(Path(parent, name), top))
                    except OSError as error:
                        unread.append(_reason(error))
                elif not name.startswith(".") and name != "Thumbs.db":
                    ignored.append(Path(parent, name))
    if unread:
        listed = "; ".join(unread[:5]) + ("; …" if len(unread) > 5 else "")
        raise DataError(f"{len(unread)} files or folders of {folder} cannot be read: {listed}. Replace or delete them")
    if ignored:
        warnings.warn(
            f"{folder}: {len(ignored)} files are left out, such as {ignored[0].name}: only PNG and JPEG files are "
            "images",
            stacklevel=2,
        )
    return classes


def _fact(file: Path, top: Path) -> tuple[str, int, int]:
    """An image as in `ImageFolder.facts`; `OSError` if it is not a file that can be opened without waiting."""
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(file))
    return file.relative_to(top).as_posix(), about.st_size, about.st_mtime_ns


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def _check_enough(path: Path, names: list[str], train: list[tuple[str, int]], test: list[tuple[str, int]]) -> None:
    """`DataError` unless there are two classes, enough training images of each, and test images."""
    if len(names) < 2:
        got = f"one, {names[0]!r}" if names else "none"
        raise DataError(f"{path}: expected a folder of PNG or JPEG files for each of two or more classes, got {got}")
    counts = np.bincount([label for _, label in train], minlength=len(names))
    if few := [f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count < 3]:
        raise DataError(
            f"{path}: expected at least 3 training images of each class (4 where there is no folder 'test'), got "
            f"{', '.join(few[:5])}{', …' if len(few) > 5 else ''}; add images, or move these folders away"
        )
    if not test:
        raise DataError(f"{path}: expected test images, got none; add some, or move the folder of them away")


def _folders(path: Path) -> list[Path]:
    """The folders in a folder, but hidden ones; `DataError` if it cannot be read."""
    try:
        return [each for each in sorted(path.iterdir()) if each.is_dir() and each.name[0] not in "._"]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; expected a folder of images") from None


def _for_test(files: list[str]) -> list[str]:
    """The test images among those of a class: a choice that hardly changes when images are added."""
    by_digest = sorted(files, key=lambda file: hashlib.sha256(os.fsencode(file)).digest())
    return by_digest[: max(1, round(TEST_SHARE * len(files)))] if files else []


def _looked_at(found: ImageFolder) -> tuple[tuple[int, int], str]:
    """Size and colour of the images, from some of them."""
    sizes, grey = set(), True
    for file, _ in found.train[:: 1 + len(found.train) // LOOKED_AT]:
        with suppress(DataError):  # broken ones are reported when all are decoded
            sizes.add(size_of(found.path / file))
            pixels = decoded(found.path / file, (SIDE, SIDE), "rgb").astype(float)
            grey = grey and np.ptp(pixels, axis=0).mean() < CHROMA
    size = sizes.pop() if len(sizes) == 1 else (SIDE, SIDE)
    return size if max(size) <= KEPT_SIDE else (SIDE, SIDE), "grey" if grey else "rgb"


def _chunks(path: Path, files: list[str], size: tuple[int, int], colour: str) -> Iterator[NDArray[np.uint8]]:
    """All images, [n, c, h, w] at a time; `DataError` that names the broken ones, after all were looked at."""
    if len(files) >= MANY:
        print(f"workbench: decoding {len(files):,} images of {path}, once", file=sys.stderr)
    broken: list[str] = []

    def decode(file: str) -> NDArray[np.uint8] | None:
        try:
            return decoded(path / file, size, colour)
        except DataError as error:
            broken.append(str(error))
            return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(files), _CHUNK):
            images = list(pool.map(decode, files[start : start + _CHUNK]))
            if not broken:
                yield np.stack([image for image in images if image is not None])
    if broken:
        listed = "; ".join(sorted(broken)[:5]) + ("; …" if len(broken) > 5 else "")
        raise DataError(f"{len(broken)} of {len(files)} images cannot be read: {listed}. Replace or delete them")


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()
