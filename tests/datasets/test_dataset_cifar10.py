import hashlib
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from dataset_stand_ins import SMALL_CIFAR10, cifar_batches, load_cifar, write_cifar_binary

from workbench.datasets import SPLITS, cifar10, load_dataset
from workbench.datasets.registry import SOURCES
from workbench.errors import DataError

SIZE = 20 * 3073


def test_binary_version(tmp_path):
    write_cifar_binary(tmp_path)
    data = load_cifar(tmp_path)
    assert (data.name, data.shape, data.n_classes) == ("cifar10", (3, 32, 32), 10)
    assert data.class_names[0] == "airplane"
    assert [data.size(split) for split in SPLITS] == [70, 15, 15, 20]
    rows, labels = cifar_batches()["test_batch"]
    np.testing.assert_array_equal(data.images("test"), rows.reshape(20, 3, 32, 32))
    np.testing.assert_array_equal(data.labels("test"), labels)


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
    with pytest.raises(DataError, match=r"test_batch.bin: expected labels 0\.\.9, got 10 at index 0"):
        load_cifar(tmp_path)


def test_class_names_from_the_files(tmp_path):
    folder = write_cifar_binary(tmp_path)
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert load_cifar(tmp_path).class_names == tuple("abcdefghij")
    (folder / "batches.meta.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"batches.meta.txt: expected 10 class names, got 2"):
        load_cifar(tmp_path)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An archive of tiny files that can be downloaded; gives its path."""
    write_cifar_binary(tmp_path / "there")
    archive = tmp_path / "there" / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as writer:
        writer.add(tmp_path / "there" / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setitem(SOURCES, "cifar10", SMALL_CIFAR10)
    handler = partial(QuietHandler, directory=archive.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setattr(cifar10, "URL", f"http://127.0.0.1:{server.server_port}/{archive.name}")
        Thread(target=server.serve_forever).start()
        yield archive
        server.shutdown()


def test_the_archive_is_downloaded_and_unpacked(served, tmp_path):
    data = load_dataset("cifar10", tmp_path / "here")
    assert data.fingerprint == load_cifar(tmp_path / "there").fingerprint
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["cifar-10-batches-bin"]
    assert load_dataset("cifar10", tmp_path / "here", download=False).fingerprint == data.fingerprint


def test_an_archive_with_another_checksum_is_refused(served, tmp_path):
    served.write_bytes(served.read_bytes() + b"more")
    with pytest.raises(DataError, match="the download failed"):
        load_dataset("cifar10", tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_the_python_version_alone_says_what_to_do(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", tmp_path, download=False)
    message = str(caught.value)
    assert f"{tmp_path}/cifar-10-batches-py cannot be read (only the binary version can: unpack https://" in message
    (tmp_path / "cifar-10-batches-py").rmdir()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", tmp_path, download=False)
    assert "batches-py" not in str(caught.value)
