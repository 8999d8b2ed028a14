"""A stored run made again from its seed, settings and events."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Executor, Future
from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, SheddingSpace, finish, memory_of, step, tiny_data

from workbench.errors import RunError
from workbench.search import Search, SearchConfig, fork_run, plan_fork, replay
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig

DATA = tiny_data()


def make(path, config=SMALL, space=None, **settings) -> Search:
    return Search(DATA, config, path, space or SheddingSpace(), **settings)


def steered(path, config, space, by_hand) -> Search:
    """A run with every kind of thing that a person may do to it."""
    search = make(path, config, space)
    step(search, 5)
    search.insert(by_hand, record={"kind": "surgery"})
    search.update(tournament=1, rates={space.mutation_kinds[0]: 0.9})
    step(search, 4)
    search.update(train={"epochs": 3}, children=3)
    step(search, 2)
    search.close()
    search = Search(DATA, replace(config, generations=6), path, space, if_exists="resume")
    search.insert(by_hand, parent=3)
    step(search, 4)
    search.update(flops_max=1e6, train={"epochs": 1})
    finish(search)
    return search


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("adapt", [None, "pursuit"])
def test_a_steered_run_is_made_again_bit_for_bit(tmp_path, workers, adapt):
    config = replace(SMALL, workers=2, adapt=adapt, stop_hopeless=True)
    steered(tmp_path / "run.sqlite", config, SheddingSpace(), (300, 0.3))
    again = replay(tmp_path / "run.sqlite", tmp_path / "copy.sqlite", DATA, space=SheddingSpace(), workers=workers)
    assert again.difference is None
    assert again.is_same
    run = open_run(tmp_path / "run.sqlite")
    assert set(run.events["kind"]) == {"settings", "by hand", "generations"}
    assert again.individuals == len(run.individuals)
    assert again.genomes == len(run.individuals)
    assert again.generations == len(run.generations) == 7
    assert again.events == len(run.events)
    assert memory_of(tmp_path / "copy.sqlite") == memory_of(tmp_path / "run.sqlite")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_steered_run_of_neurons_is_made_again_bit_for_bit(tmp_path, workers):
    space = NeuronSpace.for_data(
        DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.4), edges_per_neuron=(2, 3), spatial_base=1)
    )
    config = SearchConfig(4, 3, 2, seed=1, workers=1, train=TrainConfig(epochs=2, batch_size=16, shift=1))
    search = make(tmp_path / "run.sqlite", config, space)
    step(search, 3)
    search.update(rates={"add_edges": 0.9}, train={"epochs": 3})
    step(search, 2)
    search.insert(search.results.genome(2), parent=2, record={"kind": "copy"})
    finish(search)
    again = replay(tmp_path / "run.sqlite", data=DATA, workers=workers)
    assert again.difference is None
    assert again.path is None
    assert memory_of(tmp_path / "run.sqlite")  # and the run is still there


def test_an_unfinished_run(tmp_path):
    search = make(tmp_path / "run.sqlite")
    step(search, 8)
    search.update(tournament=1)
    step(search, 1)
    search.close()
    again = replay(tmp_path / "run.sqlite", tmp_path / "copy", DATA, space=SheddingSpace())
    assert again.difference is None
    assert again.individuals == 9
    assert len(open_run(tmp_path / "copy").individuals) == 10


def test_a_run_that_has_hardly_begun(tmp_path):
    make(tmp_path / "run.sqlite").close()
    again = replay(tmp_path / "run.sqlite", data=DATA, space=SheddingSpace())
    assert (again.is_same, again.individuals) == (True, 0)


def test_failures_happen_again(tmp_path):
    def failing(seed: int):
        return {0: ValueError("bad luck"), 1: "training diverged"}.get(seed % 5)

    space = NumberSpace(failing=failing)
    finish(make(tmp_path / "run.sqlite", space=space))
    again = replay(tmp_path / "run.sqlite", data=DATA, space=space)
    assert again.difference is None
    assert replay(tmp_path / "run.sqlite", data=DATA, space=NumberSpace()).difference is not None


class LosingExecutor(Executor):
    """Every third worker is lost."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, fn, /, *args, **kwargs):
        self.submitted += 1
        future: Future = Future()
        if self.submitted % 3 == 0:
            future.set_exception(OSError("connection reset"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_children_that_were_given_up_are_given_up_again(tmp_path):
    finish(make(tmp_path / "run.sqlite", replace(SMALL, attempts=1), executor=LosingExecutor()))
    assert set(open_run(tmp_path / "run.sqlite").events["kind"]) == {"lost worker"}
    again = replay(tmp_path / "run.sqlite", data=DATA, space=SheddingSpace())
    assert again.difference is None
    assert again.events == 8


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE individuals SET val_accuracy = 0.12 WHERE id = 9", "individual 9: its val_accuracy was 0.12, and is"),
        ("UPDATE genomes SET blob = '[5, 0.5]' WHERE individual = 25", "individual 25: its topology is another"),
        (
            "UPDATE individuals SET mutation = json_set(mutation, '$.change', 7) WHERE id = 7",
            "individual 7: its mutation.change was 7, and is 0.",
        ),
        ("UPDATE generations SET hypervolume = 0.5 WHERE generation = 2", "generation 2: its hypervolume was 0.5"),
    ],
)
def test_the_first_difference_is_named(tmp_path, change, named):
    finish(make(tmp_path / "run.sqlite"))
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        connection.execute(change.replace("blob = '", "blob = CAST('").replace("]'", "]' AS BLOB)"))
    connection.close()
    again = replay(tmp_path / "run.sqlite", data=DATA, space=SheddingSpace())
    assert not again.is_same
    assert named in again.difference


def test_a_fork_is_made_again_from_the_beginning(tmp_path):
    steered(tmp_path / "run.sqlite", SMALL, SheddingSpace(), (300, 0.3))
    changes = {"seed": 77, "population": 4, "survival": "nsga2", "rates.grow": 0.1, "generations": 5}
    plan = plan_fork(tmp_path / "run.sqlite", 3, changes, space=SheddingSpace())
    fork_run(plan, tmp_path / "fork.sqlite", DATA)
    config = replace(plan.config, workers=2)
    search = Search(DATA, config, tmp_path / "fork.sqlite", SheddingSpace(), if_exists="resume")
    step(search, 2)
    search.update(tournament=2)
    finish(search)
    again = replay(tmp_path / "fork.sqlite", data=DATA, space=SheddingSpace())
    assert again.difference is None
    assert again.generations == 6


def test_what_cannot_be_replayed(tmp_path):
    finish(make(tmp_path / "run.sqlite"))
    with pytest.raises(RunError, match="made from arrays"):
        replay(tmp_path / "run.sqlite")
    with pytest.raises(RunError, match="other data"):
        replay(tmp_path / "run.sqlite", data=tiny_data(seed=5), space=SheddingSpace())
    with pytest.raises(RunError, match="exists already"):
        replay(tmp_path / "run.sqlite", tmp_path / "run.sqlite", DATA, space=SheddingSpace())
