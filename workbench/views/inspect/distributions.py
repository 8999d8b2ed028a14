"""How the numbers of a network are distributed: weights, degrees, lengths of edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.genome import Genome
from workbench.spatial import SpatialLaw
from workbench.views.network.dag import NEGATIVE, POSITIVE
from workbench.views.network.edge_lengths import EdgeLengths, edge_length_histogram

if TYPE_CHECKING:
    import plotly.graph_objects as go

WEIGHT_BINS = 60
MOST_DEGREE_BINS = 60


@dataclass(frozen=True, eq=False)
class Distributions:
    """Histograms of a network; each is (bounds of the bins, [bins + 1]; counts, [bins]).

    Attributes:
        weights: of edges; a shared weight counts once for each of its edges.
        unknown_weights: edges whose weight is not known: not trained yet, or dropped.
        in_degree: edges into each hidden and output neuron.
        out_degree: edges out of each input and hidden neuron.
        unused_inputs: inputs without an edge; they are part of `out_degree`.
        lengths: of edges, with what the spatial law would make of them.
    """

    weights: tuple[np.ndarray, np.ndarray]
    unknown_weights: int
    in_degree: tuple[np.ndarray, np.ndarray]
    out_degree: tuple[np.ndarray, np.ndarray]
    unused_inputs: int
    lengths: EdgeLengths


def distributions(genome: Genome, law: SpatialLaw | None = None) -> Distributions:
    """Histograms of a network's weights, degrees and edge lengths; `law` None is the published spatial rule."""
    known = genome.weights[~np.isnan(genome.weights)]
    reach = float(np.abs(known).max(initial=0.0)) or 1.0
    counts, bounds = np.histogram(known, WEIGHT_BINS, (-reach, reach))
    leaving = np.bincount(genome.sources, minlength=genome.n_neurons)
    outputs = slice(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    return Distributions(
        weights=(bounds, counts),
        unknown_weights=genome.n_edges - len(known),
        in_degree=_degrees(genome.in_degrees[genome.n_inputs :]),
        out_degree=_degrees(np.delete(leaving, outputs)),
        unused_inputs=int((leaving[: genome.n_inputs] == 0).sum()),
        lengths=edge_length_histogram(genome, law),
    )


def _degrees(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Histogram of whole numbers, in bins of equal whole width."""
    most = int(values.max(initial=0))
    width = -(-(most + 1) // MOST_DEGREE_BINS)
    bounds = np.arange(0, most + width + 1, width) - 0.5
    return bounds, np.histogram(values, bounds)[0]


def distribution_figure(genome: Genome, law: SpatialLaw | None = None) -> go.Figure:
    """Weights, in- and out-degrees, and edge lengths of a network, with what the spatial law expects."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    info = distributions(genome, law)
    unknown = f" ({info.unknown_weights:,} unknown)" if info.unknown_weights else ""
    titles = [
        f"weights{unknown}",
        f"edge lengths, mean {info.lengths.mean:.1f} px (law {info.lengths.expected_mean:.1f})",
        "edges into a neuron",
        f"edges out of a neuron ({info.unused_inputs:,} unused inputs)",
    ]
    figure = make_subplots(2, 2, subplot_titles=titles, vertical_spacing=0.2, horizontal_spacing=0.11)
    lengths = info.lengths.bins, info.lengths.counts
    shown = ((info.weights, 1, 1), (lengths, 1, 2), (info.in_degree, 2, 1), (info.out_degree, 2, 2))
    for (bounds, counts), row, column in shown:
        figure.add_trace(_bars(bounds, counts), row, column)
    middle = (info.lengths.bins[1:] + info.lengths.bins[:-1]) / 2
    line = {"color": NEGATIVE, "width": 2.5}
    figure.add_trace(
        go.Scatter(x=middle, y=info.lengths.expected, line=line, name="spatial law", hoverinfo="skip"), 1, 2
    )
    for (row, column), name in {
        (1, 1): "weight",
        (1, 2): "length (pixels)",
        (2, 1): "in-degree",
        (2, 2): "out-degree",
    }.items():
        figure.update_xaxes(title_text=name, title_standoff=4, row=row, col=column)
    figure.update_yaxes(title_text="edges", row=1)
    figure.update_yaxes(title_text="neurons", row=2)
    figure.update_layout(template="plotly_white", width=960, height=620, showlegend=False, bargap=0.03)
    figure.update_annotations(font_size=13)
    return figure


def _bars(bounds: np.ndarray, counts: np.ndarray) -> go.Bar:
    import plotly.graph_objects as go

    return go.Bar(
        x=(bounds[1:] + bounds[:-1]) / 2,
        y=counts,
        width=np.diff(bounds),
        marker={"color": POSITIVE, "opacity": 0.8, "line": {"width": 0}},
        customdata=np.stack([bounds[:-1], bounds[1:]], 1),
        hovertemplate="%{customdata[0]:.3~g} to %{customdata[1]:.3~g}: %{y:,}<extra></extra>",
    )
