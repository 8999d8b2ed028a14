"""Timing inference, and the latency model of this machine, fitted to the times of random genomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.objectives import LatencyModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import nn

Answer = Callable[[], object]
"""Computes the logits of a fixed batch."""

NETWORKS = 40
ROUNDS = 10
ROUND_SECONDS = 0.003
HIDDEN_LAYERS = (1, 6)
LAYER_SIZES = (0.02, 2.0)  # of the first hidden layer, over the inputs; drawn log-uniformly
EDGES_PER_NEURON = (1.0, 30.0)  # likewise


def calibrate_latency(shape: tuple[int, int, int], n_classes: int, seed: int = 0) -> LatencyModel:
    """Measure some seconds on this machine, and fit the model of a single sample's latency by native inference.

    The times are this machine's, as busy as it was: two calibrations differ. A search stores the one that it ranks by.

    Args:
        shape: (channels, height, width) of the images.
        n_classes: outputs.
        seed: of the random genomes that are timed.

    Raises:
        ConfigError: if there are fewer than 2 classes, or the shape has a size below 1.
    """
    return fit_latency(*latency_samples(shape, n_classes, seed))


def latency_samples(
    shape: tuple[int, int, int], n_classes: int, seed: int = 0, networks: int = NETWORKS
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and measured latencies of random genomes of many sizes and depths, as `fit_latency` takes them.

    A latency is that of the fastest of many answers, which other work of the machine disturbs least.
    """
    if len(shape) != 3 or min(shape) < 1 or n_classes < 2:
        raise ConfigError(
            f"calibrate_latency expects (channels, height, width) and at least 2 classes, got {shape} and {n_classes}; "
            "pass data.shape and data.n_classes"
        )
    rng = np.random.default_rng(seed)
    data = noise(shape, n_classes, rng)
    genomes = [_genome(shape, n_classes, rng) for _ in range(networks)]
    seconds = time_in_turns([native_answer(genome, data, 1) for genome in genomes], ROUNDS, ROUND_SECONDS)
    return np.array([size_of(genome) for genome in genomes]), np.array([1e6 * min(times) for times in seconds])


def noise(shape: tuple[int, int, int], n_classes: int, rng: np.random.Generator) -> Dataset:
    """Images to be timed: what they show changes no time."""
    labels = np.arange(10 * n_classes) % n_classes
    images = rng.integers(0, 256, (len(labels), *shape)).astype(np.uint8)
    return Dataset.from_arrays(images, labels, images, labels)


def size_of(genome: Genome) -> tuple[int, int, int]:
    """Layers after the inputs, hidden and output neurons, and edges: what `LatencyModel.predict` takes."""
    return genome.n_layers - 1, genome.n_hidden + genome.n_outputs, genome.n_edges


def fit_latency(sizes: ArrayLike, latency_us: ArrayLike) -> LatencyModel:
    """The model with the least squares of relative errors, by non-negative least squares (Lawson and Hanson 1974).

    `sizes` [networks, 3] are layers, neurons and edges as `LatencyModel.predict` takes them, `latency_us` [networks]
    their measured microseconds.
    """
    from scipy.optimize import nnls

    times = np.asarray(latency_us, float)
    if len(times) < 4 or not ((times > 0) & np.isfinite(times)).all():
        raise ConfigError(f"fit_latency expects times above 0 of at least 4 networks, got {times}; measure more")
    terms = np.column_stack([np.ones(len(times)), np.asarray(sizes, float)]) / times[:, None]  # [networks, 4]
    scale = terms.max(axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(terms / scale, np.ones(len(times)))
    return LatencyModel(*(float(value) for value in found / scale))


def relative_errors(model: LatencyModel, sizes: ArrayLike, latency_us: ArrayLike) -> np.ndarray:
    """(predicted − measured) / measured, float64 [networks]; arguments as of `fit_latency`."""
    measured = np.asarray(latency_us, float)
    predicted = np.array([model.predict(*size) for size in np.asarray(sizes).tolist()], float)
    return predicted / measured - 1


def _genome(shape: tuple[int, int, int], n_classes: int, rng: np.random.Generator) -> Genome:
    size = float(np.exp(rng.uniform(*np.log(LAYER_SIZES))))
    edges = float(np.exp(rng.uniform(*np.log(EDGES_PER_NEURON))))
    return random_genome(
        shape, n_classes, rng, hidden_layers=HIDDEN_LAYERS, layer_size=(size, size), edges_per_neuron=(edges, edges)
    )


def time_in_turns(answers: Sequence[Answer], rounds: int, round_seconds: float) -> list[list[float]]:
    """Seconds of every repetition of each answer, after one uncounted repetition that compiles and allocates.

    Networks take turns of at least `round_seconds`, so that a machine that slows down slows all of them.
    """
    seconds: list[list[float]] = [[] for _ in answers]
    for answer in answers:
        answer()
    for _ in range(rounds):
        for times, answer in zip(seconds, answers, strict=True):
            ends = time.perf_counter() + round_seconds
            while True:
                started = time.perf_counter()
                answer()
                finished = time.perf_counter()
                times.append(finished - started)
                if finished >= ends:
                    break
    return seconds


def raw_images(data: Dataset, batch: int) -> np.ndarray:
    """Images of the validation split as they are stored, [batch, c, h, w], repeated if there are too few."""
    images = data.images("validation")
    return np.ascontiguousarray(images[np.arange(batch) % len(images)])


def prepared_images(data: Dataset, batch: int) -> np.ndarray:
    """Images of the validation split as trained on, float32 [batch, c, h, w], repeated if there are too few."""
    return data.standardised(raw_images(data, batch))


def native_answer(genome: Genome, data: Dataset, batch: int) -> Answer:
    """Inference by the compiled kernels on `batch` raw images."""
    from workbench.training.native.predictor import Predictor

    predictor, images = Predictor(genome, data), raw_images(data, batch)
    return lambda: predictor.logits(images)


def torch_answer(module: nn.Module, images: np.ndarray) -> Answer:
    """Inference by torch on prepared images, float32 [batch, …]."""
    import torch

    module.eval()
    batch = torch.from_numpy(images)

    def answer() -> object:
        with torch.inference_mode():
            return module(batch)

    return answer


def has_onnxruntime() -> bool:
    """Whether networks can be written as ONNX and run."""
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None


def onnx_answer(model: bytes, images: np.ndarray) -> Answer:
    """Inference by onnxruntime, in one thread, on prepared images as the model takes them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"images": images})
