"""Without the extras `lab` and `data`: a whole search on digits, and what needs an extra names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import workbench

EXTRAS = ("jupyterlab", "jupyter_server", "jupyter_client", "nbformat", "notebook", "torchvision", "sklearn")

BLOCKED = f"""
import importlib.abc, os, socket, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

def no_network(*_):
    raise OSError("network is unreachable")

sys.meta_path.insert(0, Blocked())
socket.socket.connect = no_network
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {EXTRAS} else find_spec(name, package)
from workbench.cli import main
"""


def in_core_install(folder: Path, code: str) -> str:
    """What a fresh process prints that has the core only."""
    line, here = [sys.executable, "-c", BLOCKED + code], str(Path(workbench.__file__).parents[1])
    done = subprocess.run(line, cwd=folder, env={**os.environ, "PYTHONPATH": here}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


SMALL = (
    '"--population", "3", "--children", "1", "--generations", "1", "--workers", "1", "--set", "initial_epochs=1", '
    '"--set", "train.epochs=1"'
)


def test_a_whole_search(tmp_path):
    said = in_core_install(
        tmp_path,
        f"assert main(['search', '--data', 'digits', '--path', 'run.sqlite', {SMALL}]) == 0\n"
        "assert main(['show', 'run.sqlite', '--test']) == 0\n"
        "assert main(['export', 'run.sqlite', '--path', 'best.npz']) == 0\n"
        "assert main(['report', 'run.sqlite', '--output', 'report.html']) == 0\n"
        "import workbench as wb\n"
        "run = wb.open_run('run.sqlite')\n"
        "wb.widgets.Dashboard(run)\n"
        "print(len(run.front()), 'on the front')\n",
    )
    assert "on the front" in said
    assert (tmp_path / "best.npz").stat().st_size > 0
    assert (tmp_path / "report.html").stat().st_size > 0


def test_what_needs_an_extra_names_it(tmp_path):
    said = in_core_install(
        tmp_path,
        "assert main(['lab', 'run.sqlite']) == 2\n"
        "assert main(['search', '--data', 'mnist', '--root', 'nowhere', '--path', 'run.sqlite']) == 2\n"
        "assert main(['search', '--data', 'cifar10', '--root', 'nowhere', '--path', 'run.sqlite']) == 2\n",
    )
    assert "this needs JupyterLab; install it with: pip install 'neuron-workbench[lab]'" in said
    assert said.count("this needs torchvision; install it with: pip install 'neuron-workbench[data]'") == 2
