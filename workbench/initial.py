"""Initial genomes: random ones by the spatial law, dense MLPs, local windows, and convolutions with pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workbench.builder import GenomeBuilder, initialise
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.genome.topology import NORMALIZATIONS
from workbench.settings import check_settings, documented, setting
from workbench.spatial import SpatialLaw

INITIAL_KINDS = ("random", "dense", "local", "convolution")
"""Kinds of initial genomes, each a field of `InitialConfig`: its share."""


@documented
@dataclass(frozen=True)
class InitialConfig:
    """What the initial population looks like; shares are divided by their sum."""

    random: float = setting(1.0, "share of random genomes", low=0)
    dense: float = setting(0.0, "share of dense MLPs", low=0)
    local: float = setting(0.0, "share of plain local windows", low=0)
    convolution: float = setting(0.0, "share of convolutions: shared weights and pooling windows", low=0)
    hidden_layers: tuple[int, int] = setting((1, 4), "random genomes: number of hidden layers", low=1)
    layer_size: tuple[float, float] = setting(
        (0.4, 2.0), "random genomes: size of the first hidden layer, as a fraction", unit="of the inputs", above=0
    )
    edges_per_neuron: tuple[float, float] = setting((5, 20), "random genomes: edges over neurons", above=0)
    dense_widths: tuple[int, int] = setting((8, 64), "dense MLPs: width of a layer", unit="neurons", low=1)
    maps: tuple[int, int] = setting((1, 4), "windows: maps of the first layer, drawn log-uniformly", low=1)
    maps_growth: tuple[float, float] = setting(
        (1.0, 4.0), "windows: factor by which each later layer has more maps", above=0
    )
    spatial_base: float = setting(4.0, "spatial law: decay length at layer 0", unit="pixels", above=0)
    spatial_per_layer: float = setting(1.5, "spatial law: what each layer adds to it", unit="pixels", low=0)
    normalization: str = setting(
        "layer",
        '"layer" (LayerNorm over layers of at least 8 neurons), "batch" (batch normalisation while training) or "none"',
        choices=NORMALIZATIONS,
    )
    flops: tuple[float, float] | None = setting(
        None, "sizes to spread the population over log-uniformly; None for sizes as they come", unit="FLOPs", above=0
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not any(getattr(self, kind) for kind in INITIAL_KINDS):
            raise ConfigError("at least one kind of initial genomes needs a share above 0, got 0 for all four")

    @property
    def law(self) -> SpatialLaw:
        """The spatial law with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)


_DEFAULTS = InitialConfig()


def random_genome(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    rng: np.random.Generator,
    *,
    hidden_layers: tuple[int, int] = _DEFAULTS.hidden_layers,
    layer_size: tuple[float, float] = _DEFAULTS.layer_size,
    edges_per_neuron: tuple[float, float] = _DEFAULTS.edges_per_neuron,
    law: SpatialLaw = _DEFAULTS.law,
    normalization: str = _DEFAULTS.normalization,
) -> Genome:
    """A random genome with initialised weights.

    Layer i (from 1) has U(layer_size) · inputs / i neurons. Every neuron gets one edge from a random neuron of the
    layer before it, which gives it its position, and one to the layer after it; the other edges are drawn between
    neighbouring layers and, as skip edges, between random other pairs of layers.

    Args:
        input_shape: (channels, height, width).
        n_outputs: number of classes.
        rng: source of randomness.
        hidden_layers: smallest and largest number of hidden layers.
        layer_size: size of the first hidden layer, as a fraction of the inputs.
        edges_per_neuron: edges over neurons (inputs and hidden).
        law: the spatial law.
        normalization: "layer", "batch" or "none".

    Raises:
        ConfigError: if a range is empty or negative.
    """
    InitialConfig(hidden_layers=hidden_layers, layer_size=layer_size, edges_per_neuron=edges_per_neuron)  # checks them
    empty = Genome.from_edges(input_shape, n_outputs, [], [], normalization=normalization)
    builder = GenomeBuilder(empty, law)
    n_hidden_layers = int(rng.integers(hidden_layers[0], hidden_layers[1] + 1))
    layers = [np.arange(empty.n_inputs)]
    for layer in range(1, n_hidden_layers + 1):
        size = max(1, round(rng.uniform(*layer_size) * empty.n_inputs / layer))
        layers.append(builder.add_neurons(rng.choice(layers[-1], size), rng))
    layers.append(empty.n_inputs + np.arange(n_outputs))
    for layer, members in enumerate(layers[1:-1], start=1):
        builder.connect_each(members, layers[layer + 1], layer + 1, rng)
    n_edges = round(rng.uniform(*edges_per_neuron) * (sum(map(len, layers)) - n_outputs))
    _spread_edges(builder, layers, n_edges, rng)
    return initialise(builder.finish("random")[0], rng)


def _spread_edges(builder: GenomeBuilder, layers: list[np.ndarray], n_edges: int, rng: np.random.Generator) -> None:
    """Draw edges until there are `n_edges`, over neighbouring layers and a random half of the other pairs."""
    last = len(layers) - 1
    pairs = [(below, above) for above in range(1, last + 1) for below in range(above)]
    pairs = [pair for pair in pairs if pair[1] - pair[0] == 1 or rng.random() < 0.5]
    # Even in-degrees: a pair's part grows with its targets. The few outputs are fed by all that lead to them.
    weights = np.array([len(layers[below]) if above == last else len(layers[above]) for below, above in pairs], float)
    weights *= [1.0 if above - below == 1 else rng.uniform(0, 0.5) for below, above in pairs]
    counts = rng.multinomial(max(0, n_edges - builder.n_new_edges), weights / weights.sum())
    for (below, above), count in zip(pairs, counts, strict=True):
        builder.connect(layers[below], layers[above], above, int(count), rng)
    for below, above in pairs:  # edges for which there was no room
        builder.connect(layers[below], layers[above], above, n_edges - builder.n_new_edges, rng)


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
