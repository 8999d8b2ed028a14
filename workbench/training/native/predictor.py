"""Answers to a few images at a time, as a network in use gives them.

Tiles fill vectors with images. A single image would leave them empty, so here edges fill them: the sum of a neuron is
the dot product of its weights and the values of its sources, and those of all neurons fit into the fastest cache.
"""

from __future__ import annotations

import threading

import numpy as np

from workbench.compiler import Plan
from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import EPS, Genome
from workbench.genome.topology import stable_order
from workbench.training.augmentation import plain_draw, raw_mean
from workbench.training.native.jit import kernel
from workbench.training.native.kernels import infer
from workbench.training.native.simd import LANES, Row, simd_function
from workbench.training.native.tiles import fill_tiles, staging
from workbench.training.native.trainer import NativeTrainer
from workbench.training.native.widths import width_for
from workbench.training.train import check_fit

FEW = 2  # images that are answered one after the other; more are faster in a tile


class Predictor:
    """One trained genome, ready to answer; threads wait for each other, as work space is used again.

    Raises:
        DataError: if genome and data do not fit together.
        WeightsError: if an edge has no weight.
    """

    def __init__(self, genome: Genome, data: Dataset) -> None:
        check_fit(genome, data)
        genome.check_weights()
        self._guard = threading.Lock()
        self._trainer, self._shape, self._dtype = NativeTrainer(genome, data), data.shape, data.images("train").dtype
        plan = self._trainer.plan
        self._one = (*_by_in_degree(plan, genome), self._trainer.pixels, np.empty(plan.n_neurons, np.float32))
        self._make_room(1)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 [n, classes] of raw images [n, c, h, w], as the data set stores them.

        Quickest for as many images as the time before. `ConfigError` if their shape or type is another.
        """
        images = np.asarray(images)
        if images.shape[1:] != self._shape or images.dtype != self._dtype:
            expected = f"{self._dtype} [n, {', '.join(map(str, self._shape))}]"
            raise ConfigError(f"expected raw images {expected}, got {images.dtype} {list(images.shape)}")
        n, trainer, n_outputs = len(images), self._trainer, self._trainer.plan.n_outputs
        with self._guard:
            if n != len(self._images):
                self._make_room(n)
            self._images[:] = images
            if n <= FEW:
                logits = np.empty((n, n_outputs), np.float32)
                answer(self._flat, *self._one, logits)
                return logits
            fill_tiles(self._readable, *self._places, self._tiles, *self._staging)
            logits = np.empty((len(self._tiles), n_outputs, self._tiles.shape[2]), np.float32)
            infer(trainer.net, trainer.learner, self._tiles, trainer.pixels, self._buffers, logits)
        return logits.transpose(0, 2, 1).reshape(-1, n_outputs)[:n]

    def _make_room(self, n: int) -> None:
        width, n_inputs = width_for(n), self._trainer.plan.n_inputs
        numbers = np.full((-(-n // width), width), -1)
        numbers.ravel()[:n] = np.arange(n)
        self._places = numbers, plain_draw(n), 0, raw_mean(self._trainer.data)
        self._images = np.empty((n, *self._shape), self._dtype)
        self._flat = self._images.reshape(n, n_inputs)
        self._readable = self._images.view()
        self._readable.flags.writeable = False  # as images of a data set, for which the kernels are compiled
        self._tiles = np.empty((len(numbers), n_inputs, width), self._dtype)
        self._buffers, self._staging = self._trainer.buffers(width), staging(self._images, width)


def _by_in_degree(plan: Plan, genome: Genome) -> tuple[np.ndarray, ...]:
    """Layer starts, normalised layers, row starts, columns, weights and biases, as `answer` takes them.

    The rows of a hidden layer are ordered by their in-degrees: a processor foresees where a row ends if those before
    it were as long, which otherwise takes longer than four edges.
    """
    in_degrees = np.diff(plan.row_starts)
    keys = np.where(np.arange(plan.n_neurons) < plan.n_neurons - plan.n_outputs, in_degrees, 0)
    rows = np.lexsort((keys, np.repeat(np.arange(plan.n_layers), np.diff(plan.layer_starts))))
    place = np.empty(plan.n_neurons, np.int32)
    place[rows] = np.arange(plan.n_neurons)
    edges = stable_order(np.repeat(place, in_degrees))
    return (
        plan.layer_starts.astype(np.int64),
        plan.normalised,
        np.concatenate([[0], np.cumsum(in_degrees[rows])]).astype(np.int32),
        place[plan.columns[edges]],
        plan.weights_of(genome)[plan.parameters[edges]],
        plan.biases_of(genome)[rows[plan.n_inputs :] - plan.n_inputs],
    )


@simd_function("address", "address", "address", "address", "address", "count", "count", widths=[LANES])
def sum_layer(code, starts, columns, weights, biases, values, first, last):
    """values_row = bias_row + Σ_e weight_e · values[column_e], for the rows `first` to `last`, a float each.

    `starts` are int32, and say where the edges of a row start.
    """

    def several(edge, sums):
        return [code.gather(values, columns, edge).fma(code.load(code.add(weights, code.mul(edge, 4))), sums[0])]

    def one(edge, sums):
        value, weight = code.load_float(values, code.load_int(columns, edge)), code.load_float(weights, edge)
        return [sums[0] + Row(code, [value]) * Row(code, [weight])]

    def each(row, _):
        start, end = code.load_int(starts, row), code.load_int(starts, code.add(row, 1))
        done, (total,) = code.loop(end, several, [code.splat(0.0)], start=start, step=LANES)
        total = Row(code, [code.horizontal_sum(total.vectors[0])]) + Row(code, [code.load_float(biases, row)])
        _, (total,) = code.loop(end, one, [total], start=done)
        code.store_float(total.vectors[0], values, row)

    code.loop(last, each, start=first)


@kernel
def answer(images, layer_starts, normalised, row_starts, columns, weights, biases, pixels, values, logits):
    """logits [n, outputs] of raw `images` [n, inputs]; `values` [neurons] is work space, more is in `_by_in_degree`."""
    n_inputs, first_output = layer_starts[1], layer_starts[-2]
    for image in range(len(images)):
        for row in range(n_inputs):
            values[row] = np.float32(images[image, row]) * pixels[0, row] + pixels[1, row]
        forward_one(layer_starts, normalised, row_starts, columns, weights, biases, values)
        for output in range(logits.shape[1]):
            logits[image, output] = values[first_output + output]


@kernel(inner=True)
def forward_one(layer_starts, normalised, row_starts, columns, weights, biases, values):
    """The values of all neurons after the inputs: `kernels.forward` for one image."""
    all_biases = biases.ctypes.data - layer_starts[1] * biases.itemsize  # inputs have none
    for layer in range(1, len(normalised)):
        first, last = layer_starts[layer], layer_starts[layer + 1]
        sum_layer(
            row_starts.ctypes.data,
            columns.ctypes.data,
            weights.ctypes.data,
            all_biases,
            values.ctypes.data,
            first,
            last,
        )
        if layer < len(normalised) - 1:
            activate_one(values[first:last], normalised[layer])


@kernel(error_model="numpy", reorder=True, inner=True)
def activate_one(values, normalised):
    """ReLU(LayerNorm(values)), or ReLU(values), in place; NaN stays."""
    mean, scale = np.float32(0), np.float32(1)
    if normalised:
        for value in values:
            mean += value
        mean /= np.float32(len(values))
        square = np.float32(0)
        for value in values:
            square += (value - mean) * (value - mean)
        scale /= np.sqrt(square / np.float32(len(values)) + np.float32(EPS))
    for k in range(len(values)):
        value = (values[k] - mean) * scale
        values[k] = np.float32(0) if value <= 0 else value
