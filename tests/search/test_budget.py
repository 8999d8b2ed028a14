"""A search ends when it has trained for its budget, also after a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, finish, memory_of, step, tiny_data

from workbench.errors import ConfigError
from workbench.results.random_search import training_cost
from workbench.search import Search, SearchConfig
from workbench.store import open_run
from workbench.views.compare.data import comparison

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


class LearningSpace(NumberSpace):
    """Whose training costs what it says itself, in every other epoch."""

    def train(self, genome, data, config, *, seed, stream, on_epoch=None):
        result = super().train(genome, data, config, seed=seed, stream=stream, on_epoch=on_epoch)
        rows = tuple({**row, "training_flops": 2.5} if row["epoch"] % 2 else row for row in result.history)
        return replace(result, history=rows)


def test_training_costs_what_its_epochs_say(tmp_path):
    """In the search, its budget, the tables and the comparison."""
    config = replace(SMALL, generations=2)
    search = finish(Search(DATA, config, tmp_path / "run.sqlite", LearningSpace()))
    run, epochs = open_run(search.path, LearningSpace()), config.train.epochs
    table, costs = run.individuals, run.spent()
    own = (epochs + 1) // 2
    expected = [2.5 * own + (epochs - own) * flops if done else 0 for flops, done in table[["flops", "epochs"]].values]
    assert costs["training_flops"].tolist() == pytest.approx(expected)
    assert [run.individual(id).training_cost for id in table["id"]] == costs["training_flops"].tolist()
    assert comparison({"run": run}).budget["training"] == training_cost(run) == pytest.approx(sum(expected))
    again = Search(
        DATA, replace(config, generations=9, budget=sum(expected)), tmp_path / "again.sqlite", LearningSpace()
    )
    assert len(open_run(finish(again).path).generations) == 3
