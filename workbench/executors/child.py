"""The work for one child: what a worker is given, what it reports meanwhile, and how the child is made."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from workbench.errors import ConfigError, RunError, WorkbenchError
from workbench.evolution import EarlyStopping
from workbench.executors.together import Launch
from workbench.individuals import BY_HAND, FAILED, OK, Individual, TrainResult
from workbench.objectives import LatencyModel
from workbench.space import SearchSpace, cost_of

REDRAWS = 20
"""How often a child outside the FLOPs bounds is drawn again before it counts as failed."""

INSERTED_ORIGIN = "by hand"


@dataclass(frozen=True)
class Task:
    """All that a worker needs for one child besides space and data; a child's result depends on nothing else."""

    id: int
    generation: int
    parent: int | None  # None to sample anew
    parent_genome: Any  # trained
    seed: int  # root of every random choice
    rates: Any
    train: Any
    stream: tuple[int, ...]  # key of the prepared training data
    flops_bounds: tuple[float, float]
    latency: LatencyModel | None = None  # None if it is no objective
    early_stopping: EarlyStopping | None = None
    teacher: Any = None  # a trained genome, from whose answers it learns too
    launch: Launch | None = field(default=None, compare=False, repr=False)  # those trained together; None: alone
    # Called in the worker; if it returns True the child stops and its result is ignored.
    report: Callable[[Progress], bool | None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Progress:
    """How far one child in training is; never stored."""

    child: int
    parent: int | None
    kind: str  # of its mutation; "initial", or "" before it is drawn
    flops: int  # 0 before there is a genome
    epoch: int  # done
    epochs: int  # to be trained
    val_accuracy: float  # NaN before the first epoch

    @classmethod
    def at_start(cls, task: Task) -> Progress:
        """Before anything is done."""
        kind = "initial" if task.parent is None else ""
        return cls(task.id, task.parent, kind, 0, 0, task.train.epochs, float("nan"))


def make_child(space: SearchSpace, data: Any, task: Task) -> Individual:
    """Sample or mutate, then train. An error is recorded in the individual, not raised."""
    started, launch = time.perf_counter(), task.launch
    train: Callable[..., TrainResult] = space.train if launch is None else partial(launch.train, task.id)
    if task.teacher is not None:
        train = partial(train, teacher=task.teacher)
    child = failed_child(task, "")
    try:
        genome, mutation = _draw(space, task)
        child = replace(child, mutation=mutation)
        child = replace(child, cost=cost_of(space, genome, task.latency))
        on_epoch = _on_epoch(task, child)
        result = train(genome, data, task.train, seed=task.seed, stream=task.stream, on_epoch=on_epoch)
        failure = result.failure
        if not failure and not np.isfinite(result.val_accuracy):
            failure = f"training gave a validation accuracy of {result.val_accuracy}"
        child = replace(child, status=FAILED if failure else OK, failure=failure or None, result=result)
    except Exception as error:  # a child that fails is recorded, and the search goes on
        child = replace(child, failure=f"{type(error).__name__}: {error}")
    finally:
        seconds = (time.perf_counter() - started) / (1 if launch is None else launch.size)
        if launch is not None:
            launch.leave(task.id)
    return replace(child, wall_seconds=seconds)


def failed_child(task: Task, reason: str) -> Individual:
    """The child of a task as failed before there was a genome."""
    return Individual(
        id=task.id,
        parent=task.parent,
        generation=task.generation,
        origin="initial" if task.parent is None else "mutation",
        mutation={},
        seed=task.seed,
        status=FAILED,
        failure=reason,
        cost=None,
        result=None,
        wall_seconds=0.0,
    )


def _on_epoch(task: Task, child: Individual) -> Callable[[Mapping[str, float]], bool] | None:
    """Called after each epoch: reports it, and returns whether to stop."""
    early_stopping, report, cost = task.early_stopping, task.report, child.cost
    if cost is None or (early_stopping is None and report is None):
        return None
    begun = replace(Progress.at_start(task), kind=str(child.mutation.get("kind", "initial")), flops=cost.flops)
    if report is not None:
        report(begun)

    def after(row: Mapping[str, float]) -> bool:
        epoch, accuracy = int(row["epoch"]), float(row["val_accuracy"])
        if report is not None and report(replace(begun, epoch=epoch, val_accuracy=accuracy)):
            return True
        return early_stopping is not None and early_stopping.should_stop(cost, epoch, accuracy)

    return after


def _draw(space: SearchSpace, task: Task) -> tuple[Any, Mapping[str, Any]]:
    """A genome within the FLOPs bounds, and the record of its mutation (empty if it was sampled)."""
    rng = np.random.default_rng([task.seed, 0])
    low, high = task.flops_bounds
    drawn = []  # FLOPs of the networks that did not fit
    for redraw in range(REDRAWS):
        if task.parent is None:
            genome, record = space.sample(task.id, rng), dict[str, Any]()
        else:
            genome, record = space.mutate(task.parent_genome, task.rates, rng)
            record = {**record, "redraws": redraw}
        drawn.append(space.cost(genome).flops)
        if low <= drawn[-1] <= high:
            return genome, record
    raise ConfigError(
        f"no child within {low:,.0f} to {high:,.0f} FLOPs in {REDRAWS} draws, which had {min(drawn):,} to "
        f"{max(drawn):,}; widen flops_min and flops_max, or choose smaller or larger networks by the space's settings"
    )


def measure_inserted(
    space: SearchSpace,
    data: Any,
    genome: Any,
    *,
    parent: int | None = None,
    record: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> Individual:
    """Measure a genome made by hand on the validation split (see `Search.insert`), without its final id, generation."""
    started = time.perf_counter()
    try:
        accuracy, cost = float(space.evaluate(genome, data, "validation")), space.cost(genome)
    except WorkbenchError:
        raise
    except Exception as error:  # a genome of another space fails in ways that only this space knows
        raise RunError(
            f"expected a trained genome of the search space {space.name!r}, got {type(genome).__name__} "
            f"({type(error).__name__}: {error}); make one as the space does"
        ) from error
    before = float("nan") if history else accuracy
    return Individual(
        id=BY_HAND,
        parent=parent,
        generation=0,
        origin=INSERTED_ORIGIN,
        mutation={"kind": INSERTED_ORIGIN, **(record or {})},
        seed=0,
        status=OK,
        failure=None,
        cost=cost,
        result=TrainResult(genome, accuracy, before, tuple(dict(row) for row in history)),
        wall_seconds=time.perf_counter() - started,
    )


def measure_networks(
    space: SearchSpace, data: Any, networks: Sequence[Any], flops_bounds: tuple[float, float]
) -> list[Individual]:
    """As `measure_inserted`, each; `ConfigError` if one is outside the bounds, as all its children might be."""
    measured = [measure_inserted(space, data, genome) for genome in networks]
    low, high = flops_bounds
    for flops in [one.cost.flops for one in measured if one.cost is not None]:
        if not low <= flops <= high:
            raise ConfigError(
                f"expected networks to begin with of {low:,.0f} to {high:,.0f} FLOPs, as their children must have, got "
                f"one of {flops:,}; set flops_min and flops_max to suit"
            )
    return measured


# ---------------------------------------------------------------- one thread of torch per child
# How sums are split among threads would change their last bits.

_thread_counts: list[int] = []  # torch's number of threads as each search that is running found it
_environments: list[str | None] = []  # OMP_NUM_THREADS, likewise
_guard = threading.Lock()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch to one thread per child while children train; the last of several searches restores its threads.

    torch is not imported for it, which takes seconds that a search on the native backend need not wait: if it is
    imported meanwhile, it reads the environment.
    """
    torch = _torch()
    with _guard:
        _thread_counts.append(os.cpu_count() or 1 if torch is None else torch.get_num_threads())
        _environments.append(os.environ.get("OMP_NUM_THREADS"))
        one_thread_for_good()
    try:
        yield
    finally:
        with _guard:
            most = max(_thread_counts)
            _thread_counts.remove(min(_thread_counts))
            if not _thread_counts:
                _restore_threads(most, _environments[0])
                _environments.clear()


def _restore_threads(threads: int, variable: str | None) -> None:
    if variable is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    else:
        os.environ["OMP_NUM_THREADS"] = variable
    if (torch := _torch()) is not None:
        torch.set_num_threads(threads)


def one_thread_for_good() -> None:
    """Keep torch to one thread for the rest of this process, without importing it, which takes seconds."""
    os.environ["OMP_NUM_THREADS"] = "1"
    if (torch := _torch()) is not None:
        torch.set_num_threads(1)


def _torch() -> Any:
    """torch if it has been imported; waits for a thread that is importing it, such as that of a child given up."""
    if sys.modules.get("torch") is None:
        return None
    import torch

    return torch


def one_thread_here() -> AbstractContextManager[None]:
    """`one_thread_each`, or `one_thread_for_good` in a process that was started as a worker."""
    if multiprocessing.parent_process() is None:
        return one_thread_each()
    one_thread_for_good()
    return nullcontext()
