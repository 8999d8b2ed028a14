"""Hypothesis strategies for genomes of every kind."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from workbench.genome import Genome


def random_dag(rng: np.random.Generator, *, blank: float = 0.0, sharing: bool = True, deep: bool = False) -> Genome:
    """Any small genome: skip edges, layers of one neuron, unfed outputs, shared weights, dead parts pruned away."""
    shape = (int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    n_outputs, n_hidden = int(rng.integers(1, 5)), int(rng.integers(0, 40))
    n_inputs = shape[0] * shape[1] * shape[2]
    order = np.concatenate([np.arange(n_inputs), n_inputs + n_outputs + rng.permutation(n_hidden)])
    outputs = n_inputs + np.arange(n_outputs)
    everyone = np.concatenate([order, outputs])
    pairs = [
        (source, target)
        for place, target in enumerate(everyone.tolist())
        if place >= n_inputs
        for source in order[max(0, place - 6) if deep and place < len(order) else 0 : min(place, len(order))].tolist()
    ]
    density = rng.uniform(0.02, 0.7)
    chosen = [pair for pair in pairs if rng.random() < density] or [(0, n_inputs)]
    sources, targets = (np.array(column) for column in zip(*chosen, strict=True))
    weights = rng.standard_normal(len(chosen)).astype(np.float32)
    shared = rng.integers(-1, 6, size=len(chosen)) if sharing and rng.random() < 0.5 else np.full(len(chosen), -1)
    for group in np.unique(shared[shared >= 0]):
        weights[shared == group] = weights[shared == group][0]
    weights[(rng.random(len(chosen)) < blank) & (shared < 0)] = np.nan
    return Genome.from_edges(
        shape,
        n_outputs,
        sources,
        targets,
        weights,
        rng.standard_normal(n_outputs + n_hidden),
        shared,
        str(rng.choice(["layer", "none"])),
        rng.choice(10_000, n_hidden, replace=False),
    )


def seeds() -> st.SearchStrategy[int]:
    return st.integers(0, 2**32 - 1)


@st.composite
def genomes(draw: st.DrawFn, *, blank: float = 0.0, sharing: bool = True, deep: bool | None = None) -> Genome:
    """Genomes with at least one edge."""
    rng = np.random.default_rng(draw(seeds()))
    genome = random_dag(rng, blank=blank, sharing=sharing, deep=draw(st.booleans()) if deep is None else deep)
    assume(genome.n_edges > 0)
    return genome
