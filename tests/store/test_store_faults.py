"""Disks that fill, commits that fail, folders that may not be written: nothing is lost, and the way out is told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from store_samples import DESCRIPTION, generation, individual

from workbench.errors import RunError
from workbench.store import Run, RunWriter, create_run, open_run


class Failing(sqlite3.Connection):
    """A connection whose commits fail with `error`."""

    error: sqlite3.Error | None = None

    def execute(self, statement: str, *values: Any) -> Any:
        if self.error and statement == "COMMIT":
            raise self.error
        return super().execute(statement, *values)


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("no more")])
def test_a_failing_commit_leaves_nothing_of_its_record(
    path: Path, error: sqlite3.Error, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Failing))
    writer, run = create_run(path, DESCRIPTION), open_run(path)
    writer.add_individual(individual(0), b"genome")
    monkeypatch.setattr(Failing, "error", error)
    for attempt in (
        lambda: writer.add_individual(individual(1), b"genome"),
        lambda: writer.add_event("settings", 1, 0, {}),
        lambda: writer.finish_generation(generation(0, (0,))),
        lambda: writer.set_state("paused"),
    ):
        with pytest.raises(RunError, match=r"run\.sqlite: .*(disk I/O error|no more)"):
            attempt()
    assert (run.individuals["id"].tolist(), len(run.events), len(run.generations), run.state) == ([0], 0, 0, "running")
    monkeypatch.setattr(Failing, "error", None)
    writer.add_individual(individual(1), b"genome")
    assert run.individuals["id"].tolist() == [0, 1]
    writer.close()


FILLING = """
import resource, sys
from store_samples import DESCRIPTION, individual
from workbench.errors import RunError
from workbench.store import create_run
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
with create_run(sys.argv[1], DESCRIPTION) as writer:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    for id in range(100):
        try:
            writer.add_individual(individual(id), bytes([id]) * 20_000)
        except RunError as error:
            print(id, error, sep="|")
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    writer.add_individual(individual(id), b"after")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file sizes")
def test_a_file_that_may_not_grow(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", FILLING, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    refused, message = done.stdout.strip().split("|")
    assert "what was committed before is safe" in message
    run = open_run(path)
    assert run.individuals["id"].tolist() == list(range(int(refused) + 1))
    assert int(refused) > 3
    assert all(run.genome_bytes(id) == bytes([id]) * 20_000 for id in range(int(refused)))
    assert run.genome_bytes(int(refused)) == b"after"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which not even root may write")
def test_a_folder_in_which_nobody_may_write() -> None:
    with pytest.raises(RunError, match="cannot write in its folder"):
        create_run("/proc/self/run.sqlite", DESCRIPTION)


def test_a_file_that_may_only_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLite says it; permissions would not bind root."""
    create_run(path, DESCRIPTION).close()
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: real(name.replace("mode=rw", "mode=ro"), **options))
    with pytest.raises(RunError, match="may not be written; check its permissions"):
        create_run(path, DESCRIPTION, if_exists="resume")
    assert len(open_run(path).individuals) == 0


def test_a_short_lock_is_waited_for(writer: RunWriter, run: Run) -> None:
    errors: list[BaseException] = []
    begun = threading.Event()

    def write() -> None:
        begun.set()
        try:
            writer.add_individual(individual(0), b"genome")
        except BaseException as error:
            errors.append(error)

    with closing(sqlite3.connect(writer.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=write)
        thread.start()
        begun.wait()
        thread.join(0.1)
        assert thread.is_alive(), "it waits"
        other.execute("ROLLBACK")
        thread.join()
    assert errors == []
    assert run.individuals["id"].tolist() == [0]


def test_nothing_is_added_to_a_broken_file(path: Path) -> None:
    """A tree that is broken where readers do not look must not get new pages."""
    with create_run(path, DESCRIPTION) as writer:
        for id in range(40):
            writer.add_individual(individual(id), bytes(3000))
    content = bytearray(path.read_bytes())
    place = len(content) - 4096
    content[place : place + 4096] = bytes(4096)
    path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(RunError, match="damaged"):
        create_run(path, DESCRIPTION, if_exists="resume")
    assert path.read_bytes() == before


@pytest.mark.parametrize("bad", [{"val_accuracy": 1.5}, {"val_accuracy": float("inf")}, {"initial_val_accuracy": -0.1}])
def test_what_no_reader_would_take_is_not_written(writer: RunWriter, run: Run, bad: dict[str, Any]) -> None:
    from dataclasses import replace

    one = individual(0)
    assert one.result is not None
    with pytest.raises(RunError, match=r"a record cannot be stored, and nothing of it is: .* expected a"):
        writer.add_individual(replace(one, result=replace(one.result, **bad)), b"genome")
    assert len(run.individuals) == 0
