"""A search whose file can take no more ends as failed, says why, and goes on once there is room."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_samples import PATIENCE, SMALL, NumberSpace, finish, memory_of, step, tiny_data

from workbench.errors import RunError
from workbench.search import Search
from workbench.store import open_run

DATA = tiny_data()


def make(path: Path, if_exists: str = "error") -> Search:
    return Search(DATA, SMALL, path, NumberSpace(), if_exists=if_exists)


@pytest.mark.parametrize("children", [3, 8, 11])
def test_a_full_disk_fails_the_search_and_loses_nothing(tmp_path: Path, children: int) -> None:
    finish(make(tmp_path / "whole.sqlite"))
    path = tmp_path / "run.sqlite"
    search = make(path)
    step(search, children)
    (pages,) = search._state.writer._connection.execute("PRAGMA page_count").fetchone()
    search._state.writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    search.start()
    with pytest.raises(RunError, match="the disk is full; what was committed before is safe: free some space"):
        search.join(PATIENCE)
    snapshot = search.snapshot()
    assert snapshot.state == "failed"
    assert "the disk is full" in (snapshot.error or "")
    kept = open_run(path)
    assert children <= len(kept.individuals) < SMALL.individuals
    with pytest.raises(RunError, match="the disk is full"):
        search.close()
    finish(make(path, if_exists="resume"))  # which may write again: there is room, and nobody holds the file
    assert memory_of(path) == memory_of(tmp_path / "whole.sqlite")
