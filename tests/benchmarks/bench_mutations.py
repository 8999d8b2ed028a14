"""Milliseconds and peak memory of each mutation and of a random initial genome, at 110,000 and 1,000,000 edges.

The reference is a training epoch of the same genome in the same run: a mutation is paid once per child, an epoch
several times.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from bench_training import CONFIG
from subjects import SIZES, data_of, in_turns

from workbench.initial import CONVOLUTION, InitialConfig, random_genome, windowed
from workbench.mutations import KINDS, MutationRates, apply
from workbench.training import train

SUBJECT = "CIFAR-10, 110,000 edges"
IMAGES, EPOCH = 3_840, 40_000
"""Images that are trained on, and in an epoch, to whose time theirs is scaled."""


def _measure(call: Callable[[int], object], repeats: int) -> tuple[float, float]:
    """Median milliseconds of processor time over seeds, and peak memory in MB in a run of its own."""
    times = []
    for seed in range(repeats):
        started = time.thread_time()
        call(seed)
        times.append(1e3 * (time.thread_time() - started))
    tracemalloc.start()
    call(0)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return median(times), peak


def rows(denser: float = 1, repeats: int = 15) -> list[dict[str, Any]]:
    """The table, for as many times the edges of `SUBJECT`."""
    _, _, layers, size, edges, law = SIZES[SUBJECT]
    data = data_of(SUBJECT, IMAGES)
    initial = partial(random_genome, data.shape, data.n_classes)
    genome = initial(
        np.random.default_rng(0),
        hidden_layers=(layers, layers),
        layer_size=(size, size),
        edges_per_neuron=(denser * edges, denser * edges),
        law=law,
    )
    epoch = (
        1e3
        * in_turns({"": partial(train, genome, data, CONFIG)}, rounds=2, clock=time.thread_time)[""]
        * EPOCH
        / IMAGES
    )
    rates = MutationRates(bridge=1.0)
    np.ones(40 * genome.n_edges)  # as in a search: once a large array was freed, malloc keeps memory for the next ones
    shared = windowed(data.shape, data.n_classes, np.random.default_rng(0), windows=CONVOLUTION)
    subjects = {kind: shared if kind == "unshare_weights" else genome for kind in KINDS}
    calls: dict[str, Callable[[int], object]] = {
        kind: lambda seed, kind=kind: apply(kind, subjects[kind], rates, np.random.default_rng(seed + 1000))  # type: ignore[misc]
        for kind in KINDS
    }
    per_neuron = InitialConfig().edges_per_neuron
    calls["random initial genome"] = lambda seed: initial(
        np.random.default_rng(seed), edges_per_neuron=(denser * per_neuron[0], denser * per_neuron[1])
    )
    table = []
    for what, call in calls.items():
        milliseconds, peak = _measure(call, repeats)
        table.append(
            {
                "what": what,
                "median ms": f"{milliseconds:.1f}",
                "of an epoch": f"{milliseconds / epoch:.4f}",
                "peak MB": f"{peak:.0f}",
            }
        )
    return table


rows_of_a_million = partial(rows, 1_000_000 / 110_000, 5)
