"""What stands around a derivation: down-scaling of the raw image before it, the head after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.spaces.einspace.network import Network, fused
from workbench.spaces.einspace.shapes import IMAGE, Shape, Step

HEADS = ("published", "tokens")


def network(
    steps: Sequence[Step], input_shape: tuple[int, int, int], image_size: int, head: str, n_outputs: int
) -> Network:
    """The whole network with its convolutions fused.

    Args:
        steps: the expanded derivation (`shapes.expand`); their image is the one of `scaled_shape`.
        input_shape: of the raw image.
        image_size: see `scaled_shape`.
        head: see `head_steps`.
        n_outputs: classes.
    """
    shape: Shape = scaled_shape(input_shape, image_size)
    before = [] if shape == input_shape else [Step(-1, 0, "downscale", shape[1:], (IMAGE,), shape)]
    moved = (replace(step, sources=tuple(source + len(before) for source in step.sources)) for step in steps)
    body = [*before, *moved]
    shape = body[-1].shape if body else shape
    return Network(input_shape, fused([*body, *head_steps(head, len(body) - 1, shape, n_outputs)]))


def scaled_shape(input_shape: tuple[int, int, int], image_size: int) -> tuple[int, int, int]:
    """Shape of the image that a derivation reads: both sides at most `image_size`, which divides them; 0 leaves it."""
    channels, height, width = input_shape
    return (channels, min(height, image_size), min(width, image_size)) if image_size > 0 else input_shape


def head_steps(head: str, last: int, shape: Shape, n_outputs: int) -> tuple[Step, Step]:
    """A mean and a linear map to the logits, after the step at `last` with an output of `shape`.

    Of an image (c, h, w) both heads average over places. Of tokens (s, d), "published" averages over their width d and
    sees s numbers, as Ericsson et al. (2024) do; "tokens" averages over the tokens and sees d numbers. What a norm of
    tokens has just centred has a mean of zero over their width: the published head sees only its scale and shift there.
    """
    dimensions = (2, 3) if len(shape) == 3 else (2,) if head == "published" else (1,)
    left = shape[1 if dimensions == (1,) else 0]
    mean = Step(-1, 0, "mean", dimensions, (last,), (left,))
    return mean, Step(-1, 0, "linear", (n_outputs,), (last + 1,), (n_outputs,))
