"""Milliseconds of a training step (forward, backward, AdamW), ours against what others would train the network with.

All take turns on one core, batches and tiles ready, and count the processor time of the whole process. A peer must
compute the same: its mean loss over the first steps, of which each sees the weights made by those before, is compared
with ours.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import peers
from peers import Pass, Work
from subjects import SMOKE, data_of, genome_of, in_turns, one_core

from workbench.initial import Windows, windowed
from workbench.training import TrainConfig

STEPS, CONFIG = 10, TrainConfig(batch_size=128)
TOLERANCE = 1e-4  # of mean losses of some 2.5
EXTRA = "pip install '.[bench]'"


@dataclass(frozen=True)
class Peer:
    """Another way to train a network.

    Attributes:
        make: its pass.
        module: the module or program that it needs beside torch.
        install: how to get it.
        whole: whether it is a whole step, so that its loss can be compared.
        compiles: whether it takes long to prepare.
    """

    make: Callable[[Work], Pass]
    module: str = ""
    install: str = EXTRA
    whole: bool = True
    compiles: bool = False

    @property
    def missing(self) -> str:
        """What to tell where it cannot be measured, else ""."""
        here = not self.module or shutil.which(self.module) or find_spec(self.module)
        return "" if here else f"not installed: {self.install}"


def _in_jax(work: Work, product: str) -> Pass:
    import peers_jax

    return peers_jax.in_jax(work, peers_jax.PRODUCTS[product])


_BUILT = {"module": "sparseprop", "install": "pip install pybind11 && pip install --no-build-isolation sparseprop"}
_COMPILED = {"module": "g++", "install": "a C++ compiler, g++", "compiles": True}

PEERS = {
    "torch CSR": Peer(peers.csr),
    "torch dense, masked": Peer(peers.masked),
    "torch.compile, CSR": Peer(partial(peers.csr, compiled=True), **_COMPILED),
    "torch.compile, dense, masked": Peer(partial(peers.masked, compiled=True), **_COMPILED),
    "SparseProp, modules": Peer(peers.sparseprop_modules, **_BUILT),
    "SparseProp, kernels alone": Peer(peers.sparseprop_kernels, **_BUILT, whole=False),
    **{
        f"JAX {each}": Peer(partial(_in_jax, product=each), "jax")
        for each in ("gather", "segment sum", "BCOO", "dense")
    },
}


def seconds_a_step(work: Work, others: Mapping[str, Peer]) -> dict[str, float]:
    """Of ours, "native", and of others; `AssertionError` if one does not compute the same."""
    with one_core():
        passes = {"native": peers.native(work)}
        expected = passes["native"]()
        for name, peer in others.items():
            passes[name] = peer.make(work)
            loss = passes[name]()
            same = abs(loss - expected) < TOLERANCE or not peer.whole
            assert same, f"{name}: expected a mean loss of {expected:.6f}, got {loss:.6f}"
        return {name: seconds / work.steps for name, seconds in in_turns(passes, clock=time.process_time).items()}


def rows() -> list[dict[str, Any]]:
    """The table of networks of single neurons."""
    others = {name: peer for name, peer in PEERS.items() if not peer.missing and not (SMOKE and peer.compiles)}
    table: dict[str, dict[str, Any]] = {name: {"trained with": name} for name in ("native", *others)}
    for network in ("MNIST, 9,000 edges", "CIFAR-10, 90,000 edges"):
        work = Work(genome_of(network), data_of(network, STEPS * CONFIG.batch_size), CONFIG)
        for name, seconds in (found := seconds_a_step(work, others)).items():
            table[name][f"{network}: ms"] = f"{1e3 * seconds:.3f}"
            table[name][f"× native, {network.split(', ')[0]}"] = f"{seconds / found['native']:.1f}"
    absent = {name: peer.missing for name, peer in PEERS.items() if peer.missing}
    return [*table.values(), *({"trained with": f"{name} ({why})"} for name, why in absent.items())]


CONVOLUTIONS = {
    "MNIST, 9,000 edges": (Windows(5, 2, 6, shared=True), Windows(4, 2, 6, shared=True)),
    "CIFAR-10, 90,000 edges": (Windows(5, 2, 4, shared=True), Windows(4, 2, 16, shared=True)),
}
"""Layers by the data that they are for; no window is left over, so that `conv2d` computes the same places."""


def convolutions() -> list[dict[str, Any]]:
    """The table of networks whose windows share weights: 37,500 and 101,424 edges."""
    table = []
    for name, windows in CONVOLUTIONS.items():
        data = data_of(name, STEPS * CONFIG.batch_size)
        genome = windowed(data.shape, data.n_classes, np.random.default_rng(0), windows=windows)
        conv2d = Peer(lambda work, windows=windows: peers.convolutions(work, windows))
        took = seconds_a_step(Work(genome, data, CONFIG), {"conv2d": conv2d})
        table.append(
            {
                "network": f"{name.split(', ')[0]}, {genome.n_edges:,} edges",
                "weights": genome.n_parameters - len(genome.biases),
                "native, ms": f"{1e3 * took['native']:.3f}",
                "torch conv2d, ms": f"{1e3 * took['conv2d']:.3f}",
                "× native": f"{took['conv2d'] / took['native']:.1f}",
            }
        )
    return table
