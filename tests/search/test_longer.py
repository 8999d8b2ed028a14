"""A run becomes longer, also after its end, and is then the run that was as long from the start; runs without end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from search_samples import SMALL, Gate, NumberSpace, finish, memory_of, step, tiny_data, wait_idle, wait_until

from workbench.errors import ConfigError, RunError
from workbench.executors import TaskPool
from workbench.search import Search, attach, replay, snapshot_of
from workbench.search.stored import length_of
from workbench.search.watch import progress_line
from workbench.store import is_being_written, open_run

DATA = tiny_data()
LONG = replace(SMALL, generations=9)


def make(path, config=SMALL, space=None, **settings) -> Search:
    return Search(DATA, config, path, space or NumberSpace(), **settings)


def same_as(path: Path, whole: Path) -> None:
    """Everything but the event by which it became longer."""
    finish(make(whole, LONG))
    longer, at_once = memory_of(path), memory_of(whole)
    assert longer.pop("events") != at_once.pop("events") == "[]"
    assert longer == at_once
    assert length_of(open_run(path)) == 9
    assert replay(path, data=DATA, space=NumberSpace()).is_same


def test_a_finished_search_goes_on(tmp_path):
    search = make(tmp_path / "run.sqlite")
    search.run(progress=False)
    assert not is_being_written(search.path)
    search.extend(4)
    assert is_being_written(search.path)
    assert search.snapshot().state == open_run(search.path).state == "stopped"
    assert (search.snapshot().generation, search.snapshot().total_expected) == (6, LONG.individuals)
    assert snapshot_of(open_run(search.path)).total_expected == LONG.individuals
    finish(search)
    assert not is_being_written(search.path)
    same_as(search.path, tmp_path / "whole")


def test_a_finished_search_goes_on_after_it_was_closed(tmp_path):
    search = finish(make(tmp_path / "run.sqlite"))
    search.extend(4)
    assert attach(search.path) is search
    search.step(3)
    wait_idle(search, SMALL.individuals + 3)
    search.close()
    finish(make(search.path, LONG, if_exists="resume"))
    same_as(search.path, tmp_path / "whole")


@pytest.mark.parametrize("made", [0, 3, 8, 26])
def test_a_paused_or_stopped_search(tmp_path, made):
    search = make(tmp_path / "run.sqlite")
    step(search, made)
    if made == 8:
        search.stop()
    search.extend(3)
    search.extend(1)
    finish(search)
    same_as(search.path, tmp_path / "whole")


def test_a_running_search(tmp_path):
    gate = Gate()
    search = make(tmp_path / "run.sqlite", replace(SMALL, workers=2), NumberSpace(on_train=gate))
    search.start()
    gate.wait_for_somebody()
    search.extend(4)
    assert search.snapshot().state == open_run(search.path).state == "running"
    gate.open()
    finish(search)
    same_as(search.path, tmp_path / "whole")


def test_a_search_that_is_ending(tmp_path, monkeypatch):
    """After the last generation was ranked, before the thread has noticed."""
    search = make(tmp_path / "run.sqlite")
    close = TaskPool.close

    def extend_first(tasks: TaskPool) -> None:
        if search.config.generations == 5:
            search.extend(4)
        close(tasks)

    monkeypatch.setattr(TaskPool, "close", extend_first)
    finish(search)
    same_as(search.path, tmp_path / "whole")


def test_without_end_until_it_is_stopped(tmp_path):
    search = make(tmp_path / "run.sqlite", replace(SMALL, generations=None))
    search.start()
    wait_until(lambda: search.snapshot().generation > 6)
    now = search.snapshot()
    assert (now.generations, now.total_expected, now.remaining_seconds) == (None, None, None)
    assert re.match(r"running · generation \d+ · \d+ individuals · .* children/min$", progress_line(now))
    with pytest.raises(RunError, match="has no end"):
        search.extend(4)
    search.close()
    stored = snapshot_of(open_run(search.path))
    assert (stored.state, stored.generations, stored.total_expected) == ("stopped", None, None)
    again = Search(DATA, replace(SMALL, generations=stored.generation + 1), search.path, NumberSpace(), None, "resume")
    finish(again)
    finish(make(tmp_path / "whole", replace(SMALL, generations=stored.generation + 1)))
    longer, at_once = memory_of(search.path), memory_of(tmp_path / "whole")
    assert longer.pop("events") != at_once.pop("events")
    assert longer == at_once


def test_the_end_may_be_taken_away(tmp_path):
    search = make(tmp_path / "run.sqlite")
    search.run(progress=False)
    search.extend(None)
    search.start()
    wait_until(lambda: search.snapshot().generation > 9)
    search.close()
    assert length_of(open_run(search.path)) is None


def test_what_cannot_go_on(tmp_path):
    search = make(tmp_path / "run.sqlite")
    with pytest.raises(ConfigError, match="1 generation or more, got 0"):
        search.extend(0)
    search.run(progress=False)
    other = make(search.path, LONG, if_exists="resume")
    with pytest.raises(RunError, match="which is this very process"):
        search.extend(4)
    finish(other)
    with pytest.raises(RunError, match=r"not as this search left it; go on with Search\.resume"):
        search.extend(4)
    assert not is_being_written(search.path)
    search.path.unlink()
    with pytest.raises(RunError, match="no such file"):
        search.extend(4)
    assert not search.path.exists()
    spent = make(tmp_path / "spent.sqlite", replace(SMALL, budget=1e3))
    spent.run(progress=False)
    with pytest.raises(RunError, match="has spent its budget"):
        spent.extend(4)
    failed = make(tmp_path / "failed.sqlite", space=NumberSpace(failing=lambda seed: "no luck"))
    with pytest.raises(RunError):
        failed.run(progress=False)
    with pytest.raises(RunError, match="has failed"):
        failed.extend(4)
