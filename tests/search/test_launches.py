"""Children that are trained together: which, in what order, and what an interruption changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from devices import on_devices
from search.search_samples import PATIENCE, finish, memory_of, tiny_data, wait_idle, wait_until

from workbench.errors import ConfigError, RunError
from workbench.executors import Launch
from workbench.individuals import TrainResult
from workbench.search import Search, SearchConfig, open_run, replay
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig

DATA = tiny_data()
SMALL = SearchConfig(population=5, children=5, generations=2, train=TrainConfig(epochs=2, batch_size=16), seed=3)


def space_of(together: int = 3, device: str = "cpu") -> NeuronSpace:
    return NeuronSpace.for_data(DATA, backend="csr", device=device, together=together)


def make(path: Path, if_exists: str = "error", **settings) -> Search:
    return Search(DATA, SMALL, path, space_of(**settings), if_exists=if_exists)


@pytest.fixture
def launches(monkeypatch) -> list[tuple[int, ...]]:
    """The seeds of the children of each training."""
    seen = []
    train_together = NeuronSpace.train_together

    def noted(self, genomes, data, config, *, seeds, **named):
        seen.append(tuple(seeds))
        return train_together(self, genomes, data, config, seeds=seeds, **named)

    monkeypatch.setattr(NeuronSpace, "train_together", noted)
    return seen


@on_devices
def test_a_search_that_trains_together_finds_what_one_by_one_does(tmp_path, device, launches):
    finish(make(tmp_path / "one.sqlite", together=1))
    assert not launches
    finish(make(tmp_path / "three.sqlite", device=device))
    one, three = (open_run(tmp_path / name) for name in ("one.sqlite", "three.sqlite"))
    seeds = [int(seed) for seed in three.individuals["seed"]]
    assert launches == [tuple(seeds[start:end]) for start, end in ((0, 3), (3, 5), (5, 8), (8, 10), (10, 13), (13, 15))]
    assert three.space.together == 3
    for name in ("parent", "mutation", "flops"):
        assert list(one.individuals[name].head(10).fillna(-1)) == list(three.individuals[name].head(10).fillna(-1))
    for id in (0, 4):
        if id in set(one.individuals.index[one.individuals["genome"] == "trained"]):
            np.testing.assert_allclose(one.genome(id).weights, three.genome(id).weights, atol=1e-4)


def test_the_same_search_gives_the_same_bits(tmp_path):
    for name in ("a.sqlite", "b.sqlite"):
        finish(make(tmp_path / name))
    assert memory_of(tmp_path / "a.sqlite") == memory_of(tmp_path / "b.sqlite")
    assert replay(tmp_path / "a.sqlite", data=DATA, progress=False).is_same


@pytest.mark.parametrize("children", [0, 3])
def test_interrupted_within_a_launch_it_resumes_to_the_same_bits(tmp_path, children, monkeypatch, launches):
    finish(make(tmp_path / "whole.sqlite"))
    whole = list(launches)
    path = tmp_path / "run.sqlite"
    search = make(path)
    add, left = search._state.add, [children + 1]

    def full(individual):
        left[0] -= 1
        if left[0] < 0:
            raise RunError("the disk is full")
        add(individual)

    monkeypatch.setattr(search._state, "add", full)
    search.start()
    with pytest.raises(RunError, match="the disk is full"):
        search.join(PATIENCE)
    with pytest.raises(RunError, match="the disk is full"):
        search.close()
    assert len(open_run(path).individuals) == children + 1
    launches.clear()
    finish(make(path, if_exists="resume"))
    assert launches == whole[children // 3 :]  # with those that were stored already
    assert memory_of(path) == memory_of(tmp_path / "whole.sqlite")


def test_a_step_is_a_launch(tmp_path):
    search = make(tmp_path / "run.sqlite")
    search.pause()
    search.step()
    wait_idle(search, 3)
    assert search.snapshot().finished == 3
    search.step()
    wait_until(lambda: search.snapshot().generation == 1)
    assert search.snapshot().total == 5
    assert search.workers == 3
    search.close()


def test_a_child_that_cannot_be_drawn_fails_alone(tmp_path, monkeypatch):
    sample = NeuronSpace.sample

    def unlucky(self, index, rng):
        if index == 1:
            raise ValueError("no such luck")
        return sample(self, index, rng)

    monkeypatch.setattr(NeuronSpace, "sample", unlucky)
    finish(make(tmp_path / "run.sqlite"))
    individuals = open_run(tmp_path / "run.sqlite").individuals
    assert list(individuals.index[individuals["status"] != "ok"]) == [1]


def test_too_little_memory_for_all_is_enough_for_each(tmp_path, monkeypatch):
    finish(make(tmp_path / "one.sqlite", together=1))

    def too_much(self, *arguments, **named):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(NeuronSpace, "train_together", too_much)
    finish(make(tmp_path / "three.sqlite"))
    one, three = (memory_of(tmp_path / name) for name in ("one.sqlite", "three.sqlite"))
    assert one == three


class Recorder:
    """A space whose trainings say with whom a child was trained."""

    def __init__(self) -> None:
        self.trained: list[list[str]] = []

    def train_together(self, genomes, data, config, *, seeds, stream, on_epochs):
        self.trained.append(genomes)
        if "bad" in genomes:
            raise ValueError("out of memory")
        return [TrainResult(genome, 1.0, 0.0, ()) for genome in genomes]

    def train(self, genome, data, config, *, seed, stream, on_epoch):
        self.trained.append([genome])
        if genome == "bad":
            raise SystemExit("no such luck")
        return TrainResult(genome, 0.5, 0.0, ())


ARGUMENTS = {"seed": 0, "stream": (0,), "on_epoch": None}


def in_threads(launch: Launch, children: dict[int, tuple[str, str]]) -> dict[int, object]:
    """What each child gets, by its id: a result, or an error."""
    found: dict[int, object] = {}

    def child(id: int, genome: str, config: str) -> None:
        try:
            found[id] = launch.train(id, genome, None, config, **ARGUMENTS)
        except BaseException as error:
            found[id] = error

    threads = [threading.Thread(target=child, args=(id, *one)) for id, one in children.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return found


def test_the_order_is_that_of_the_ids_and_other_settings_are_another_training():
    space = Recorder()
    found = in_threads(Launch(space, [1, 2, 3, 4]), {4: ("d", "x"), 2: ("b", "y"), 1: ("a", "x"), 3: ("c", "y")})
    assert space.trained == [["a", "d"], ["b", "c"]]
    assert [found[id].genome for id in (1, 2, 3, 4)] == ["a", "b", "c", "d"]


def test_only_the_guilty_fails_and_is_made_again_by_itself():
    space = Recorder()
    launch = Launch(space, [1, 2, 3])
    found = in_threads(launch, {1: ("a", ""), 2: ("bad", ""), 3: ("c", "")})
    assert space.trained == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]
    assert isinstance(found[2], SystemExit)
    assert [found[id].val_accuracy for id in (1, 3)] == [0.5, 0.5]
    assert launch.train(2, "better", None, "", **ARGUMENTS).genome == "better"


def test_one_that_leaves_is_not_waited_for():
    space = Recorder()
    launch = Launch(space, [1, 2])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(launch.train, 1, "a", None, "", **ARGUMENTS)
        launch.leave(2)
        assert waiting.result(PATIENCE).genome == "a"
    assert space.trained == [["a"]]


def test_what_is_expected(tmp_path):
    with pytest.raises(ConfigError, match="only the backend 'csr' trains children together, got together=3"):
        replace(space_of(), backend="native")
    with pytest.raises(ConfigError, match=r"space\.together=3 expects executor='threads'"):
        Search(DATA, SMALL, tmp_path / "run.sqlite", space_of(), "processes")
    assert not list(tmp_path.iterdir())
