"""How the time of a training step grows with edges, batch and cores; children per minute of a search."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bench_training import CHILDREN, native_alone, native_generation
from subjects import SIZES, data_of, genome_of, in_turns, one_torch_thread, sgemm, sgemm_flops, useful_flops

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig, train
from workbench.training.native.trainer import NativeTrainer

SEARCHED = {"MNIST, 9,000 edges": 3, "CIFAR-10, 90,000 edges": 2}
"""Networks of the searches, and the epochs of a child."""

SEARCHES = 3
"""Searches per number of threads, in turns; the fastest counts."""


GROWTH = {
    **{edges: ("MNIST, 9,000 edges", 1, 0.5, edges / (784 * 1.5), 12_800) for edges in (2_000, 8_000, 32_000)},
    90_000: ("CIFAR-10, 90,000 edges", 2, 0.49, 17.0, 6_400),
    300_000: ("CIFAR-10, 90,000 edges", 3, 1.0, 34.5, 2_560),
    960_000: ("CIFAR-10, 90,000 edges", 3, 1.5, 83.4, 1_280),
    3_000_000: ("CIFAR-10, 90,000 edges", 4, 2.0, 189.0, 640),
}
"""Edges: data, hidden layers, size of the first by inputs, edges per neuron, images."""


def by_edges() -> list[dict[str, Any]]:
    """How the kernels' rate changes with edges, tiles being ready; sgemm takes turns with them."""
    calls, sizes = {"sgemm": sgemm()}, {}
    for name, layers, size, edges, n_images in GROWTH.values():
        data = data_of(name, n_images)
        genome = _genome(data, edges, size, layers)
        calls[f"{genome.n_edges:,}"] = partial(_epoch, NativeTrainer(genome, data))
        sizes[f"{genome.n_edges:,}"] = n_images, useful_flops(genome, data)
    with one_torch_thread():
        seconds = in_turns(calls, clock=time.process_time)
    best = sgemm_flops() / seconds["sgemm"]
    return [
        {
            "edges": edges,
            "µs/image": f"{1e6 * seconds[edges] / n_images:.2f}",
            "useful GFLOP/s": f"{flops * n_images / seconds[edges] / 1e9:.1f}",
            "of sgemm": f"{flops * n_images / seconds[edges] / best:.3f}",
        }
        for edges, (n_images, flops) in sizes.items()
    ]


def _epoch(trainer: NativeTrainer) -> None:
    config = TrainConfig()
    steps = -(-trainer.data.size("train") // config.batch_size)
    trainer.train_epoch(config, (0,), 0, np.full(steps, 1e-3), 0)


def by_batch() -> list[dict[str, Any]]:
    """Microseconds per image against batch size, and the rate over that of batches of 128."""
    table = []
    for name, images in {"MNIST, 9,000 edges": 12_800, "CIFAR-10, 90,000 edges": 3_200}.items():
        data, genome = data_of(name, images), genome_of(name)
        calls = {
            str(batch): partial(train, genome, data, TrainConfig(epochs=1, shift=1, batch_size=batch))
            for batch in (8, 16, 32, 64, 128, 256, 512)
        }
        took = in_turns(calls, clock=time.process_time)
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


def _genome(data: Dataset, edges_per_neuron: float, size: float, layers: int = 1) -> Genome:
    return random_genome(
        data.shape,
        data.n_classes,
        np.random.default_rng(0),
        hidden_layers=(layers, layers),
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
    for name, epochs in SEARCHED.items():
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
    with tempfile.TemporaryDirectory() as folder:
        search = search_of(name, epochs, Path(folder) / "run.sqlite", workers)
        search.run(progress=False)
        return search.snapshot().children_per_minute


def search_of(name: str, epochs: int, path: Path, workers: int) -> Search:
    """A short search of networks like those of a subject."""
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
    return Search(data, config, path, NeuronSpace.for_data(data, initial))
