"""A network over the image: what neurons see, how active they are, where they are dense, how long edges are (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from workbench.compiler.plan import neuron_values
from workbench.datasets import Dataset
from workbench.errors import DataError, GenomeError
from workbench.genome import Genome
from workbench.spatial import SpatialLaw, distances

STEPS_PER_PIXEL = 2
"""How finely edges are sampled for `edge_density`."""

MOST_BINS = 40
"""Bins of edge lengths are one pixel wide, or wider in large images so that there are at most this many."""

MOST_PAIRS = 1_000_000
"""Pairs of neurons considered per pair of layers; if there are more, a random sample stands for all."""


def receptive_field(genome: Genome, neuron: int) -> np.ndarray:
    """What a neuron sees: for every pixel, the sum over all paths from it to the neuron of the products of weights.

    This is the linear part of the network: ReLU and LayerNorm are ignored. An input sees itself.

    Args:
        genome: the network.
        neuron: id of any neuron.

    Returns:
        Accumulated weight, float32 [channels, height, width].

    Raises:
        GenomeError: if there is no such neuron.
        WeightsError: if the network was never trained, or its weights were not kept.
    """
    if not 0 <= neuron < genome.n_neurons:
        raise GenomeError(f"expected a neuron id in 0..{genome.n_neurons - 1}, got {neuron}")
    genome.check_weights()
    weights = genome.weights.astype(np.float64)
    level = genome.layers[genome.targets]
    order = np.argsort(level, kind="stable")
    bounds = np.searchsorted(level[order], np.arange(genome.n_layers + 1))
    seen = np.zeros(genome.n_neurons)
    seen[neuron] = 1.0
    for layer in range(int(genome.layers[neuron]), 0, -1):  # backwards, through the edges into each layer
        edges = order[bounds[layer] : bounds[layer + 1]]
        edges = edges[seen[genome.targets[edges]] != 0]
        passed = seen[genome.targets[edges]] * weights[edges]
        seen += np.bincount(genome.sources[edges], weights=passed, minlength=genome.n_neurons)
    return seen[: genome.n_inputs].reshape(genome.input_shape).astype(np.float32)


def activations(genome: Genome, data: Dataset, split: str, index: int) -> np.ndarray:
    """The value of every neuron on one image.

    Args:
        genome: the network.
        data: where the image is from.
        split: "train", "validation", "selection" or "test".
        index: of the image within the split.

    Returns:
        float32 [neurons]: inputs as trained on (centred, scaled), hidden after the ReLU, outputs as logits.

    Raises:
        DataError: if there is no such split or image, or the images and the network differ in shape.
        WeightsError: if the network was never trained, or its weights were not kept.
    """
    if data.shape != genome.input_shape:
        raise DataError(f"expected images of shape {genome.input_shape} for this network, got {data.shape}")
    image = data.standardised(one_image(data, split, index)[None])
    return neuron_values(genome, image)[:, 0]


def one_image(data: Dataset, split: str, index: int) -> np.ndarray:
    """One raw image, float32 [c, h, w]; `DataError` if there is no such split or image."""
    images = data.images(split)
    if not 0 <= index < len(images):
        raise DataError(f"expected an index in 0..{len(images) - 1} ({split} split of {data.name!r}), got {index}")
    return images[index].astype(np.float32)


def to_rgba(image: np.ndarray) -> np.ndarray:
    """A raw image [c, h, w] as uint8 [h, w, 4], brightest white: three channels as colours, others as their mean."""
    low, high = min(float(image.min()), 0.0), float(image.max())
    scaled = np.clip((image - low) / max(high - low, 1e-12) * 255, 0, 255)
    channels = scaled if len(scaled) == 3 else np.repeat(scaled.mean(axis=0, keepdims=True), 3, axis=0)
    opaque = np.full((1, *image.shape[1:]), 255.0)
    return np.ascontiguousarray(np.concatenate([channels, opaque]).transpose(1, 2, 0).round().astype(np.uint8))


def neuron_density(genome: Genome, layer: int | None = None) -> np.ndarray:
    """Hidden neurons per pixel of one layer, or of all, float32 [height, width].

    Each neuron is spread over the four pixels around its position (bilinear), so the map sums to the number of neurons.
    """
    first = genome.n_inputs + genome.n_outputs
    members = np.arange(first, genome.n_neurons)
    if layer is not None:
        members = members[genome.layers[members] == layer]
    return _splat(genome.positions[members], np.ones(len(members)), genome.input_shape)


def edge_density(genome: Genome, layer: int | None = None) -> np.ndarray:
    """Edge length (in pixels) per pixel, for edges into one layer or into all, float32 [height, width].

    An edge is the straight line between the positions of its neurons; edges into outputs have no position and are left
    out.
    """
    positioned = genome.targets >= genome.n_inputs + genome.n_outputs
    if layer is not None:
        positioned = positioned & (genome.layers[genome.targets] == layer)
    total = np.zeros(genome.input_shape[1:], np.float32)
    start, end = genome.positions[genome.sources[positioned]], genome.positions[genome.targets[positioned]]
    length = np.hypot(*(end - start).T)
    n_steps = np.ceil(length * STEPS_PER_PIXEL).astype(np.int64)
    for steps in np.unique(n_steps[n_steps > 0]).tolist():  # edges of about equal length together
        some = n_steps == steps
        along = (np.arange(steps) + 0.5) / steps
        points = start[some, None] + (end - start)[some, None] * along[:, None]  # [edges, steps, 2]
        total += _splat(points.reshape(-1, 2), np.repeat(length[some] / steps, steps), genome.input_shape)
    return total


def _splat(points: np.ndarray, mass: np.ndarray, input_shape: tuple[int, int, int]) -> np.ndarray:
    """Add `mass` [points] at (row, column) [points, 2] to a pixel map, split between the four nearest pixels."""
    _, height, width = input_shape
    corner = np.floor(points).astype(np.int64)
    part = points - corner
    total = np.zeros(height * width)
    for step in product((0, 1), repeat=2):  # down and right
        share = np.where(step, part, 1 - part).prod(axis=1)
        row, column = np.minimum(corner + step, (height - 1, width - 1)).T
        total += np.bincount(row * width + column, weights=mass * share, minlength=height * width)
    return total.reshape(height, width).astype(np.float32)


@dataclass(frozen=True, eq=False)
class EdgeLengths:
    """A histogram of edge lengths.

    Attributes:
        bins: bounds of the bins in pixels, float64 [bins + 1].
        counts: edges in each bin, int64 [bins].
        expected: edges expected under the spatial law, float64 [bins]; has the same sum.
        without_length: edges into outputs, which have no position.
    """

    bins: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    without_length: int

    @property
    def mean(self) -> float:
        """Mean length in pixels, from the middles of the bins; NaN without edges."""
        return self._mean(self.counts)

    @property
    def expected_mean(self) -> float:
        """Mean length expected under the law, in pixels; NaN without edges."""
        return self._mean(self.expected)

    def _mean(self, counts: np.ndarray) -> float:
        total = counts.sum()
        return float((self.bins[:-1] + self.bins[1:]) @ counts / 2 / total) if total else float("nan")


def edge_length_histogram(genome: Genome, law: SpatialLaw | None = None) -> EdgeLengths:
    """Edge lengths of a genome, and those that the spatial law expects for the same neurons and numbers of edges.

    For every pair of layers with edges, the law draws a pair of neurons (source, target) with weight exp(-dist /
    scale(target's layer)). The expected number is (edges between the layers) · (weight in the bin) / (weight in all
    bins), summed over pairs of layers. Drawing without replacement shifts edges to larger lengths when near pairs run
    out; this is not counted here.

    Args:
        genome: the network.
        law: the spatial law; None means the published constants.
    """
    law = SpatialLaw() if law is None else law
    positioned = np.flatnonzero(genome.targets >= genome.n_inputs + genome.n_outputs)
    sources, targets = genome.sources[positioned], genome.targets[positioned]
    lengths = distances(genome.positions[sources], genome.positions[targets])
    extent = float(np.hypot(genome.input_shape[1] - 1, genome.input_shape[2] - 1))
    n_bins = int(min(MOST_BINS, max(1, np.ceil(extent + 1e-9))))
    bins = np.linspace(0, max(extent, 1.0) * (1 + 1e-9), n_bins + 1)
    counts = np.histogram(lengths, bins)[0]
    codes = genome.layers[sources].astype(np.int64) * genome.n_layers + genome.layers[targets]
    expected = np.zeros(n_bins)
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        below, above = divmod(int(code), genome.n_layers)
        expected += count * _law_share(genome, below, above, law, bins)
    return EdgeLengths(bins, counts, expected, genome.n_edges - len(positioned))


def _law_share(genome: Genome, below: int, above: int, law: SpatialLaw, bins: np.ndarray) -> np.ndarray:
    """Fraction of the edges from layer `below` to `above` that the law puts in each bin, float64 [bins], sum 1."""
    ends = [genome.positions[genome.layers == layer] for layer in (below, above)]
    most = int(np.sqrt(MOST_PAIRS))
    if len(ends[0]) * len(ends[1]) > MOST_PAIRS:
        rng = np.random.default_rng(0)  # the same sample every time
        ends = [end if len(end) <= most else end[rng.permutation(len(end))[:most]] for end in ends]
    distance = distances(ends[0][:, None], ends[1][None]).ravel()
    weight = np.exp(law.log_weight(distance - distance.min(), above))
    share = np.histogram(distance, bins, weights=weight)[0]
    return share / share.sum()
