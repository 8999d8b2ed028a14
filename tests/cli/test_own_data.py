"""Own data from the command line: a file of arrays, or a function that makes them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.cli import main
from workbench.datasets import load_own
from workbench.errors import DataError

SMALL = ["--population", "3", "--children", "1", "--generations", "1", "--workers", "1", "--quiet"]
SMALL += ["--set", "initial_epochs=1", "--set", "train.epochs=1"]


def arrays() -> dict[str, np.ndarray]:
    images, labels = np.random.default_rng(0).random((120, 6, 6)).astype(np.float32), np.arange(120) % 3
    images[np.arange(120), labels] += 1
    parts = images[:90], labels[:90], images[90:], labels[90:]
    return dict(zip(("train_images", "train_labels", "test_images", "test_labels"), parts, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Holds own data, and a run on them."""
    made = tmp_path_factory.mktemp("own")
    np.savez(made / "shapes.npz", **arrays(), class_names=["bar", "cross", "ring"])
    (made / "shape_maker.py").write_text(
        "import numpy, workbench\n"
        "def shapes():\n"
        "    names = ('train_images', 'train_labels', 'test_images', 'test_labels')\n"
        f"    file = numpy.load({str(made / 'shapes.npz')!r})\n"
        "    parts = [file[name] for name in names]\n"
        "    return workbench.Dataset.from_arrays(*parts, name='shapes', class_names=file['class_names'])\n"
        "def bare():\n"
        "    return tuple(numpy.load(__file__.replace('shape_maker.py', 'shapes.npz')).values())[:4]\n"
        "def broken():\n"
        "    raise RuntimeError('no camera')\n"
        "def seven():\n"
        "    return 7\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert main(["search", "--data", "shape_maker:shapes", "--path", "run.sqlite", *SMALL]) == 0
    return made


def test_settings_are_derived_and_said(folder, tmp_path, capsys):
    path = tmp_path / "run.sqlite"
    line = ["search", "--data", str(folder / "shapes.npz"), "--path", str(path), *SMALL]
    assert main([each for each in line if each != "--quiet"]) == 0
    assert "Settings derived from the data (72 images of 1×6×6, 3 classes): 60 epochs" in capsys.readouterr().out
    run = wb.open_run(path)
    assert run.dataset["name"] == "shapes"
    assert run.config["flops_max"] == 80 * 36 + 15_000


COMMANDS = {
    "show": ["--test"],
    "resume": ["--generations", "2", "--quiet"],
    "report": ["--output", "report.html"],
    "report without test": ["--no-test", "--output", "report.html"],
    "latency": ["--batch", "1", "--members", "1"],
    "replay": ["--quiet"],
    "fork": ["--yes", "--generation", "0", "--path", "fork.sqlite", "--quiet", "--workers", "1"],
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("data", ["shapes.npz", "shape_maker:shapes"])
def test_every_command_takes_own_data(folder, tmp_path, monkeypatch, capsys, name, data):
    monkeypatch.chdir(folder)
    run = tmp_path / "run.sqlite"
    run.write_bytes((folder / "run.sqlite").read_bytes())
    rest = [str(tmp_path / each) if each.endswith((".html", ".sqlite")) else each for each in COMMANDS[name]]
    line = [name.partition(" ")[0], str(run), *rest]
    assert main(line) == 2
    assert "made from arrays (fingerprint" in (told := capsys.readouterr().err)
    assert "--data FOLDER, --data FILE.npz or --data MODULE:FUNCTION" in told
    assert main([*line, "--data", data]) == 0


def test_other_data_are_refused(folder, tmp_path, capsys):
    np.savez(tmp_path / "shapes.npz", **{**arrays(), "test_labels": np.zeros(30, int)})
    assert main(["show", str(folder / "run.sqlite"), "--test", "--data", str(tmp_path / "shapes.npz")]) == 2
    assert "was made with other data (shapes, fingerprint" in capsys.readouterr().err


def test_names_of_keras(tmp_path):
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(tmp_path / "keras.npz", **dict(zip(names, arrays().values(), strict=True)), validation=0.2)
    data = load_own(str(tmp_path / "keras.npz"))
    assert (data.name, data.size("validation")) == ("keras", 18)


def test_a_function_that_returns_arrays(folder, monkeypatch):
    monkeypatch.chdir(folder)
    data = load_own("shape_maker:bare")
    assert (data.name, data.shape) == ("bare", (1, 6, 6))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing.npz", "cannot read .*missing.npz: No such file"),
        ("pipe.npz", "pipe.npz is not a regular file"),
        ("~nobody-of-this-name/a.npz", "cannot read .*No such file"),
        (f"/{'a' * 300}", "File name too long; expected a folder"),
        ("junk.npz", "cannot read .*junk.npz: .*expected a file of arrays"),
        ("other.npz", "expected arrays train_images, .* in .*other.npz, got pictures; rename them"),
        ("pickled.npz", "cannot read .*pickled.npz"),
        ("no_such_module:make", "cannot find no_such_module:make: No module named"),
        ("shape_maker:nothing", "cannot find shape_maker:nothing: .*has no attribute"),
        ("shape_maker:broken", "shape_maker:broken failed: RuntimeError: no camera"),
        ("shape_maker:seven", "expected a Dataset or train_images, .*, got int"),
        ("shape_maker:", "expected own data as .*MODULE:FUNCTION.*; got 'shape_maker:'"),
    ],
)
def test_what_is_no_data(folder, monkeypatch, text, message):
    monkeypatch.chdir(folder)
    (folder / "junk.npz").write_bytes(b"junk")
    (folder / "pipe.npz").unlink(missing_ok=True)
    os.mkfifo(folder / "pipe.npz")
    np.savez(folder / "other.npz", pictures=np.zeros(3))
    np.savez(folder / "pickled.npz", **{**arrays(), "train_images": np.array([{}], object)})
    with pytest.raises(DataError, match=message):
        load_own(text)
