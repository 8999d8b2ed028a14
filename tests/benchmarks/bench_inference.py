"""How long an answer to few images takes, ours against what a user would run instead.

Ours starts from raw images (uint8), the others from prepared ones (float32); all end with logits, use one thread, and
have the memory they need, but for the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from subjects import SIZES, data_of, genome_of, one_torch_thread

from workbench.compiler import compile_genome
from workbench.compiler.export import FORMATS
from workbench.compiler.network import NeuronNetwork
from workbench.genome import EPS, Genome
from workbench.initial import initialise
from workbench.training.calibration import (
    has_onnxruntime,
    native_answer,
    onnx_answer,
    prepared_images,
    time_in_turns,
    torch_answer,
)

NETWORKS = tuple(SIZES)[:2]
BATCHES = (1, 4, 16, 128)
ROUNDS, ROUND_SECONDS = 10, 0.02


def scipy_answer(genome: Genome, images: np.ndarray) -> Callable[[], object]:
    """Layer by layer with SciPy's CSR matrices, float32; a single image as a vector, which they multiply faster."""
    plan = compile_genome(genome)
    weights, biases = plan.weights_of(genome)[plan.parameters], plan.biases_of(genome)
    inputs = images.reshape(len(images), -1).T  # [inputs, images]
    values = np.zeros((plan.n_neurons, len(images)), np.float32)
    if len(images) == 1:
        inputs, values = inputs[:, 0], values[:, 0]
    layers = []
    for layer in range(1, plan.n_layers):
        low, high = plan.layer_starts[layer : layer + 2]
        starts = plan.row_starts[low : high + 1].astype(np.int32)
        edges = slice(starts[0], starts[-1])
        parts = weights[edges], plan.columns[edges].astype(np.int32), starts - starts[0]
        bias = biases[low - plan.n_inputs : high - plan.n_inputs]
        bias = bias.reshape(-1, *[1] * (values.ndim - 1))
        layers.append((csr_array(parts, (high - low, low)), bias, values[:low], values[low:high]))
    inner = list(zip(layers, plan.normalised[1:], strict=True))[:-1]
    matrix, bias, sources, _ = layers[-1]

    def answer() -> object:
        values[: plan.n_inputs] = inputs
        for (matrix_in, bias_in, sources_in, out), normalised in inner:
            sums = matrix_in @ sources_in
            sums += bias_in
            if normalised:
                sums -= sums.mean(axis=0)
                sums /= np.sqrt(np.square(sums).mean(axis=0) + np.float32(EPS))
            np.maximum(sums, 0, out=out)
        return (matrix @ sources + bias).T

    return answer


def answers_of(genome: Genome, name: str, batch: int) -> dict[str, Callable[[], object]]:
    """What is timed, by backend."""
    data = data_of(name, 2 * max(BATCHES))
    images = prepared_images(data, batch)
    found = {
        "native": native_answer(genome, data, batch),
        "SciPy CSR": scipy_answer(genome, images),
        "torch csr": torch_answer(NeuronNetwork(genome, "csr"), images),
    }
    if has_onnxruntime():
        found["onnxruntime"] = onnx_answer(FORMATS[".onnx"](genome, None, False), images.reshape(batch, -1))
    return found


def check(answers: Mapping[str, Callable[[], Any]], batch: int) -> None:
    """That all give the same logits."""
    first, *others = (np.asarray(answer()).reshape(batch, -1) for answer in answers.values())
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-3, atol=1e-4)


def rows() -> list[dict[str, Any]]:
    """The table: microseconds of our fastest answer, and how many times as long the others take."""
    table = []
    for name in NETWORKS:
        genome = initialise(genome_of(name), np.random.default_rng(0))
        for batch in BATCHES:
            with one_torch_thread():
                answers = answers_of(genome, name, batch)
                check(answers, batch)
                seconds = time_in_turns(list(answers.values()), ROUNDS, ROUND_SECONDS)
            best = {backend: min(times) for backend, times in zip(answers, seconds, strict=True)}
            native = best.pop("native")
            others = {f"{backend} / native": f"{time / native:.1f}" for backend, time in best.items()}
            table.append({"network": name, "images": batch, "native, µs": f"{1e6 * native:.1f}", **others})
    return table
