"""How the time of a training step grows with edges, batch and cores; children per minute of a search."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from bench_training import native_alone, native_generation
from subjects import SIZES, data_of, seconds

from workbench.executors import thread_executor
from workbench.initial import random_genome
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig, train


def by_edges() -> list[dict[str, Any]]:
    """Microseconds per image against edges (MNIST shape)."""
    name, table = "MNIST, 9,000 edges", []
    data = data_of(name, 12_800)
    for edges in (2_000, 4_000, 8_000, 16_000, 32_000, 64_000):
        rng = np.random.default_rng(0)
        per_neuron = (edges / (784 * 1.5),) * 2
        genome = random_genome(
            data.shape, 10, rng, hidden_layers=(1, 1), layer_size=(0.5, 0.5), edges_per_neuron=per_neuron
        )
        config = TrainConfig(epochs=1, shift=1)
        train(genome, data, config)
        microseconds = 1e6 * seconds(lambda g=genome, c=config: train(g, data, c)) / 12_800  # type: ignore[misc]
        table.append({"edges": f"{genome.n_edges:,}", "µs/image": f"{microseconds:.2f}"})
    return table


def by_batch() -> list[dict[str, Any]]:
    """Microseconds per image against batch size."""
    name, table = "MNIST, 9,000 edges", []
    data = data_of(name, 12_800)
    genome = random_genome(
        data.shape, 10, np.random.default_rng(0), hidden_layers=(1, 1), layer_size=(0.38, 0.38), edges_per_neuron=(8, 8)
    )
    for batch in (32, 64, 128, 256, 512):
        config = TrainConfig(epochs=1, shift=1, batch_size=batch)
        train(genome, data, config)
        microseconds = 1e6 * seconds(lambda c=config: train(genome, data, c)) / 12_800  # type: ignore[misc]
        table.append({"batch": batch, "µs/image": f"{microseconds:.2f}"})
    return table


def by_cores() -> list[dict[str, Any]]:
    """Seconds per child and epoch of a generation of 8, alone and on two threads."""
    table = []
    for name in list(SIZES)[:2]:
        alone = native_alone(name)
        one, two = native_generation(name, workers=1), native_generation(name, workers=2)
        table.append(
            {
                "network": name,
                "one child alone, s": f"{alone:.3f}",
                "1 thread, s/child": f"{one:.3f}",
                "2 threads, s/child": f"{two:.3f}",
                "speed-up": f"{one / two:.2f}",
            }
        )
    return table


def children_per_minute() -> list[dict[str, Any]]:
    """Children per minute of a whole search (mutation, training, store) on one and two threads."""
    table = []
    for name, epochs in (("MNIST, 9,000 edges", 3), ("CIFAR-10, 90,000 edges", 2)):
        _, _, layers, size, edges, _ = SIZES[name]
        data = data_of(name)
        initial = InitialConfig(
            hidden_layers=(layers, layers), layer_size=(size, size), edges_per_neuron=(edges, edges)
        )
        rates = {"remove_layer": 0, "spatial_base": 4.0}
        rate = {}
        for workers in (1, 2):
            config = SearchConfig(
                population=8, children=8, generations=3, train=TrainConfig(epochs=epochs, shift=1), rates=rates,
                workers=workers,
            )  # fmt: skip
            with tempfile.TemporaryDirectory() as folder, thread_executor(workers) as executor:
                search = Search(
                    data, config, Path(folder) / "run.sqlite", NeuronSpace.for_data(data, initial), executor
                )
                search.run(progress=False)
                rate[workers] = search.snapshot().children_per_minute
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
