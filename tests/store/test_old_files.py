"""Runs of every version of the file that there was are opened, shown and resumed to their end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import RunError
from workbench.search import Search, fork_run, plan_fork, snapshot_of
from workbench.search.report import front_table
from workbench.store import create_run, open_run, schema

RUNS = Path(__file__).parents[2] / "data" / "runs"
SHIPPED = ("mnist.sqlite", "cifar10.sqlite")
ASSETS = sorted((Path(__file__).parent / "assets").glob("run_v*.sqlite"))


def test_there_is_one_of_each_version() -> None:
    assert [path.name for path in ASSETS] == [f"run_v{number}.sqlite" for number in range(1, schema.SCHEMA_VERSION + 1)]


@pytest.fixture(params=ASSETS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a run of digits: 4 initial individuals, generation 1 ranked, 2 of 3 children of generation 2 done."""
    copy = tmp_path / "run.sqlite"
    copy.write_bytes(request.param.read_bytes())
    return copy


def test_it_is_read(path: Path) -> None:
    run = open_run(path)
    assert run.individuals["val_accuracy"].round(3).tolist() == [
        *(0.227, 0.301, 0.194, 0.199, 0.394, 0.356, 0.454, 0.444, 0.514)
    ]
    assert run.population() == [3, 4, 5, 6]
    assert run.front()["id"].tolist() == [2, 0, 5, 6, 8]
    assert run.lineage(8)["id"].tolist() == [2, 5, 8]
    assert run.events["from_child"].tolist() == [5]
    assert snapshot_of(run).total == 9
    assert [run.genome(id).n_edges for id in (0, 8)] == [142, 194]
    assert front_table(run)["summary"].str.startswith("64-").all()


def test_it_is_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(path)]) == 0
    assert "51.39%" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:.* was begun with:UserWarning")
