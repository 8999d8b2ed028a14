"""A space that the package does not know goes through all of it: no change anywhere else, as `space.py` says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import toy_space
from search.search_samples import memory_of, step
from toy_space import ToySpace

from workbench.cli import main
from workbench.datasets import load_dataset
from workbench.errors import ConfigError
from workbench.results.report import report
from workbench.search import Search, preset
from workbench.spaces import register
from workbench.store import open_run
from workbench.views.compare.data import comparison
from workbench.widgets import CompareView, Dashboard, Sandbox

DIGITS = load_dataset("digits")
MOST_LINES = 60


register(ToySpace)


def toy_search(path: Path, executor: str = "threads", seed: int = 0) -> Search:
    made = preset("quick", DIGITS, "toy", seed=seed, **{"train.epochs": 2})
    return Search(DIGITS, made, path, executor=executor)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    search = toy_search(tmp_path_factory.mktemp("toy") / "run.sqlite")
    search.run(progress=False)
    search.close()
    return open_run(search.path)


def test_it_is_small():
    lines = Path(toy_space.__file__).read_text().splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith(("import", "from", "@", '"""'))]
    assert len(code) <= MOST_LINES


def test_search_finds_better_networks_than_chance(run):
    assert run.individuals["val_accuracy"].max() > 0.8
    assert set(run.individuals["mutation"]) >= {"coarser", "finer"}
    assert run.space == ToySpace.for_data(DIGITS)
    assert len(run.front()) > 1


@pytest.mark.slow
def test_processes_and_a_resume_give_the_same_run(run, tmp_path):
    search = toy_search(tmp_path / "resumed.sqlite")
    step(search, 7)
    search.close()
    search = Search.resume(search.path, executor="processes")
    search.run(progress=False)
    search.close()
    assert memory_of(search.path) == memory_of(run.path)


def test_processes_cannot_import_a_class_of_a_notebook(tmp_path, monkeypatch):
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    space = type("Mine", (ToySpace,), {"__module__": "__main__"}).for_data(DIGITS)
    with pytest.raises(ConfigError, match="defined in a notebook; put it into a module"):
        Search(DIGITS, path=tmp_path / "run.sqlite", space=space, executor="processes")
    assert not (tmp_path / "run.sqlite").exists()


def test_dashboard(run):
    dashboard = Dashboard(run)
    dashboard.selection.individual = best = int(run.front()["id"].iloc[-1])
    for fold in dashboard.folds.values():
        fold.opened = True
    for each in (dashboard.network.tabs, dashboard.more):
        for part in each.parts:
            each.show_tab(part.title)
    assert f'data-individual="{best}"' in dashboard.network.head.facts.value
    assert "squares of" in dashboard.network.head.facts.value
    dashboard.close()


def test_sandbox(run):
    sandbox = Sandbox(DIGITS, search=run)
    sandbox.selection.individual = int(run.front()["id"].iloc[-1])
    sandbox.begin()
    sandbox.mutations.kind.value = "coarser"
    sandbox.mutate()
    sandbox.train()
    sandbox.wait()
    assert [record.record["kind"] for record in sandbox.history.done] == ["coarser", "train"]
    assert "squares" in sandbox.changes.value
    sandbox.close()
    with pytest.raises(ConfigError, match="a network of neurons, or the space"):
        Sandbox(DIGITS, sandbox.genome)


@pytest.mark.slow
def test_report(run, tmp_path):
    page = report(run, tmp_path / "report.html").read_text()
    assert "squares of" in page


def test_export(run, tmp_path, capsys):
    best = int(run.front()["id"].iloc[-1])
    assert main(["export", str(run.path), "--id", str(best), "--path", str(tmp_path / "best.npz")]) == 0
    genome = run.space.decode((tmp_path / "best.npz").read_bytes())
    images = DIGITS.arrays("test")[0]
    np.testing.assert_array_equal(run.space.logits(genome, images), run.space.logits(run.genome(best), images))


@pytest.mark.slow
def test_compare(run, tmp_path):
    other = toy_search(tmp_path / "other.sqlite", seed=1)
    other.run(progress=False)
    other.close()
    runs = {"one": run, "other": open_run(other.path)}
    assert [curve.name for curve in comparison(runs).curves] == list(runs)
    view = CompareView([run.path, other.path])
    assert view.found is not None
    view.close()


def test_command_line(tmp_path, capsys):
    path = tmp_path / "run.sqlite"
    command = ["search", "--space", "toy", "--data", "digits", "--path", str(path), "--generations", "1", "--quiet"]
    assert main(command) == 0
    assert open_run(path).space_name == "toy"
    assert main(["search", "--space", "toy", "--data", "digits", "--preset", "paper", "--path", str(path)]) != 0
    assert "unknown preset 'paper' of the space 'toy'" in capsys.readouterr().err
