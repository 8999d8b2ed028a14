"""Hand-shaped initial genomes: dense MLPs, local windows, and convolutions with shared weights and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.initial.weights import initialise


def dense_mlp(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    rng: np.random.Generator,
    *,
    widths: Sequence[int] = (300, 100),
    normalization: str = "layer",
) -> Genome:
    """A fully connected network with hidden layers of the given widths."""
    if any(width < 1 for width in widths):
        raise ConfigError(f"widths expects numbers of neurons, at least 1 each, got {tuple(widths)}")
    n_inputs = int(np.prod(input_shape))
    ids, first = [np.arange(n_inputs)], n_inputs + n_outputs
    for width in widths:
        ids.append(first + np.arange(width))
        first += width
    ids.append(n_inputs + np.arange(n_outputs))
    sources = [np.repeat(before, len(after)) for before, after in pairwise(ids)]
    targets = [np.tile(after, len(before)) for before, after in pairwise(ids)]
    edges = np.concatenate(sources), np.concatenate(targets)
    keys = rng.integers(2**32, 2**62, size=sum(widths))
    genome = Genome.from_edges(input_shape, n_outputs, *edges, normalization=normalization, neuron_keys=keys)
    return initialise(genome, rng)


@dataclass(frozen=True)
class Windows:
    """One layer of windows over the maps before it."""

    size: int  # rows and columns of a window
    stride: int = 1  # step from one window to the next
    maps: int = 1  # neurons at every place; ignored for pooling
    shared: bool = False  # whether windows at different places have the same weights (a convolution)
    pooling: bool = False  # whether each map is pooled on its own, by windows with one weight per map


LOCAL = (Windows(5, 2, 2), Windows(3, 2, 4))
CONVOLUTION = (Windows(3, 1, 3, shared=True), Windows(2, 2, pooling=True), Windows(3, 2, 8, shared=True))


def windowed(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    rng: np.random.Generator,
    *,
    windows: Sequence[Windows] = LOCAL,
    normalization: str = "layer",
) -> Genome:
    """A network of windows over the image, its last maps fully connected to the outputs.

    A window larger than its map shrinks to the map. `LOCAL` gives plain local windows with weights of their own,
    `CONVOLUTION` a convolution with shared weights and a pooling layer.
    """
    channels, height, width = input_shape
    n_inputs = channels * height * width
    maps = np.arange(n_inputs).reshape(channels, height, width)  # neuron ids [maps, rows, columns]
    first, next_group = n_inputs + n_outputs, 0
    sources, targets, shared = [], [], []
    for layer in windows:
        edges, groups, maps = _window_edges(layer, maps, first)
        first += maps.size
        sources.append(edges[0])
        targets.append(edges[1])
        shared.append(np.where(groups >= 0, groups + next_group, -1))
        next_group += int(groups.max(initial=-1)) + 1
    last = maps.ravel()
    sources.append(np.repeat(last, n_outputs))
    targets.append(np.tile(n_inputs + np.arange(n_outputs), len(last)))
    shared.append(np.full(len(targets[-1]), -1))
    genome = Genome.from_edges(
        input_shape,
        n_outputs,
        np.concatenate(sources),
        np.concatenate(targets),
        shared=np.concatenate(shared),
        normalization=normalization,
        neuron_keys=rng.integers(2**32, 2**62, size=first - n_inputs - n_outputs),
    )
    return initialise(genome, rng)


def windowed_edges(input_shape: tuple[int, int, int], n_outputs: int, windows: Sequence[Windows]) -> int:
    """How many edges `windowed` would make, without making them."""
    (n_maps, *extent), n_edges = input_shape, 0
    for layer in windows:
        size, places = _places(layer, extent[0], extent[1])
        n_edges += n_maps * math.prod(map(len, places)) * math.prod(size) * (1 if layer.pooling else layer.maps)
        n_maps, extent = n_maps if layer.pooling else layer.maps, list(map(len, places))
    return n_edges + n_maps * math.prod(extent) * n_outputs


def _places(layer: Windows, height: int, width: int) -> tuple[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Size of the windows over a map, and the rows and columns at which they begin."""
    size = min(layer.size, height), min(layer.size, width)
    rows = np.arange(0, height - size[0] + 1, layer.stride)
    return size, (rows, np.arange(0, width - size[1] + 1, layer.stride))


def _window_edges(
    layer: Windows, maps: np.ndarray, first: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Edges (sources, targets), shared-weight groups and the new maps of one layer of windows."""
    n_in, height, width = maps.shape
    size, (rows, columns) = _places(layer, height, width)
    n_out = n_in if layer.pooling else layer.maps
    new = first + np.arange(n_out * len(rows) * len(columns)).reshape(n_out, len(rows), len(columns))
    all_in = np.arange(1 if layer.pooling else n_in)  # pooling reads one map, its own
    axes = np.arange(n_out), all_in, rows, columns, np.arange(size[0]), np.arange(size[1])
    out, into, row, column, dr, dc = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    if layer.pooling:
        groups = into = out
    elif layer.shared:
        groups = ((out * n_in + into) * size[0] + dr) * size[1] + dc
    else:
        groups = np.full(len(out), -1)
    edges = maps[into, row + dr, column + dc], new[out, row // layer.stride, column // layer.stride]
    return edges, groups, new
