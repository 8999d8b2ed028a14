"""A search that is killed (SIGKILL) goes on to the same individuals as one that was left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from search.search_samples import memory_of

from workbench.cli import main
from workbench.errors import RunError
from workbench.store import open_run

SMALL = ["--data", "digits", "--population", "6", "--children", "5", "--generations", "8", "--workers", "2", "--quiet"]
SMALL += ["--set", "train.epochs=3", "--set", "initial_epochs=3", "--set", "initial.hidden_layers=1,1"]
KILLS = 6


def individuals(path: Path) -> int:
    try:
        return len(open_run(path).individuals)
    except RunError:  # not made yet
        return 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_search_resumes_to_the_same_individuals(tmp_path):
    whole, cut = tmp_path / "whole.sqlite", tmp_path / "cut.sqlite"
    assert main(["search", *SMALL, "--path", str(whole)]) == 0
    rng = np.random.default_rng(0)
    killed_at = []
    for _ in range(KILLS):
        before = individuals(cut)
        command = [sys.executable, "-m", "workbench", "search", *SMALL, "--path", str(cut), "--if-exists", "resume"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and individuals(cut) <= before:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.05)))  # anywhere in the life of a child
        process.kill()
        process.wait()
        killed_at.append(individuals(cut))
    assert killed_at[0] < 46  # 6 + 8 * 5: it was killed in the middle
    assert main(["resume", str(cut), "--quiet"]) == 0
    assert memory_of(cut) == memory_of(whole)
