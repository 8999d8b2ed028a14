"""Benchmarks measure what they say: peers train as we do, and every table can be made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import bench_peers
import peers

from workbench.datasets import Dataset
from workbench.initial import random_genome, windowed
from workbench.training import TrainConfig

BENCHMARKS = Path(__file__).parent / "benchmarks"
CONFIG = TrainConfig(batch_size=32, learning_rate=0.01, weight_decay=0.1)
WHOLE = [
    pytest.param(name, marks=[pytest.mark.slow] * peer.compiles)
    for name, peer in bench_peers.PEERS.items()
    if peer.whole
]


def data_of(shape: tuple[int, int, int]) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, size=(180, *shape), dtype=np.uint8)
    labels = np.arange(180) % 4
    return Dataset.from_arrays(images, labels, images[:20], labels[:20], validation=10, selection=10)


def layered_work(normalization: str) -> peers.Work:
    """Three hidden layers with skip edges, the last too small to be normalised."""
    data = data_of((1, 6, 6))
    rng, sizes = np.random.default_rng(1), {"hidden_layers": (3, 3), "layer_size": (0.5, 0.6)}
    genome = random_genome(data.shape, 4, rng, **sizes, normalization=normalization)
    assert np.bincount(genome.layers)[3] < 8 <= np.bincount(genome.layers)[1]
    return peers.Work(genome, data, CONFIG)


def losses(name: str, normalization: str) -> tuple[float, float, float]:
    """Mean losses of our first pass, and of the peer's first and second."""
    work = layered_work(normalization)
    theirs = bench_peers.PEERS[name].make(work)
    return peers.native(work)(), theirs(), theirs()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Executor]:
    """A process of its own: JAX starts threads, after which a fork warns."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("normalization", ["layer", "none"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_peer_trains_as_we_do(name, normalization, elsewhere):
    peer = bench_peers.PEERS[name]
    if peer.missing:
        pytest.skip(peer.missing)
    ours, theirs, later = elsewhere.submit(losses, name, normalization).result()
    assert theirs == pytest.approx(ours, abs=1e-4)
    assert abs(later - theirs) > 0.01  # the weights were changed


def test_convolutions_train_as_we_do():
    data, windows = data_of((3, 16, 16)), bench_peers.CONVOLUTIONS["CIFAR-10, 90,000 edges"]
    genome = windowed(data.shape, 4, np.random.default_rng(1), windows=windows)
    work = peers.Work(genome, data, CONFIG)
    assert peers.convolutions(work, windows)() == pytest.approx(peers.native(work)(), abs=1e-4)


def test_a_peer_that_computes_something_else_is_not_timed():
    work = layered_work("layer")
    wrong = bench_peers.Peer(lambda _: lambda: 0.0)
    with pytest.raises(AssertionError, match="wrong: expected a mean loss of"):
        bench_peers.seconds_a_step(work, {"wrong": wrong})


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(bench_peers, "PEERS", {"other": bench_peers.Peer(peers.csr, "no_such_module")})
    monkeypatch.setattr(bench_peers, "seconds_a_step", lambda work, others: dict.fromkeys(("native", *others), 1.0))
    assert [row["trained with"] for row in bench_peers.rows()] == [
        "native",
        "other (not installed: pip install '.[bench]')",
    ]


@pytest.mark.slow
def test_all_tables_can_be_made():
    environment = {**os.environ, "WORKBENCH_SMOKE": "1"}
    done = subprocess.run([sys.executable, BENCHMARKS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "native, generation of 8" in done.stdout
