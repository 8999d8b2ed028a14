"""What every run promises, for each space but that of neurons: one small run of each, taken up in every way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from search_samples import finish, memory_of, step, tiny_data

from workbench.errors import RunError, WeightsError
from workbench.search import Search, SearchConfig, compact_run, fork_run, plan_fork, replay
from workbench.search.again import plan_again, train_again
from workbench.search.stored import RunHistory
from workbench.space import SearchSpace
from workbench.spaces import SPACES
from workbench.store import Run, open_run
from workbench.training import TrainConfig

DATA = tiny_data()
SMALL = SearchConfig(4, 3, 3, seed=4, workers=1, tournament=2, train=TrainConfig(epochs=1, batch_size=16, shift=1))
SETTINGS = {"hnas": {"channels": 2}, "einspace": {"budget": 20, "max_flops": 1e5}, "programs": {"start": "network"}}
"""Of spaces whose networks would be large on these images."""
NAMES = ["mlp", "hnas", "einspace", "programs", "pairs"]
CLOCKS = ["wall_seconds", "finished_at"]


def space_of(name: str) -> SearchSpace:
    return SPACES[name].for_data(DATA, **SETTINGS.get(name, {}))


def made(path: Path, name: str, *stops: int, **settings: object) -> Run:
    """A finished run that was steered after 6 individuals, and interrupted after so many more."""
    search = Search(DATA, replace(SMALL, **settings), path, space_of(name))
    step(search, 6)
    search.update(rates={search.space.mutation_kinds[0]: 0.9})
    for children in stops:
        step(search, children)
        search.close()
        search = Search.resume(path, DATA, workers=search.config.workers)
    finish(search)
    return open_run(path)


@pytest.fixture(scope="module", params=NAMES)
def run(request, tmp_path_factory) -> Run:
    return made(tmp_path_factory.mktemp(request.param) / "run.sqlite", request.param)


def space_in(run: Run) -> SearchSpace:
    return space_of(run.space_name)


def test_it_is_whole_and_reopened_with_its_space(run):
    assert run.state == "finished"
    assert len(run.individuals) == 4 + 3 * 3
    search = Search.resume(run.path, DATA)
    assert search.space == space_in(run)
    search.close()
    kinds = [run.mutation(id)["kind"] for id in run.individuals["id"] if id >= SMALL.population]
    assert set(kinds) <= set(search.space.mutation_kinds)


def test_its_children_say_what_their_training_took_of_the_processor(run):
    spent = run.processor_seconds()
    assert list(spent) == run.individuals["id"].tolist()
    took = run.individuals.set_index("id")["wall_seconds"]
    assert all(0 < seconds < took[id] + 0.05 for id, seconds in spent.items())


@pytest.mark.parametrize("name", ["neurons", *NAMES])
def test_random_selection_draws_every_network_anew(tmp_path, name):
    """Random search, the control, is a setting of the search, whatever the space."""
    search = Search(DATA, replace(SMALL, selection="random"), tmp_path / "run.sqlite", space_of(name))
    finish(search)
    run = open_run(tmp_path / "run.sqlite")
    assert len(run.individuals) == 4 + 3 * 3
    assert run.individuals["parent"].isna().all()
    assert set(run.individuals["origin"]) == {"initial"}
    assert len({run.genome_bytes(id) for id in run.front()["id"]}) == len(run.front())


def test_two_workers_interrupted_give_the_same_bits(run, tmp_path):
    other = made(tmp_path / "run.sqlite", run.space_name, 2, workers=2)
    assert memory_of(other.path) == memory_of(run.path)


@pytest.mark.slow
def test_processes_give_the_same_bits(run, tmp_path):
    again = replay(run.path, tmp_path / "copy.sqlite", DATA, executor="processes", workers=2)
    assert again.is_same, again.difference


def test_it_is_made_again_from_its_events(run, tmp_path):
    again = replay(run.path, tmp_path / "copy.sqlite", DATA, workers=2)
    assert again.is_same, again.difference
    assert again.genomes == len(run.individuals)


def test_a_fork_ends_as_the_run_did(run, tmp_path):
    plan = plan_fork(run.path, 2)
    assert plan.again  # weights that were dropped are trained again
    fork_run(plan, tmp_path / "fork.sqlite", DATA)
    finish(Search.resume(tmp_path / "fork.sqlite", DATA))
    fork = open_run(tmp_path / "fork.sqlite")
    assert fork.individuals.drop(columns=CLOCKS).equals(run.individuals.drop(columns=CLOCKS))
    assert all(fork.genome_bytes(id) == run.genome_bytes(id) for id in run.individuals["id"])


def test_a_small_copy_has_the_networks_of_the_front(run, tmp_path):
    copy = open_run(compact_run(run.path, tmp_path / "small.sqlite"))
    assert copy.path.stat().st_size < run.path.stat().st_size
    for id in run.front()["id"]:
        assert copy.genome_bytes(id) == run.genome_bytes(id)
    with pytest.raises(RunError, match="workbench fork"):
        Search.resume(copy.path, DATA)


def test_dropped_weights_are_gone_and_can_be_trained_again_to_the_same_bits(run, tmp_path):
    space, history = space_in(run), RunHistory(run, space_in(run))
    everything = made(tmp_path / "run.sqlite", run.space_name, keep="all")
    lost = sorted(set(history.individuals) - history.trained)
    assert lost
    for id in lost:
        bare, trained = run.genome(id), everything.genome(id)
        assert space.cost(bare) == space.cost(trained)
        assert space.describe(bare) == space.describe(trained)
        assert len(run.genome_bytes(id)) < len(everything.genome_bytes(id))
        with pytest.raises(WeightsError, match="train it first"):
            space.evaluate(bare, DATA, "validation")
    again = train_again(plan_again(history, lost[-1]), DATA, lambda one: None)
    assert not history.differs(again)
    assert space.encode(again.genome) == everything.genome_bytes(lost[-1])
