"""A generation in one launch of each operation, against its children one by one, on whatever device there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from bench_training import CHILDREN, CONFIG
from subjects import data_of, genome_of, in_turns, one_torch_thread

from workbench.training import train, train_together

SIZES = ("MNIST, 9,000 edges", "CIFAR-10, 90,000 edges")
IMAGES = 2_560

_streams = itertools.count()


def one_by_one(name: str, backend: str, device: str = "cpu") -> Callable[[], object]:
    """An epoch of each child, one after another."""
    data, genomes = data_of(name, IMAGES), [genome_of(name, seed) for seed in range(CHILDREN)]

    def generation() -> None:
        stream = (next(_streams),)
        for one in genomes:
            train(one, data, CONFIG, 0, backend, stream=stream, device=device)

    return generation


def together(name: str, device: str = "cpu") -> Callable[[], object]:
    """An epoch of all children at once."""
    data, genomes = data_of(name, IMAGES), [genome_of(name, seed) for seed in range(CHILDREN)]
    return lambda: train_together(genomes, data, CONFIG, stream=(next(_streams),), device=device)


def rows() -> list[dict[str, Any]]:
    """The table."""
    table = []
    for name in SIZES:
        calls = {
            ("CPU", "native, one by one"): one_by_one(name, "native"),
            ("CPU", "csr, one by one"): one_by_one(name, "csr"),
            ("CPU", "csr, together"): together(name),
        }
        if torch.cuda.is_available():
            gpu = torch.cuda.get_device_name()
            calls[gpu, "csr, one by one"] = one_by_one(name, "csr", "cuda")
            calls[gpu, "csr, together"] = together(name, "cuda")
        with one_torch_thread():
            seconds = in_turns(calls, rounds=3)
        for (device, way), duration in seconds.items():
            table.append(
                {
                    "network": name,
                    "device": device,
                    f"{CHILDREN} children": way,
                    "images/s": f"{CHILDREN * data_of(name, IMAGES).size('train') / duration:,.0f}",
                    "× csr one by one": f"{seconds[device, 'csr, one by one'] / duration:.2f}",
                    "× native": f"{seconds['CPU', 'native, one by one'] / duration:.3f}",
                }
            )
        if not torch.cuda.is_available():
            table.append({"network": name, "device": "GPU", f"{CHILDREN} children": "no GPU here: not measured"})
    return table
