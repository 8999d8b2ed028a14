"""IDX files by path, and what may be in them."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from dataset_stand_ins import idx_bytes, write_mnist
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from workbench.datasets import load_dataset, load_own
from workbench.datasets.idx import read_idx
from workbench.errors import DataError

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def file_of(array: np.ndarray, code: int) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(st.data(), st.sampled_from(sorted(CODES)), st.booleans())
def test_round_trip(tmp_path_factory, data, dtype, gz):
    shapes = arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
    array = data.draw(arrays_of.arrays(dtype, shapes))
    path = tmp_path_factory.getbasetemp() / ("round.gz" if gz else "round")
    content = file_of(array, CODES[dtype])
    path.write_bytes(gzip.compress(content) if gz else content)
    read = read_idx(path)
    assert read.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("gz", [False, True])
def test_a_folder_of_four_files_or_one_of_them(tmp_path, gz):
    folder = write_mnist(tmp_path, gz=gz)
    data = load_dataset(folder)
    assert (data.name, data.shape, data.size("train"), data.size("test")) == ("raw", (1, 28, 28), 48, 20)
    one = folder / ("train-labels-idx1-ubyte.gz" if gz else "train-labels-idx1-ubyte")
    assert load_own(one).fingerprint == data.fingerprint
    assert data.source == {"path": str(folder)}


def test_files_of_several_sets_are_told_apart(tmp_path):
    folder = write_mnist(tmp_path)
    for path in list(folder.iterdir()):
        path.rename(folder / f"letters-{path.name}")
    write_mnist(tmp_path / "digits")
    for path in (tmp_path / "digits" / "MNIST" / "raw").iterdir():
        path.rename(folder / f"digits-{path.name}")
    with pytest.raises(DataError, match=r"IDX files of one data set, got those of 2; give one of .*digits-t10k-images"):
        load_dataset(folder)
    assert load_dataset(folder / "letters-train-images-idx3-ubyte").size("test") == 20


def test_missing_files_are_named(tmp_path):
    folder = write_mnist(tmp_path)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"missing: test labels; name them as those of MNIST: train-images-idx3-ubyte"):
        load_dataset(folder)


IMAGES = idx_bytes(np.zeros((3, 2, 2), np.uint8))
HUGE = bytes([0, 0, 8, 4]) + b"\x00\x0f\x42\x40" * 4  # 10^6 · 10^6 · 10^6 · 10^6


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with bytes 0, 0, type and number of dimensions, got an empty file"),
        (b"junk", "got 6a756e6b"),
        (bytes([0, 0, 8, 0]), "got 00000800"),
        (IMAGES[:-1], r"expected 12 bytes for shape \[3, 2, 2\] after its header, got "),
        (IMAGES + b"0", r"expected 12 bytes for shape \[3, 2, 2\] after its header, got "),
        (IMAGES[:9], "expected the sizes of 3 dimensions, above 0"),
        (idx_bytes(np.zeros((0, 2, 2), np.uint8)), "expected the sizes of 3 dimensions, above 0"),
        (HUGE, "expected 1,000,000,000,000,000,000,000,000 bytes"),
        (HUGE + bytes(1000), "expected 1,000,000,000,000,000,000,000,000 bytes"),
    ],
)
def test_what_is_no_idx_file(tmp_path, content, message, gz):
    path = tmp_path / ("file.gz" if gz else "file")
    path.write_bytes(gzip.compress(content) if gz else content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_memory_is_bounded_by_the_file(tmp_path):
    """A head may promise 10^12 images: nothing of that size is made, also where the file is compressed."""
    rng = np.random.default_rng(0)
    tracemalloc.start()
    try:
        for number in range(200):
            content = bytearray(file_of(np.zeros((4, 3, 3), np.uint8), 0x08))
            for place in rng.integers(0, 16, 2):
                content[place] = rng.integers(256)
            path = tmp_path / ("file.gz" if number % 2 else "file")
            path.write_bytes(gzip.compress(bytes(content)) if number % 2 else content)
            with contextlib.suppress(DataError):
                assert read_idx(path).nbytes < 1000
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_a_gzip_file_that_is_cut_off(tmp_path):
    path: Path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(IMAGES)[:-5])
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(path)
