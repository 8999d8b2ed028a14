"""Genomes of a wanted size, by the rules of initial genomes and mutations: what a random search over sizes samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.mutations import MutationRates, add_edges, remove_edges
from workbench.spatial import SpatialLaw

DRAWS = 12
"""Genomes drawn for each size that is asked for."""

NEAR = 0.1
"""How far from that size the nearest may be, as a logarithm, before edges are added or removed."""


def near_size(draw: Callable[[], Genome], flops: float, law: SpatialLaw, rng: np.random.Generator) -> Genome:
    """Of several genomes from `draw` the one nearest to `flops`, brought there by edges.

    Args:
        draw: gives an initial genome.
        flops: the wanted size.
        law: the spatial law of edges that are added or removed.
        rng: source of randomness.

    Returns:
        A genome within `NEAR` of the size; further away where mutations cannot bring it nearer.
    """
    nearest = draw()
    for _ in range(DRAWS - 1):
        if _distance(nearest, flops) < NEAR:
            return nearest
        nearest = min(nearest, draw(), key=lambda genome: _distance(genome, flops))
    while _distance(nearest, flops) >= NEAR:
        try:
            changed = _step(nearest, flops, law, rng)
        except MutationError:  # it can be neither larger nor smaller
            return nearest
        if _distance(changed, flops) >= _distance(nearest, flops):
            return nearest
        nearest = changed
    return nearest


def _step(genome: Genome, flops: float, law: SpatialLaw, rng: np.random.Generator) -> Genome:
    """One mutation towards a size."""
    rates = MutationRates(spatial_base=law.base, spatial_per_layer=law.per_layer)
    ratio = flops / genome.flops
    if ratio > 1:
        part = min(ratio - 1, rates.new_edges[1])
        return add_edges(genome, rng, replace(rates, new_edges=(part, part)))[0]
    part = min(1 - ratio, rates.removed_edges[1])
    return remove_edges(genome, rng, replace(rates, removed_edges=(part, part)))[0]


def _distance(genome: Genome, flops: float) -> float:
    return abs(float(np.log(max(1, genome.flops) / flops)))
