"""One network from inside: its mistakes and the evidence for them, its distributions, how it was trained (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, DataError
from workbench.genome import Genome
from workbench.space import Predicts, SearchSpace, lacks
from workbench.spaces import NeuronSpace
from workbench.spatial import SpatialLaw
from workbench.views.network.maps import EdgeLengths, activations, edge_length_histogram, one_image

if TYPE_CHECKING:
    from workbench.store import Run

WEIGHT_BINS = 60
MOST_DEGREE_BINS = 60

AT_ONCE = 1000
"""Images that are answered together: all at once may not fit in memory."""


# ---------------------------------------------------------------------- confusion
@dataclass(frozen=True, eq=False)
class Confusion:
    """The predictions of a network on one split."""

    split: str
    class_names: tuple[str, ...]
    labels: np.ndarray  # true classes, int64 [images]
    logits: np.ndarray  # float32 [images, classes]

    @property
    def predicted(self) -> np.ndarray:
        """The class with the highest logit, int64 [images]."""
        return self.logits.argmax(axis=1)

    @property
    def accuracy(self) -> float:
        """Fraction of the images classified correctly."""
        return float((self.predicted == self.labels).mean())

    @property
    def matrix(self) -> np.ndarray:
        """Number of images by true class (rows) and predicted class (columns), int64 [classes, classes]."""
        classes = len(self.class_names)
        pairs = self.labels * classes + self.predicted
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    def wrong(self, true: int | None = None, predicted: int | None = None) -> np.ndarray:
        """Misclassified images, int64, most confident mistakes first; of one true or predicted class if given."""
        found = self.predicted != self.labels
        if true is not None:
            found &= self.labels == true
        if predicted is not None:
            found &= self.predicted == predicted
        images = np.flatnonzero(found)
        rows = self.logits[images]
        margin = rows.max(axis=1, initial=-np.inf) - rows[np.arange(len(images)), self.labels[images]]
        return images[np.argsort(-margin, kind="stable")]


def confusion(genome: Any, data: Dataset, split: str = "validation", space: SearchSpace | None = None) -> Confusion:
    """Classify every image of a split.

    The test set is used only if asked for by name: networks chosen by their test accuracy have no test set any more.

    Args:
        genome: a trained network.
        data: the data set.
        split: "validation", "selection", "train" or "test".
        space: of the network; None means that of neurons.

    Raises:
        ConfigError: if the space does not give the predictions of its networks.
        DataError: if there is no such split, or the network does not fit the data.
        WeightsError: if the network was never trained, or its weights were not kept.
    """
    made_for = genome if space is None else space  # spaces need not say for which images they are
    shapes = getattr(made_for, "input_shape", data.shape), getattr(made_for, "n_outputs", data.n_classes)
    if shapes != (tuple(data.shape), data.n_classes):
        raise DataError(
            f"expected a network for images {tuple(data.shape)} of {data.n_classes} classes, got one for "
            f"{shapes[0]} and {shapes[1]}; open the data set that the run was made with"
        )
    space = NeuronSpace.for_data(data) if space is None else space
    if not isinstance(space, Predicts):
        raise ConfigError(lacks(space, Predicts))
    raw = data.images(split)
    parts = [raw[start : start + AT_ONCE] for start in range(0, len(raw), AT_ONCE)]
    logits = np.concatenate([space.logits(genome, data.standardised(part)) for part in parts])
    return Confusion(split, tuple(data.class_names), data.labels(split), logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes, float64 [classes]."""
    powers = np.exp(logits.astype(float) - logits.max())
    return powers / powers.sum()


