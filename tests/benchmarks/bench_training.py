"""Images per second and useful GFLOP/s of a training epoch, by backend, against torch and the core's own sgemm.

All backends take turns, several times, and the shortest time of each counts, so that ratios do not depend on what else
the machine was doing.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from subjects import SIZES, data_of, genome_of, in_turns, one_torch_thread, sgemm, sgemm_flops, useful_flops

from workbench.training import TrainConfig, train

CONFIG = TrainConfig(epochs=1, shift=1)
CHILDREN = 8
IMAGES = {"csr": 6_400, "dense": 1_920, "gather": 384}
"""Torch is measured on fewer images: its rate does not depend on how many there are."""

TRAINED = [name for name in SIZES if "110,000" not in name]

_streams = itertools.count()


def native_alone(name: str) -> Callable[[], object]:
    """An epoch of one child that shares its images with no other."""
    genome, data = genome_of(name), data_of(name)
    return lambda: train(genome, data, CONFIG, stream=(next(_streams),))


def native_generation(name: str, workers: int = 1) -> Callable[[], object]:
    """An epoch of a generation on one shared stream."""
    data = data_of(name)
    genomes = [genome_of(name, seed) for seed in range(CHILDREN)]

    def generation() -> None:
        stream = (next(_streams),)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda genome: train(genome, data, CONFIG, stream=stream), genomes))

    return generation


def torch_epoch(name: str, backend: str) -> Callable[[], object]:
    """A short epoch of a torch backend."""
    genome, data = genome_of(name), data_of(name, IMAGES[backend])
    return lambda: train(genome, data, CONFIG, backend=backend)


def rows() -> list[dict[str, Any]]:
    """The table."""
    table = []
    for name in TRAINED:
        genome, data = genome_of(name), data_of(name)
        flops, images = useful_flops(genome, data), data.size("train")
        calls = {
            "dense sgemm": sgemm(),
            "native, one child alone": native_alone(name),
            "native, generation of 8": native_generation(name),
            **{f"torch {backend}": torch_epoch(name, backend) for backend in IMAGES},
        }
        counts = dict.fromkeys(calls, images)
        counts["native, generation of 8"] *= CHILDREN
        counts.update({f"torch {backend}": data_of(name, few).size("train") for backend, few in IMAGES.items()})
        with one_torch_thread():
            seconds = in_turns(calls, rounds=3, clock=time.process_time)
        best = sgemm_flops() / seconds.pop("dense sgemm") / 1e9
        rates = {backend: counts[backend] / duration for backend, duration in seconds.items()}
        for backend, rate in rates.items():
            table.append(
                {
                    "network": name,
                    "backend": backend,
                    "images/s": f"{rate:,.0f}",
                    "useful GFLOP/s": f"{rate * flops / 1e9:.2f}",
                    "of sgemm": f"{rate * flops / 1e9 / best:.3f}",
                    "× torch csr": f"{rate / rates['torch csr']:.2f}",
                    "× torch dense": f"{rate / rates['torch dense']:.1f}",
                }
            )
        table.append({"network": name, "backend": "dense sgemm", "useful GFLOP/s": f"{best:.1f}", "of sgemm": "1"})
    return table
