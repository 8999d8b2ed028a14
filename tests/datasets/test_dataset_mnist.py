import gzip

import numpy as np
import pytest
from dataset_stand_ins import idx_bytes, load_mnist, write_mnist

from workbench.datasets import SPLITS
from workbench.errors import DataError

IMAGES = "train-images-idx3-ubyte"
SIZE = 16 + 60 * 28 * 28


def test_plain_and_gzipped_are_the_same(tmp_path):
    write_mnist(tmp_path / "plain")
    write_mnist(tmp_path / "gz", gz=True)
    plain, gz = load_mnist(tmp_path / "plain"), load_mnist(tmp_path / "gz")
    assert plain.fingerprint == gz.fingerprint
    assert (plain.name, plain.shape, plain.n_classes) == ("mnist", (1, 28, 28), 10)
    assert [plain.size(split) for split in SPLITS] == [30, 15, 15, 20]
    assert plain.images("test").dtype == np.uint8


def test_files_may_be_mixed_and_plain_is_preferred(tmp_path):
    folder = write_mnist(tmp_path)
    expected = load_mnist(tmp_path).fingerprint
    (folder / f"{IMAGES}.gz").write_bytes(b"broken")
    labels = folder / "t10k-labels-idx1-ubyte"
    labels.with_name(f"{labels.name}.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    assert load_mnist(tmp_path).fingerprint == expected


@pytest.mark.parametrize("kept", [0, 3, 10, 16, SIZE - 1])
def test_truncated(tmp_path, kept):
    path = write_mnist(tmp_path) / IMAGES
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"{IMAGES}: expected {SIZE} bytes .*got {kept} bytes; delete the file"):
        load_mnist(tmp_path)


def test_too_long(tmp_path):
    path = write_mnist(tmp_path) / IMAGES
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DataError, match=rf"{IMAGES}: expected {SIZE} bytes .*got {SIZE + 4} bytes"):
        load_mnist(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flip", "no gzip"])
def test_damaged_gzip(tmp_path, damage):
    path = write_mnist(tmp_path, gz=True) / f"{IMAGES}.gz"
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "flip": flipped, "no gzip": b"<html>not found</html>"}[damage])
    size = path.stat().st_size
    with pytest.raises(DataError, match=rf"{IMAGES}.gz: expected {SIZE} bytes, gzipped, got {size} bytes"):
        load_mnist(tmp_path)


def test_gzip_of_too_few_or_too_many(tmp_path):
    path = write_mnist(tmp_path, gz=True) / f"{IMAGES}.gz"
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:-5]))
    with pytest.raises(DataError, match=rf"expected {SIZE} bytes .*got {SIZE - 5} bytes"):
        load_mnist(tmp_path)
    path.write_bytes(gzip.compress(content + bytes(5)))
    with pytest.raises(DataError, match=rf"expected {SIZE} bytes .*got more bytes"):
        load_mnist(tmp_path)


def test_another_file(tmp_path):
    path = write_mnist(tmp_path) / IMAGES
    path.write_bytes(b"<html>" + bytes(SIZE - 6))
    with pytest.raises(DataError, match=rf"{IMAGES}: expected an IDX file .*00000803, got 3c68746d"):
        load_mnist(tmp_path)


def test_another_number_of_images(tmp_path):
    path = write_mnist(tmp_path) / IMAGES
    path.write_bytes(idx_bytes(np.zeros((61, 28, 28), dtype=np.uint8)))
    with pytest.raises(DataError, match=rf"{IMAGES}: expected shape \[60, 28, 28\], got \[61, 28, 28\]"):
        load_mnist(tmp_path)


def test_label_out_of_range(tmp_path):
    path = write_mnist(tmp_path) / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0a")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte: expected labels 0\.\.9, got 10 at index 19"):
        load_mnist(tmp_path)


def test_a_file_is_missing(tmp_path):
    (write_mnist(tmp_path) / IMAGES).unlink()
    with pytest.raises(DataError, match=rf"expected {IMAGES}.*missing: {IMAGES}; add"):
        load_mnist(tmp_path)
