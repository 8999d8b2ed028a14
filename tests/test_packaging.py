"""What is packed is whole: the wheel, made from the source distribution, works without the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
"""As build tools call the backend."""
SETTINGS = {"population": 4, "children": 2, "generations": 1, "train.epochs": 1, "initial_epochs": 1}


def run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited[1] == workbench.__version__
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "workbench", checkout / "workbench", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    run(sys.executable, "-c", BUILD, "build_sdist", folder, cwd=checkout)
    source = unpacked(next(folder.glob("*.tar.gz")), folder)
    run(sys.executable, "-c", BUILD, "build_wheel", folder, cwd=source)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_every_file_of_the_package_is_in_the_wheel(wheel):
    files = (path for path in (ROOT / "workbench").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("neuron_workbench-")}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}
    assert "workbench/py.typed" in packed


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_checkout(wheel, tmp_path):
    fresh = tmp_path / "fresh"
    venv.create(fresh, symlinks=True)
    python, packages = fresh / "bin" / "python", next(fresh.glob("lib/python*/site-packages"))
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))  # what it needs comes from this environment
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    home = run(python, "-c", "import workbench; print(workbench.__file__)", cwd=tmp_path).strip()
    assert Path(home).is_relative_to(packages)
    command = fresh / "bin" / "workbench"
    assert run(command, "--version", cwd=tmp_path).split() == ["workbench", workbench.__version__]
    smallest = [each for name, value in SETTINGS.items() for each in ("--set", f"{name}={value}")]
    run(command, "search", "--data", "digits", "--quiet", *smallest, cwd=tmp_path)
    assert "FLOPs" in run(command, "show", "run.sqlite", cwd=tmp_path)
    run(command, "report", "run.sqlite", "--output", "report.html", cwd=tmp_path)
    shown = "from workbench.widgets import Dashboard; import workbench as wb; Dashboard(wb.open_run('run.sqlite'))"
    run(python, "-c", shown, cwd=tmp_path)
