"""Who is made again, who is given up, and who is to blame: with workers that do what the test says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import pytest
from search.worker_samples import task_of

from workbench.errors import RunError
from workbench.executors import GivenUp, NoWorkerError, TaskPool, task_pool
from workbench.executors.task_pool import Workers

RESET = "OSError: connection reset"


class PuppetWorkers(Workers):
    """Children that end when the test says so."""

    capacity = 0

    def __init__(self, capacity: int = 3, isolates: bool = False) -> None:
        self.capacity, self.isolates, self.elastic = capacity, isolates, True
        self.futures: dict[int, Future] = {}
        self.submitted: list[int] = []
        self.abandoned: list[int] = []
        self.waiting: set[int] = set()
        self.play: Callable[[int], object] | None = None

    def submit(self, task):
        self.submitted.append(task.id)
        future = self.futures[task.id] = Future()
        result = self.play(task.id) if self.play else None
        if isinstance(result, Exception):
            future.set_exception(result)
        elif result is not None:
            future.set_result(result)
        return future

    def child_of(self, future):
        return next(child for child, known in self.futures.items() if known is future)

    def began(self, future):
        return None if self.child_of(future) in self.waiting else 0.0

    def abandon(self, future):
        self.abandoned.append(self.child_of(future))

    def close(self):
        pass

    def lose(self, *children: int, error: Exception | None = None) -> None:
        for child in children:
            self.futures[child].set_exception(error or OSError("connection reset"))


def pool_of(workers: PuppetWorkers, children: int = 3, **settings) -> TaskPool:
    pool = TaskPool(workers, **settings)
    for child in range(children):
        pool.start(task_of(child))
    return pool


def test_room_follows_workers_that_come_and_go(monkeypatch):
    monkeypatch.setattr(task_pool, "LOOK_SECONDS", 0.001)
    workers = PuppetWorkers(capacity=2)
    pool = pool_of(workers, 2)
    assert pool.room == 0
    workers.capacity = 5
    assert pool.wait() == []  # wakes up by itself, so that more can start
    assert pool.room == 3
    workers.capacity = 1
    assert pool.room == 0


def test_what_is_made_comes_back_in_order():
    workers = PuppetWorkers()
    pool = pool_of(workers)
    workers.futures[2].set_result("two")
    workers.futures[0].set_result("zero")
    assert pool.wait() == ["zero", "two"]


def test_those_lost_together_are_made_again_one_at_a_time():
    workers = PuppetWorkers()
    pool = pool_of(workers, attempts=2)
    workers.lose(0, 1, 2)
    workers.submitted.clear()
    workers.play = lambda child: OSError("killed") if child == 1 else child
    assert pool.wait() == []
    assert pool.room == 0  # nobody new while there are suspects
    assert [pool.wait() for _ in range(3)] == [[0], [], [2]]
    (guilty,) = pool.wait()
    assert guilty == GivenUp(1, "lost worker", "its worker was lost 2 times, the last time: OSError: killed")
    assert workers.submitted == [0, 1, 2, 1]
    assert pool.room == 3


def test_a_worker_of_its_own_tells_who_is_to_blame():
    workers = PuppetWorkers(isolates=True)
    pool = pool_of(workers, attempts=2)
    workers.lose(0, 1)
    assert pool.wait() == []
    assert workers.submitted == [0, 1, 2, 0, 1]  # at once
    workers.lose(1)
    assert pool.wait() == [GivenUp(1, "lost worker", "its worker was lost 2 times, the last time: " + RESET)]


def test_a_cancelled_child_is_made_again():
    workers = PuppetWorkers(isolates=True)
    pool = pool_of(workers, 1)
    workers.futures[0].cancel()
    workers.futures[0].set_running_or_notify_cancel()
    assert pool.wait() == []
    assert workers.submitted == [0, 0]


def test_no_worker_at_all_ends_the_search():
    workers = PuppetWorkers(isolates=True)
    pool = pool_of(workers, 1, attempts=2)
    workers.lose(0, error=NoWorkerError("none starts"))
    assert pool.wait() == []
    workers.lose(0, error=NoWorkerError("none starts"))
    with pytest.raises(RunError, match="none starts"):
        pool.wait()


def test_who_takes_too_long_is_given_up():
    workers = PuppetWorkers()
    now = 0.0
    pool = pool_of(workers, 2, child_seconds=5, clock=lambda: now)
    workers.waiting.add(1)  # and so has not begun
    now = 6.0
    assert pool.wait() == [GivenUp(0, "time-out", "took longer than 5 s")]
    assert workers.abandoned == [0]
    now = 12.0
    assert pool.wait() == []
    workers.futures[1].set_result("one")
    assert pool.wait() == ["one"]


def test_dismissal_wakes_who_waits_and_abandons_the_rest():
    workers = PuppetWorkers()
    workers.elastic = False
    pool = pool_of(workers)
    pool.dismiss()
    pool.dismiss()
    assert pool.wait() == []
    assert pool.dismissed
    pool.close()
    assert workers.abandoned == [0, 1, 2]