# ---------------------------------------------------------------------- evidence
@dataclass(frozen=True, eq=False)
class LogitContributions:
    """What feeds one output on one image; the contributions, activation · weight, and the bias sum to the logit."""

    output: int  # class
    logit: float  # of that class
    bias: float  # of its output neuron
    neurons: np.ndarray  # ids of the neurons that feed it, int64 [edges], largest contribution first
    contributions: np.ndarray  # float64 [edges], in the same order
    activations: np.ndarray  # of these neurons, float64 [edges]
    weights: np.ndarray  # of their edges to the output, float64 [edges]
    positions: np.ndarray  # (row, column) of these neurons in pixels, float64 [edges, 2]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Why a network classifies one image as it does: contributions to the predicted and to the true class."""

    split: str  # that the image is from
    index: int  # of the image in the split
    image: np.ndarray  # raw, float32 [c, h, w]
    true: int  # its class
    predicted: int  # class with the highest logit
    logits: np.ndarray  # float32 [classes]
    class_names: tuple[str, ...]
    for_predicted: LogitContributions
    for_true: LogitContributions

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, float64 [classes]."""
        return softmax(self.logits)


def evidence(genome: Genome, data: Dataset, split: str, index: int) -> Evidence:
    """What speaks for the predicted and for the true class of one image.

    Raises:
        DataError: if there is no such split or image, or the images have another shape than the network's.
        WeightsError: if the network was never trained, or its weights were not kept.
    """
    genome.check_weights()
    values = activations(genome, data, split, index)
    logits = values[genome.n_inputs : genome.n_inputs + genome.n_outputs]
    true, predicted = int(data.labels(split)[index]), int(logits.argmax())
    if true >= genome.n_outputs:
        raise DataError(f"expected a network of {data.n_classes} classes, got one of {genome.n_outputs}")
    image, names = one_image(data, split, index), tuple(data.class_names)
    sides = (_contributions(genome, values, output) for output in (predicted, true))
    return Evidence(split, index, image, true, predicted, logits, names, *sides)


def _contributions(genome: Genome, values: np.ndarray, output: int) -> LogitContributions:
    edges = np.flatnonzero(genome.targets == genome.n_inputs + output)
    products = values[genome.sources[edges]].astype(float) * genome.weights[edges]
    order = np.argsort(-np.abs(products), kind="stable")
    neurons = genome.sources[edges[order]]
    return LogitContributions(
        output=output,
        logit=float(values[genome.n_inputs + output]),
        bias=float(genome.biases[output]),
        neurons=neurons,
        contributions=products[order],
        activations=values[neurons].astype(float),
        weights=genome.weights[edges[order]].astype(float),
        positions=genome.positions[neurons],
    )


# ---------------------------------------------------------------------- distributions
@dataclass(frozen=True, eq=False)
class Distributions:
    """Histograms of a network; each is (bounds of the bins, [bins + 1]; counts, [bins])."""

    weights: tuple[np.ndarray, np.ndarray]  # of edges; a shared weight counts once for each of its edges
    unknown_weights: int  # edges whose weight is unknown: not trained yet, or dropped
    in_degree: tuple[np.ndarray, np.ndarray]  # edges into each hidden neuron; outputs have many more
    out_degree: tuple[np.ndarray, np.ndarray]  # edges out of each input and hidden neuron
    unused_inputs: int  # inputs without an edge; they are part of `out_degree`
    lengths: EdgeLengths  # with those expected under the spatial law


def distributions(genome: Genome, law: SpatialLaw | None = None) -> Distributions:
    """Histograms of a network's weights, degrees and edge lengths; without `law`, by the published spatial law."""
    known = genome.weights[~np.isnan(genome.weights)]
    largest = float(np.abs(known).max(initial=0.0)) or 1.0
    counts, bounds = np.histogram(known, WEIGHT_BINS, (-largest, largest))
    out_degrees = np.bincount(genome.sources, minlength=genome.n_neurons)
    outputs = slice(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    return Distributions(
        weights=(bounds, counts),
        unknown_weights=genome.n_edges - len(known),
        in_degree=_degree_histogram(genome.in_degrees[outputs.stop :]),
        out_degree=_degree_histogram(np.delete(out_degrees, outputs)),
        unused_inputs=int((out_degrees[: genome.n_inputs] == 0).sum()),
        lengths=edge_length_histogram(genome, law),
    )


def _degree_histogram(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In bins of equal whole width."""
    most = int(degrees.max(initial=0))
    width = -(-(most + 1) // MOST_DEGREE_BINS)
    bounds = np.arange(0, most + width + 1, width) - 0.5
    return bounds, np.histogram(degrees, bounds)[0]


# ---------------------------------------------------------------------- training curves
@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """Loss and accuracy by epoch, float64 [epochs]; NaN where they were not recorded."""

    epochs: np.ndarray  # 1, 2, …
    loss: np.ndarray  # mean training loss
    train: np.ndarray  # accuracy on the training set
    validation: np.ndarray  # accuracy on the validation set
    before: float  # validation accuracy before training; NaN if unknown
    parent: float  # validation accuracy of the parent; NaN if there is none

    @classmethod
    def from_history(
        cls, history: Sequence[Mapping[str, Any]], before: float = np.nan, parent: float = np.nan
    ) -> TrainingCurves:
        """The curves of a training whose history has a row an epoch."""

        def column(name: str) -> np.ndarray:
            return np.array([row.get(name, np.nan) for row in history], float)

        loss, train, validation = map(column, ("train_loss", "train_accuracy", "val_accuracy"))
        return cls(np.arange(1, len(history) + 1), loss, train, validation, float(before), float(parent))


def training_curves(run: Run, id: int) -> TrainingCurves:
    """The training of individual `id`; `RunError` if there is none."""
    individual = run.individual(id)
    result, parent = individual.result, individual.parent
    accuracy = np.nan if parent is None else run.individual(parent).val_accuracy
    if result is None:
        return TrainingCurves.from_history((), parent=accuracy)
    return TrainingCurves.from_history(result.history, result.initial_val_accuracy, accuracy)
