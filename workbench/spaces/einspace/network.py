"""A whole network of einspace as flat steps, from the raw image to the logits, with its convolutions fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.spaces.einspace.shapes import IMAGE, Shape, Step


@dataclass(frozen=True)
class Network:
    """Steps in the order of execution; the last one puts out the logits.

    Besides those of a derivation (`shapes.Step`) there are "convolution" with args (kernel, stride, padding) and the
    key of its linear map, and without a node, so of key -1: "downscale" (height, width), which averages windows of the
    raw image, "mean" (dimensions, from 1) and the last linear map.
    """

    input_shape: tuple[int, int, int]  # of the raw image: channels, height, width
    steps: tuple[Step, ...]

    def shape(self, place: int) -> Shape:
        """Of what the step at `place` puts out, or of the image."""
        return self.input_shape if place == IMAGE else self.steps[place].shape

    def read(self, step: Step) -> Shape:
        """Shape of the first value that a step reads."""
        return self.shape(step.sources[0])

    def last_readers(self) -> tuple[tuple[int, ...], ...]:
        """By step, the places of the values that nothing reads after it."""
        last = {source: place for place, step in enumerate(self.steps) for source in step.sources}
        freed: list[list[int]] = [[] for _ in self.steps]
        for source, place in last.items():
            freed[place].append(source)
        return tuple(map(tuple, freed))


def fused(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same network with im2col · linear (· col2im) as convolutions, so that no patches are ever written.

    Each linear map that reads patches becomes a convolution, and takes a col2im with it if nothing else reads it. What
    the last step does not depend on is left out.
    """
    readers = dict[int, int]()
    for step in steps:
        for source in step.sources:
            readers[source] = readers.get(source, 0) + 1
    new = list(steps)
    for place, step in enumerate(steps):
        first = step.sources[0]
        if first == IMAGE:
            continue
        before = new[first]
        if step.kind == "linear" and before.kind == "im2col":
            new[place] = replace(step, kind="convolution", args=before.args, sources=before.sources)
        elif step.kind == "col2im" and before.kind == "convolution" and readers[first] == 1:
            new[place] = replace(before, shape=step.shape)
    return _needed(new)


def _needed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """What the last step depends on, in the same order."""
    used = {len(steps) - 1}
    for place in range(len(steps) - 1, -1, -1):
        if place in used:
            used.update(steps[place].sources)
    places, kept = {IMAGE: IMAGE}, list[Step]()
    for place, step in enumerate(steps):
        if place in used:
            places[place] = len(kept)
            kept.append(replace(step, sources=tuple(places[source] for source in step.sources)))
    return tuple(kept)
