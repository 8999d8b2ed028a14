"""Two networks side by side: their numbers, how they are related, and where they err differently (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import DataError
from workbench.formats import MISSING, counted, percent, points
from workbench.genome import Genome
from workbench.individuals import Individual
from workbench.objectives import LATENCY
from workbench.space import SearchSpace
from workbench.views.base.words import value_text
from workbench.views.inspect.data import Confusion, confusion
from workbench.views.network.data import counterpart
from workbench.views.network.maps import receptive_field

Z_95 = 1.959964
"""Standard deviations to either side of the mean that hold 95 % of a normal distribution."""


# ---------------------------------------------------------------------- where they err
@dataclass(frozen=True, eq=False)
class TwoNetworks:
    """The predictions of two networks on the same images."""

    first: Confusion
    second: Confusion

    @property
    def split(self) -> str:
        """That the images are from."""
        return self.first.split

    @cached_property
    def only_first(self) -> np.ndarray:
        """Images that only the first classifies correctly, int64, in the order of the split."""
        return self._images(self._right[0] & ~self._right[1])

    @cached_property
    def only_second(self) -> np.ndarray:
        """Images that only the second classifies correctly, int64."""
        return self._images(self._right[1] & ~self._right[0])

    @cached_property
    def both_wrong(self) -> np.ndarray:
        """Images that both misclassify, int64."""
        return self._images(~(self._right[0] | self._right[1]))

    @property
    def n_images(self) -> int:
        """Number of images of the split."""
        return len(self.first.labels)

    @property
    def difference(self) -> float:
        """Accuracy of the second minus that of the first, a fraction."""
        return (len(self.only_second) - len(self.only_first)) / self.n_images

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `difference`, for paired proportions (Agresti and Min 2005: half an image to each count)."""
        gained, lost, n = len(self.only_second) + 0.5, len(self.only_first) + 0.5, self.n_images + 2
        middle = (gained - lost) / n
        half = Z_95 * float(np.sqrt(gained + lost - (gained - lost) ** 2 / n)) / n
        return max(middle - half, -1.0), min(middle + half, 1.0)

    @property
    def p_value(self) -> float:
        """McNemar's exact test: how often equally good networks would differ at least so much on such images."""
        from scipy.stats import binomtest

        gained, lost = len(self.only_second), len(self.only_first)
        return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0

    @property
    def by_class(self) -> np.ndarray:
        """Images of each class that only the first, and only the second classifies correctly, int64 [classes, 2]."""
        classes = len(self.first.class_names)
        sides = (
            np.bincount(self.first.labels[some], minlength=classes) for some in (self.only_first, self.only_second)
        )
        return np.stack(list(sides), axis=1)

    @cached_property
    def _right(self) -> tuple[np.ndarray, np.ndarray]:
        return self.first.predicted == self.first.labels, self.second.predicted == self.second.labels

    def _images(self, which: np.ndarray) -> np.ndarray:
        return np.flatnonzero(which)


def two_networks(
    first: Any, second: Any, data: Dataset, split: str = "validation", space: SearchSpace | None = None
) -> TwoNetworks:
    """Classify every image of a split with both networks.

    Args:
        first: a trained network.
        second: another one for the same images.
        data: the data set.
        split: "validation", "selection", "train" or "test"; looking at test images while choosing spends them.
        space: of both networks; None means that of neurons.

    Raises:
        ConfigError: if the space does not give the predictions of its networks.
        DataError: if there is no such split, or a network does not fit the data.
        WeightsError: if a network was never trained, or its weights were not kept.
    """
    return TwoNetworks(confusion(first, data, split, space), confusion(second, data, split, space))


def difference_in_words(found: TwoNetworks, first: str, second: str) -> str:
    """What the predictions say about which one is better, with the uncertainty."""
    low, high = (points(each).removesuffix(" points") for each in found.interval)
    verdict = "could be chance" if found.p_value > 0.05 else "hardly chance"
    return (
        f"{second} against {first} on {counted(found.n_images, f'{found.split} image')}: {points(found.difference)} "
        f"(95% interval {low} to {high}; McNemar's test p = {found.p_value:.2g}: {verdict}). "
        f"Both are wrong on {len(found.both_wrong):,}."
    )


# ---------------------------------------------------------------------- how they are related
class Kinship(NamedTuple):
    """The last individual from which two descend (one of them may be it), and the mutations from it to each."""

    ancestor: int | None  # None if they descend from different initial networks
    first: int
    second: int


def kinship(first: Sequence[int], second: Sequence[int]) -> Kinship:
    """How two individuals are related, from their lines: ids from the first ancestor down to the individual itself."""
    shared = 0
    while shared < min(len(first), len(second)) and first[shared] == second[shared]:
        shared += 1
    ancestor = first[shared - 1] if shared else None
    return Kinship(ancestor, len(first) - shared, len(second) - shared)


