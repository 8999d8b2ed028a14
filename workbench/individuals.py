"""The record of one network that was tried, as evolution, store and views see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OK = "ok"
FAILED = "failed"

BY_HAND = 10**9
"""Ids from here up are of individuals that a person put into a search: a namespace of their own, so that those which
the search makes itself keep their ids, and with them their random numbers."""


def is_by_hand(id: int) -> bool:
    """Whether an individual of this id was put into the search by a person."""
    return id >= BY_HAND


@dataclass(frozen=True)
class Cost:
    """What one network costs at inference, per sample."""

    flops: int  # 2 per edge or multiply-accumulate (one multiply, one add)
    flops_total: int  # `flops` plus biases, normalisation and activations
    parameters: int  # trainable numbers; shared weights count once
    latency_us: float | None = None  # predicted microseconds of one answer; None in a search without a latency model


@dataclass(frozen=True)
class TrainResult:
    """What training one genome gave.

    Attributes:
        genome: with the final epoch's weights, of whatever kind its search space has; as it started if training failed;
            None if it is not loaded.
        val_accuracy: fraction of the validation set that is right after the final epoch; NaN if training failed.
        initial_val_accuracy: the same before training (what the mutation alone did to its parent).
        history: one mapping per epoch: epoch (from 1), train_loss, train_accuracy, val_accuracy, learning_rate,
            seconds and processor_seconds; training_flops if `training_flops` is to count it otherwise.
        failure: why training failed, or None.
    """

    genome: Any
    val_accuracy: float
    initial_val_accuracy: float
    history: tuple[Mapping[str, float], ...]
    failure: str | None = None

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.history)


def training_flops(flops: float, history: Sequence[Mapping[str, float]]) -> float:
    """What training cost, per training image and up to a constant factor: the sum over its epochs.

    An epoch costs as many FLOPs as one answer (`flops`): the backward pass takes about twice as many as the forward
    one, so the factor is 3. Where that is wrong, the epoch's row of the history says `training_flops`, with the
    same factor left out: a program that takes P FLOPs to answer and L to learn from an image says (P + L) / 3.
    """
    return float(sum(row.get("training_flops", flops) for row in history))


@dataclass(frozen=True)
class Individual:
    """One network of a run: where it came from, what it scored, and its genome."""

    id: int  # counts up over the whole run, in the order of proposal (from `BY_HAND` for those put in by hand)
    parent: int | None  # its id, None for an initial individual
    generation: int  # 0 for the initial population; of one by hand, that with which it was ranked first
    origin: str  # "initial", "mutation" or "by hand"
    mutation: Mapping[str, Any]  # the record of the mutation, of the kind `mutation["kind"]`; empty for an initial one
    seed: int  # root of every random choice made for this individual
    status: str  # "ok" or "failed"
    failure: str | None  # why it failed
    cost: Cost | None  # None if it failed before there was a genome
    result: TrainResult | None  # None if it failed before training ended
    wall_seconds: float  # from proposal to result on its worker

    @property
    def ok(self) -> bool:
        """Whether it was trained and may be ranked."""
        return self.status == OK

    @property
    def genome(self) -> Any:
        """The trained genome; None if there is none or its weights and topology were not loaded."""
        return self.result.genome if self.result else None

    @property
    def val_accuracy(self) -> float:
        """Validation accuracy after training, NaN if it failed."""
        return self.result.val_accuracy if self.result else float("nan")

    @property
    def flops(self) -> int:
        """FLOPs per sample, 0 if unknown."""
        return self.cost.flops if self.cost else 0

    @property
    def parameters(self) -> int:
        """Trainable numbers, 0 if unknown."""
        return self.cost.parameters if self.cost else 0

    @property
    def latency_us(self) -> float | None:
        """Predicted microseconds of one answer; None if the search has no latency model."""
        return self.cost.latency_us if self.cost else None

    @property
    def training_cost(self) -> float:
        """What its training cost, as `training_flops` counts it; usually epochs × FLOPs."""
        return training_flops(self.flops, self.result.history) if self.result else 0.0
