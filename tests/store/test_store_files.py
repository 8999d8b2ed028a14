"""Files that exist, are missing, damaged, foreign, locked or full; writers that die."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from store_samples import DESCRIPTION, failed, generation, individual

from workbench.errors import ConfigError, RunError
from workbench.store import Run, RunWriter, connections, create_run, open_run, schema


@pytest.fixture
def closed(path: Path) -> Path:
    """A closed run of three individuals."""
    with create_run(path, DESCRIPTION) as writer:
        for id in range(3):
            writer.add_individual(individual(id), bytes(3000))
    return path


def test_a_closed_run_is_one_file(closed: Path) -> None:
    assert os.listdir(closed.parent) == ["run.sqlite"]
    assert len(open_run(closed).individuals) == 3
    assert os.listdir(closed.parent) == ["run.sqlite"]


def test_marks_of_the_file(closed: Path) -> None:
    with closing(sqlite3.connect(closed)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_open_run_is_in_wal_mode(writer: RunWriter) -> None:
    with closing(sqlite3.connect(writer.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_existing_file_is_an_error(closed: Path) -> None:
    with pytest.raises(RunError, match=r"run\.sqlite: it exists already.*'resume'.*'new'"):
        create_run(closed, DESCRIPTION)
    assert os.listdir(closed.parent) == ["run.sqlite"]


def test_existing_file_is_resumed(closed: Path) -> None:
    with create_run(closed, DESCRIPTION, if_exists="resume") as writer:
        assert writer.resumed
        writer.add_individual(individual(3), None)
    assert len(open_run(closed).individuals) == 4


def test_resume_without_a_file_begins_one(path: Path) -> None:
    with create_run(path, DESCRIPTION, if_exists="resume") as writer:
        assert not writer.resumed
    assert open_run(path).seed == DESCRIPTION.seed


def test_new_takes_a_free_name(closed: Path) -> None:
    with (
        create_run(closed, DESCRIPTION, if_exists="new") as second,
        create_run(closed, DESCRIPTION, if_exists="new") as third,
    ):
        assert [second.path.name, third.path.name] == ["run-2.sqlite", "run-3.sqlite"]
        assert not second.resumed
    assert len(open_run(closed).individuals) == 3
    with create_run(closed.with_name("fresh.sqlite"), DESCRIPTION, if_exists="new") as writer:
        assert writer.path.name == "fresh.sqlite"


def test_unknown_choice(path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of error, resume, new, got 'overwrite'"):
        create_run(path, DESCRIPTION, if_exists="overwrite")


def test_second_writer_is_refused(writer: RunWriter) -> None:
    with pytest.raises(RunError, match=rf"process {os.getpid()} on .*this very process"):
        create_run(writer.path, DESCRIPTION, if_exists="resume")
    link = writer.path.with_name("link.sqlite")
    link.symlink_to(writer.path)
    with pytest.raises(RunError, match="this very process"):
        create_run(link, DESCRIPTION, if_exists="resume")
    writer.add_individual(individual(0), None)


CHILD = """
import sys, time
from store_samples import DESCRIPTION, individual
from workbench.store import create_run
writer = create_run(sys.argv[1], DESCRIPTION)
writer.add_individual(individual(0), b"genome")
print("ready", flush=True)
time.sleep(60)
"""


def test_writer_in_another_process_and_its_death(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            for _ in range(2):
                with pytest.raises(RunError, match=rf"process {child.pid} on {socket.gethostname()}"):
                    create_run(path, DESCRIPTION, if_exists="resume")
            assert len(open_run(path).individuals) == 1
        finally:
            child.send_signal(signal.SIGKILL)
    assert open_run(path).genome_bytes(0) == b"genome"
    with create_run(path, DESCRIPTION, if_exists="resume") as writer:
        assert writer.resumed
        writer.add_individual(individual(1), None)
    assert len(open_run(path).individuals) == 2
    assert os.listdir(path.parent) == ["run.sqlite"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_close_its_parents_run(writer: RunWriter) -> None:
    pid = os.fork()
    if pid == 0:
        writer.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    writer.add_individual(individual(0), None)
    with pytest.raises(RunError, match="only one search may write"):
        create_run(writer.path, DESCRIPTION, if_exists="resume")


def test_a_forgotten_writer_gives_the_file_free(path: Path) -> None:
    writer = create_run(path, DESCRIPTION)
    del writer
    gc.collect()
    with create_run(path, DESCRIPTION, if_exists="resume"):
        pass


def test_closed_writer(path: Path) -> None:
    writer = create_run(path, DESCRIPTION)
    writer.close()
    writer.close()
    with pytest.raises(RunError, match="this writer is closed"):
        writer.set_state("finished")


def test_missing_file(path: Path) -> None:
    with pytest.raises(RunError, match="there is no such file"):
        open_run(path)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no folder"):
        create_run(tmp_path / "nowhere" / "run.sqlite", DESCRIPTION)


def test_folder_that_is_a_file(closed: Path) -> None:
    with pytest.raises(RunError, match="there is no folder"):
        create_run(closed / "run.sqlite", DESCRIPTION)
    with pytest.raises(RunError, match="there is no such file"):
        open_run(closed / "run.sqlite")


def test_folder_that_may_not_be_written(path: Path) -> None:
    path.with_name("run.sqlite.lock").mkdir()
    with pytest.raises(RunError, match="cannot write in its folder"):
        create_run(path, DESCRIPTION)


def test_file_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a file, got a folder"):
        open_run(tmp_path)


@pytest.mark.parametrize("open_it", [open_run, lambda path: create_run(path, DESCRIPTION, if_exists="resume")])
class TestBadFiles:
    def test_empty(self, path: Path, open_it) -> None:  # type: ignore[no-untyped-def]
        path.touch()
        with pytest.raises(RunError, match="it is empty"):
            open_it(path)

    def test_text(self, path: Path, open_it) -> None:  # type: ignore[no-untyped-def]
        path.write_text("generation,accuracy\n" * 100)
        with pytest.raises(RunError, match="not a run file"):
            open_it(path)
        assert path.read_text().startswith("generation,accuracy")

    def test_foreign(self, path: Path, open_it) -> None:  # type: ignore[no-untyped-def]
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE run (key, value)")
        before = path.read_bytes()
        with pytest.raises(RunError, match=r"not a run file: .* got another program's"):
            open_it(path)
        assert path.read_bytes() == before

    def test_newer(self, closed: Path, open_it) -> None:  # type: ignore[no-untyped-def]
        with closing(sqlite3.connect(closed)) as connection:
            connection.execute("PRAGMA user_version = 3")
        with pytest.raises(RunError, match="newer workbench: expected file version 2 or older, got 3; upgrade"):
            open_it(closed)

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.99])
    def test_truncated(self, closed: Path, open_it, share: float) -> None:  # type: ignore[no-untyped-def]
        whole = closed.read_bytes()
        closed.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RunError, match=r"run\.sqlite: it is (damaged|not a run file)"):
            open_it(closed)
        assert len(closed.read_bytes()) == int(len(whole) * share)


def test_damage_within(closed: Path) -> None:
    content = bytearray(closed.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    closed.write_bytes(content)
    with pytest.raises(RunError, match="it is damaged"):
        open_run(closed)


def test_a_bad_file_leaves_no_lock(path: Path) -> None:
    path.write_text("text")
    for _ in range(2):
        with pytest.raises(RunError, match="not a run file"):
            create_run(path, DESCRIPTION, if_exists="resume")
    assert os.listdir(path.parent) == ["run.sqlite"]


def test_log_of_a_lost_run(path: Path) -> None:
    """A new file beside a log of another would take its pages for its own."""
    log = path.with_name("run.sqlite-wal")
    log.write_bytes(b"pages")
    with pytest.raises(RunError, match=r"bring run\.sqlite back, or delete run\.sqlite-wal"):
        create_run(path, DESCRIPTION)
    with create_run(path, DESCRIPTION, if_exists="new") as writer:
        assert writer.path.name == "run-2.sqlite"
    assert log.read_bytes() == b"pages"


def test_leftovers_of_a_killed_creation(path: Path) -> None:
    path.with_name("run.sqlite.draft").write_bytes(b"half")
    path.with_name("run.sqlite.draft-journal").write_bytes(b"half")
    path.with_name("run.sqlite.lock").write_bytes(b"process 1 on nowhere")
    with create_run(path, DESCRIPTION):
        pass
    assert os.listdir(path.parent) == ["run.sqlite"]


def test_locked_by_another_program(writer: RunWriter, run: Run) -> None:
    writer._connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="another program holds a lock"):
            writer.add_individual(individual(0), b"x")
        assert len(run.individuals) == 0
    writer.add_individual(individual(0), b"x")


def test_locked_at_opening(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(closed, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunError, match="another program holds a lock"):
            open_run(closed)
        with pytest.raises(RunError, match="another program holds a lock"):
            create_run(closed, DESCRIPTION, if_exists="resume")


def test_full_disk_leaves_nothing_half_written(writer: RunWriter, run: Run) -> None:
    writer.add_individual(individual(0), bytes(1000))
    (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    writer._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(RunError, match="the disk is full; what was committed before is safe"):
        writer.add_individual(individual(1), bytes(1_000_000))
    assert run.individuals["id"].tolist() == [0]
    assert run.genome_bytes(0) == bytes(1000)
    writer._connection.execute("PRAGMA max_page_count = 1000000")
    writer.add_individual(individual(1), bytes(1_000_000))
    assert run.individuals["id"].tolist() == [0, 1]


def test_an_id_twice_leaves_nothing_half_written(writer: RunWriter, run: Run) -> None:
    writer.add_individual(failed(0), None)
    with pytest.raises(RunError, match="a record of that number is in it already"):
        writer.add_individual(individual(0), b"genome")
    assert run.genome_bytes(0) is None
    assert run.individuals["status"].tolist() == ["failed"]
    writer.finish_generation(generation(0, (0,)))
    with pytest.raises(RunError, match="a record of that number is in it already"):
        writer.finish_generation(generation(0, (1,)))
    assert run.population() == [0]


@pytest.mark.parametrize(
    "bad",
    [individual(0, status="well"), individual(2**63), individual(0, origin=None), individual(0, flops=2**70)],
)
def test_a_bad_record_leaves_nothing_half_written(writer: RunWriter, run: Run, bad) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RunError, match=r"run\.sqlite"):
        writer.add_individual(bad, b"genome")
    assert len(run.individuals) == 0
    writer.add_individual(individual(0), b"genome")
    assert len(run.individuals) == 1


def test_a_genome_that_is_no_bytes_leaves_nothing(writer: RunWriter, run: Run) -> None:
    with pytest.raises(RunError, match=r"run\.sqlite"):
        writer.add_individual(individual(0), object())  # type: ignore[arg-type]
    assert len(run.individuals) == 0


def test_a_path_of_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "ru n?mode=rw#%20é.sqlite"
    with create_run(path, DESCRIPTION) as writer:
        writer.add_individual(individual(0), None)
    assert len(open_run(str(path)).individuals) == 1


def test_a_reader_does_not_write(closed: Path) -> None:
    with connections.reading(closed) as file, pytest.raises(sqlite3.OperationalError, match="readonly"):
        file.connection.execute("DELETE FROM individuals")


def test_readers_at_every_close_and_reopening(path: Path) -> None:
    """Opening and closing change the journal mode under the feet of readers."""
    with create_run(path, DESCRIPTION):
        pass
    for id in range(10):
        with create_run(path, DESCRIPTION, if_exists="resume") as writer, connections.reading(path) as file:
            writer.add_individual(individual(id), None)
            file.one("SELECT count(*) FROM individuals")
            if id % 2:
                writer.close()
        assert len(open_run(path).individuals) == id + 1
