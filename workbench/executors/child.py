"""The work for one child."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.executors.tasks import Progress, Task
from workbench.individuals import FAILED, OK, Cost, Individual, TrainResult
from workbench.space import SearchSpace, cost_of

REDRAWS = 20
"""How often a child outside the FLOPs bounds is drawn again before it counts as failed."""


def make_child(space: SearchSpace, data: Any, task: Task) -> Individual:
    """Sample or mutate, then train. Whatever goes wrong is recorded in the individual, not raised."""
    started = time.perf_counter()
    mutation: Mapping[str, Any] = {}
    cost: Cost | None = None
    result: TrainResult | None = None
    failure: str | None = None
    try:
        genome, mutation = _draw(space, task)
        cost = cost_of(space, genome, task.latency)
        on_epoch = _on_epoch(task, cost, str(mutation.get("kind", "initial")))
        result = space.train(genome, data, task.train, seed=task.seed, stream=task.stream, on_epoch=on_epoch)
        failure = result.failure
        if not failure and not np.isfinite(result.val_accuracy):
            failure = f"training gave a validation accuracy of {result.val_accuracy}"
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
        result=result,
        wall_seconds=time.perf_counter() - started,
    )


def _on_epoch(task: Task, cost: Cost, kind: str) -> Callable[[Mapping[str, float]], bool] | None:
    """Called after each epoch: reports it, and says whether to stop."""
    rule, report = task.early_stopping, task.report

    def should_stop(row: Mapping[str, float]) -> bool:
        return rule is not None and rule.should_stop(cost, int(row["epoch"]), row["val_accuracy"])

    if report is None:
        return None if rule is None else should_stop
    begun = replace(Progress.at_start(task), kind=kind, flops=cost.flops)
    report(begun)

    def after(row: Mapping[str, float]) -> bool:
        told = report(replace(begun, epoch=int(row["epoch"]), val_accuracy=float(row["val_accuracy"])))
        return bool(told) or should_stop(row)

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
