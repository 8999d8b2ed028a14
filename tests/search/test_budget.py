"""A search ends when it has trained for its budget, also after a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, finish, memory_of, step, tiny_data

from workbench.errors import ConfigError
from workbench.search import Search, SearchConfig
from workbench.store import open_run

DATA = tiny_data()


def spent(path) -> list[float]:
    """Epochs × FLOPs up to the end of each generation."""
    table = open_run(path).individuals
    return (table["epochs"] * table["flops"]).groupby(table["generation"]).sum().cumsum().tolist()


@pytest.mark.parametrize("selection", ["random", "pareto"])
def test_a_search_ends_with_the_generation_that_spends_its_budget(tmp_path, selection):
    config = replace(SMALL, generations=1000, selection=selection)
    finish(Search(DATA, replace(config, generations=6), tmp_path / "long.sqlite", NumberSpace()))
    budget = spent(tmp_path / "long.sqlite")[3] - 1
    search = finish(Search(DATA, replace(config, budget=budget), tmp_path / "short.sqlite", NumberSpace()))
    assert len(open_run(search.path).generations) == 4
    assert spent(search.path) == spent(tmp_path / "long.sqlite")[:4]


def test_a_stopped_search_spends_what_is_left(tmp_path):
    config = replace(SMALL, generations=1000, selection="random")
    finish(Search(DATA, replace(config, generations=6), tmp_path / "long.sqlite", NumberSpace()))
    config = replace(config, budget=spent(tmp_path / "long.sqlite")[4])
    whole = finish(Search(DATA, config, tmp_path / "whole.sqlite", NumberSpace()))
    search = Search(DATA, config, tmp_path / "parts.sqlite", NumberSpace())
    step(search, SMALL.population + SMALL.children + 2)
    assert SMALL.population + 2 * SMALL.children <= search.snapshot().total_expected < 100
    search.close()
    finish(Search(DATA, config, tmp_path / "parts.sqlite", NumberSpace(), if_exists="resume"))
    assert memory_of(tmp_path / "parts.sqlite") == memory_of(whole.path)


def test_a_budget_must_be_something():
    with pytest.raises(ConfigError, match="budget expects a number above 0"):
        SearchConfig(budget=0)
