"""Hypothesis strategies for genomes of every kind."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from workbench.genome import Genome

MOST_INPUTS, MOST_OUTPUTS, MOST_HIDDEN = 75, 4, 39
SOURCES, TARGETS = MOST_HIDDEN + MOST_INPUTS, MOST_OUTPUTS + MOST_HIDDEN
TARGET, SOURCE = (axis.ravel() for axis in np.indices((TARGETS, SOURCES)))
"""Of every possible edge, which has a place of its own, so that it stays the same while the rest of a genome shrinks.

Targets are the outputs, then the hidden neurons in topological order; sources the hidden neurons, then the inputs.
"""

FROM_HIDDEN, INTO_HIDDEN = SOURCE < MOST_HIDDEN, TARGET >= MOST_OUTPUTS
FORWARD = ~(FROM_HIDDEN & INTO_HIDDEN) | (SOURCE < TARGET - MOST_OUTPUTS)

VALUES = np.r_[1.0, np.random.default_rng(0).standard_normal(255)]
"""Weights and biases that a byte may stand for; 0 stands for the simplest."""

SPREAD = np.random.default_rng(1).uniform(0.9, 1.1, len(TARGET))
"""Makes equal bytes into different weights: in a layer of equal values LayerNorm would only amplify rounding errors."""

PARTS = {"edges": len(TARGET) // 8 + 1, "thinned": len(TARGET) // 8 + 1, "weights": 251, "biases": TARGETS}
PARTS |= {"order": MOST_HIDDEN, "keys": MOST_HIDDEN, "shared": 61, "blank": 67, "shared_biases": TARGETS}
N_BYTES = sum(PARTS.values())


def build(
    shape: tuple[int, int, int],
    n_outputs: int,
    n_hidden: int,
    *,
    deep: bool,
    sparse: bool,
    sharing: bool,
    sharing_biases: bool,
    normalization: str,
    blank: float,
    octets: bytes,
) -> Genome:
    """A genome whose edges, weights, biases, groups, keys and order of hidden neurons are read from `octets`.

    All 0 gives one edge from an input to an output.
    """
    ends = np.cumsum(list(PARTS.values()))[:-1]
    part = dict(zip(PARTS, np.split(np.frombuffer(octets, np.uint8), ends), strict=True))
    n_inputs = shape[0] * shape[1] * shape[2]
    edges = FORWARD & (n_hidden > TARGET - MOST_OUTPUTS) & (INTO_HIDDEN | (n_outputs > TARGET))
    edges &= np.where(FROM_HIDDEN, n_hidden > SOURCE, n_inputs > SOURCE - MOST_HIDDEN)
    if deep:  # hidden neurons are fed by the six before them, or the last inputs
        place = np.where(FROM_HIDDEN, n_inputs + SOURCE, SOURCE - MOST_HIDDEN)
        edges &= ~INTO_HIDDEN | (n_inputs + TARGET - MOST_OUTPUTS - place <= 6)
    for name in ("edges", "thinned") if sparse else ("edges",):
        edges &= np.unpackbits(part[name])[: len(edges)].astype(bool)
    chosen = np.flatnonzero(edges) if edges.any() else np.array([MOST_HIDDEN])
    weights = (VALUES[part["weights"][chosen % 251]] * SPREAD[chosen]).astype(np.float32)
    shared = part["shared"][chosen % 61] % 7 - np.int64(1) if sharing else np.full(len(chosen), -1)
    for group in np.unique(shared[shared >= 0]):
        weights[shared == group] = weights[shared == group][0]
    weights[(part["blank"][chosen % 67] >= 256 * (1 - blank)) & (shared < 0)] = np.nan
    biases = VALUES[part["biases"][: n_outputs + n_hidden]]
    shared_biases = part["shared_biases"][: len(biases)] % 7 - np.int64(1) if sharing_biases else None
    for group in range(6 if sharing_biases else 0):
        biases[shared_biases == group] = biases[shared_biases == group][:1]
    hidden = np.zeros(MOST_HIDDEN, int)
    hidden[:n_hidden] = n_inputs + n_outputs + np.argsort(part["order"][:n_hidden], kind="stable")
    return Genome.from_edges(
        shape,
        n_outputs,
        np.r_[hidden, np.arange(MOST_INPUTS)][SOURCE[chosen]],
        np.r_[n_inputs + np.arange(MOST_OUTPUTS), hidden][TARGET[chosen]],
        weights,
        biases,
        shared,
        normalization,
        part["keys"][:n_hidden] * np.int64(MOST_HIDDEN) + np.arange(n_hidden),
        shared_biases,
    )


def genomes(
    *,
    blank: float = 0.0,
    sharing: bool = True,
    deep: bool | None = None,
    shape: tuple[int, int, int] | None = None,
    n_outputs: int | None = None,
) -> st.SearchStrategy[Genome]:
    """Small genomes: skip edges, layers of one neuron, unfed outputs, shared weights and biases, dead parts pruned.

    Args:
        blank: share of the edges that have no weight yet.
        sharing: whether edges may share weights, and neurons biases.
        deep: whether there are many layers; None = either.
        shape: of the images; None = any.
        n_outputs: at most `MOST_OUTPUTS`; None = any.
    """
    drawn = st.builds(
        build,
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)) if shape is None else st.just(shape),
        st.integers(1, MOST_OUTPUTS) if n_outputs is None else st.just(n_outputs),
        st.sampled_from(range(MOST_HIDDEN + 1)),
        deep=st.booleans() if deep is None else st.just(deep),
        sparse=st.booleans(),
        sharing=st.booleans() if sharing else st.just(False),
        sharing_biases=st.booleans() if sharing else st.just(False),
        normalization=st.sampled_from(("layer", "none", "batch")),
        blank=st.just(blank),
        octets=st.binary(min_size=N_BYTES, max_size=N_BYTES),
    )
    return drawn.filter(lambda genome: genome.n_edges > 0)


def seeds() -> st.SearchStrategy[int]:
    return st.integers(0, 2**32 - 1)