def test_it_is_resumed_to_the_end(path: Path) -> None:
    before = open_run(path)
    kept = [before.individual(id) for id in range(9)]
    search = Search.resume(path, workers=1)
    assert search.rates.add_edges == 0.4, "the live change holds"
    search.run(progress=False)
    search.close()
    run = open_run(path)
    assert run.state == "finished"
    assert run.generations["generation"].tolist() == [0, 1, 2, 3]
    assert len(run.individuals) == 4 + 3 * 3
    assert (run.individuals["status"] == "ok").all()
    for one in kept:
        now = run.individual(one.id)
        assert (now.val_accuracy, now.cost, now.mutation) == (one.val_accuracy, one.cost, one.mutation)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A run of version 1 that ranks by latency, which was a fact of the description there."""
    path = tmp_path / "old.sqlite"
    shutil.copy(ASSETS[0], path)
    model = {"overhead_us": 1.0, "per_layer_us": 0.0, "per_neuron_us": 0.0, "per_edge_us": 0.5}
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(
            "UPDATE run SET value = json_set(value, '$.latency', json(?)) WHERE key = 'search_config'",
            (json.dumps(model),),
        )
        file.execute("UPDATE individuals SET description = json_set(description, '$.latency_us', 1 + flops / 4.0)")
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return file.execute("PRAGMA user_version").fetchone()[0]


def look(path: Path) -> list[object]:
    """All that a reader sees."""
    run = open_run(path)
    ids = run.individuals["id"].tolist()
    tables = (run.individuals, run.front(), run.generations, run.events)
    some = [(run.facts(id), run.history(id), run.genome_bytes(id), run.individual(id).cost) for id in ids[::50]]
    return [*(table.to_json(date_format="iso") for table in tables), some, repr(run.load()), run.objectives, run.state]


def upgrade(path: Path) -> None:
    create_run(path, open_run(path).description, if_exists="resume").close()


def test_a_reader_leaves_an_old_file_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    old.chmod(0o444)
    run = open_run(old)
    assert [one.name for one in run.objectives] == ["accuracy", "flops", "latency"]
    assert run.individual(8).latency_us == run.front()["latency_us"].iloc[-1] == 1 + run.individual(8).flops / 4
    assert "latency_us" not in run.facts(8)
    assert main(["show", str(old)]) == 0
    assert old.read_bytes() == before
    assert sorted(path.name for path in old.parent.iterdir()) == ["old.sqlite"]


@pytest.mark.parametrize("name", ["old", "sample", *SHIPPED])
def test_an_upgrade_changes_nothing_that_is_seen(old: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.sqlite"
    shutil.copy({"old": old, "sample": ASSETS[0]}.get(name, RUNS / name), path)
    assert version_of(path) == 1
    before = look(path)
    upgrade(path)
    assert version_of(path) == schema.SCHEMA_VERSION
    assert look(path) == before
    assert "objectives" in open_run(path).config
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert file.execute("SELECT value FROM run WHERE key = 'format_version'").fetchone() == ("2",)
    upgrade(path)
    assert look(path) == before


def test_a_shipped_run_is_shown_forked_and_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mnist.sqlite"
    shutil.copy(RUNS / "mnist.sqlite", path)
    assert main(["show", str(path)]) == 0
    with create_run(tmp_path / "copy.sqlite", open_run(path).description) as writer:
        writer.copy_past(path, 40, {})
        writer.copy_about(path)
    assert look(tmp_path / "copy.sqlite") == look(path)
    last = int(open_run(path).generations["generation"].max())
    assert plan_fork(path, last, {"generations": last + 1}).again, "its weights are trained again"
    assert version_of(path) == 1


@pytest.mark.filterwarnings("ignore:.* was begun with:UserWarning")
def test_an_old_run_is_forked(old: Path, tmp_path: Path) -> None:
    fork_run(plan_fork(old, 1, {"latency": None}), tmp_path / "fork.sqlite")
    run = open_run(tmp_path / "fork.sqlite")
    assert [one.name for one in run.objectives] == ["accuracy", "flops"]
    assert version_of(run.path) == schema.SCHEMA_VERSION


@pytest.mark.parametrize("description", ["{}", '{"latency_us": -1}', '{"latency_us": "fast"}', "[]", "{"])
def test_an_old_file_without_its_latencies_is_damaged(old: Path, description: str) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as file:
        file.execute("UPDATE individuals SET description = ? WHERE id = 1", (description,))
    run = open_run(old)
    for ask in (run.load, run.front, lambda: run.individual(1)):
        with pytest.raises(RunError, match="it is damaged: "):
            ask()


class Interrupted(tuple):
    """Statements of which the last are never reached."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield from list(super().__iter__())[:-2]
        yield "SELECT this fails"


def test_an_upgrade_that_fails_leaves_the_old_version_whole(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(old)
    monkeypatch.setitem(schema.UPGRADES, 1, Interrupted(schema.UPGRADES[1]))
    with pytest.raises(RunError, match=r"no such column: this"):
        upgrade(old)
    assert version_of(old) == 1
    monkeypatch.undo()
    assert look(old) == before
    upgrade(old)
    assert look(old) == before


KILLED = """
import os, signal, sys
from workbench.search.report import front_table
from workbench.store import create_run, open_run, schema

class Killing(tuple):
    def __iter__(self):
        yield from list(super().__iter__())[:-1]
        os.kill(os.getpid(), signal.SIGKILL)

schema.UPGRADES[1] = Killing(schema.UPGRADES[1])
create_run(sys.argv[1], open_run(sys.argv[1]).description, if_exists="resume")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_in_the_middle_of_an_upgrade_leaves_the_old_version_whole(old: Path) -> None:
    before = look(old)
    done = subprocess.run([sys.executable, "-c", KILLED, str(old)], env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert version_of(old) == 1
    assert look(old) == before
    upgrade(old)
    assert version_of(old) == schema.SCHEMA_VERSION
    assert look(old) == before
