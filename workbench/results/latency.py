"""Measured latency, not FLOPs: networks of a front and hand-made ones on every backend, in one run.

One thread each. All start from a batch in memory and end with logits; the native backend of neuron-level networks,
which takes raw images, also centres and scales them. Backends take turns, so that all of them suffer from a slow
machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.baselines import Architecture, cost_of
from workbench.baselines.training import few_threads
from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.space import SearchSpace, Times, lacks
from workbench.training.calibration import (
    Answer,
    has_onnxruntime,
    onnx_answer,
    prepared_images,
    time_in_turns,
    torch_answer,
)

if TYPE_CHECKING:
    import pandas as pd

BATCHES = (1, 16, 128)
ROUNDS = 7
ROUND_SECONDS = 0.05
"""How long each network runs on each backend before the next takes its turn."""


@dataclass(frozen=True)
class Subject:
    """One network."""

    network: str  # its name
    flops: int  # 2 per multiply-accumulate, per image
    answers: Callable[[int], Mapping[str, Answer]]  # for a number of images: by the name of a backend, what is timed


def subject_of_genome(name: str, genome: Any, space: SearchSpace) -> Subject:
    """A genome on all backends that its space has; `ConfigError` if it offers none."""
    if not isinstance(space, Times):
        raise ConfigError(lacks(space, Times))
    return Subject(name, space.cost(genome).flops, partial(space.answers, genome))


def subject_of_baseline(baseline: Architecture, data: Dataset) -> Subject:
    """A hand-made network on the backends that run it; its weights are random, which changes no time."""
    from workbench.baselines.module import make_module
    from workbench.compiler.torch_export import export_facts, torch_onnx

    cost = cost_of(baseline.layers, data.shape, data.n_classes)
    module = make_module(baseline.layers, data.shape, data.n_classes, np.random.default_rng(0))

    def answers(batch: int) -> Mapping[str, Answer]:
        images = prepared_images(data, batch)
        found = {"torch dense": torch_answer(module, images)}
        if has_onnxruntime():
            facts = export_facts(data.shape, data.n_classes, cost, None, raw=False, flat=False)
            found["onnxruntime"] = onnx_answer(torch_onnx(module, facts, None, raw=False, flat=False), images)
        return found

    return Subject(baseline.title, cost.flops, answers)


def measure_latency(
    subjects: Sequence[Subject],
    batches: Sequence[int] = BATCHES,
    rounds: int = ROUNDS,
    round_seconds: float = ROUND_SECONDS,
) -> pd.DataFrame:
    """The latency of each subject and batch in `rounds` turns, each of many answers.

    Columns network, backend, flops, batch, latency_ms (median), fastest_ms, repetitions.
    """
    import pandas as pd

    if rounds < 1 or min(batches, default=0) < 1:
        raise ConfigError(f"latency expects at least one round and one image a batch, got {rounds} and {batches}")
    with few_threads():
        rows = [
            (subject, batch, backend, answer)
            for batch in batches
            for subject in subjects
            for backend, answer in subject.answers(batch).items()
        ]
        seconds = time_in_turns([answer for *_, answer in rows], rounds, round_seconds)
    return pd.DataFrame(
        [
            {
                "network": subject.network,
                "backend": backend,
                "flops": subject.flops,
                "batch": batch,
                "latency_ms": 1e3 * float(np.median(times)),
                "fastest_ms": 1e3 * min(times),
                "repetitions": len(times),
            }
            for times, (subject, batch, backend, _) in zip(seconds, rows, strict=True)
        ]
    )


def latency_table(measured: pd.DataFrame) -> pd.DataFrame:
    """A row per network, by rising FLOPs; a column per backend and batch ("native ×128"), medians in milliseconds."""
    flops = measured.groupby("network", sort=False)["flops"].first()
    table = measured.pivot_table("latency_ms", "network", ["batch", "backend"], sort=False)
    backends = measured["backend"].unique()
    columns = [(batch, backend) for batch in sorted(measured["batch"].unique()) for backend in backends]
    table = table.reindex(index=flops.index, columns=columns)
    table.columns = [f"{backend} ×{batch}" for batch, backend in columns]
    table.insert(0, "flops", flops)
    return table.sort_values("flops", kind="stable").reset_index()
