"""A Dask cluster whose workers are lost, hang, and come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dask
import pytest
from drills.dask_samples import two_workers
from search.search_samples import SMALL, NumberSpace, finish, memory_of, tiny_data
from search.worker_samples import CountedData, Fault, FaultySpace, seeds_of, task_of

from workbench.errors import RunError
from workbench.executors import Shared, TaskPool
from workbench.executors import dask as our_dask
from workbench.executors.dask import DaskWorkers, connect
from workbench.search import Search
from workbench.store import open_run

pytestmark = pytest.mark.slow

DATA = tiny_data()
ANY = replace(SMALL, workers=None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    deaths = {"distributed.scheduler.allowed-failures": 1}  # before Dask gives a task up; 3 by default
    with dask.config.set(deaths), two_workers() as started:
        yield started


@pytest.fixture
def client(cluster) -> Iterator[Any]:
    connected = connect(cluster.scheduler_address)
    connected.wait_for_workers(2)
    yield connected
    connected.close()


def faulty(faults: dict[int, str], marks: str | None = None) -> FaultySpace:
    seeds = seeds_of(ANY, *faults)
    return FaultySpace(on_train=Fault(dict(zip(seeds, faults.values(), strict=True)), marks))


def run(path, space, executor=None, **changes) -> Search:
    search = Search(DATA, replace(ANY, **changes), path, space, executor)
    search.start()
    assert search.join(300)
    search.close()
    return search


def failures(path) -> dict[int, str]:
    table = open_run(path).individuals
    assert table["id"].tolist() == list(range(ANY.individuals))
    failed = table[table["status"] == "failed"]
    return dict(zip(failed["id"].tolist(), failed["failure"].tolist(), strict=True))


def test_a_worker_that_is_lost_changes_nothing(tmp_path, client):
    finish(Search(DATA, replace(ANY, workers=1), tmp_path / "calm.sqlite", NumberSpace()))
    (tmp_path / "marks").mkdir()
    search = run(tmp_path / "lossy.sqlite", faulty({8: "kill"}, str(tmp_path / "marks")), client.get_executor())
    assert search.workers in (1, 2)  # one may only be coming back
    assert len(list((tmp_path / "marks").iterdir())) == 1
    assert memory_of(tmp_path / "lossy.sqlite") == memory_of(tmp_path / "calm.sqlite")


def test_a_child_that_takes_its_workers_down_is_recorded(tmp_path, client):
    run(tmp_path / "run.sqlite", faulty({9: "kill"}), client.get_executor())
    found = failures(tmp_path / "run.sqlite")
    assert list(found) == [9]
    assert "its worker was lost" in found[9]
    assert "KilledWorker" in found[9]


def test_a_child_that_hangs_is_recorded_and_its_worker_starts_anew(tmp_path, client):
    run(tmp_path / "run.sqlite", faulty({7: "hang", 8: "hang", 13: "hang"}), client.get_executor(), child_seconds=2)
    assert failures(tmp_path / "run.sqlite") == dict.fromkeys((7, 8, 13), "took longer than 2 s")


def test_data_travel_once_per_worker(tmp_path, client, cluster, monkeypatch):
    monkeypatch.setattr(our_dask, "COUNT_SECONDS", 0.0)
    data = CountedData(tmp_path / "notes")
    workers = DaskWorkers(client.get_executor(), Shared(FaultySpace(), data))
    tasks, made = TaskPool(workers), []
    for _ in range(8):
        tasks.start(task_of(len(made)))
        while not (ended := tasks.wait()):
            pass
        made += ended
    assert workers.capacity == 2
    cluster.scale(3)  # one that comes later gets them as well
    client.wait_for_workers(3)
    assert workers.capacity == 3
    tasks.close()
    assert all(child.ok for child in made), made
    unpacked = data.noted("unpacked")
    assert len(unpacked) == len(set(unpacked)) == 3
    assert len(data.noted("packed")) == 1


def test_a_cluster_that_is_gone(tmp_path, client):
    search = Search(DATA, ANY, tmp_path / "run.sqlite", NumberSpace(), client.get_executor())
    client.close()
    search.start()
    with pytest.raises(RunError, match=r"Dask scheduler does not answer .*resume the run when it does"):
        search.join()


def test_nobody_at_this_address(monkeypatch):
    monkeypatch.setattr(our_dask, "CONNECT_SECONDS", 0.2)
    with pytest.raises(RunError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'.*start one with `dask"):
        connect("tcp://127.0.0.1:9")
