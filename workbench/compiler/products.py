"""Three ways to multiply a layer's sparse matrix with the activations before it.

Each is a module with `forward(values, x)`: `values` [edges of the layer] are the weights of the edges in plan order,
`x` [sources, batch] the activations (feature-major), the result [targets, batch].
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class CsrProduct(nn.Module):
    """Compressed sparse rows: the work is proportional to the edges."""

    crow: Tensor
    col: Tensor
    crow_t: Tensor
    col_t: Tensor
    to_t: Tensor

    def __init__(self, row_starts: np.ndarray, columns: np.ndarray, n_sources: int) -> None:
        super().__init__()
        n_targets = len(row_starts) - 1
        rows = np.repeat(np.arange(n_targets), np.diff(row_starts))
        transposed = np.lexsort((rows, columns))
        starts_t = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=n_sources))])
        self.shape = (n_targets, n_sources)
        for name, array in {
            "crow": row_starts,
            "col": columns,
            "crow_t": starts_t,
            "col_t": rows[transposed],
            "to_t": transposed,
        }.items():
            kind = torch.int64 if name == "to_t" else torch.int32
            self.register_buffer(name, torch.as_tensor(array, dtype=kind), persistent=False)
        _expect_beta_warning()

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        return _CsrMatmul.apply(values, x, self)


class _CsrMatmul(torch.autograd.Function):
    """out = W · x;  dW = (grad · xᵀ) at the edges;  dx = Wᵀ · grad."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, x: Tensor, matrix: CsrProduct) -> Tensor:
        ctx.save_for_backward(values, x)
        ctx.matrix = matrix
        return torch.sparse_csr_tensor(matrix.crow, matrix.col, values, matrix.shape, check_invariants=False) @ x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, x = ctx.saved_tensors
        matrix, grad = ctx.matrix, grads[0].contiguous()
        grad_values = grad_x = None
        if ctx.needs_input_grad[0]:
            pattern = torch.sparse_csr_tensor(
                matrix.crow, matrix.col, torch.zeros_like(values), matrix.shape, check_invariants=False
            )
            grad_values = torch.sparse.sampled_addmm(pattern, grad, x.t(), beta=0.0).values()
        if ctx.needs_input_grad[1]:
            transposed = torch.sparse_csr_tensor(
                matrix.crow_t, matrix.col_t, values[matrix.to_t], matrix.shape[::-1], check_invariants=False
            )
            grad_x = transposed @ grad
        return grad_values, grad_x, None


def _expect_beta_warning() -> None:
    """torch warns once per process that CSR tensors are in beta; spend that warning here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        torch.eye(1).to_sparse_csr()


class DenseProduct(nn.Module):
    """A dense matrix that is zero where there is no edge."""

    place: Tensor

    def __init__(self, row_starts: np.ndarray, columns: np.ndarray, n_sources: int) -> None:
        super().__init__()
        rows = np.repeat(np.arange(len(row_starts) - 1), np.diff(row_starts))
        self.shape = (len(row_starts) - 1, n_sources)
        self.register_buffer("place", torch.as_tensor(rows * n_sources + columns), persistent=False)

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        blank = values.new_zeros(self.shape[0] * self.shape[1])
        return blank.index_put((self.place,), values).view(self.shape) @ x


class GatherProduct(nn.Module):
    """Per target a padded row of source indices (the last = a constant zero neuron) and of weights.

    Slow to train, but made of standard operators only: the form for export.
    """

    source: Tensor
    edge: Tensor

    def __init__(self, row_starts: np.ndarray, columns: np.ndarray, n_sources: int) -> None:
        super().__init__()
        degrees = np.diff(row_starts)
        inside = np.arange(degrees.max(initial=1)) < degrees[:, None]  # [targets, largest in-degree]
        source = np.full(inside.shape, n_sources)
        edge = np.full(inside.shape, len(columns))
        source[inside], edge[inside] = columns, np.arange(len(columns))
        self.register_buffer("source", torch.as_tensor(source), persistent=False)
        self.register_buffer("edge", torch.as_tensor(edge), persistent=False)

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """The layer's sums [targets, batch]."""
        weights = torch.cat([values, values.new_zeros(1)])[self.edge]  # [targets, degree]
        inputs = torch.cat([x, x.new_zeros(1, x.shape[1])])[self.source]  # [targets, degree, batch]
        return (weights.unsqueeze(2) * inputs).sum(dim=1)


PRODUCTS: dict[str, type[CsrProduct] | type[DenseProduct] | type[GatherProduct]] = {
    "csr": CsrProduct,
    "dense": DenseProduct,
    "gather": GatherProduct,
}
"""Backends of `NeuronNetwork` by name."""
