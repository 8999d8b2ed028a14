import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest
from dataset_stand_ins import SMALL_CIFAR10, SMALL_MNIST, write_cifar_binary, write_mnist

from workbench.datasets import FACTS, dataset_names, find_datasets, load_dataset
from workbench.datasets.registry import SOURCES
from workbench.errors import DataError


@pytest.fixture
def small(monkeypatch):
    """Lets the tiny stand-ins pass for the data sets."""
    monkeypatch.setitem(SOURCES, "mnist", SMALL_MNIST)
    monkeypatch.setitem(SOURCES, "cifar10", SMALL_CIFAR10)


@pytest.fixture
def fake_torchvision(monkeypatch):
    """Replaces the downloading classes of torchvision by a given function of the root."""

    def install(download):
        def construct(root: str, **settings: object) -> None:
            assert settings == {"download": True}
            download(Path(root))

        datasets = types.ModuleType("torchvision.datasets")
        datasets.MNIST = construct
        package = types.ModuleType("torchvision")
        package.datasets = datasets
        monkeypatch.setitem(sys.modules, "torchvision", package)
        monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)

    return install


def test_names():
    known = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn", "stl10")
    assert dataset_names() == known == tuple(FACTS)


def test_unknown_name():
    with pytest.raises(DataError, match=r"out of digits, mnist, .*, stl10, got 'imagenet'.*from_arrays"):
        load_dataset("imagenet")


@pytest.mark.usefixtures("small")
def test_root_by_argument_environment_or_data_folder(tmp_path, monkeypatch):
    for place in ("argument", "variable", "here/data"):
        write_mnist(tmp_path / place)
    (tmp_path / "here").joinpath("data", "MNIST", "raw", "t10k-labels-idx1-ubyte").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    with pytest.raises(DataError, match="here/data/MNIST/raw/t10k-labels"):
        load_dataset("mnist", download=False)
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "variable"))
    assert load_dataset("mnist", download=False).size("train") == 30
    monkeypatch.setenv("WORKBENCH_DATA", "/nowhere")
    assert load_dataset("mnist", tmp_path / "argument", download=False).size("train") == 30
    assert load_dataset("mnist", str(tmp_path / "argument"), seed=1).size("train") == 30


def test_tiny_files_are_not_the_real_data(tmp_path):
    write_mnist(tmp_path)
    write_cifar_binary(tmp_path)
    with pytest.raises(DataError, match=r"expected shape \[60000, 28, 28\], got \[60, 28, 28\]"):
        load_dataset("mnist", tmp_path)
    with pytest.raises(DataError, match=r"expected 30730000 bytes .*got 61460 bytes"):
        load_dataset("cifar10", tmp_path)


def test_missing_lists_the_places_and_ways_out(tmp_path):
    write_cifar_binary(tmp_path).joinpath("test_batch.bin").unlink()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", tmp_path, download=False)
    message = str(caught.value)
    assert f"expected binary version in {tmp_path}/cifar-10-batches-bin, missing: test_batch.bin; " in message
    for way_out in ("download is off", "$WORKBENCH_DATA", "root=", "'digits'"):
        assert way_out in message


@pytest.mark.usefixtures("small")
def test_download_is_moved_into_place(tmp_path, fake_torchvision):
    fake_torchvision(write_mnist)
    root = tmp_path / "new" / "data"
    data = load_dataset("mnist", root)
    assert [path.name for path in root.iterdir()] == ["MNIST"]
    assert load_dataset("mnist", root, download=False).fingerprint == data.fingerprint


@pytest.mark.usefixtures("small")
def test_a_damaged_file_is_reported_not_replaced(tmp_path, fake_torchvision):
    fake_torchvision(write_mnist)
    (write_mnist(tmp_path) / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: expected .*got 0 bytes"):
        load_dataset("mnist", tmp_path)


def no_network(root: Path) -> None:
    assert socket.getdefaulttimeout() == 20
    (root / "half").write_bytes(b"")
    raise OSError("network is unreachable")


def interrupted(root: Path) -> None:
    folder = write_mnist(root)
    (folder / "train-images-idx3-ubyte").write_bytes(b"\x00\x00")


def incomplete(root: Path) -> None:
    (write_mnist(root) / "train-images-idx3-ubyte").unlink()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("download", "reason"),
    [
        (no_network, "OSError: network is unreachable"),
        (interrupted, r"DataError: .*got 2 bytes"),
        (incomplete, "FileNotFoundError: the download is incomplete"),
    ],
)
def test_failed_download_leaves_nothing(tmp_path, fake_torchvision, download, reason):
    fake_torchvision(download)
    for root, remains in ((tmp_path / "new", False), (tmp_path, True)):
        with pytest.raises(DataError, match=rf"(?s){root}/MNIST/raw.*download failed \({reason}.*'digits'"):
            load_dataset("mnist", root)
        assert root.exists() == remains
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() is None


def test_interrupted_by_hand_leaves_nothing(tmp_path, fake_torchvision):
    def interrupt(root: Path) -> None:
        write_mnist(root)
        raise KeyboardInterrupt

    fake_torchvision(interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_root_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="the download failed"):
        load_dataset("mnist", tmp_path / "file")


def test_find_datasets(tmp_path):
    write_mnist(tmp_path, gz=True)
    digits, found, missing = (one for one in find_datasets(tmp_path) if one.name in ("digits", "mnist", "cifar10"))
    assert (digits.name, digits.status, digits.paths) == ("digits", "bundled", ())
    assert (found.name, found.status, found.layout) == ("mnist", "found", "IDX files, plain or .gz")
    assert found.paths == (tmp_path / "MNIST" / "raw",)
    assert (missing.name, missing.status, missing.layout) == ("cifar10", "missing", None)
    assert missing.paths == (tmp_path / "cifar-10-batches-bin",)


def test_import_is_light():
    heavy = "{'torch', 'torchvision', 'sklearn', 'scipy', 'pandas', 'PIL'}"
    code = f"import sys, workbench.datasets; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
