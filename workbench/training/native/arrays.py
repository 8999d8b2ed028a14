"""The arrays that kernels take.

| array | shape | what |
|---|---|---|
| out | [neurons, width] | output of each row of the plan for the images of a tile; inputs first |
| normed | [neurons, width] | what goes into the ReLU: normalised sums, before gains and biases of batch normalisation |
| grad | [neurons, width] | derivative of the loss by `out`, then by the sums |
| inverse | [layers, width] | 1 / deviation of a normalised layer, per image |
| scratch | [3, width] | sums over the neurons of a layer, per image; which columns have an image, 1 or 0 |
| row_sums, map_sums | [4, neurons], [4, maps] | for batch normalisation: sums over images, and what comes of them |
| weights, edge_grads | [edges] | weights and derivatives: edges from inputs by target, then inner ones by source |
| inner_weights | [inner edges] | weights of inner edges, those from hidden neurons, by target |
| biases, bias_grads | [neurons - inputs + maps] | one per hidden or output row, then the gains of maps |

All from `weights` on but `inner_weights` are padded with zeros to a multiple of `TILE`, so that they can be processed
in whole rows. Derivatives are 0 before each batch: what uses them up leaves zeros, which is faster than a pass of its
own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.training.native.jit import kernel


class Net(NamedTuple):
    """A plan in the form that the kernels take."""

    n_inputs: int  # inputs are the first rows
    layer_starts: np.ndarray  # int64 [layers + 1]
    normalised: np.ndarray  # bool [layers]
    input_starts: np.ndarray  # CSR row pointer of the edges from inputs, int64 [neurons + 1]
    inner_starts: np.ndarray  # CSR row pointer of the inner edges, which leave hidden rows, int64 [neurons + 1]
    back_starts: np.ndarray  # for each hidden row, where the edges that leave it start, int64 [hidden + 1]
    input_columns: np.ndarray  # source of each edge from an input, int32 [input edges + AHEAD], as kernels prefetch
    inner_columns: np.ndarray  # source of each inner edge, by target, int32 [inner edges + AHEAD]
    back_targets: np.ndarray  # target of each inner edge, by source, int32 [inner edges + AHEAD]
    inner_places: np.ndarray  # place by source of each inner edge by target, uint32 [inner edges]
    shared_edges: np.ndarray  # edges that share their weight with others, uint32, group by group
    group_starts: np.ndarray  # where each group starts there, and the end, int64 [groups + 1]
    shared_biases: np.ndarray  # the same for hidden and output rows that share their bias
    bias_group_starts: np.ndarray
    packs: int  # 1 if inputs are packed pixels, else 0
    scales: np.ndarray  # then the scale of each edge's pixel, float32 [input edges]
    means: np.ndarray  # and its mean
    maps: np.ndarray  # the map of each hidden or output row that is normalised by batch, else -1, int32; or empty
    map_starts: np.ndarray  # first map of each layer, and the end, int64 [layers + 1]
    map_sizes: np.ndarray  # neurons of each map, int64 [maps]


class Learner(NamedTuple):
    """The state that training changes."""

    weights: np.ndarray  # float32 [edges], padded
    biases: np.ndarray  # float32 [neurons - inputs + maps], padded
    inner_weights: np.ndarray  # float32 [inner edges], a copy
    input_weights: np.ndarray  # float32 [input edges]: of packed pixels; else they are the weights themselves
    offsets: np.ndarray  # float32 [neurons - inputs]: biases for packed pixels; else they are the biases themselves
    edge_grads: np.ndarray  # float32 [edges], padded
    bias_grads: np.ndarray  # float32 [neurons - inputs + maps], padded
    weight_moments: np.ndarray  # AdamW's running averages, float32 [2, edges], padded
    bias_moments: np.ndarray  # the same for the biases
    map_moments: np.ndarray  # running mean and variance of each map, float32 [2, maps]; 0 at rest
    passing: np.ndarray  # maps that are measured, but pass as they are, bool [maps]


class Buffers(NamedTuple):
    """Work space: see the table above."""

    out: np.ndarray
    normed: np.ndarray
    grad: np.ndarray
    inverse: np.ndarray
    scratch: np.ndarray
    row_sums: np.ndarray
    map_sums: np.ndarray


@kernel(inline="always")
def address(array, index):
    """The address of an element of an array [n]."""
    return array.ctypes.data + index * array.itemsize


@kernel(inline="always")
def row_at(array, row):
    """The address of a row of an array."""
    return array.ctypes.data + row * array.strides[0]
