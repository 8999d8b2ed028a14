"""Why a network takes an image for what it does: which neurons spoke for one class and for another."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import DataError
from workbench.genome import Genome
from workbench.views.inspect.confusion import check_trained
from workbench.views.network.dag import NEGATIVE, POSITIVE
from workbench.views.network.space_map import activations, one_image

if TYPE_CHECKING:
    import plotly.graph_objects as go

SPEAKERS = 12
"""Neurons shown for each class, the strongest."""


@dataclass(frozen=True, eq=False)
class Voices:
    """What feeds one output on one image: contribution = activation · weight; they and the bias add up to the logit.

    Attributes:
        output: class.
        logit: of that class.
        bias: of its output neuron.
        neurons: ids of the neurons that feed it, int64 [edges], the strongest contribution first.
        contributions: float64 [edges], in the same order.
        activations: of these neurons, float64 [edges].
        weights: of their edges to the output, float64 [edges].
        positions: (row, column) of these neurons in pixels, float64 [edges, 2].
    """

    output: int
    logit: float
    bias: float
    neurons: np.ndarray
    contributions: np.ndarray
    activations: np.ndarray
    weights: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, eq=False)
class Evidence:
    """One image, what it is and what the network takes it for.

    Attributes:
        split: that the image is from.
        index: of the image in the split.
        image: raw, float32 [c, h, w].
        true: class it is.
        predicted: class with the highest logit.
        logits: float32 [classes].
        class_names: names of the classes.
        for_predicted: what spoke for the predicted class.
        for_true: what spoke for the true one.
    """

    split: str
    index: int
    image: np.ndarray
    true: int
    predicted: int
    logits: np.ndarray
    class_names: tuple[str, ...]
    for_predicted: Voices
    for_true: Voices

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, float64 [classes]."""
        powers = np.exp(self.logits.astype(float) - self.logits.max())
        return powers / powers.sum()


def evidence(genome: Genome, data: Dataset, split: str, index: int) -> Evidence:
    """What the network makes of one image, and why.

    Raises:
        DataError: if there is no such split or image, or the images have another shape than the network's.
        GenomeError: if the network is not trained.
    """
    check_trained(genome)
    values = activations(genome, data, split, index)
    logits = values[genome.n_inputs : genome.n_inputs + genome.n_outputs]
    true, predicted = int(data.labels(split)[index]), int(logits.argmax())
    if true >= genome.n_outputs:
        raise DataError(f"expected a network of {data.n_classes} classes, got one of {genome.n_outputs}")
    return Evidence(
        split=split,
        index=index,
        image=one_image(data, split, index),
        true=true,
        predicted=predicted,
        logits=logits,
        class_names=tuple(data.class_names),
        for_predicted=_voices(genome, values, predicted),
        for_true=_voices(genome, values, true),
    )


def _voices(genome: Genome, values: np.ndarray, output: int) -> Voices:
    edges = np.flatnonzero(genome.targets == genome.n_inputs + output)
    sources = genome.sources[edges]
    spoken, weights = values[sources].astype(float), genome.weights[edges].astype(float)
    order = np.argsort(-np.abs(spoken * weights), kind="stable")
    return Voices(
        output=output,
        logit=float(values[genome.n_inputs + output]),
        bias=float(genome.biases[output]),
        neurons=sources[order],
        contributions=(spoken * weights)[order],
        activations=spoken[order],
        weights=weights[order],
        positions=genome.positions[sources[order]],
    )


def evidence_figure(genome: Genome, data: Dataset, split: str, index: int) -> go.Figure:
    """One image with the neurons that spoke for the predicted and for the true class, at their places.

    The area of a disc is the size of its contribution (activation · weight into that output), its colour the sign. Bars
    list the strongest.

    Raises:
        DataError: if there is no such split or image, or the images have another shape than the network's.
        GenomeError: if the network is not trained.
    """
    return voices_figure(evidence(genome, data, split, index))


