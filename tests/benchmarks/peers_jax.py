"""The same whole steps in JAX, by four ways to multiply: gathers, a segment sum, BCOO and dense matrices.

All steps of a pass are one compiled `lax.scan`, which was faster than a call for each, and the state is donated.
Activations are [neurons, batch], prepared so. Gathers were fastest by edges of one rank in all rows at a time, with
gradients by gathers too: left to itself, JAX scatters them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from peers import Pass, Work, rows_of

from workbench.compiler import compile_genome
from workbench.compiler.plan import Block
from workbench.genome import EPS
from workbench.training.native.formulas import ADAM_EPS, BETA1, BETA2

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # read once, at the first import
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import sparse

UNROLL = 8  # gathers in an iteration of a loop

Product = Callable[[Any, Any], Any]
"""(weights of a layer's edges [edges], activations before it [sources, batch]) -> sums [targets, batch]."""


def _ranks(starts: np.ndarray, columns: np.ndarray, edges: np.ndarray, none: int) -> tuple[np.ndarray, np.ndarray]:
    """Column and edge by rank within their row, [largest degree, rows]; `none` and `len(edges)` where there is none."""
    degrees = np.diff(starts)
    inside = np.arange(degrees.max(initial=1)) < degrees[:, None]
    column, edge = np.full(inside.shape, none, np.int32), np.full(inside.shape, len(edges), np.int32)
    column[inside], edge[inside] = columns, edges
    return column.T.copy(), edge.T.copy()


def gather(block: Block) -> Product:
    """Σ over ranks of weight[rank] · x[source of that rank]; the gradients likewise."""
    rows, columns, n_edges = rows_of(block), block.columns, len(block.columns)
    order = np.lexsort((rows, columns))
    starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=block.n_sources))])
    ahead = _ranks(block.starts, columns, np.arange(n_edges), block.n_sources)
    back = _ranks(starts, rows[order], order, len(block.starts) - 1)
    place = np.argsort(ahead[1], axis=None, kind="stable")[:n_edges]  # of each edge among the ranks

    def multiply(values: Any, x: Any, ranks: tuple[np.ndarray, np.ndarray]) -> Any:
        x, weights = jnp.pad(x, ((0, 1), (0, 0))), jnp.append(values, 0.0)[ranks[1]]
        zeros = jnp.zeros((ranks[0].shape[1], x.shape[1]))
        return lax.scan(
            lambda sums, rank: (sums + rank[1][:, None] * x[rank[0]], None),
            zeros,
            (jnp.asarray(ranks[0]), weights),
            unroll=UNROLL,
        )[0]

    @jax.custom_vjp
    def product(values: Any, x: Any) -> Any:
        return multiply(values, x, ahead)

    def backward(saved: tuple[Any, Any], grad: Any) -> tuple[Any, Any]:
        values, x = saved
        x = jnp.pad(x, ((0, 1), (0, 0)))
        dots = lax.scan(lambda _, rank: (None, (grad * x[rank]).sum(1)), None, jnp.asarray(ahead[0]), unroll=UNROLL)[1]
        return dots.ravel()[place], multiply(values, grad, back)

    product.defvjp(lambda values, x: (product(values, x), (values, x)), backward)
    return product


def segment(block: Block) -> Product:
    """A sum of weight · x[source] over the edges of each target."""
    rows, columns, size = rows_of(block), block.columns, len(block.starts) - 1
    return lambda values, x: jax.ops.segment_sum(values[:, None] * x[columns], rows, size, indices_are_sorted=True)


def bcoo(block: Block) -> Product:
    """JAX's own sparse matrices."""
    shape = len(block.starts) - 1, block.n_sources
    indices = jnp.stack([rows_of(block), block.columns], axis=1)
    return lambda values, x: sparse.BCOO((values, indices), shape=shape, indices_sorted=True, unique_indices=True) @ x


def dense(block: Block) -> Product:
    """A dense matrix with zeros where there is no edge."""
    blank, place = jnp.zeros((len(block.starts) - 1, block.n_sources)), (rows_of(block), block.columns)
    return lambda values, x: blank.at[place].set(values, indices_are_sorted=True, unique_indices=True) @ x


def in_jax(work: Work, product: Callable[[Block], Product]) -> Pass:
    """A pass by one of the products; without shared weights."""
    plan, config = compile_genome(work.genome), work.config
    blocks = [plan.block(number) for number in range(1, plan.n_layers)]
    products = [product(block) for block in blocks]
    decays = 1 - config.learning_rate * config.weight_decay, 1.0  # of weights, of biases

    def loss(parameters: tuple[Any, Any], images: Any, labels: Any) -> Any:
        weights, biases = parameters
        outputs = [images]
        for block, multiply, normalised in zip(blocks, products, plan.normalised[1:], strict=True):
            x = jnp.concatenate([outputs[number] for number in block.feeders])
            sums = multiply(weights[block.edges], x) + biases[block.rows, None]
            centred = sums - sums.mean(0)
            out = centred * lax.rsqrt((centred**2).mean(0) + EPS) if normalised else sums
            outputs.append(jax.nn.relu(out))
        return -jnp.take_along_axis(jax.nn.log_softmax(sums, axis=0), labels[None], axis=0).mean()

    def step(state: tuple[Any, Any, Any, Any], batch: tuple[Any, Any]) -> tuple[Any, Any]:
        """AdamW; a state is (parameters, first moments, second moments, number of the step)."""
        parameters, first, second, number = state
        value, grads = jax.value_and_grad(loss)(parameters, *batch)
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, grads)
        second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g**2, second, grads)
        rate, correction = config.learning_rate / (1 - BETA1**number), 1 - BETA2**number
        parameters = jax.tree.map(
            lambda p, m, v, decay: decay * p - rate * m / (jnp.sqrt(v / correction) + ADAM_EPS),
            parameters, first, second, decays,
        )  # fmt: skip
        return (parameters, first, second, number + 1), value

    steps = jax.jit(lambda state, batches: lax.scan(step, state, batches), donate_argnums=0)
    images, labels = (np.stack(arrays) for arrays in zip(*work.batches(), strict=True))
    prepared = jnp.asarray(images.transpose(0, 2, 1)), jnp.asarray(labels, jnp.int32)
    start = jnp.asarray(plan.weights_of(work.genome)), jnp.asarray(plan.biases_of(work.genome))
    zeros = [jax.tree.map(jnp.zeros_like, start) for _ in range(2)]
    state = (start, *zeros, jnp.float32(1))

    def one_pass() -> float:
        nonlocal state
        state, losses = steps(state, prepared)
        return float(losses.mean())

    return one_pass


PRODUCTS = {"gather": gather, "segment sum": segment, "BCOO": bcoo, "dense": dense}
