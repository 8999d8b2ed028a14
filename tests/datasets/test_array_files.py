"""Files of arrays: what is mapped, what is kept in the cache, and what may be in them."""

from __future__ import annotations

import contextlib
import io
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from workbench.datasets import SPLITS, load_dataset, own
from workbench.datasets.arrays import read_npz
from workbench.errors import DataError

NAMES = ("train_images", "train_labels", "test_images", "test_labels")


def some_arrays(n: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 256, (n, 5, 4), dtype=np.uint8), np.arange(n) % 3
    last = rng.integers(0, 256, (12, 5, 4), dtype=np.uint8), np.arange(12) % 3
    return dict(zip(NAMES, (*parts, *last), strict=True))


@contextlib.contextmanager
def memory_below(most: float) -> Iterator[None]:
    """Fail where Python and NumPy take more at once; what is mapped from files does not count."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.fixture
def files(tmp_path, monkeypatch) -> dict[str, Path]:
    """The same arrays in every form."""
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))
    arrays = some_arrays()
    made = {name: tmp_path / name for name in ("plain.npz", "compressed.npz", "npy", "fortran.npz")}
    np.savez(made["plain.npz"], **arrays)
    np.savez_compressed(made["compressed.npz"], **arrays)
    np.savez(made["fortran.npz"], **{name: np.asfortranarray(array) for name, array in arrays.items()})
    made["npy"].mkdir()
    for name, array in arrays.items():
        np.save(made["npy"] / f"{name}.npy", array)
    return made


@pytest.mark.parametrize("large", [False, True])
def test_every_form_gives_the_same(files, tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr(own, "LARGE", 0)
    for path in files.values():
        data = load_dataset(path)
        for split in SPLITS:
            np.testing.assert_array_equal(data.images(split), load_dataset(files["plain.npz"]).images(split))
        assert (data.name, data.size("test")) == (path.stem, 12)
        assert load_dataset(path).fingerprint == data.fingerprint
    assert (tmp_path / "data" / "cache").exists() == large


def test_only_a_compressed_file_is_read_into_memory(files):
    mapped = {name: read_npz(path)[0][0] for name, path in files.items() if path.suffix == ".npz"}
    assert {name: isinstance(array.base, np.memmap) for name, array in mapped.items()} == {
        "plain.npz": True,
        "compressed.npz": False,
        "fortran.npz": True,
    }


def test_options_in_the_file(tmp_path):
    np.savez(tmp_path / "named.npz", **some_arrays(), class_names=["a", "b", "c"], validation=0.2, seed=3)
    data = load_dataset(tmp_path / "named.npz")
    assert (data.class_names, data.size("validation")) == (("a", "b", "c"), 12)
    assert data.fingerprint != load_dataset(tmp_path / "named.npz", seed=4).fingerprint


def lying_npz(shape: tuple[int, ...]) -> bytes:
    """An .npz file whose images claim a shape that they do not have."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in some_arrays().items():
            member = io.BytesIO()
            claimed = shape if name == "train_images" else array.shape
            header = {"descr": array.dtype.str, "fortran_order": False, "shape": claimed}
            np.lib.format.write_array_header_1_0(member, header)
            file.writestr(f"{name}.npy", member.getvalue() + array.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("shape", [(10**12, 5, 4), (61, 5, 4), (10**300, 5, 4)])
def test_shapes_that_are_not_there(tmp_path, shape):
    (tmp_path / "lying.npz").write_bytes(lying_npz(shape))
    with pytest.raises(DataError, match=r"lying.npz: train_images.npy is shorter than its shape"):
        load_dataset(tmp_path / "lying.npz")


def test_whatever_is_in_a_file(files):
    """The arrays or an error, in bounded memory."""
    rng = np.random.default_rng(0)
    with memory_below(50e6):
        for name in ("plain.npz", "compressed.npz"):
            whole = files[name].read_bytes()
            for _ in range(60):
                content = bytearray(whole)
                for place in rng.integers(0, len(content), rng.integers(1, 5)):
                    content[place] = rng.integers(256)
                files[name].with_name("mutant.npz").write_bytes(content[: rng.integers(1, 2 * len(content))])
                with contextlib.suppress(DataError):
                    read_npz(files[name].with_name("mutant.npz"))


def test_a_folder_of_npy_files(files):
    (files["npy"] / "test_labels.npy").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"cannot read the .npy files in .*replace them"):
        load_dataset(files["npy"])
    np.save(files["npy"] / "test_labels.npy", np.zeros(3))
    head = (files["npy"] / "test_labels.npy").read_bytes()
    (files["npy"] / "test_labels.npy").write_bytes(head.replace(b"(3,)", b"(3.)"))
    with pytest.raises(DataError, match=r"cannot read the .npy files in .*replace them"):
        load_dataset(files["npy"])
    (files["npy"] / "test_labels.npy").unlink()
    os.mkfifo(files["npy"] / "test_labels.npy")  # would be waited for
    with pytest.raises(DataError, match=r"expected arrays train_images, .* got test_images, train_images"):
        load_dataset(files["npy"])


def test_memory_is_bounded(tmp_path, monkeypatch):
    """Large arrays are mapped when they are put in order, and when they are loaded again; not copied into memory."""
    monkeypatch.setattr(own, "LARGE", 1 << 20)
    images, labels = np.random.default_rng(0).integers(0, 256, (60_000, 3, 8, 8), dtype=np.uint8), np.arange(60_000) % 5
    np.savez(tmp_path / "many.npz", **dict(zip(NAMES, (images, labels, images[:600], labels[:600]), strict=True)))
    for _ in range(2):
        with memory_below(0.7 * images.nbytes):
            assert len(load_dataset(tmp_path / "many.npz", tmp_path / "data").fingerprint) == 64