def voices_figure(found: Evidence) -> go.Figure:
    """The figure of evidence that is known already."""
    from plotly.subplots import make_subplots

    names = [html.escape(name, quote=False) for name in found.class_names]
    shares = found.probabilities
    sides = [found.for_predicted] if found.true == found.predicted else [found.for_predicted, found.for_true]
    titles = [f"for “{names[side.output]}” (logit {side.logit:.2f}, {shares[side.output]:.1%})" for side in sides]
    n = len(sides)
    figure = make_subplots(
        1, 2 * n, subplot_titles=[t for title in titles for t in (title, "strongest contributions")],
        column_widths=[0.6, 0.4] * n, horizontal_spacing=0.24 / (2 * n),
    )  # fmt: skip
    largest = max((np.abs(side.contributions).max(initial=0) for side in sides), default=0) or 1.0
    for place, side in enumerate(sides):
        figure.add_trace(_picture(found.image), 1, 2 * place + 1)
        figure.add_trace(_discs(side, largest), 1, 2 * place + 1)
        figure.add_trace(_bars(side), 1, 2 * place + 2)
        _set_axes(figure, found.image.shape, 2 * place + 1)
        figure.update_yaxes(autorange="reversed", type="category", row=1, col=2 * place + 2)
        figure.update_xaxes(title_text="activation · weight", row=1, col=2 * place + 2)
    right = "right" if found.true == found.predicted else f"it is “{names[found.true]}”"
    figure.update_layout(
        title=f"image {found.index} of the {found.split} split, taken for “{names[found.predicted]}”: {right}",
        template="plotly_white",
        width=1200 if n == 2 else 760,
        height=430,
        showlegend=False,
        margin={"t": 84},
    )
    figure.update_annotations(font_size=13)
    return figure


def _picture(image: np.ndarray) -> Any:
    import plotly.graph_objects as go

    if len(image) == 3:
        pixels = image - image.min()
        return go.Image(
            z=(255 * pixels.transpose(1, 2, 0) / max(pixels.max(), 1e-9)).astype(np.uint8), hoverinfo="skip"
        )
    return go.Heatmap(z=image.mean(axis=0), colorscale="gray", showscale=False, hoverinfo="skip")


def _discs(side: Voices, largest: float) -> go.Scatter:
    import plotly.graph_objects as go

    strong = slice(0, 10 * SPEAKERS)  # the weakest would be invisible
    contributions = side.contributions[strong]
    return go.Scatter(
        x=side.positions[strong, 1],
        y=side.positions[strong, 0],
        mode="markers",
        marker={
            "size": 26 * np.sqrt(np.abs(contributions) / largest),
            "color": np.where(contributions < 0, NEGATIVE, POSITIVE),
            "opacity": 0.75,
            "line": {"width": 1, "color": "#ffffff"},
        },
        customdata=np.stack([side.neurons[strong], contributions, side.activations[strong], side.weights[strong]], 1),
        hovertemplate="<b>neuron %{customdata[0]}</b>: %{customdata[1]:+.3f}<br>"
        "activation %{customdata[2]:.3f} · weight %{customdata[3]:.3f}<br>row %{y:.1f}, column %{x:.1f}<extra></extra>",
    )


def _bars(side: Voices) -> go.Bar:
    import plotly.graph_objects as go

    shown = slice(0, SPEAKERS)
    rest = float(side.contributions[SPEAKERS:].sum())
    values = [*side.contributions[shown], rest, side.bias]
    count = max(0, len(side.neurons) - SPEAKERS)
    return go.Bar(
        x=values,
        y=[*(f"# {neuron}" for neuron in side.neurons[shown]), f"{count:,} others", "bias"],
        orientation="h",
        marker={"color": [NEGATIVE if value < 0 else POSITIVE for value in values]},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )


def _set_axes(figure: go.Figure, shape: tuple[int, ...], column: int) -> None:
    _, height, width = shape
    bare = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, width - 0.5], title_text="column (pixels)", **bare, row=1, col=column)
    anchor = "x" if column == 1 else f"x{column}"
    figure.update_yaxes(range=[height - 0.5, -0.5], scaleanchor=anchor, **bare, row=1, col=column)
