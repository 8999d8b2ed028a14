"""A genome made tensor by tensor: of neurons, or of weighted sums of neurons, which a ReLU makes neurons.

The *places* of a tensor are its values for one image, in the order channel, row, column. Edges lead from neurons to
places and name their weight by its index in a vector, so that edges with the same index share a weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.genome.topology import check_size, stable_order


@dataclass(frozen=True, eq=False)
class Neurons:
    """A tensor of neurons; where no image changes a value, it is a constant."""

    ids: np.ndarray  # neuron of each place, int32 [places]; -1: a constant
    constants: np.ndarray  # float64 [places]; 0 where there is a neuron


@dataclass(frozen=True, eq=False)
class Sums:
    """A tensor of weighted sums of neurons."""

    sources: np.ndarray  # neuron of each edge, int32 [edges]
    places: np.ndarray  # where each edge leads, int32 [edges]
    which: np.ndarray  # index of each edge's weight, int32 [edges]
    weights: np.ndarray  # float64 [weights]
    biases: np.ndarray  # float64 [places]
    maps: np.ndarray  # output channel that made each place, int32 [places]; its places share a bias
    fixed: bool = False  # pooling and normalisation only, whose weights no sum is added to
    distinct: bool = True  # whether no neuron can have two edges to a place


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution with zero padding: of maps `before` [channels, height, width] into maps `after`."""

    kernel: np.ndarray  # float64 [channels, channels before / groups, height, width]
    biases: np.ndarray  # float64 [channels]
    before: tuple[int, int, int]
    after: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)  # above, and to the left
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    fixed: bool = False  # pooling, normalisation or an identity: one weight a map

    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place before, place after and index in the kernel of every weight that is not 0, each int32 [edges].

        What lies outside the maps has no edges. `GenomeError` if there are more than a genome may have.
        """
        n_maps, depth, height, width = self.kernel.shape
        rows, columns = self._pairs(0), self._pairs(1)
        counts = np.count_nonzero(self.kernel, axis=(0, 1))
        total = int(np.einsum("yx,y,x", counts, [len(one) for one, _ in rows], [len(one) for one, _ in columns]))
        check_size(0, total)
        sources, places, which = (np.empty(total, np.int32) for _ in range(3))
        end = 0
        for row, column in np.ndindex(height, width):
            one, other = np.nonzero(self.kernel[:, :, row, column])
            channel = other + one // (n_maps // self.groups) * depth
            (up, up_before), (left, left_before) = rows[row], columns[column]
            start, end = end, end + len(one) * len(up) * len(left)
            for values, channels, grid, tops, lefts in (
                (sources, channel, self.before, up_before, left_before),
                (places, one, self.after, up, left),
            ):
                inner = (tops[:, None] * grid[2] + lefts).ravel()
                values[start:end] = (channels[:, None] * (grid[1] * grid[2]) + inner).ravel()
            index = one if self.fixed else ((one * depth + other) * height + row) * width + column
            which[start:end] = np.repeat(index, len(up) * len(left))
        return sources, places, which

    def _pairs(self, axis: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each row (or column) of the kernel: rows after, and the rows before that it reads there."""
        pairs = []
        for tap in range(self.kernel.shape[2 + axis]):
            after = np.arange(self.after[1 + axis])
            before = after * self.stride[axis] - self.padding[axis] + tap * self.dilation[axis]
            inside = (before >= 0) & (before < self.before[1 + axis])
            pairs.append((after[inside], before[inside]))
        return pairs

    def of(self, tensor: Neurons | Sums) -> Sums:
        """What it makes of a tensor."""
        sources, places, which = self.edges()
        weights = self.kernel[:, 0, 0, 0] if self.fixed else self.kernel.ravel()
        maps = np.repeat(np.arange(self.after[0], dtype=np.int32), self.after[1] * self.after[2])
        biases = self.biases[maps]
        if isinstance(tensor, Sums):
            return _composed(tensor, Sums(sources, places, which, weights, biases, maps, self.fixed))
        used = tensor.ids[tensor.ids >= 0]
        distinct = len(np.unique(used)) == len(used)
        if len(used) < len(tensor.ids):
            known = weights[which] * tensor.constants[sources]
            biases = biases + np.bincount(places, known, minlength=len(biases))
            live = tensor.ids[sources] >= 0
            sources, places, which = sources[live], places[live], which[live]
        return Sums(tensor.ids[sources], places, which, weights, biases, maps, self.fixed, distinct)


