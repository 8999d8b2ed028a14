"""Runs of every version of the file that there was are opened, shown and resumed to their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.cli import main
from workbench.search import Search, snapshot_of
from workbench.store import open_run, schema

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
