"""Spaces become known by registering their classes; a run of one that is not known opens as tables."""

from __future__ import annotations

import dataclasses
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from search.search_samples import SMALL, NumberSpace, finish, tiny_data

from workbench.errors import ConfigError, RunError
from workbench.registry import SPACES, UnknownSpace, make_space
from workbench.results.report import report
from workbench.search import Search
from workbench.search.config import Settings
from workbench.spaces import MlpSpace, NeuronSpace, register
from workbench.store import open_run
from workbench.views.base.source import Source
from workbench.widgets import Dashboard, Steering


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A run of a space that is not known."""
    search = Search(tiny_data(), SMALL, tmp_path / "run.sqlite", NumberSpace())
    search.update(rates={"grow": 0.25})
    finish(search)
    monkeypatch.delitem(SPACES, "numbers")
    return open_run(search.path)


def test_a_class_is_registered_once_and_replaced_by_its_own_new_definition():
    assert register(MlpSpace) is MlpSpace
    with pytest.raises(ConfigError, match=r"'mlp' is that of workbench.spaces.mlp.space.MlpSpace; choose another"):
        register(type("OtherSpace", (NeuronSpace,), {"name": "mlp"}))
    with pytest.raises(ConfigError, match=r"implements workbench.space.SearchSpace, got .* lacks from_config, mutate"):
        register(dict)
    with pytest.raises(ConfigError, match="its name is None"):
        register(type("Nameless", (NeuronSpace,), {"name": None}))


def test_an_installed_package_makes_its_spaces_known(monkeypatch):
    found = EntryPoints([EntryPoint("cells", "spaces.test_registry:CellSpace", "workbench.spaces")])
    monkeypatch.setattr("workbench.registry.entry_points", lambda **wanted: found.select(**wanted))
    monkeypatch.setattr("workbench.registry.SPACES", dict(SPACES))
    config = MlpSpace.for_data(tiny_data()).config()
    assert type(make_space("cells", config)).__name__ == "CellSpace"
    with pytest.raises(ConfigError, match="unknown search space 'rows'"):
        make_space("rows", config)


class CellSpace(MlpSpace):
    name = "cells"


def test_a_run_of_an_unknown_space_opens_as_tables(strange):
    assert isinstance(strange.space, UnknownSpace)
    assert strange.space.mutation_kinds == ("grow", "shrink")
    assert len(strange.individuals) == SMALL.individuals
    assert len(strange.front()) > 0
    assert strange.facts(0)
    rates = Settings.at_start(SMALL, strange.space).rates
    assert (rates.grow, rates.size) == (0.5, [0.1, 0.3])
    assert dataclasses.is_dataclass(rates)
    last = int(strange.front()["id"].iloc[-1])
    assert strange.individual(last).result.genome is None
    for ask in (strange.genome, Source(strange, tiny_data()).network):
        with pytest.raises(RunError, match=r"'numbers' is not known here; expected one of: neurons.*spaces.register"):
            ask(last)
    with pytest.raises(ConfigError, match=r"unknown search space 'numbers'.*workbench.spaces.register"):
        Search.resume(strange.path, tiny_data())


def test_views_of_it_show_the_tables_and_say_how_to_see_networks(strange):
    steering = Steering(strange)
    assert "grow" in steering.controls
    assert "0.25" in steering.controls["grow"].value
    dashboard = Dashboard(strange, data=tiny_data())
    dashboard.selection.individual = int(strange.front()["id"].iloc[0])
    for fold in dashboard.folds.values():
        fold.opened = True
    for each in (dashboard.network.tabs, dashboard.more):
        for part in each.parts:
            each.show_tab(part.title)
    assert f"individual {dashboard.selection.individual}" in dashboard.network.head.facts.value
    assert "is not known here" in dashboard.network.note.value
    steering.close()
    dashboard.close()


def test_its_report_would_need_the_networks(strange, tmp_path):
    with pytest.raises(ConfigError, match=r"unknown search space 'numbers'.*workbench.spaces.register"):
        report(strange.path, tmp_path / "report.html", tiny_data())
