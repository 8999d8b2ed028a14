"""A run knows the files that its data were read from, and says so if they are gone or have changed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from dataset_stand_ins import write_mnist
from image_folders import write_classes, write_image

import workbench as wb
from workbench.cli import main
from workbench.views.base.source import Source

SMALL = ["--population", "2", "--children", "1", "--generations", "1", "--workers", "1", "--quiet"]
SMALL += ["--set", "initial_epochs=1", "--set", "train.epochs=1", "--if-exists", "new"]


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))


def folder(place: Path) -> Path:
    return write_classes(place / "photos")


def idx(place: Path) -> Path:
    return write_mnist(place)


def npz(place: Path) -> Path:
    images, labels = np.random.default_rng(0).random((40, 4, 4)), np.arange(40) % 2
    arrays = {"train_images": images, "train_labels": labels, "test_images": images[:9], "test_labels": labels[:9]}
    np.savez(place / "own.npz", **arrays)
    return place / "own.npz"


@pytest.mark.parametrize(("make", "options"), [(folder, ["--size", "5x7", "--colour", "grey"]), (idx, []), (npz, [])])
def test_a_run_finds_its_data(tmp_path, monkeypatch, capsys, make, options):
    data, run = make(tmp_path), str(tmp_path / "run.sqlite")
    monkeypatch.chdir(data.parent)
    assert main(["search", "--data", data.name, *options, "--path", run, *SMALL]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["show", run, "--test"]) == 0
    source = Source(wb.open_run(run))
    assert source.missing_data == ""
    assert source.needed_data().fingerprint == wb.open_run(run).dataset["fingerprint"]
    moved = data.rename(data.with_name(f"moved{data.suffix}"))
    capsys.readouterr()
    assert main(["show", run, "--test"]) == 2
    assert f"searched {data.stem!r} in {data}: it is not there any more; pass the same" in capsys.readouterr().err
    assert main(["show", run, "--test", "--data", str(moved)]) == 0  # with the size and colour of the run


def test_data_are_prepared_and_described(tmp_path, capsys):
    folder(tmp_path)
    assert main(["data", str(tmp_path / "photos"), "--size", "4x6", "--colour", "grey"]) == 0
    told = capsys.readouterr().out
    for part in (
        "1x4x6 uint8, 3 classes, train 20, validation 2",
        "owl",
        "20 images of 1×4×6",
        "--size 4x6 --colour grey",
    ):
        assert part in told
    assert len(list((tmp_path / "data" / "cache").iterdir())) == 1
    assert main(["data", str(tmp_path / "nothing")]) == 2
    assert "there is no file or folder" in capsys.readouterr().err
    assert main(["data"]) == 0
    assert "fashion-mnist" in (told := capsys.readouterr().out)
    assert "--data takes a folder with a folder of PNG or JPEG files for each class" in told


def test_a_copy_for_others_tells_no_folder(tmp_path, capsys):
    data, run, copy = folder(tmp_path), str(tmp_path / "run.sqlite"), str(tmp_path / "copy.sqlite")
    assert main(["search", "--data", str(data), "--size", "4", "--path", run, *SMALL]) == 0
    assert main(["compact", run, "--path", copy]) == 0
    assert wb.open_run(copy).dataset["source"]["path"] == "photos"
    assert str(tmp_path).encode() not in Path(copy).read_bytes()
    assert main(["show", copy, "--test"]) == 2
    assert "it is not there any more; pass the same" in capsys.readouterr().err
    assert main(["show", copy, "--test", "--data", str(data)]) == 0


def test_changes_are_noticed(tmp_path, capsys):
    data, run = folder(tmp_path), str(tmp_path / "run.sqlite")
    assert main(["search", "--data", str(data), "--path", run, *SMALL]) == 0
    one = data / "owl" / "0.png"
    before = one.read_bytes()
    one.unlink()
    assert main(["resume", run, "--generations", "2", "--quiet"]) == 2
    assert "the images have changed: there are other files" in capsys.readouterr().err
    assert "the images have changed" in Source(wb.open_run(run)).missing_data
    one.write_bytes(before)
    assert main(["resume", run, "--generations", "2", "--quiet"]) == 0


def test_other_pixels_in_files_of_the_same_size_are_noticed(tmp_path, capsys):
    data, run = folder(tmp_path), str(tmp_path / "run.sqlite")
    for index in range(10):
        path = data / "cat" / f"{index}.png"
        path.write_bytes(path.read_bytes().ljust(400, b"\0"))
    assert main(["search", "--data", str(data), "--path", run, *SMALL]) == 0
    write_image(data / "cat" / "0.png", 90, seed=5)
    (data / "cat" / "0.png").write_bytes((data / "cat" / "0.png").read_bytes().ljust(400, b"\0"))
    os.utime(data / "cat" / "0.png", ns=(1, 1))
    assert main(["show", run, "--test"]) == 2
    assert "which holds other data now" in capsys.readouterr().err


def noted(run: Path, source: object) -> None:
    """Change the source that a run file notes."""
    with sqlite3.connect(run) as file:
        ((text,),) = file.execute("SELECT value FROM run WHERE key = 'dataset'")
        changed = json.dumps({**json.loads(text), "source": source})
        file.execute("UPDATE run SET value = ? WHERE key = 'dataset'", (changed,))
    file.close()


def test_a_run_of_someone_else_reads_no_other_files(tmp_path, monkeypatch, capsys):
    """It can call no function, and have no folder decoded whose files it does not know."""
    data, run = folder(tmp_path), tmp_path / "run.sqlite"
    assert main(["search", "--data", str(data), "--path", str(run), *SMALL]) == 0
    (tmp_path / "trap.py").write_text("raise SystemExit(7)")
    (tmp_path / "trap:it").write_text("")
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(tmp_path / "data")
    other = write_classes(tmp_path / "other", size=(9, 9))
    for source in (
        {"path": str(other)},
        {"path": str(other), "stamp": "0" * 64},
        {"path": "trap:it"},
        {"path": str(tmp_path / "trap:it")},
        {"path": str(tmp_path / "trap.py")},
        {"path": "/dev/zero"},
        {"path": "a\0b"},
        {"path": str(data), "stamp": ["a"], "size": {}, "seed": "x"},
        {"path": 5},
        "photos",
    ):
        noted(run, source)
        assert main(["show", str(run), "--test"]) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
