"""Where children are made: the work for one child, and the executors that run it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.evolution import StoppingBar
from workbench.individuals import FAILED, OK, Cost, Individual, Outcome
from workbench.space import SearchSpace

REDRAWS = 20
"""How often a child outside the FLOPs bounds is drawn again before it counts as failed."""

CHILD_THREAD = "workbench-child"
"""What the names of the threads that train children begin with."""


@dataclass(frozen=True)
class Task:
    """All that a worker needs for one child besides space and data; a child's result depends on nothing else.

    Attributes:
        id: of the child.
        generation: of the child.
        parent: id of the parent, or None to sample anew.
        parent_genome: its trained genome.
        seed: root of every random choice.
        rates: the space's mutation rates.
        train: a `TrainConfig`.
        stream: key of the prepared training data.
        flops_bounds: smallest and largest FLOPs allowed.
        bar: what the child must reach to train on; None if nobody stops early.
        report: called in the worker's thread whenever the child has come further; changes no result. None if nobody
            watches, or from another process.
    """

    id: int
    generation: int
    parent: int | None
    parent_genome: Any
    seed: int
    rates: Any
    train: Any
    stream: tuple[int, ...]
    flops_bounds: tuple[float, float]
    bar: StoppingBar | None = None
    report: Callable[[Progress], None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Progress:
    """How far one child in training is; shown while it lasts, never stored.

    Attributes:
        child: its id.
        parent: id of its parent, None for an initial individual.
        kind: of its mutation; "initial", or "" before it is drawn.
        flops: of its genome; 0 before there is one.
        epoch: epochs done.
        epochs: epochs it is to train.
        val_accuracy: after the last of them; NaN before the first.
    """

    child: int
    parent: int | None
    kind: str
    flops: int
    epoch: int
    epochs: int
    val_accuracy: float

    @classmethod
    def at_start(cls, task: Task) -> Progress:
        """Before anything is done."""
        kind = "initial" if task.parent is None else ""
        return cls(task.id, task.parent, kind, 0, 0, task.train.epochs, float("nan"))


def make_child(space: SearchSpace, data: Any, task: Task) -> Individual:
    """Sample or mutate, then train. Whatever goes wrong is recorded in the individual, not raised."""
    started = time.perf_counter()
    mutation: Mapping[str, Any] = {}
    cost: Cost | None = None
    outcome: Outcome | None = None
    failure: str | None = None
    try:
        genome, mutation = _draw(space, task)
        cost = space.cost(genome)
        on_epoch = _on_epoch(task, cost.flops, str(mutation.get("kind", "initial")))
        outcome = space.train(genome, data, task.train, seed=task.seed, stream=task.stream, on_epoch=on_epoch)
        failure = outcome.failure
        if not failure and not np.isfinite(outcome.val_accuracy):
            failure = f"training gave a validation accuracy of {outcome.val_accuracy}"
    except Exception as error:  # a child that fails is recorded, the search goes on
        failure = f"{type(error).__name__}: {error}"
    return Individual(
        id=task.id,
        parent=task.parent,
        generation=task.generation,
        origin="initial" if task.parent is None else "mutation",
        mutation=mutation,
        seed=task.seed,
        status=FAILED if failure else OK,
        failure=failure,
        cost=cost,
        outcome=outcome,
        wall_seconds=time.perf_counter() - started,
    )


def _on_epoch(task: Task, flops: int, kind: str) -> Callable[[Mapping[str, float]], bool] | None:
    """Called after each epoch: reports it, and says whether to stop."""
    bar, report = task.bar, task.report
    if report is None:
        return None if bar is None else lambda row: bar.is_hopeless(flops, int(row["epoch"]), row["val_accuracy"])
    begun = replace(Progress.at_start(task), kind=kind, flops=flops)
    report(begun)

    def after(row: Mapping[str, float]) -> bool:
        report(replace(begun, epoch=int(row["epoch"]), val_accuracy=float(row["val_accuracy"])))
        return bar is not None and bar.is_hopeless(flops, int(row["epoch"]), row["val_accuracy"])

    return after


def _draw(space: SearchSpace, task: Task) -> tuple[Any, Mapping[str, Any]]:
    """A genome within the FLOPs bounds, and the record of its mutation (empty if it was sampled)."""
    rng = np.random.default_rng([task.seed, 0])
    low, high = task.flops_bounds
    for redraw in range(REDRAWS):
        if task.parent is None:
            genome, record = space.sample(task.id, rng), dict[str, Any]()
        else:
            genome, record = space.mutate(task.parent_genome, task.rates, rng)
            record = {**record, "redraws": redraw}
        if low <= space.cost(genome).flops <= high:
            return genome, record
    raise ConfigError(f"no child within {low:,.0f} to {high:,.0f} FLOPs in {REDRAWS} draws")


def thread_executor(workers: int) -> Executor:
    """The default executor: threads that share the data set."""
    if workers < 1:
        raise ConfigError(f"workers expects at least 1, got {workers}")
    return ThreadPoolExecutor(workers, thread_name_prefix=CHILD_THREAD)


_searching: list[int] = []  # torch's number of threads as each search that is running found it
_searching_guard = threading.Lock()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch to one thread per child while children train; the last of several searches gives the others back."""
    import torch

    with _searching_guard:
        _searching.append(torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _searching_guard:
            most = max(_searching)
            _searching.remove(min(_searching))
            if not _searching:
                torch.set_num_threads(most)
