import pickle
from pathlib import Path

import numpy as np
import pytest
from dataset_stand_ins import cifar_batches, load_cifar, write_cifar_binary, write_cifar_python

from workbench.datasets import SPLITS
from workbench.datasets.restricted_pickle import byte_array, load_restricted
from workbench.errors import DataError

SIZE = 20 * 3073


def test_binary_version(tmp_path):
    write_cifar_binary(tmp_path)
    data = load_cifar(tmp_path)
    assert (data.name, data.shape, data.n_classes) == ("cifar10", (3, 32, 32), 10)
    assert data.class_names[0] == "airplane"
    assert [data.size(split) for split in SPLITS] == [70, 10, 20, 20]
    rows, labels = cifar_batches()["test_batch"]
    np.testing.assert_array_equal(data.images("test"), rows.reshape(20, 3, 32, 32))
    np.testing.assert_array_equal(data.labels("test"), labels)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_python_version_is_the_same(tmp_path, protocol):
    write_cifar_binary(tmp_path / "bin")
    write_cifar_python(tmp_path / "py", protocol)
    assert load_cifar(tmp_path / "py").fingerprint == load_cifar(tmp_path / "bin").fingerprint


def test_pickle_as_python_2_wrote_it(tmp_path):
    """Byte strings by opcode U and T, `numpy.core.multiarray`, as in the official files."""
    path = tmp_path / "data_batch_1"
    content = bytes(range(6))
    path.write_bytes(
        b"\x80\x02}q\x01(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff"
        b"\xffK\x00tb\x89T\x06\x00\x00\x00" + content + b"tbU\x06labels](K\x06K\x09eu."
    )
    found = load_restricted(path)
    array = byte_array(found["data"], (2, 3))
    assert array is not None
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])
    assert found["labels"] == [6, 9]


@pytest.mark.parametrize("kept", [0, SIZE // 2 + 1, SIZE // 2, SIZE - 3073])
def test_truncated_binary(tmp_path, kept):
    path = write_cifar_binary(tmp_path) / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"data_batch_3.bin: expected {SIZE} bytes .*got {kept} bytes; delete"):
        load_cifar(tmp_path)


def test_too_long_binary(tmp_path):
    path = write_cifar_binary(tmp_path) / "test_batch.bin"
    path.write_bytes(path.read_bytes() + bytes(3073))
    with pytest.raises(DataError, match=rf"test_batch.bin: expected {SIZE} bytes .*got {SIZE + 3073} bytes"):
        load_cifar(tmp_path)


def test_label_out_of_range(tmp_path):
    path = write_cifar_binary(tmp_path) / "test_batch.bin"
    path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    with pytest.raises(DataError, match=r"test_batch.bin: expected labels 0\.\.9, got 10 in record 0"):
        load_cifar(tmp_path)


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_truncated_pickle(tmp_path, share):
    path = write_cifar_python(tmp_path) / "data_batch_2"
    content = path.read_bytes()[: int(share * path.stat().st_size)]
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"data_batch_2: expected a complete pickle, got {len(content)} bytes"):
        load_cifar(tmp_path)


class Malicious:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


class Evaluated:
    def __reduce__(self):
        return eval, ("1",)


def test_malicious_pickle_runs_nothing(tmp_path):
    path = write_cifar_python(tmp_path) / "data_batch_1"
    mark = tmp_path / "was_here"
    path.write_bytes(pickle.dumps({b"data": Malicious(mark), b"labels": []}))
    with pytest.raises(DataError, match=r"data_batch_1: expected .*got one that calls pathlib.* refused"):
        load_cifar(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_builtins_that_run_code_are_refused(tmp_path, protocol):
    path = write_cifar_python(tmp_path) / "batches.meta"
    path.write_bytes(pickle.dumps({"label_names": Evaluated()}, protocol=protocol))
    with pytest.raises(DataError, match=r"batches.meta: .*calls (builtins|__builtin__).eval"):
        load_cifar(tmp_path)


def test_other_encodings_are_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00zlib\x86R.")
    with pytest.raises(DataError, match=r"calls _codecs.encode"):
        load_restricted(path)


@pytest.mark.parametrize(
    "content",
    [
        {"labels": [0] * 20},
        {"data": np.zeros((20, 3072), dtype=np.float32), "labels": [0] * 20},
        {"data": np.zeros((3072, 20), dtype=np.uint8).T, "labels": [0] * 20},
        {"data": np.zeros((10, 3072), dtype=np.uint8), "labels": [0] * 10},
        {"data": np.zeros((20, 3072), dtype=np.uint8), "labels": [0] * 19},
        {"data": np.zeros((20, 3072), dtype=object), "labels": [0] * 20},
    ],
)
def test_pickle_of_other_content(tmp_path, content):
    path = write_cifar_python(tmp_path) / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match=r"data_batch_1: expected a pickle with 'data', uint8 \[20, 3072\]"):
        load_cifar(tmp_path)


@pytest.mark.parametrize("label", [-1, 10, 256, 1.0, "cat"])
def test_pickle_with_other_labels(tmp_path, label):
    path = write_cifar_python(tmp_path) / "data_batch_1"
    content = {"data": np.zeros((20, 3072), dtype=np.uint8), "labels": [0] * 19 + [label]}
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match=r"data_batch_1: expected labels 0\.\.9, got"):
        load_cifar(tmp_path)


def test_pickle_of_no_dict(tmp_path):
    path = write_cifar_python(tmp_path) / "data_batch_1"
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="data_batch_1: expected a pickled dict, got list"):
        load_cifar(tmp_path)


def test_class_names_from_the_files(tmp_path):
    folder = write_cifar_binary(tmp_path)
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert load_cifar(tmp_path).class_names == tuple("abcdefghij")
    (folder / "batches.meta.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"batches.meta.txt: expected 10 class names, got 2"):
        load_cifar(tmp_path)
