"""Neurons over the image: what they see, how active they are, where they and their edges are dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compiler.forward import neuron_values
from workbench.datasets import Dataset
from workbench.errors import DataError, GenomeError
from workbench.genome import Genome
from workbench.initial import initialise
from workbench.views.base.palette import layer_color

if TYPE_CHECKING:
    import plotly.graph_objects as go

STEPS_PER_PIXEL = 2
"""How finely edges are sampled for `edge_density`."""


def receptive_field(genome: Genome, neuron: int) -> np.ndarray:
    """What a neuron sees: for every pixel, the sum over all paths from it to the neuron of the products of weights.

    This is the linear part of the network: ReLU and LayerNorm are ignored. Weights that are not yet initialised (NaN)
    count as 0. An input sees itself.

    Args:
        genome: the network.
        neuron: id of any neuron.

    Returns:
        Accumulated weight, float32 [channels, height, width].

    Raises:
        GenomeError: if there is no such neuron.
    """
    if not 0 <= neuron < genome.n_neurons:
        raise GenomeError(f"expected a neuron id in 0..{genome.n_neurons - 1}, got {neuron}")
    weights = np.nan_to_num(genome.weights.astype(np.float64))
    level = genome.layers[genome.targets]
    order = np.argsort(level, kind="stable")
    bounds = np.searchsorted(level[order], np.arange(genome.n_layers + 1))
    seen = np.zeros(genome.n_neurons)
    seen[neuron] = 1.0
    for layer in range(int(genome.layers[neuron]), 0, -1):  # backwards: what enters this layer
        edges = order[bounds[layer] : bounds[layer + 1]]
        edges = edges[seen[genome.targets[edges]] != 0]
        passed = seen[genome.targets[edges]] * weights[edges]
        seen += np.bincount(genome.sources[edges], weights=passed, minlength=genome.n_neurons)
    return seen[: genome.n_inputs].reshape(genome.input_shape).astype(np.float32)


def activations(genome: Genome, data: Dataset, split: str, index: int) -> np.ndarray:
    """The value of every neuron on one image.

    Args:
        genome: the network; weights it does not have yet are drawn as `NeuronNetwork(genome)` draws them.
        data: where the image is from.
        split: "train", "validation", "selection" or "test".
        index: of the image within the split.

    Returns:
        float32 [neurons]: inputs as trained on (centred, scaled), hidden after the ReLU, outputs as logits.

    Raises:
        DataError: if there is no such split or image, or the images have another shape than the network's.
    """
    if data.shape != genome.input_shape:
        raise DataError(f"expected images of shape {genome.input_shape} for this network, got {data.shape}")
    image = (one_image(data, split, index) - data.mean[:, None, None]) / data.std[:, None, None]
    return values_on(genome, image)


def one_image(data: Dataset, split: str, index: int) -> np.ndarray:
    """One raw image, float32 [c, h, w]; `DataError` if there is no such split or image."""
    images = data.images(split)
    if not 0 <= index < len(images):
        raise DataError(f"expected an index in 0..{len(images) - 1} ({split} split of {data.name!r}), got {index}")
    return images[index].astype(np.float32)


def values_on(genome: Genome, image: np.ndarray) -> np.ndarray:
    """The value of every neuron, float32 [neurons], on an image as trained on, [c, h, w]."""
    return neuron_values(initialise(genome, np.random.default_rng(0)), image[None])[:, 0]


def neuron_density(genome: Genome, layer: int | None = None) -> np.ndarray:
    """Hidden neurons per pixel of one layer, or of all, float32 [height, width].

    Each neuron is spread over the four pixels around its position (bilinear), so the map adds up to the number of
    neurons.
    """
    first = genome.n_inputs + genome.n_outputs
    members = np.arange(first, genome.n_neurons)
    if layer is not None:
        members = members[genome.layers[members] == layer]
    return _splat(genome.positions[members], np.ones(len(members)), genome.input_shape)


def edge_density(genome: Genome, layer: int | None = None) -> np.ndarray:
    """Length of edges (in pixels) per pixel, edges into one layer or into all, float32 [height, width].

    An edge is the straight line from its source's position to its target's; edges into outputs have no place and are
    left out.
    """
    positioned = genome.targets >= genome.n_inputs + genome.n_outputs
    if layer is not None:
        positioned = positioned & (genome.layers[genome.targets] == layer)
    total = np.zeros(genome.input_shape[1:], np.float32)
    start, end = genome.positions[genome.sources[positioned]], genome.positions[genome.targets[positioned]]
    length = np.hypot(*(end - start).T)
    n_steps = np.ceil(length * STEPS_PER_PIXEL).astype(np.int64)
    for steps in np.unique(n_steps[n_steps > 0]).tolist():  # edges of about equal length together
        some = np.flatnonzero(n_steps == steps)
        along = (np.arange(steps) + 0.5) / steps
        points = start[some, None] + (end - start)[some, None] * along[:, None]  # [edges, steps, 2]
        mass = np.repeat(length[some] / steps, steps)
        total += _splat(points.reshape(-1, 2), mass, genome.input_shape)
    return total


def _splat(points: np.ndarray, mass: np.ndarray, input_shape: tuple[int, int, int]) -> np.ndarray:
    """Add `mass` [points] at (row, column) [points, 2] to a pixel map, shared by the four nearest pixels."""
    _, height, width = input_shape
    corner = np.floor(points).astype(np.int64)
    part = points - corner
    total = np.zeros(height * width)
    for down in (0, 1):
        for right in (0, 1):
            share = (part[:, 0] if down else 1 - part[:, 0]) * (part[:, 1] if right else 1 - part[:, 1])
            row, column = np.minimum(corner[:, 0] + down, height - 1), np.minimum(corner[:, 1] + right, width - 1)
            total += np.bincount(row * width + column, weights=mass * share, minlength=height * width)
    return total.reshape(height, width).astype(np.float32)


def spatial_figure(genome: Genome, image: Any = None) -> go.Figure:
    """Every hidden neuron at its place, coloured by layer, over an image ([h, w] or [c, h, w]) if there is one."""
    import plotly.graph_objects as go

    _, height, width = genome.input_shape
    figure = go.Figure()
    if image is not None:
        pixels = np.asarray(image, float)
        if pixels.shape[-2:] != (height, width):
            raise DataError(f"expected an image of {height}×{width} pixels, got an array of shape {pixels.shape}")
        grey = pixels.reshape(-1, height, width).mean(axis=0)
        figure.add_trace(go.Heatmap(z=grey, colorscale="gray", showscale=False, hoverinfo="skip", opacity=0.6))
    for layer in range(1, genome.n_layers - 1):
        members = np.flatnonzero(genome.layers == layer)
        figure.add_trace(
            go.Scatter(
                x=genome.positions[members, 1],
                y=genome.positions[members, 0],
                mode="markers",
                name=f"layer {layer} ({len(members):,})",
                marker={"color": layer_color(layer), "size": 6, "line": {"width": 0.5}},
                customdata=members,
                hovertemplate=f"<b>neuron %{{customdata}}</b>, layer {layer}<br>"
                "row %{y:.1f}, column %{x:.1f}<extra></extra>",
            )
        )
    figure.update_layout(
        title=f"{genome.n_hidden:,} hidden neurons at the mean position of what feeds them",
        xaxis={"title": "column (pixels)", "range": [-0.5, width - 0.5], "constrain": "domain"},
        yaxis={"title": "row (pixels)", "range": [height - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain"},
        template="plotly_white",
        width=760,
        height=640,
    )
    return figure
