"""How long edges are, against how long the spatial law would have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.genome import Genome
from workbench.spatial import SpatialLaw, distances
from workbench.views.network.dag import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_BINS = 40
"""Bins are one pixel wide, or wider in large images so that they are at most this many."""

MOST_PAIRS = 1_000_000
"""Pairs of neurons listed per pair of layers; of more an evenly spread part stands for all."""


@dataclass(frozen=True, eq=False)
class EdgeLengths:
    """A histogram of edge lengths.

    Attributes:
        bins: bounds of the bins in pixels, float64 [bins + 1].
        counts: edges in each bin, int64 [bins].
        expected: edges the law would have there, float64 [bins]; adds up to the same number.
        without_length: edges into outputs, which have no position.
    """

    bins: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    without_length: int

    @property
    def mean(self) -> float:
        """Mean length in pixels, from the middles of the bins; NaN without edges."""
        return _mean(self.bins, self.counts)

    @property
    def expected_mean(self) -> float:
        """Mean length under the law, in pixels; NaN without edges."""
        return _mean(self.bins, self.expected)


def edge_length_histogram(genome: Genome, law: SpatialLaw | None = None) -> EdgeLengths:
    """Edge lengths of a genome, and what the spatial law makes of the same neurons and numbers of edges.

    For every pair of layers with edges, all pairs of neurons (source, target) are available; the law draws a pair with
    weight exp(-dist / scale(target's layer)). Expected is (edges between the layers) · (weight in the bin) / (weight in
    all bins), summed over pairs of layers. Drawing without replacement moves mass to longer edges when near pairs run
    out; that is not counted here.

    Args:
        genome: the network.
        law: the spatial rule; None means the published constants.
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
    """Which part of the edges from layer `below` to `above` the law puts in each bin, float64 [bins], sum 1."""
    ends = [genome.positions[genome.layers == layer] for layer in (below, above)]
    most = int(np.sqrt(MOST_PAIRS))
    if len(ends[0]) * len(ends[1]) > MOST_PAIRS:
        rng = np.random.default_rng(0)  # the same part every time
        ends = [end if len(end) <= most else end[rng.permutation(len(end))[:most]] for end in ends]
    distance = distances(ends[0][:, None], ends[1][None]).ravel()
    weight = np.exp(law.log_weight(distance - distance.min(), above))
    share = np.histogram(distance, bins, weights=weight)[0]
    return share / share.sum()


def _mean(bins: np.ndarray, counts: np.ndarray) -> float:
    total = counts.sum()
    return float((bins[:-1] + bins[1:]) @ counts / 2 / total) if total else float("nan")


def edge_length_figure(genome: Genome, law: SpatialLaw | None = None) -> go.Figure:
    """Histogram of edge lengths, with the law's expectation as a line."""
    import plotly.graph_objects as go

    law = SpatialLaw() if law is None else law
    info = edge_length_histogram(genome, law)
    middle, width = (info.bins[1:] + info.bins[:-1]) / 2, np.diff(info.bins)
    figure = go.Figure(go.Bar(x=middle, y=info.counts, width=width, name="edges", marker_color=POSITIVE, opacity=0.75))
    name = f"law exp(−d / ({law.base:g} + {law.per_layer:g}·layer))"
    figure.add_trace(go.Scatter(x=middle, y=info.expected, name=name, line={"color": NEGATIVE, "width": 2.5}))
    figure.update_layout(
        title=f"Edge lengths: mean {info.mean:.1f} px, under the law {info.expected_mean:.1f} px "
        f"({info.without_length:,} edges into outputs have no length)",
        xaxis_title="length (pixels)",
        yaxis_title="edges",
        template="plotly_white",
        width=860,
        height=440,
        bargap=0.05,
        legend={"x": 0.99, "xanchor": "right", "y": 0.98},
    )
    return figure
