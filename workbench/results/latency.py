"""Measured latency, not FLOPs: networks of a front and hand-made ones on every backend, in one run.

One thread each. All start from a batch in memory and end with logits; the native backend, which takes raw images, also
prepares its tiles. Backends take turns, so that a slowdown of the machine affects all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from workbench.baselines import Architecture, cost_of
from workbench.baselines.training import few_threads
from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.training.calibration import Answer, native_answer, onnx_answer, raw_images, time_in_turns, torch_answer

if TYPE_CHECKING:
    import pandas as pd

BATCHES = (1, 128)
ROUNDS = 7
ROUND_SECONDS = 0.05
"""How long each network runs on each backend before the next takes its turn."""

BACKENDS = ("native", "torch csr", "torch dense", "onnxruntime")


@dataclass(frozen=True)
class Subject:
    """One network on one backend."""

    network: str  # its name
    backend: str  # one of `BACKENDS`
    flops: int  # 2 per multiply-accumulate, per image
    prepare: Callable[[int], Answer]  # returns a function that answers for a number of images


def subjects_of_genome(name: str, genome: Genome, data: Dataset) -> list[Subject]:
    """A genome on all backends; onnxruntime only where it is installed."""
    from workbench.compiler.export import onnx_model
    from workbench.compiler.network import NeuronNetwork

    prepare: tuple[Callable[[int], Answer], ...] = (
        lambda batch: native_answer(genome, data, batch),
        lambda batch: torch_answer(NeuronNetwork(genome, "csr"), _prepared(data, batch)),
        lambda batch: torch_answer(NeuronNetwork(genome, "dense"), _prepared(data, batch)),
        lambda batch: onnx_answer(onnx_model(genome).SerializeToString(), _prepared(data, batch).reshape(batch, -1)),
    )
    return _installed(Subject(name, backend, genome.flops, of) for backend, of in zip(BACKENDS, prepare, strict=True))


def subjects_of_baseline(baseline: Architecture, data: Dataset) -> list[Subject]:
    """A hand-made network on the backends that run it; its weights are random, which changes no time."""
    from workbench.baselines.module import baseline_onnx, make_module

    flops = cost_of(baseline.layers, data.shape, data.n_classes).flops
    module = make_module(baseline.layers, data.shape, data.n_classes, np.random.default_rng(0))

    def onnx(batch: int) -> Answer:
        model = baseline_onnx(module, data.shape, data.n_classes)
        return onnx_answer(model.SerializeToString(), _prepared(data, batch))

    torch = Subject(baseline.title, "torch dense", flops, lambda batch: torch_answer(module, _prepared(data, batch)))
    return _installed([torch, Subject(baseline.title, "onnxruntime", flops, onnx)])


def _installed(subjects: Iterable[Subject]) -> list[Subject]:
    """The subjects whose runtime is installed."""
    has_onnx = find_spec("onnx") is not None and find_spec("onnxruntime") is not None
    return [subject for subject in subjects if has_onnx or subject.backend != "onnxruntime"]


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
        rows = [(subject, batch, subject.prepare(batch)) for batch in batches for subject in subjects]
        seconds = time_in_turns([answer for _, _, answer in rows], rounds, round_seconds)
    return pd.DataFrame(
        [
            {
                "network": subject.network,
                "backend": subject.backend,
                "flops": subject.flops,
                "batch": batch,
                "latency_ms": 1e3 * float(np.median(times)),
                "fastest_ms": 1e3 * min(times),
                "repetitions": len(times),
            }
            for times, (subject, batch, _) in zip(seconds, rows, strict=True)
        ]
    )


def latency_table(measured: pd.DataFrame) -> pd.DataFrame:
    """A row per network, by rising FLOPs; a column per backend and batch ("native ×128"), medians in milliseconds."""
    flops = measured.groupby("network", sort=False)["flops"].first()
    table = measured.pivot_table("latency_ms", "network", ["batch", "backend"], sort=False)
    columns = [(batch, backend) for batch in sorted(measured["batch"].unique()) for backend in BACKENDS]
    table = table.reindex(index=flops.index, columns=columns)
    table.columns = [f"{backend} ×{batch}" for batch, backend in columns]
    table.insert(0, "flops", flops)
    return table.sort_values("flops", kind="stable").reset_index()


def _prepared(data: Dataset, batch: int) -> np.ndarray:
    """Images of the validation split as trained on, float32 [batch, c, h, w], repeated if there are too few."""

    return data.standardised(raw_images(data, batch))
