"""Figures of one network from inside: confusion, evidence, distributions, training curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.space import SearchSpace
from workbench.spatial import SpatialLaw
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import GREY, NEGATIVE, POSITIVE, TRAINING, VALIDATION, VERMILLION
from workbench.views.inspect.data import (
    Confusion,
    Evidence,
    LogitContributions,
    TrainingCurves,
    confusion,
    distributions,
    evidence,
    softmax,
    training_curves,
)
from workbench.views.network.figure import edge_length_figure
from workbench.views.network.maps import one_image, to_rgba

if TYPE_CHECKING:
    from workbench.store import Run

MOST_CLASSES_WRITTEN = 20
"""With more classes, numbers would not fit in the cells of the matrix."""

STRONGEST = 12
"""Contributions listed for each class."""

PREDICTED, TRUE, BOTH = SIDES = ("predicted class", "true class", "both")
"""Classes whose evidence is drawn."""

MOST_DISCS = 120
"""Contributions drawn over the image; weaker ones would be invisible."""


# ---------------------------------------------------------------------- confusion
def confusion_figure(
    genome: Any, data: Dataset, split: str = "validation", space: SearchSpace | None = None
) -> go.Figure:
    """The confusion matrix of a network on a split; only errors are coloured. See `confusion`."""
    return draw_confusion(confusion(genome, data, split, space))


def draw_confusion(found: Confusion) -> go.Figure:
    """The figure of a confusion matrix."""
    names = [figure_text(name) for name in found.class_names]
    matrix, errors = found.matrix, found.matrix.astype(float)
    np.fill_diagonal(errors, np.nan)
    most = max(1.0, float(np.nanmax(errors, initial=0)))
    figure = go.Figure(
        go.Heatmap(
            z=errors,
            x=names,
            y=names,
            text=np.where(np.eye(len(names), dtype=bool) | (matrix == 0), "", matrix.astype(str)),
            texttemplate="%{text}" if len(names) <= MOST_CLASSES_WRITTEN else None,
            customdata=np.stack([matrix, matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)], 2),
            colorscale="Oranges",
            zmin=0,
            zmax=most,
            colorbar={"title": {"text": "errors"}, "thickness": 12},
            showscale=len(names) > MOST_CLASSES_WRITTEN,
            hovertemplate="%{y} taken for %{x}: %{customdata[0]} images (%{customdata[1]:.1%})<extra></extra>",
            hoverongaps=True,
            xgap=1,
            ygap=1,
        )
    )
    if len(names) <= MOST_CLASSES_WRITTEN:
        for name, count in zip(names, np.diag(matrix), strict=True):
            figure.add_annotation(x=name, y=name, text=str(count), showarrow=False, font_size=10)
    n_wrong = int(np.nansum(errors))
    axis = {"type": "category", "constrain": "domain", "showgrid": False}
    figure.update_layout(
        title=f"{found.split} split: {found.accuracy:.2%} right, {n_wrong:,} of {len(found.labels):,} wrong",
        xaxis={"title": "predicted class", "tickangle": -90 if max(map(len, names), default=0) > 3 else 0, **axis},
        yaxis={"title": "true class", "autorange": "reversed", "scaleanchor": "x", **axis},
        template="plotly_white",
        width=620,
        height=560,
    )
    return figure


# ---------------------------------------------------------------------- mistakes
def draw_mistake(found: Confusion, data: Dataset, index: int, likeliest: int = STRONGEST) -> go.Figure:
    """One image of a split, and how likely the network takes its classes to be; for networks of any space."""
    names = [figure_text(name) for name in found.class_names]
    true, predicted, shares = int(found.labels[index]), int(found.predicted[index]), softmax(found.logits[index])
    shown = np.argsort(-shares, kind="stable")[:likeliest]
    if true not in shown:
        shown = np.append(shown[:-1], true)
    figure = make_subplots(
        1, 2, column_widths=[0.45, 0.55], horizontal_spacing=0.14, subplot_titles=["", "probability of each class"]
    )
    figure.add_trace(go.Image(z=to_rgba(one_image(data, found.split, index))[..., :3], hoverinfo="skip"), 1, 1)
    figure.add_trace(
        go.Bar(
            x=shares[shown],
            y=[f"{names[each]} (true)" if each == true else names[each] for each in shown],
            orientation="h",
            marker={"color": [POSITIVE if each == true else NEGATIVE if each == predicted else GREY for each in shown]},
            customdata=found.logits[index][shown],
            hovertemplate="%{y}: %{x:.1%}, logit %{customdata:.2f}<extra></extra>",
        ),
        1,
        2,
    )
    bare = {"visible": False, "constrain": "domain", "row": 1, "col": 1}
    figure.update_xaxes(**bare)
    figure.update_yaxes(scaleanchor="x", **bare)
    figure.update_xaxes(range=[0, 1], tickformat=".0%", nticks=5, row=1, col=2)
    figure.update_yaxes(type="category", dtick=1, autorange="reversed", tickfont_size=10, row=1, col=2)
    figure.update_layout(title=_verdict(found.split, index, names, true, predicted), **_MISTAKE)
    figure.update_annotations(font_size=13)
    return figure


_MISTAKE: dict[str, Any] = {
    "template": "plotly_white",
    "width": 700,
    "height": 430,
    "showlegend": False,
    "margin": {"t": 84, "l": 10, "r": 20, "b": 30},
}


def _verdict(split: str, index: int, names: Sequence[str], true: int, predicted: int) -> str:
    verdict = "right" if true == predicted else f"it is “{names[true]}”"
    return f"image {index} of the {split} split, taken for “{names[predicted]}”: {verdict}"


# ---------------------------------------------------------------------- evidence
def evidence_figure(
    genome: Genome, data: Dataset, split: str, index: int, side: str = BOTH, strongest: int = STRONGEST
) -> go.Figure:
    """One image with the contributions to the logits of the predicted and of the true class.

    Each contribution (activation · weight) is a disc at its neuron's position: area by size, colour by sign. Bars list
    the `strongest`. `side` is one of `SIDES`. Raises what `evidence` raises.
    """
    found = evidence(genome, data, split, index)
    names = [figure_text(name) for name in found.class_names]
    is_right = found.true == found.predicted
    by_name = {PREDICTED: [found.for_predicted], TRUE: [found.for_true], BOTH: [found.for_predicted, found.for_true]}
    shown = by_name[PREDICTED if is_right else side]
    titles = []
    for each in shown:
        share = found.probabilities[each.output]
        titles += [f"for “{names[each.output]}” (logit {each.logit:.2f}, {share:.1%})", "largest activation · weight"]
    n = len(shown)
    shape = {"column_widths": [0.58, 0.42] * n, "horizontal_spacing": 0.2 / n}
    figure = make_subplots(1, 2 * n, subplot_titles=titles, **shape)
    largest = max(np.abs(each.contributions).max(initial=0) for each in shown) or 1.0
    for number, each in enumerate(shown):
        _add_contributions(figure, 2 * number + 1, found, each, largest, strongest)
    figure.update_layout(title=_verdict(split, index, names, found.true, found.predicted), **_MISTAKE)
    if n > 1:
        figure.update_layout(width=1240)
    figure.update_annotations(font_size=13)
    return figure


def _add_contributions(
    figure: go.Figure, column: int, found: Evidence, side: LogitContributions, largest: float, strongest: int
) -> None:
    """Image and discs into one column of the figure, bars into the next."""
    figure.add_trace(go.Image(z=to_rgba(found.image)[..., :3], hoverinfo="skip"), 1, column)
    figure.add_trace(_discs(side, largest), 1, column)
    figure.add_trace(_contribution_bars(side, strongest), 1, column + 1)
    _, height, width = found.image.shape
    bare = {"visible": False, "constrain": "domain", "row": 1, "col": column}
    figure.update_xaxes(range=[-0.5, width - 0.5], **bare)
    figure.update_yaxes(range=[height - 0.5, -0.5], scaleanchor="x" if column == 1 else f"x{column}", **bare)
    labels = {"type": "category", "dtick": 1, "tickfont": {"size": 10}}
    figure.update_yaxes(autorange="reversed", **labels, row=1, col=column + 1)


def _discs(side: LogitContributions, largest: float) -> go.Scatter:
    drawn = slice(0, MOST_DISCS)
    contributions = side.contributions[drawn]
    return go.Scatter(
        x=side.positions[drawn, 1],
        y=side.positions[drawn, 0],
        mode="markers",
        marker={
            "size": 26 * np.sqrt(np.abs(contributions) / largest),
            "color": np.where(contributions < 0, NEGATIVE, POSITIVE),
            "opacity": 0.75,
            "line": {"width": 1, "color": "#ffffff"},
        },
        customdata=np.stack([side.neurons[drawn], contributions, side.activations[drawn], side.weights[drawn]], 1),
        hovertemplate="<b>neuron %{customdata[0]}</b>: %{customdata[1]:+.3f}<br>"
        "activation %{customdata[2]:.3f} · weight %{customdata[3]:.3f}<br>row %{y:.1f}, column %{x:.1f}<extra></extra>",
    )


def _contribution_bars(side: LogitContributions, strongest: int) -> go.Bar:
    largest, rest = side.contributions[:strongest], side.contributions[strongest:]
    values = [*largest, float(rest.sum()), side.bias]
    return go.Bar(
        x=values,
        y=[*(f"# {neuron}" for neuron in side.neurons[:strongest]), f"{len(rest):,} others", "bias"],
        orientation="h",
        marker={"color": [NEGATIVE if value < 0 else POSITIVE for value in values]},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )


# ---------------------------------------------------------------------- distributions
def distribution_figure(genome: Genome, law: SpatialLaw | None = None) -> go.Figure:
    """Weights, in- and out-degrees, and edge lengths with those expected under the spatial law."""
    info = distributions(genome, law)
    lengths = info.lengths
    unknown = f" ({info.unknown_weights:,} not kept)" if info.unknown_weights else ""
    parts = {
        f"weights{unknown}": info.weights,
        f"edge lengths, px (mean {lengths.mean:.1f}, law {lengths.expected_mean:.1f})": (lengths.bins, lengths.counts),
        "edges into a hidden neuron": info.in_degree,
        f"edges out ({info.unused_inputs:,} inputs have none)": info.out_degree,
    }
    figure = make_subplots(2, 2, subplot_titles=list(parts), vertical_spacing=0.22, horizontal_spacing=0.09)
    for number, histogram in enumerate(parts.values()):
        figure.add_trace(_histogram_bars(*histogram), number // 2 + 1, number % 2 + 1)
    for row, counted in enumerate(("edges", "neurons"), 1):
        figure.update_yaxes(title_text=counted, row=row, col=1)
    figure.update_yaxes(nticks=4)
    expected = edge_length_figure(genome, law)
    figure.add_trace(expected.data[1], 1, 2)  # what the law expects
    figure.update_xaxes(range=expected.layout.xaxis.range, row=1, col=2)
    figure.update_layout(template="plotly_white", width=960, height=620, showlegend=False, bargap=0.03)
    figure.update_annotations(font_size=12)
    return figure


def _histogram_bars(bounds: np.ndarray, counts: np.ndarray) -> go.Bar:
    return go.Bar(
        x=(bounds[1:] + bounds[:-1]) / 2,
        y=counts,
        width=np.diff(bounds),
        marker={"color": POSITIVE, "opacity": 0.8, "line": {"width": 0}},
        customdata=np.stack([bounds[:-1], bounds[1:]], 1),
        hovertemplate="%{customdata[0]:.3~g} to %{customdata[1]:.3~g}: %{y:,}<extra></extra>",
    )


# ---------------------------------------------------------------------- training curves
def training_curves_figure(run: Run, id: int) -> go.Figure:
    """Accuracy and loss of individual `id` by epoch; epoch 0 is before training, the dashed line is its parent."""
    return draw_curves(training_curves(run, id), f"training of individual {id}")


def draw_curves(curves: TrainingCurves, title: str = "", epochs: int = 0, height: int = 420) -> go.Figure:
    """The figure of a training so far; `epochs` that there will be, if more than there are now; `height` in pixels."""
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    accuracy, loss = "epoch %{x}: %{y:.2%}<extra></extra>", "epoch %{x}: loss %{y:.3g}<extra></extra>"
    validation = np.concatenate([[curves.before], curves.validation])
    lines = [
        ("validation accuracy", np.arange(len(validation)), validation, {"color": VALIDATION}, accuracy),
        ("training accuracy", curves.epochs, curves.train, {"color": TRAINING}, accuracy),
        ("training loss", curves.epochs, curves.loss, {"color": GREY, "dash": "dot"}, loss),
    ]
    lines = [line for line in lines if not len(line[2]) or np.isfinite(line[2]).any()]  # not all spaces note all
    for name, x, y, line, hover in lines:
        figure.add_trace(go.Scatter(x=x, y=y, name=name, line=line, hovertemplate=hover), secondary_y=hover is loss)
    room = [-0.05 * epochs, 1.05 * epochs] if epochs > len(curves.epochs) else None
    epochs = max(1, epochs, len(curves.epochs))
    if not np.isnan(curves.parent):
        look = {"mode": "lines", "line": {"color": VERMILLION, "dash": "dash", "width": 1.5}}
        hover = "parent: %{y:.2%}<extra></extra>"
        figure.add_scatter(
            x=[0, epochs], y=[curves.parent] * 2, name="parent (validation)", hovertemplate=hover, **look
        )
    figure.update_layout(
        title=title,
        xaxis={"title": "epoch", "ticklabelstandoff": 6, "dtick": max(1, epochs // 10), "range": room},
        yaxis={"title": "accuracy", "tickformat": ".1%"},
        yaxis2={
            "title": "training loss",
            "visible": any(hover is loss for *_, hover in lines),
            "showgrid": False,
            "rangemode": "tozero",
            "tickmode": "auto",
            "nticks": 6,
        },
        template="plotly_white",
        width=760,
        height=height,
        legend={"orientation": "h", "y": 1.06, "yanchor": "bottom"},
        margin={"t": 96 if title else 48},
    )
    return figure
