"""Searches that are killed (SIGKILL), and whose workers are, go on to the individuals of one that was left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from drills.dask_samples import two_workers
from drills.zygote import Zygote, zygote
from search.search_samples import memory_of

from workbench.store import open_run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

SMALL = ["--data", "digits", "--population", "6", "--children", "5", "--generations", "8", "--quiet"]
SMALL += ["--set", "train.epochs=2", "--set", "initial_epochs=2", "--set", "initial.hidden_layers=1,1"]
COMMITS_BETWEEN = 7
"""A search is killed before it has made so many commits more."""

OTHER_SPACES = {
    "hnas": ["--set", "space.channels=2"],
    "einspace": ["--set", "space.max_flops=1e5"],
    "programs": ["--set", "space.start=network"],
    "pairs": ["--set", "space.start=random"],
}
"""By name, what makes their networks small, or different from each other."""

CHILD_SECONDS = 0.04
"""About what a child takes: the killing comes anywhere in its life."""


@dataclass
class Drill:
    """Starts searches and ends them at random instants."""

    zygote: Zygote
    whole: Path
    rng: np.random.Generator
    arguments: list[str] = field(default_factory=lambda: SMALL)  # of `workbench search`

    def killed(self, path: Path, *more: str, how: int = signal.SIGKILL, status: int = -signal.SIGKILL) -> bool:
        """Start or resume a search and signal it; whether it ended with `status`, False if it was finished before."""
        pid = self.zygote.fork("search", *self.arguments, "--path", str(path), "--if-exists", "resume", *more)
        commits = int(self.rng.integers(COMMITS_BETWEEN))
        wait_for_commits(path, commits, lambda: self.zygote.poll(pid))
        time.sleep(float(self.rng.uniform(0, CHILD_SECONDS)))
        os.kill(pid, how)
        return self.zygote.wait(pid) == status

    def resume(self, path: Path, *more: str) -> None:
        """Search to the end, and compare."""
        assert self.zygote.wait(self.zygote.fork("resume", str(path), "--quiet", *more)) == 0
        assert open_run(path).state == "finished"
        assert memory_of(path) == memory_of(self.whole)


def wait_for_commits(path: Path, commits: int, ended: Callable[[], bool]) -> None:
    """Until the log of a run was written to so many times, or its search has ended; leaves the file alone."""
    log, seen = path.with_name(path.name + "-wal"), None
    while commits >= 0 and not ended():
        try:
            status = log.stat()
        except FileNotFoundError:
            status = None
        state = status and (status.st_mtime_ns, status.st_size)
        if state != seen:
            seen, commits = state, commits - 1
        time.sleep(0.001)


@pytest.fixture(scope="module")
def drill(tmp_path_factory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    whole = folder / "whole.sqlite"
    with zygote(folder / "log.txt") as started:
        assert started.run("search", *SMALL, "--path", str(whole), "--workers", "2") == 0
        yield Drill(started, whole, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("threads", "kills"),
    [pytest.param(1, 10, marks=pytest.mark.slow), (2, 12), pytest.param(3, 10, marks=pytest.mark.slow)],
)
def test_killed_in_threads(drill, tmp_path, threads, kills):
    runs = [tmp_path / "run.sqlite"]
    while kills:
        if drill.killed(runs[-1], "--workers", str(threads)):
            kills -= 1
        else:
            runs.append(tmp_path / f"run-{len(runs)}.sqlite")  # on another file, for there was nothing left to kill
    for path in runs:
        drill.resume(path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(drill, tmp_path, how):
    path, made = tmp_path / "run.sqlite", [0]
    while drill.killed(path, "--workers", "2", how=how, status=130):
        assert open_run(path).state != "running"
        made.append(len(open_run(path).individuals))
        assert made[-1] >= made[-2]
    drill.resume(path)


@pytest.mark.slow
def test_killed_as_people_start_it(drill, tmp_path):
    path = tmp_path / "run.sqlite"
    command = [sys.executable, "-m", "workbench", "search", *SMALL, "--path", str(path), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_for_commits(path, 20, lambda: process.poll() is not None)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < len(open_run(path).individuals) < 46
    subprocess.run([sys.executable, "-m", "workbench", "resume", str(path), "--quiet"], check=True)
    assert memory_of(path) == memory_of(drill.whole)


@pytest.mark.slow
def test_killed_with_processes(drill, tmp_path, monkeypatch):
    path, kills = tmp_path / "run.sqlite", 3
    more = ["--executor", "processes", "--workers", "2"]
    while kills:
        assert drill.killed(path, *more)
        kills -= 1
    drill.resume(path, *more)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("space", list(OTHER_SPACES))
def test_killed_in_other_spaces(drill, tmp_path, space, executor):
    arguments = ["--data", "digits", "--population", "4", "--children", "3", "--generations", "3", "--quiet"]
    arguments += ["--space", space, "--set", "train.epochs=1", *OTHER_SPACES[space]]
    other = Drill(drill.zygote, tmp_path / "whole.sqlite", drill.rng, [*arguments, "--executor", executor])
    assert drill.zygote.run("search", *arguments, "--path", str(other.whole), "--workers", "1") == 0
    path = tmp_path / "run.sqlite"
    killed = [other.killed(path, "--workers", "2") for _ in range(2)]
    assert any(killed)  # the search was not finished before
    other.resume(path, "--executor", executor)


@pytest.mark.slow
def test_killed_with_a_dask_cluster_that_loses_a_worker(drill, tmp_path):
    path = tmp_path / "run.sqlite"
    with two_workers() as cluster:
        more = ["--dask", cluster.scheduler_address]
        for victim in ("worker", "search"):
            pid = drill.zygote.fork("search", *SMALL, "--path", str(path), "--if-exists", "resume", *more)
            wait_for_commits(path, 8, lambda pid=pid: drill.zygote.poll(pid))
            if victim == "worker":
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
                wait_for_commits(path, 6, lambda pid=pid: drill.zygote.poll(pid))
            os.kill(pid, signal.SIGKILL)
            assert drill.zygote.wait(pid) == -signal.SIGKILL
        drill.resume(path, *more)
