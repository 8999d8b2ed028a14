"""What a worker is given for one child, and what it tells while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workbench.evolution import EarlyStopping
from workbench.objectives import LatencyModel


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
        latency: the model that predicts the child's latency; None if it is no objective.
        early_stopping: what the child must reach to train on; None if nobody stops early.
        report: called in the worker whenever the child has come further; changes no result, unless it returns True:
            then the child stops, and nobody waits for its result any more. None if nobody watches.
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
    latency: LatencyModel | None = None
    early_stopping: EarlyStopping | None = None
    report: Callable[[Progress], bool | None] | None = field(default=None, compare=False, repr=False)


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
