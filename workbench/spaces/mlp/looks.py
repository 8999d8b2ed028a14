"""A dense MLP as a picture and as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from workbench.genome import SMALLEST_NORMALISED_LAYER
from workbench.pictures import Branch, Edge, Line, Node, Picture
from workbench.spaces.mlp.genome import MlpGenome

OUTPUTS = "outputs"  # key of the last layer


def picture_of(genome: MlpGenome, shape: tuple[int, int, int]) -> Picture:
    """A chain of modules from images of `shape` to the logits, and its layers as a tree of one level."""
    nodes = [Node("images", "images", "input", 0, shape=shape)]
    for layer, before, after in _layers(genome):
        parts = _parts(genome, layer, before, after)
        for part, (label, kind, flops, parameters) in parts.items():
            key, column = f"{layer} {part}", len(nodes)
            nodes.append(Node(key, label, kind, column, layer, (after,), flops, parameters))
    nodes.append(Node("logits", "logits", "output", len(nodes), shape=(genome.widths[-1],)))
    edges = tuple(Edge(one.key, other.key) for one, other in pairwise(nodes))
    labels = [Branch(layer, f"{layer}: {after}", "layer", 0) for layer, _, after in _layers(genome)]
    return Picture(tuple(nodes), edges, (Branch("mlp", "MLP", "network", None), *labels))


def listing_of(genome: MlpGenome) -> tuple[Line, ...]:
    """A line per layer."""
    return tuple(
        Line(layer, "Layers", f"{layer}: {' · '.join(label for label, *_ in _parts(genome, layer, *sizes).values())}")
        for layer, *sizes in _layers(genome)
    )


def _layers(genome: MlpGenome) -> Iterator[tuple[str, int, int]]:
    """Key, inputs and outputs of each layer."""
    names = [*(f"layer {key}" for key in genome.keys), OUTPUTS]
    for name, (before, after) in zip(names, pairwise(genome.widths), strict=True):
        yield name, before, after


def _parts(genome: MlpGenome, layer: str, before: int, after: int) -> dict[str, tuple[str, str, int, int]]:
    """Label, kind, FLOPs and parameters of each module of a layer."""
    parts = {"linear": (f"linear {after}", "linear", 2 * before * after, (before + 1) * after)}
    if layer != OUTPUTS:
        if after >= SMALLEST_NORMALISED_LAYER:
            parts["norm"] = ("layer norm", "norm", 0, 0)
        parts["relu"] = ("ReLU", "activation", 0, 0)
    return parts
