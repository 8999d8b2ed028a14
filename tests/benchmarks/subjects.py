"""Benchmark subjects: data of the right shape, and genomes of the sizes that the project reports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.spatial import SpatialLaw
from workbench.training.native.trainer import NativeTrainer

PUBLISHED, TIGHT = SpatialLaw(), SpatialLaw(1.5, 0.0)
"""The published constants, and those of the preset `best`: nearby sources are more often in the cache."""

SIZES = {
    "MNIST, 9,000 edges": ((1, 28, 28), 50_000, 1, 0.38, 8.3, PUBLISHED),
    "CIFAR-10, 90,000 edges": ((3, 32, 32), 40_000, 2, 0.49, 17.0, PUBLISHED),
    "CIFAR-10, 110,000 edges": ((3, 32, 32), 40_000, 2, 0.49, 20.6, PUBLISHED),
    "MNIST, 9,000 tight edges": ((1, 28, 28), 50_000, 1, 0.38, 8.3, TIGHT),
    "CIFAR-10, 90,000 tight edges": ((3, 32, 32), 40_000, 2, 0.49, 17.0, TIGHT),
}
"""Name: image shape, training images, hidden layers, size of the first by inputs, edges per neuron, spatial law."""

SMOKE = bool(os.environ.get("WORKBENCH_SMOKE"))
"""Whether it only matters that all tables can be made: images of 16 × 16 pixels, and one round."""

if SMOKE:
    SIZES = {name: ((shape[0], 16, 16), 512, *others) for name, (shape, _, *others) in SIZES.items()}


def genome_of(name: str, seed: int = 0) -> Genome:
    """A random genome."""
    shape, _, layers, size, edges, law = SIZES[name]
    rng = np.random.default_rng(seed)
    return random_genome(
        shape,
        10,
        rng,
        hidden_layers=(layers, layers),
        layer_size=(size, size),
        edges_per_neuron=(edges, edges),
        law=law,
    )


def data_of(name: str, n: int | None = None) -> Dataset:
    """Random pixels, since speed does not depend on their contents."""
    shape, full, *_ = SIZES[name]
    rng = np.random.default_rng(0)
    n = (n or full) + 20
    images = rng.integers(0, 256, size=(n, *shape), dtype=np.uint8)
    labels = np.arange(n) % 10
    return Dataset.from_arrays(images, labels, images[:100], labels[:100], validation=10, selection=10)


def useful_flops(genome: Genome, data: Dataset) -> int:
    """Useful FLOP to train on one image: forward, weight gradients, and backward through inner edges."""
    inner = len(NativeTrainer(genome, data).net.inner_places)
    return 4 * genome.n_edges + 2 * inner


def in_turns(
    calls: Mapping[str, Callable[[], object]], rounds: int = 5, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The shortest time of each call, in seconds; they take turns, after one round to warm up."""
    best = dict.fromkeys(calls, float("inf"))
    for number in range((1 if SMOKE else rounds) + 1):
        for name, call in calls.items():
            started = clock()
            call()
            if number:
                best[name] = min(best[name], clock() - started)
    return best


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Inside, torch uses one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_core() -> Iterator[None]:
    """Inside, torch uses one thread, and this thread and those that it starts keep to one core where that can be."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        with one_torch_thread():
            yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


SGEMM_SIZE, SGEMM_REPEATS = 1024, 10


def sgemm() -> Callable[[], object]:
    """Dense single-precision products."""
    a, b = torch.randn(SGEMM_SIZE, SGEMM_SIZE), torch.randn(SGEMM_SIZE, SGEMM_SIZE)

    def products() -> None:
        for _ in range(SGEMM_REPEATS):
            a @ b

    return products


def sgemm_flops() -> int:
    """FLOP of one call of `sgemm()`."""
    return 2 * SGEMM_SIZE**3 * SGEMM_REPEATS
