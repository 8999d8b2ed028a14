"""Whatever a child does, or is done to its worker: no child is lost, no search hangs, and the record says why."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from search.search_samples import SMALL, Gate, NumberSpace, memory_of, tiny_data, wait_until
from search.worker_samples import CountedData, Fault, FaultySpace, NoNumber, seeds_of, task_of

from workbench.errors import ConfigError, RunError
from workbench.executors import Shared, TaskPool, start, start_workers
from workbench.executors.processes import ProcessWorkers
from workbench.executors.start import ExecutorWorkers
from workbench.search import Search, SearchConfig
from workbench.store import open_run
from workbench.store.writer import RunWriter

DATA = tiny_data()
TWO = replace(SMALL, workers=2)
MINUTES = 300.0
"""Seconds after which a search has hung; nothing depends on how much of it is needed."""

SPAWN = multiprocessing.get_context("spawn")


def faulty(faults: dict[int, str], marks: Path | None = None) -> FaultySpace:
    """A space in which children of `TWO` do what is said, by their ids."""
    seeds = dict(zip(faults, seeds_of(TWO, *faults), strict=True))
    deeds = {seeds[child]: kind for child, kind in faults.items() if kind != "nan"}
    nothing = frozenset(seeds[child] for child, kind in faults.items() if kind == "nan")
    return FaultySpace(failing=NoNumber(nothing), on_train=Fault(deeds, str(marks) if marks else None))


def run(path: Path, space: Any, executor: Any = None, config: SearchConfig = TWO, **settings: Any) -> Search:
    search = Search(DATA, config, path, space, executor, **settings)
    search.start()
    assert search.join(MINUTES)
    search.close()
    return search


def failures(path: Path) -> dict[int, str]:
    """Reasons of the children that failed; all children must be there."""
    table = open_run(path).individuals
    assert table["id"].tolist() == list(range(TWO.individuals))
    failed = table[table["status"] == "failed"]
    return dict(zip(failed["id"].tolist(), failed["failure"].tolist(), strict=True))


def test_faults_in_threads(tmp_path):
    space = faulty({3: "raise", 8: "nan", 12: "hang", 13: "hang", 20: "hang"})
    search = run(tmp_path / "run.sqlite", space, "threads", replace(TWO, child_seconds=0.3))
    assert failures(tmp_path / "run.sqlite") == {
        3: "ValueError: no such luck",
        8: "training gave a validation accuracy of nan",
        12: "took longer than 0.3 s",
        13: "took longer than 0.3 s",
        20: "took longer than 0.3 s",
    }
    assert [(event.kind, event.from_child) for event in search.snapshot().events] == [
        ("time-out", id) for id in (12, 13, 20)
    ]


def test_faults_in_processes(tmp_path):
    space = faulty({3: "raise", 8: "nan", 12: "hang", 16: "exit", 21: "kill"})
    search = run(tmp_path / "run.sqlite", space, "processes", replace(TWO, child_seconds=1, attempts=2))
    assert failures(tmp_path / "run.sqlite") == {
        3: "ValueError: no such luck",
        8: "training gave a validation accuracy of nan",
        12: "took longer than 1 s",
        16: "its worker was lost 2 times, the last time: LostWorkerError: its process ended with exit status 3",
        21: "its worker was lost 2 times, the last time: LostWorkerError: its process ended with signal SIGKILL",
    }
    kinds = [(event.kind, event.from_child) for event in search.snapshot().events]
    assert kinds == [("time-out", 12), ("lost worker", 16), ("lost worker", 21)]
    wait_until(lambda: not multiprocessing.active_children())


def test_a_process_lost_once_changes_nothing(tmp_path):
    run(tmp_path / "calm.sqlite", NumberSpace())
    (tmp_path / "marks").mkdir()
    space = faulty({2: "kill", 15: "exit"}, tmp_path / "marks")
    run(tmp_path / "lossy.sqlite", space, "processes")
    assert len(list((tmp_path / "marks").iterdir())) == 2
    assert memory_of(tmp_path / "lossy.sqlite") == memory_of(tmp_path / "calm.sqlite")


def test_a_broken_pool_is_replaced_and_only_the_guilty_child_fails(tmp_path):
    with ProcessPoolExecutor(2, SPAWN) as pool:
        run(tmp_path / "run.sqlite", faulty({7: "exit"}), pool, replace(TWO, attempts=2))
    assert failures(tmp_path / "run.sqlite") == {
        7: "its worker was lost 2 times, the last time: LostWorkerError: its process ended with exit status 3"
    }


def test_a_pool_whose_child_hangs_is_taken_down(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "START_SECONDS", 5 * MINUTES)  # so that no time counts of the first two children
    with ProcessPoolExecutor(2, SPAWN) as pool:
        run(tmp_path / "run.sqlite", faulty({7: "hang"}), pool, replace(TWO, child_seconds=1))
    assert failures(tmp_path / "run.sqlite") == {7: "took longer than 1 s"}


def test_an_executor_that_cannot_stop_its_children_ends_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "START_SECONDS", 0.0)
    gate = Gate()
    with ThreadPoolExecutor(1) as executor:
        config = replace(TWO, workers=None, child_seconds=0.1)
        search = Search(DATA, config, tmp_path / "run.sqlite", NumberSpace(on_train=gate), executor)
        assert search.workers == 1
        search.start()
        with pytest.raises(RunError, match=r"all 1 workers of ThreadPoolExecutor are stuck .* executor='processes'"):
            search.join()
        gate.open()
    run(tmp_path / "run.sqlite", NumberSpace(), config=config, if_exists="resume")
    assert list(failures(tmp_path / "run.sqlite")) == [0]


def test_an_executor_that_is_closed(tmp_path):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    search = Search(DATA, TWO, tmp_path / "run.sqlite", NumberSpace(), executor)
    search.start()
    with pytest.raises(RunError, match=r"ThreadPoolExecutor takes no children .*resume the run with one that is open"):
        search.join()


def test_closing_a_search_does_not_wait_for_a_child_that_hangs(tmp_path):
    gate = Gate()
    search = Search(DATA, TWO, tmp_path / "run.sqlite", NumberSpace(on_train=gate))
    search.start()
    gate.wait_for_somebody()
    search.close(now=True)
    assert search.snapshot().state == "stopped"
    assert search.snapshot().in_progress == ()
    gate.open()
    run(tmp_path / "run.sqlite", NumberSpace(), if_exists="resume")
    run(tmp_path / "calm.sqlite", NumberSpace())
    assert memory_of(tmp_path / "run.sqlite") == memory_of(tmp_path / "calm.sqlite")


def test_an_overdue_child_is_told_to_stop(tmp_path):
    """At its next epoch, so that its thread ends."""
    ended = threading.Event()

    class Endless(NumberSpace):
        def train(self, genome, data, config, *, seed, stream, on_epoch=None):
            if seed == slow:
                while not on_epoch({"epoch": 1, "val_accuracy": 0.1}):
                    threading.Event().wait(0.01)
                ended.set()
            return super().train(genome, data, config, seed=seed, stream=stream, on_epoch=on_epoch)

    (slow,) = seeds_of(TWO, 9)
    run(tmp_path / "run.sqlite", Endless(), config=replace(TWO, child_seconds=0.3))
    assert failures(tmp_path / "run.sqlite") == {9: "took longer than 0.3 s"}
    assert ended.wait(60)


def test_an_interrupted_time_out_is_followed_on_resume(tmp_path, monkeypatch):
    """The event is stored first; a resumed run must not make the child after all."""
    add = RunWriter.add_individual

    def no_room(self, individual, *rest):
        if individual.failure:
            raise RunError("disk full")
        add(self, individual, *rest)

    config = replace(TWO, child_seconds=0.3)
    monkeypatch.setattr(RunWriter, "add_individual", no_room)
    search = Search(DATA, config, tmp_path / "run.sqlite", faulty({9: "hang"}))
    search.start()
    with pytest.raises(RunError, match="disk full"):
        search.join()
    monkeypatch.undo()
    space = NumberSpace()
    resumed = run(tmp_path / "run.sqlite", space, config=replace(TWO, child_seconds=None), if_exists="resume")
    assert failures(tmp_path / "run.sqlite") == {9: "took longer than 0.3 s"}
    assert not set(seeds_of(TWO, 9)) & set(space.trained)
    assert len(resumed.snapshot().events) == 1


def test_a_space_that_cannot_travel(tmp_path):
    search = Search(DATA, TWO, tmp_path / "run.sqlite", NumberSpace(), "processes")  # lambdas
    search.start()
    with pytest.raises(RunError, match=r"cannot be sent to another process .*or use threads"):
        search.join()


def test_executors_that_are_none():
    for wrong in ("thread", 3):
        with pytest.raises(ConfigError, match="executor expects 'threads' or 'processes' or a concurrent"):
            Search(DATA, TWO, "nowhere/run.sqlite", NumberSpace(), wrong)


class Elsewhere(Executor):
    """Processes that do not see the files of this machine."""

    def __init__(self, pool: Executor) -> None:
        self.pool = pool

    def submit(self, fn, /, token, source, task) -> Future:
        return self.pool.submit(fn, token, "/nowhere" if isinstance(source, str) else source, task)


@pytest.mark.parametrize("kind", ["own", "pool", "elsewhere"])
def test_data_travel_once_per_worker(tmp_path, kind):
    data = CountedData(tmp_path / "notes")
    shared = Shared(FaultySpace(), data)
    with ProcessPoolExecutor(2, SPAWN) as pool:
        if kind == "own":
            workers = ProcessWorkers(shared, 2)
        else:
            workers = start_workers(pool if kind == "pool" else Elsewhere(pool), shared, 2, lambda progress: None)
            assert isinstance(workers, ExecutorWorkers)
        tasks, made, waiting = TaskPool(workers), [], [task_of(child) for child in range(12)]
        while waiting or len(made) < 12:
            while waiting and tasks.room:
                tasks.start(waiting.pop())
            made += tasks.wait()
        tasks.close()
    assert all(child.ok for child in made), made
    unpacked = data.noted("unpacked")
    assert len(unpacked) == len(set(unpacked)) <= 2
    assert len(data.noted("packed")) <= (1 if kind != "elsewhere" else 3)  # as files, then a parcel for each


def test_data_are_not_packed_for_threads(tmp_path):
    data = CountedData(tmp_path / "notes")
    for executor in ("threads", ThreadPoolExecutor(2)):
        tasks = TaskPool(start_workers(executor, Shared(NumberSpace(), data), 2, lambda progress: None))
        tasks.start(task_of(0))
        assert [child.ok for child in tasks.wait()] == [True]
        tasks.close()
    assert data.noted("packed") == []


def test_files_for_workers_go_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(tmp_path / "run.sqlite", faulty({}), "processes")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
