"""Which classes a network takes for which, and which images it gets wrong."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.compiler import compile_genome
from workbench.compiler.plan import Plan
from workbench.datasets import Dataset
from workbench.errors import DataError, GenomeError
from workbench.genome import Genome
from workbench.views.network.space_map import EPS

if TYPE_CHECKING:
    import plotly.graph_objects as go

BATCH = 512
"""Images that are put through the network at once."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """What a network makes of the images of one split.

    Attributes:
        split: of the data.
        class_names: names of the classes.
        labels: what the images are, int64 [images].
        logits: what the network says, float32 [images, classes].
    """

    split: str
    class_names: tuple[str, ...]
    labels: np.ndarray
    logits: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The class with the highest logit, int64 [images]."""
        return self.logits.argmax(axis=1)

    @property
    def accuracy(self) -> float:
        """Share of the images that are right."""
        return float((self.predicted == self.labels).mean())

    @property
    def matrix(self) -> np.ndarray:
        """How many images of each class (rows) were taken for each class (columns), int64 [classes, classes]."""
        classes = len(self.class_names)
        pairs = self.labels * classes + self.predicted
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    def wrong(self, true: int | None = None, predicted: int | None = None) -> np.ndarray:
        """Images that are wrong, int64, the most certain mistakes first; of one true or predicted class if given."""
        found = self.predicted != self.labels
        if true is not None:
            found &= self.labels == true
        if predicted is not None:
            found &= self.predicted == predicted
        places = np.flatnonzero(found)
        rows = self.logits[places]
        margin = rows.max(axis=1, initial=-np.inf) - rows[np.arange(len(places)), self.labels[places]]
        return places[np.argsort(-margin, kind="stable")]


def confusion(genome: Genome, data: Dataset, split: str = "validation") -> Confusion:
    """Put all images of a split through a network.

    The test set is looked at only if it is asked for by name: whoever chooses networks by what it says has no test set
    any more.

    Args:
        genome: a trained network.
        data: the data set.
        split: "validation", "selection", "train" or "test".

    Raises:
        DataError: if there is no such split, or the network does not fit the data.
        GenomeError: if the network has weights that are unknown: not trained yet, or dropped to save space.
    """
    if (genome.input_shape, genome.n_outputs) != (tuple(data.shape), data.n_classes):
        raise DataError(
            f"expected a network for images {tuple(data.shape)} of {data.n_classes} classes, got one for "
            f"{genome.input_shape} and {genome.n_outputs}; open the data set that the run was made with"
        )
    check_trained(genome)
    images, labels = data.arrays(split)
    return Confusion(split, tuple(data.class_names), labels, _logits(genome, images))


def check_trained(genome: Genome) -> None:
    """Raise `GenomeError` unless every edge has a weight."""
    unknown = int(np.isnan(genome.weights).sum())
    if unknown:
        raise GenomeError(
            f"expected a trained network, got one whose weights are unknown on {unknown:,} of {genome.n_edges:,} "
            "edges: it was not trained yet, or its weights were dropped to save space; train it again"
        )


def _logits(genome: Genome, images: np.ndarray) -> np.ndarray:
    """Logits, float32 [images, classes], of images [n, c, h, w]; without torch, which takes seconds to import."""
    plan, parts = compile_genome(genome), []
    weights, biases = plan.weights_of(genome)[plan.parameters], plan.biases_of(genome)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        values = np.zeros((plan.n_neurons, len(batch)), np.float32)
        values[: plan.n_inputs] = batch.reshape(len(batch), -1).T
        for layer in range(1, plan.n_layers):
            low, high = plan.layer_starts[layer : layer + 2]
            values[low:high] = (
                _layer(plan, layer, values, weights) + biases[low - plan.n_inputs : high - plan.n_inputs, None]
            )
            if plan.normalised[layer]:
                values[low:high] -= values[low:high].mean(axis=0)
                values[low:high] /= np.sqrt((values[low:high] ** 2).mean(axis=0) + EPS)
            if layer < plan.n_layers - 1:
                np.maximum(values[low:high], 0, out=values[low:high])
        parts.append(values[-plan.n_outputs :].T)
    return np.concatenate(parts) if parts else np.zeros((0, genome.n_outputs), np.float32)


def _layer(plan: Plan, layer: int, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums of one layer, float32 [neurons of the layer, images], from `values` [neurons, images]."""
    from scipy.sparse import csr_array

    low, high = plan.layer_starts[layer : layer + 2]
    rows = plan.row_starts[low : high + 1]
    edges = slice(rows[0], rows[-1])
    matrix = csr_array((weights[edges], plan.columns[edges], rows - rows[0]), shape=(high - low, plan.n_neurons))
    return np.asarray(matrix @ values)


def confusion_figure(genome: Genome, data: Dataset, split: str = "validation") -> go.Figure:
    """The confusion matrix of a network on a split; errors are coloured, what is right is only written.

    Raises:
        DataError: if there is no such split, or the network does not fit the data.
        GenomeError: if the network is not trained.
    """
    return matrix_figure(confusion(genome, data, split))


def matrix_figure(found: Confusion) -> go.Figure:
    """The figure of a matrix that is known already."""
    import plotly.graph_objects as go

    names = [html.escape(name, quote=False) for name in found.class_names]
    matrix = found.matrix
    errors = matrix.astype(float)
    np.fill_diagonal(errors, np.nan)
    rows = matrix.sum(axis=1, keepdims=True)
    written = np.where(np.eye(len(names), dtype=bool), "", matrix.astype(str))
    figure = go.Figure(
        go.Heatmap(
            z=errors,
            x=names,
            y=names,
            text=written,
            texttemplate="%{text}" if len(names) <= 20 else None,
            customdata=matrix / np.maximum(rows, 1),
            colorscale="Oranges",
            zmin=0,
            zmax=max(1.0, float(np.nanmax(errors, initial=0))),
            colorbar={"title": {"text": "errors"}, "thickness": 12},
            hovertemplate="%{y} taken for %{x}: %{text} images, %{customdata:.1%} of that class<extra></extra>",
            hoverongaps=True,
            xgap=1,
            ygap=1,
        )
    )
    diagonal = [
        {"x": name, "y": name, "text": f"<b>{matrix[place, place]}</b>", "showarrow": False, "font": {"size": 11}}
        for place, name in enumerate(names)
        if len(names) <= 20
    ]
    n_wrong = int(np.nansum(errors))
    figure.update_layout(
        title=f"{found.split} split: {found.accuracy:.2%} right, {n_wrong:,} of {len(found.labels):,} wrong",
        xaxis={"title": "taken for", "type": "category", "constrain": "domain", "showgrid": False},
        yaxis={
            "title": "is",
            "type": "category",
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
            "showgrid": False,
        },
        annotations=diagonal,
        template="plotly_white",
        width=620,
        height=560,
    )
    return figure
