"""Running a genome in numpy, for figures: every neuron's value, without importing torch."""

from __future__ import annotations

import numpy as np

from workbench.compiler.plan import compile_genome
from workbench.genome import EPS, Genome

BATCH = 512
"""Images that are run at once."""


def neuron_values(genome: Genome, images: np.ndarray) -> np.ndarray:
    """The value of every neuron: inputs as given, hidden neurons after the ReLU, outputs as logits.

    Args:
        genome: a network with known weights.
        images: scaled as for training, [batch, c, h, w] or [batch, inputs].

    Returns:
        float32 [neurons, batch], rows in the order of neuron ids.
    """
    from scipy.sparse import csr_array

    plan = compile_genome(genome)
    weights, biases = plan.weights_of(genome)[plan.parameters].astype(np.float64), plan.biases_of(genome)
    values = np.zeros((plan.n_neurons, len(images)))
    values[: plan.n_inputs] = images.reshape(len(images), -1).T
    for layer in range(1, plan.n_layers):
        low, high = plan.layer_starts[layer : layer + 2]
        starts = plan.row_starts[low : high + 1]
        edges = slice(starts[0], starts[-1])
        matrix = csr_array((weights[edges], plan.columns[edges], starts - starts[0]), (high - low, plan.n_neurons))
        out = matrix @ values + biases[low - plan.n_inputs : high - plan.n_inputs, None]
        if plan.normalised[layer]:
            out = (out - out.mean(axis=0)) / np.sqrt(out.var(axis=0) + EPS)
        values[low:high] = out if layer == plan.n_layers - 1 else np.maximum(out, 0)
    by_id = np.empty(values.shape, np.float32)
    by_id[plan.neurons] = values
    return by_id


def logits_of(genome: Genome, images: np.ndarray) -> np.ndarray:
    """Logits float32 [images, classes] of images [n, c, h, w], batch by batch to save memory."""
    outputs = slice(genome.n_inputs, genome.n_inputs + genome.n_outputs)
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    parts = [neuron_values(genome, batch)[outputs].T for batch in batches]
    return np.concatenate([np.zeros((0, genome.n_outputs), np.float32), *parts])
