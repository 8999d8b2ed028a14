"""Terminals that lack characters, pipes that nobody reads, disks that are full, and narrow windows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.cli.tables import print_table

SEARCH = "search --data digits --population 2 --children 1 --generations 1 --set initial_epochs=1 --set train.epochs=1"


def command(arguments: str, folder: Path, end: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a shell, its output going where `end` says."""
    line = f"set -o pipefail; {sys.executable} -m workbench {arguments} {end}"
    variables = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=variables, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("terminals")
    ended = command(f"{SEARCH} --path run.sqlite", made, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert "the all-time front" in ended.stdout
    return made


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_characters(folder, encoding):
    shown = command("show run.sqlite", folder, PYTHONIOENCODING=encoding)
    assert shown.returncode == 0, shown.stderr
    assert "all-time front" in shown.stdout


def test_output_that_nobody_reads(folder):
    cut = command("show run.sqlite", folder, "| head -1")
    assert (cut.returncode, cut.stderr, cut.stdout.count("\n")) == (0, "", 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk(folder):
    full = command("show run.sqlite", folder, "> /dev/full")
    assert full.returncode == 1
    assert full.stderr == "workbench: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("end", ["| true", "> /dev/full", "> /dev/full 2> /dev/full"])
def test_a_search_outlives_its_output(folder, end):
    path = folder / f"{end.count('full')}.sqlite"
    ended = command(f"{SEARCH} --path {path}", folder, end)
    assert ended.returncode == 0
    assert wb.open_run(path).state == "finished"
    assert "Traceback" not in ended.stderr
    if "2>" not in end:
        assert "finished · generation 1/1" in ended.stderr


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_numbers_never_wrap(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    row = {"id": 1_234_567, "generation": 3, "mutation": "remove_edges", "flops": 1_234_567, "flops_total": 2_345_678}
    row |= {"parameters": 3_456_789, "summary": "784-300-200-100-10", "val_accuracy": 0.987654}
    print_table(pd.DataFrame([row]), "A table")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    shown = "\n".join(lines)
    assert "1,234,567" in shown
    assert "98.77%" in shown
    table, _, left_out = shown.partition("Too narrow for")
    assert ("2,345,678" in table) != ("FLOPs total" in left_out)  # a column is there, or is said to be left out
    if width >= 60:
        assert max(map(len, lines)) <= width
