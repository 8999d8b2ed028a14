"""Images per second and useful GFLOP/s of a training epoch, by backend, against torch and the core's own sgemm."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from subjects import SIZES, data_of, genome_of, seconds, sgemm_rate, useful_flops

from workbench.training import TrainConfig, train

CONFIG = TrainConfig(epochs=1, shift=1)
IMAGES = {"csr": 12_800, "dense": 3_840, "gather": 384}
"""Torch is measured on fewer images: its rate does not depend on how many there are."""

_streams = itertools.count()


def native_alone(name: str) -> float:
    """Seconds of an epoch of one child that shares its images with nobody."""
    genome, data = genome_of(name), data_of(name)
    train(genome, data, CONFIG, stream=(next(_streams),))
    return seconds(lambda: train(genome, data, CONFIG, stream=(next(_streams),)))


def native_generation(name: str, children: int = 8, workers: int = 1) -> float:
    """Seconds per child of an epoch of a generation on one shared stream."""
    data = data_of(name)
    genomes = [genome_of(name, seed) for seed in range(children)]

    def generation() -> None:
        stream = (next(_streams),)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda genome: train(genome, data, CONFIG, stream=stream), genomes))

    generation()
    return seconds(generation) / children


def torch_rate(name: str, backend: str) -> float:
    """Images per second of a torch backend on one thread."""
    genome, data = genome_of(name), data_of(name, IMAGES[backend])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(genome, data_of(name, 128), CONFIG, backend=backend)
    duration = seconds(lambda: train(genome, data, CONFIG, backend=backend), 2)
    torch.set_num_threads(threads)
    return data.size("train") / duration


def rows() -> list[dict[str, Any]]:
    """The table."""
    table = []
    for name in SIZES:
        genome, data = genome_of(name), data_of(name)
        flops, images, sgemm = useful_flops(genome, data), data.size("train"), sgemm_rate()
        rates = {
            "native, one child alone": images / native_alone(name),
            "native, generation of 8": images / native_generation(name),
            **{f"torch {backend}": torch_rate(name, backend) for backend in IMAGES},
        }
        for backend, rate in rates.items():
            table.append(
                {
                    "network": name,
                    "backend": backend,
                    "images/s": f"{rate:,.0f}",
                    "useful GFLOP/s": f"{rate * flops / 1e9:.2f}",
                    "of sgemm": f"{rate * flops / 1e9 / sgemm:.3f}",
                    "× torch csr": f"{rate / rates['torch csr']:.2f}",
                    "× torch dense": f"{rate / rates['torch dense']:.1f}",
                }
            )
        table.append({"network": name, "backend": "dense sgemm", "useful GFLOP/s": f"{sgemm:.1f}", "of sgemm": "1"})
    return table
