"""The dashboard of a run alone in a window; its page is tested in a browser."""

from __future__ import annotations

import os

import pytest
from search.search_samples import finish
from widgets.widget_samples import number_search

from workbench.cli import main
from workbench.cli.lab import close_searches, dashboard
from workbench.search import Search, SearchConfig
from workbench.store import open_run
from workbench.training import TrainConfig

EMPTY = {"data": None, "root": None}


def test_a_stored_run_is_read(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    finish(search)
    search.close()
    shown = dashboard(run=str(search.path), resume=False, **EMPTY)
    assert shown.source.search is None
    shown.close()


def test_a_run_is_gone_on_with_until_all_searches_are_closed(tmp_path):
    from workbench.datasets import load_dataset

    sizes = {"population": 2, "children": 1, "generations": 9, "train": TrainConfig(epochs=1)}
    search = Search(load_dataset("digits"), SearchConfig(**sizes), tmp_path / "run.sqlite")
    search.close()
    shown = dashboard(run=str(search.path), resume=True, **EMPTY)
    shown.source.search.step(1)
    while not shown.source.snapshot().total:
        pass
    close_searches()
    assert open_run(search.path).state == "stopped"
    assert len(open_run(search.path).individuals) == 1
    shown.close()


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_what_cannot_be_shown_is_said_before_anything_is_started(tmp_path, capsys, more):
    assert main(["lab", str(tmp_path / "none.sqlite"), *more]) == 2
    assert "none.sqlite" in capsys.readouterr().err
    assert not os.listdir(tmp_path)
