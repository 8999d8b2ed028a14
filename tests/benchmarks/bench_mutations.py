"""Milliseconds and peak memory of each mutation and of a random initial genome, at 110,000 edges."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from subjects import genome_of

from workbench.initial import random_genome
from workbench.mutations import KINDS, MutationRates, apply

REPEATS = 15


def _measure(call: Callable[[int], object]) -> tuple[float, float]:
    """Median milliseconds, and peak memory in MB in a run of its own."""
    times = []
    for seed in range(REPEATS):
        started = time.perf_counter()
        call(seed)
        times.append(1e3 * (time.perf_counter() - started))
    tracemalloc.start()
    call(0)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return median(times), peak


def rows() -> list[dict[str, Any]]:
    """The table."""
    genome = genome_of("CIFAR-10, 110,000 edges")
    rates = MutationRates(bridge=1.0)
    np.ones(4_000_000)  # as in a search: once a large array was freed, malloc keeps memory for the next ones
    calls: dict[str, Callable[[int], object]] = {
        kind: lambda seed, kind=kind: apply(kind, genome, rates, np.random.default_rng(seed + 1000))  # type: ignore[misc]
        for kind in KINDS
    }
    calls["random initial genome"] = lambda seed: random_genome((3, 32, 32), 10, np.random.default_rng(seed))
    table = []
    for name, call in calls.items():
        milliseconds, peak = _measure(call)
        table.append({"what": name, "median ms": f"{milliseconds:.1f}", "peak MB": f"{peak:.0f}"})
    return table