def kinship_in_words(kin: Kinship, first: int, second: int) -> str:
    """How two individuals are related, as a sentence."""
    if kin.ancestor is None:
        return "They descend from different initial networks."
    if first == second:
        return "They are the same individual."
    for ancestor, other, steps in ((first, second, kin.second), (second, first, kin.first)):
        if kin.ancestor == ancestor:
            return f"{ancestor} is an ancestor of {other}: {counted(steps, 'mutation')} between them."
    return (
        f"Their last common ancestor is {kin.ancestor}: {counted(kin.first, 'mutation')} to {first}, "
        f"{counted(kin.second, 'mutation')} to {second}."
    )


# ---------------------------------------------------------------------- numbers
class Row(NamedTuple):
    """A line of the table of two networks; all texts."""

    name: str
    first: str
    second: str
    difference: str


def number_rows(
    first: Individual, second: Individual, facts: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]
) -> list[Row]:
    """The numbers of two individuals: accuracies differ in points, counts by a factor.

    `facts` are what their space's `describe` says of their networks; None if a network was not kept.
    """
    rows = []
    results = first.result, second.result
    if results[0] is not None and results[1] is not None:
        accuracies = results[0].val_accuracy, results[1].val_accuracy
        change = points(accuracies[1] - accuracies[0])
        rows.append(Row("validation accuracy", percent(accuracies[0]), percent(accuracies[1]), change))
    for name in ("flops", "parameters"):
        rows.append(
            _count("FLOPs" if name == "flops" else name, *(getattr(one.cost, name, None) for one in (first, second)))
        )
    latencies = first.latency_us, second.latency_us
    if latencies[0] is not None and latencies[1] is not None:
        was, now = latencies[0], latencies[1]
        rows.append(Row(LATENCY.label, LATENCY.text(was), LATENCY.text(now), _factor(was, now)))
    told = [each or {} for each in facts]
    rows += [_fact(name, *(each.get(name) for each in told)) for name in dict.fromkeys([*told[0], *told[1]])]
    rows.append(Row("generation", f"{first.generation}", f"{second.generation}", ""))
    rows.append(_count("epochs trained", *(None if result is None else result.epochs for result in results)))
    return rows


def _fact(name: str, first: Any, second: Any) -> Row:
    """Numbers differ by a factor; of other facts it is only said whether they are the same."""
    was, now = (MISSING if each is None else value_text(each) for each in (first, second))
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (first, second)):
        return Row(name, was, now, _factor(first, second))
    return Row(name, was, now, "same" if first == second else "")


def _count(name: str, first: int | None, second: int | None) -> Row:
    was, now = (MISSING if each is None else f"{each:,}" for each in (first, second))
    return Row(name, was, now, _factor(first, second))


def _factor(first: float | None, second: float | None) -> str:
    if first is None or second is None or not first:
        return ""
    return "same" if first == second else f"× {second / first:.3g}"


# ---------------------------------------------------------------------- receptive fields
@dataclass(frozen=True, eq=False)
class TwoFields:
    """What a neuron of one network and its counterpart in the other see."""

    neurons: tuple[int, int]  # their ids, each in its own network
    names: tuple[str, str]  # such as "neuron 812", or "output 3"
    same: bool  # whether it is the same neuron, by its key; else the nearest one of the first network
    apart: float  # pixels between their positions; 0 for outputs
    fields: tuple[np.ndarray, np.ndarray]  # accumulated weights, float32 [channels, height, width] each


def two_fields(first: Genome, second: Genome, neuron: int) -> TwoFields:
    """The receptive fields of `neuron` of the second network and of its counterpart in the first.

    The counterpart is the same neuron, if both have inherited it; else the hidden neuron of the first network that is
    nearest to its position, one of the same layer if there is any.

    Raises:
        GenomeError: if there is no such neuron.
        DataError: if the networks are for different images or classes, or the first has no hidden neuron.
        WeightsError: if a network was never trained, or its weights were not kept.
    """
    if (first.input_shape, first.n_outputs) != (second.input_shape, second.n_outputs):
        raise DataError("expected two networks for the same images and classes")
    seen = receptive_field(second, neuron)
    other = counterpart(second, first, neuron)
    same, apart = other is not None, 0.0
    if other is None:
        hidden = np.arange(first.n_inputs + first.n_outputs, first.n_neurons)
        if not len(hidden):
            raise DataError("the pinned network has no hidden neuron to compare with")
        peers = hidden[first.layers[hidden] == second.layers[neuron]]
        peers = peers if len(peers) else hidden
        distances = np.hypot(*(first.positions[peers] - second.positions[neuron]).T)
        other = int(peers[distances.argmin()])
    if neuron >= second.n_inputs + second.n_outputs:
        apart = float(np.hypot(*(first.positions[other] - second.positions[neuron])))
    names = (_neuron_name(first, other), _neuron_name(second, neuron))
    return TwoFields((other, neuron), names, same, apart, (receptive_field(first, other), seen))


def _neuron_name(genome: Genome, neuron: int) -> str:
    output = neuron - genome.n_inputs
    return f"output {output}" if 0 <= output < genome.n_outputs else f"neuron {neuron}"
