"""What `make` says while it installs: one line that moves, pip's errors whole, pip's exit status."""

from __future__ import annotations

import importlib.util
import os
import pty
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "install.py"
PIP = '''
import sys, time
assert sys.argv[1] == "install" and sys.argv[-2:] == ["--editable", ".[dev]"]
for line in """Obtaining file:///home/me/workbench
Collecting torch>=2.4 (from neuron-workbench==0.1.0)
  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (530.7 MB)
Processing /wheels/nvidia_nccl_cu13-2.30.7-py3-none-manylinux_2_18_x86_64.whl (from torch>=2.4)
Requirement already satisfied: numpy>=1.26 in ./.venv (2.4.6)""".splitlines():
    print(line, flush=True)
time.sleep(PAUSE)
print("WARNING: the index is slow", file=sys.stderr, flush=True)
if FAILS:
    print("ERROR: No matching distribution found for torch\\n[a hint]", file=sys.stderr)
    sys.exit(3)
print("Installing collected packages: nvidia-nccl-cu13, torch", flush=True)
time.sleep(PAUSE)
'''


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The script with a pip that only talks."""

    def make(*, fails: bool, pause: float = 0.0) -> list[str]:
        (tmp_path / "pip.py").write_text(PIP.replace("FAILS", str(fails)).replace("PAUSE", str(pause)))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return [sys.executable, str(SCRIPT), ".[dev]", "Installing: expect a minute"]

    return make


def test_errors_are_shown_whole_and_the_exit_status_is_kept(command):
    done = subprocess.run(command(fails=True), capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr == ("WARNING: the index is slow\nERROR: No matching distribution found for torch\n[a hint]\n")
    assert done.stdout.splitlines()[0] == "Installing: expect a minute"
    assert "failed after 0:0" in done.stdout


def test_where_no_line_moves_there_are_few_lines(command):
    done = subprocess.run(command(fails=False), capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 3
    assert "installed in 0:0" in done.stdout


def test_in_a_terminal_one_line_moves(command):
    ours, theirs = pty.openpty()
    with subprocess.Popen(command(fails=False, pause=1.0), stdout=theirs, stderr=theirs):
        os.close(theirs)
        said = b""
        try:
            while more := os.read(ours, 4096):
                said += more
        except OSError:  # how Linux says that the other side is closed
            pass
    os.close(ours)
    text = said.decode()
    assert text.count("\n") == 2
    assert "3 packages found · fetching" in text
    assert "1 of 2 packages · installing nvidia-nccl-cu13" in text


def test_a_package_may_vanish_while_it_is_counted(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    install = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install)
    (tmp_path / "RECORD").touch()
    records = [tmp_path / "gone", tmp_path / "RECORD"]
    monkeypatch.setattr(install, "Path", lambda _: SimpleNamespace(glob=lambda _: records))
    progress = install.Progress()
    progress.began -= 60
    progress.follow(["Installing collected packages: new, old"])
    assert progress.line().endswith("2 of 2 packages · installing old")