def _composed(first: Sums, then: Sums) -> Sums:
    """`then`, whose sources are the places of `first`, after it.

    Edges that take the same two weights share their product.
    """
    order = stable_order(first.places)
    counts = np.bincount(first.places, minlength=len(first.biases))
    starts = np.cumsum(counts) - counts
    repeats = counts[then.sources]
    check_size(0, int(repeats.sum()))
    inner = np.arange(int(repeats.sum())) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    edges = order[np.repeat(starts[then.sources], repeats) + inner]
    codes = first.which[edges] + np.repeat(then.which.astype(np.int64) * len(first.weights), repeats)
    pairs, which = np.unique(codes, return_inverse=True)
    outer, inner = np.divmod(pairs, len(first.weights))
    shifts = then.weights[then.which] * first.biases[then.sources]
    return Sums(
        sources=first.sources[edges],
        places=np.repeat(then.places, repeats),
        which=which.astype(np.int32),
        weights=then.weights[outer] * first.weights[inner],
        biases=then.biases + np.bincount(then.places, shifts, minlength=len(then.biases)),
        maps=then.maps,
        fixed=first.fixed and then.fixed,
        distinct=False,
    )


def scaled(sums: Sums, channels: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> Sums | None:
    """Sums times `scale` plus `shift` of the channel (int [places]) that each is in; None if channels share weights."""
    owner = np.zeros(len(sums.weights), np.int64)
    of_edge = channels[sums.places]
    owner[sums.which] = of_edge
    if (owner[sums.which] != of_edge).any():
        return None
    weights = sums.weights * scale[owner]
    return replace(sums, weights=weights, biases=sums.biases * scale[channels] + shift[channels])


def added(one: Sums, other: Sums) -> Sums:
    """The sum of two tensors of the same shape."""
    check_size(0, len(one.sources) + len(other.sources))
    return Sums(
        sources=np.concatenate([one.sources, other.sources]),
        places=np.concatenate([one.places, other.places]),
        which=np.concatenate([one.which, other.which + np.int32(len(one.weights))]),
        weights=np.concatenate([one.weights, other.weights]),
        biases=one.biases + other.biases,
        maps=one.maps,
        fixed=one.fixed and other.fixed,
        distinct=False,
    )


def merged(sums: Sums) -> Sums:
    """The same sums with one edge from a neuron to a place, and none that weighs 0.

    Edges that are merged share a weight with those that merge the same weights.
    """
    while not sums.distinct:
        order = np.lexsort((sums.which, sums.sources, sums.places))
        sources, places, which = sums.sources[order], sums.places[order], sums.which[order]
        again = np.append((np.diff(sources) == 0) & (np.diff(places) == 0), False)  # the next edge joins the same two
        begins = np.flatnonzero(~np.append(False, again[:-1]))
        nth = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
        firsts = np.flatnonzero(again & (nth % 2 == 0))  # each is merged with the next
        codes = which[firsts].astype(np.int64) * len(sums.weights) + which[firsts + 1]
        pairs, new = np.unique(codes, return_inverse=True)
        which[firsts] = len(sums.weights) + new
        weights = np.append(sums.weights, sums.weights[list(np.divmod(pairs, len(sums.weights)))].sum(0))
        left = np.ones(len(order), bool)
        left[firsts + 1] = False
        sums = replace(sums, sources=sources[left], places=places[left], which=which[left], weights=weights)
        sums = replace(sums, distinct=not len(firsts))
    if (sums.weights.astype(np.float32) != 0).all():
        return sums
    left = sums.weights.astype(np.float32)[sums.which] != 0
    return replace(sums, sources=sums.sources[left], places=sums.places[left], which=sums.which[left])


@dataclass
class Network:
    """The neurons and edges made so far."""

    input_shape: tuple[int, int, int]
    n_outputs: int
    n_hidden: int = 0
    _n_weights: int = 0
    _edges: list[list[np.ndarray]] = field(default_factory=list)  # sources, targets, weights, groups
    _biases: list[np.ndarray] = field(default_factory=list)  # of hidden neurons, float32
    _maps: list[np.ndarray] = field(default_factory=list)  # their shared-bias groups, each from 0

    @property
    def n_inputs(self) -> int:
        """Number of input neurons, which have the first ids."""
        return math.prod(self.input_shape)

    def inputs(self) -> Neurons:
        """The images."""
        return Neurons(np.arange(self.n_inputs, dtype=np.int32), np.zeros(self.n_inputs))

    def neurons(self, sums: Sums) -> Neurons:
        """Hidden neurons: sums after a ReLU; those that no image changes are constants."""
        sums = merged(sums)
        live = np.bincount(sums.places, minlength=len(sums.biases)) > 0
        first = self.n_inputs + self.n_outputs + self.n_hidden
        self.n_hidden += int(live.sum())
        check_size(self.n_inputs + self.n_outputs + self.n_hidden)
        ids = np.where(live, first + np.cumsum(live) - 1, -1).astype(np.int32)
        self._add(sums, ids, live)
        return Neurons(ids, np.where(live, 0.0, np.maximum(sums.biases, 0)))

    def is_positive(self, tensor: Neurons | Sums) -> bool:
        """Whether its values are never negative, so that a ReLU changes nothing."""
        if isinstance(tensor, Neurons):
            return bool(((tensor.ids < 0) | (tensor.ids >= self.n_inputs)).all())
        hidden = (tensor.sources >= self.n_inputs).all()
        return bool(hidden and (tensor.weights >= 0).all() and (tensor.biases >= 0).all())

    def finished(self, logits: Sums) -> dict[str, Any]:
        """The arguments of `Genome.from_edges`, once."""
        self._add(merged(logits), self.n_inputs + np.arange(self.n_outputs, dtype=np.int32))
        arguments = {}
        for name in ("shared", "weights", "targets", "sources"):
            arguments[name] = np.concatenate([part.pop() for part in self._edges])
        firsts = np.cumsum([0, *(len(maps) for maps in self._maps)])
        maps = [maps + first for maps, first in zip(self._maps, firsts, strict=False)]
        for name, parts in (("biases", self._biases), ("shared_biases", maps)):
            arguments[name] = np.concatenate([parts[-1], *parts[:-1]])  # outputs come before hidden neurons
        facts = {"input_shape": self.input_shape, "n_outputs": self.n_outputs, "normalization": "none"}
        return {**facts, **arguments}

    def _add(self, sums: Sums, ids: np.ndarray, live: np.ndarray | slice = slice(None)) -> None:
        biases, maps = sums.biases[live].astype(np.float32) + np.float32(0), sums.maps[live].astype(np.int64)
        self._biases.append(biases)
        # Where constants or shifted images meet zero padding, biases of a map differ at the border: a group each.
        self._maps.append(np.unique(maps << 32 | biases.view(np.uint32), return_inverse=True)[1])
        weights, groups = sums.weights.astype(np.float32)[sums.which], sums.which + np.int32(self._n_weights)
        self._edges.append([sums.sources, ids[sums.places], weights, groups])
        check_size(0, sum(len(each[0]) for each in self._edges))
        self._n_weights += len(sums.weights)
