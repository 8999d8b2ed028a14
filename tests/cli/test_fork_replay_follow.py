"""`fork`, `replay`, and what `search` and `show` write besides, in process."""

from __future__ import annotations

import json
import re

import pytest

from workbench.cli import main
from workbench.store import open_run

SIZES = {"population": 3, "children": 2, "generations": 2, "workers": 1, "seed": 4}
TINY = ["--data", "digits", "--quiet", *(text for name, value in SIZES.items() for text in (f"--{name}", str(value)))]
TINY += ["--set", "train.epochs=1", "--set", "train.batch_size=128", "--set", "initial_epochs=1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "run.sqlite"
    assert main(["search", *TINY, "--path", str(path), "--log", f"{path}.log"]) == 0
    return path


def test_search_writes_a_log(finished):
    lines = [json.loads(line) for line in finished.with_name("run.sqlite.log").read_text().splitlines()]
    assert [line["generation"] for line in lines if line["event"] == "generation"] == [0, 1, 2]


def test_a_replay_is_the_same(finished, tmp_path, capsys):
    assert main(["replay", str(finished), "--path", str(tmp_path / "copy.sqlite"), "--quiet", "--workers", "2"]) == 0
    shown = capsys.readouterr().out
    assert "compared 7 individuals, 7 genomes, 3 generations and 0 events" in shown
    assert "Everything is the same, bit for bit." in shown
    assert open_run(tmp_path / "copy.sqlite").front()["id"].tolist() == open_run(finished).front()["id"].tolist()


def test_a_small_copy(finished, tmp_path, capsys):
    assert main(["compact", str(finished), "--path", str(tmp_path / "small.sqlite")]) == 0
    assert "MB of" in capsys.readouterr().out
    assert open_run(tmp_path / "small.sqlite").front()["id"].tolist() == open_run(finished).front()["id"].tolist()


def test_a_fork_says_what_it_costs_asks_and_goes_on(finished, tmp_path, capsys, monkeypatch):
    to = tmp_path / "fork.sqlite"
    command = ["fork", str(finished), "--generation", "0", "--path", str(to), "--set", "train.batch_size=64", "--quiet"]
    assert main(command) == 2
    shown = capsys.readouterr()
    assert re.search(r"after generation 0; changed: train; .* individuals must be trained again, \d+ epochs", shown.out)
    assert "pass --yes" in shown.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert main(command) == 1
    assert not to.exists()
    assert main([*command, "--yes", "--seed", "8", "--log", str(tmp_path / "log")]) == 0
    fork = open_run(to)
    assert fork.state == "finished"
    assert (fork.origin["generation"], fork.seed, len(fork.generations)) == (0, 8, 3)
    assert fork.individuals["seed"][:3].tolist() == open_run(finished).individuals["seed"][:3].tolist()
    assert (tmp_path / "log").exists()


def test_a_fork_that_is_only_written(finished, tmp_path, capsys):
    to = tmp_path / "fork.sqlite"
    arguments = ["--generation", "2", "--generations", "4", "--only-write"]
    assert main(["fork", str(finished), "--path", str(to), *arguments]) == 0
    shown = capsys.readouterr().out
    assert "all weights that it needs are stored" in shown
    assert f"workbench resume {to}" in shown
    assert open_run(to).state == "stopped"
    assert main(["resume", str(to), "--quiet"]) == 0
    assert len(open_run(to).generations) == 5


def test_show_follows_and_writes_tables(finished, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    assert main(["show", str(finished), "--follow", "--parquet", str(tmp_path / "run.parquet")]) == 0
    shown = capsys.readouterr().out
    assert "finished · generation 2/2 · 7/7 individuals" in shown
    assert "7 individuals: " in shown
    assert (tmp_path / "run.parquet").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--generation", "9"], "expected a finished generation"),
        (["--generation", "1", "--set", "wings=2"], "'wings'"),
        (["--generation", "2"], "set generations"),
    ],
)
def test_refused_forks(finished, tmp_path, capsys, arguments, named):
    assert main(["fork", str(finished), "--path", str(tmp_path / "fork.sqlite"), *arguments]) == 2
    assert named in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
