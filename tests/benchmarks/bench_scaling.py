"""How the time of a training step grows with edges, batch and cores; children per minute of a search."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bench_training import CHILDREN, native_alone, native_generation
from subjects import SIZES, data_of, genome_of, in_turns

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig, train

SEARCHES = 3
"""Searches per number of threads, in turns; the fastest counts."""


def by_edges() -> list[dict[str, Any]]:
    """Microseconds per image against edges (MNIST shape)."""
    data, config = data_of("MNIST, 9,000 edges", 12_800), TrainConfig(epochs=1, shift=1)
    calls = {}
    for edges in (2_000, 4_000, 8_000, 16_000, 32_000, 64_000):
        genome = _genome(data, edges / (784 * 1.5), 0.5)
        calls[f"{genome.n_edges:,}"] = partial(train, genome, data, config)
    return [{"edges": edges, "µs/image": f"{1e6 * t / 12_800:.2f}"} for edges, t in in_turns(calls).items()]


def by_batch() -> list[dict[str, Any]]:
    """Microseconds per image against batch size, and the rate over that of batches of 128."""
    table = []
    for name, images in {"MNIST, 9,000 edges": 12_800, "CIFAR-10, 90,000 edges": 3_200}.items():
        data, genome = data_of(name, images), genome_of(name)
        calls = {
            str(batch): partial(train, genome, data, TrainConfig(epochs=1, shift=1, batch_size=batch))
            for batch in (8, 16, 32, 64, 128, 256, 512)
        }
        took = in_turns(calls)
        for batch, t in took.items():
            table.append(
                {
                    "network": name,
                    "batch": batch,
                    "µs/image": f"{1e6 * t / images:.2f}",
                    "of batch 128's rate": f"{took['128'] / t:.2f}",
                }
            )
    return table


def _genome(data: Dataset, edges_per_neuron: float, size: float) -> Genome:
    return random_genome(
        data.shape,
        data.n_classes,
        np.random.default_rng(0),
        hidden_layers=(1, 1),
        layer_size=(size, size),
        edges_per_neuron=(edges_per_neuron, edges_per_neuron),
    )


def by_cores() -> list[dict[str, Any]]:
    """Seconds per child and epoch of a generation of 8, alone and on two threads."""
    table = []
    for name in list(SIZES)[:2]:
        took = in_turns(
            {
                "alone": native_alone(name),
                "one": native_generation(name, workers=1),
                "two": native_generation(name, workers=2),
            }
        )
        table.append(
            {
                "network": name,
                "one child alone, s": f"{took['alone']:.3f}",
                "1 thread, s/child": f"{took['one'] / CHILDREN:.3f}",
                "2 threads, s/child": f"{took['two'] / CHILDREN:.3f}",
                "speed-up": f"{took['one'] / took['two']:.2f}",
            }
        )
    return table


def children_per_minute() -> list[dict[str, Any]]:
    """Children per minute of a whole search (mutation, training, store), on one and two threads."""
    table = []
    for name, epochs in (("MNIST, 9,000 edges", 3), ("CIFAR-10, 90,000 edges", 2)):
        rate = {1: 0.0, 2: 0.0}
        for _ in range(SEARCHES):
            for workers in rate:
                rate[workers] = max(rate[workers], _children_per_minute(name, epochs, workers))
        table.append(
            {
                "network": name,
                "epochs": epochs,
                "1 thread": f"{rate[1]:.1f}",
                "2 threads": f"{rate[2]:.1f}",
                "speed-up": f"{rate[2] / rate[1]:.2f}",
            }
        )
    return table


def _children_per_minute(name: str, epochs: int, workers: int) -> float:
    _, _, layers, size, edges, _ = SIZES[name]
    data = data_of(name)
    initial = InitialConfig(hidden_layers=(layers, layers), layer_size=(size, size), edges_per_neuron=(edges, edges))
    config = SearchConfig(
        population=8,
        children=8,
        generations=3,
        train=TrainConfig(epochs=epochs, shift=1),
        rates={"remove_layer": 0, "spatial_base": 4.0},
        workers=workers,
    )
    with tempfile.TemporaryDirectory() as folder:
        search = Search(data, config, Path(folder) / "run.sqlite", NeuronSpace.for_data(data, initial))
        search.run(progress=False)
        return search.snapshot().children_per_minute
