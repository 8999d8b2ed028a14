"""Published networks as derivations of einspace (Ericsson et al. 2024), to start from and to test with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.derivations import Derivation
from workbench.errors import ConfigError, GenomeError
from workbench.spaces.einspace.grammar import (
    BRANCHING,
    BRANCHING_2,
    CODES,
    COMPUTATION,
    GRAMMAR,
    ROUTING,
    SEQUENTIAL,
    WIDTHS,
    Operation,
)

Codes = tuple[int, ...]
"""A subtree in pre-order."""

ADD, IDENTITY = Operation("add"), Operation("identity")
SWAP = Operation("permute", (2, 1))
LINEAR = {Operation("linear", (width,)) for width in WIDTHS}


def derivation(codes: Codes) -> Derivation:
    """The derivation of these codes; the keys of its nodes count from 0."""
    return Derivation(GRAMMAR, np.array(codes, np.uint8), np.arange(len(codes)))


def computation(op: str, *sizes: int) -> Codes:
    """One operation as a module, such as `computation("linear", 64)`; `ConfigError` if the grammar has no such one."""
    operation = Operation(op, sizes)
    if op == "linear" and operation not in LINEAR:
        raise ConfigError(f"expected a width of the grammar ({', '.join(map(str, WIDTHS))}), got {sizes[0]}")
    return COMPUTATION, CODES["C", operation]


def sequence(*modules: Codes) -> Codes:
    """Modules one after the other."""
    first, *rest = modules
    return (SEQUENTIAL, *first, *sequence(*rest)) if rest else first


def routing(before: Operation, module: Codes, after: Operation = IDENTITY) -> Codes:
    """A module between two changes of shape."""
    return ROUTING, CODES["Pre", before], *module, CODES["Post", after]


def two(first: Codes, second: Codes, aggregation: Operation = ADD) -> Codes:
    """Two modules that read the same, and what is made of their outputs."""
    return BRANCHING_2, CODES["B2", Operation("clone", (2,))], *first, *second, CODES["A2", aggregation]


def copies(branching: Operation, module: Codes, aggregation: Operation) -> Codes:
    """4 or 8 copies of a module with weights of their own."""
    return BRANCHING, CODES["B", branching], *module, CODES["A", aggregation]


def convolution(width: int, kernel: int = 3, stride: int = 1) -> Codes:
    """With bias; a kernel of 3 keeps the image's size at stride 1."""
    patches = Operation("im2col", (kernel, stride, 1 if kernel == 3 else 0))
    return routing(patches, computation("linear", width), Operation("col2im"))


def attention(width: int) -> Codes:
    """Scaled dot-product attention of tokens, with keys, queries and values of that width and no map after it."""
    keys = routing(IDENTITY, computation("linear", width), SWAP)
    scores = two(computation("linear", width), keys, Operation("scaled_dot"))
    return two(sequence(scores, computation("softmax")), computation("linear", width), Operation("dot"))


NORM, RELU, SKIP = computation("norm"), computation("leaky_relu"), computation("identity")
NORM_RELU = sequence(NORM, RELU)


def resnet18(width: int = 64) -> Derivation:
    """ResNet-18 whose stem ends in a strided convolution; its stages have 1, 2, 4 and 8 times `width` channels.

    The published one with max pooling is not derivable, since no production pools.
    """

    def block(width: int, stride: int) -> Codes:
        body = sequence(convolution(width, 3, stride), NORM_RELU, convolution(width), NORM)
        skip = SKIP if stride == 1 else sequence(convolution(width, 1, stride), NORM)
        return sequence(two(body, skip), RELU)

    stem = sequence(convolution(width), NORM_RELU, convolution(width, 3, 2))
    stages = [block(times * width, stride) for times in (1, 2, 4, 8) for stride in (1 if times == 1 else 2, 1)]
    return derivation(sequence(stem, *stages))


def wrn16_4() -> Derivation:
    """The published form of WRN-16-4 (Zagoruyko and Komodakis 2016), with a norm after each block, not before it."""

    def block(width: int, stride: int, skip: Codes) -> Codes:
        body = sequence(convolution(width, 3, stride), NORM_RELU, convolution(width))
        return sequence(two(body, skip), NORM_RELU)

    blocks: list[Codes] = []
    for width, stride in ((64, 1), (128, 2), (256, 2)):
        blocks += [block(width, stride, convolution(width, 1, stride)), block(width, 1, SKIP)]
    return derivation(sequence(convolution(16), NORM_RELU, *blocks))


def patches(width: int) -> Codes:
    """Patches of 4×4 pixels as tokens, with learned positions."""
    return sequence(routing(Operation("im2col", (4, 4, 0)), computation("linear", width)), computation("position"))


def transformer(depth: int = 4, width: int = 512, head_width: int = 64) -> Derivation:
    """The published transformer over patches of 4×4 pixels: 4 heads, norms after each sum.

    Args:
        depth: layers, each of attention and of two linear maps.
        width: of the tokens.
        head_width: of keys, queries and values.
    """
    linear = computation("linear", width)
    heads = copies(Operation("clone", (4,)), attention(head_width), Operation("concatenate", (2,)))
    feed_forward = sequence(linear, RELU, linear)
    layer = sequence(two(sequence(heads, linear), SKIP), NORM, two(feed_forward, SKIP), NORM)
    return derivation(sequence(patches(width), *[layer] * depth))


def mlp_mixer(depth: int = 8, width: int = 512, tokens: int = 64) -> Derivation:
    """The published MLP-Mixer over patches of 4×4 pixels, of which an image must have `tokens`.

    The published one maps between tokens by multiples of their number, the grammar by fixed widths: it is derivable
    where `tokens` and four times as many are among them, such as 64 for images of 32×32 and 16 for 16×16.
    """
    wide, narrow = computation("linear", 4 * tokens), computation("linear", tokens)
    places = sequence(routing(SWAP, wide), RELU, routing(IDENTITY, narrow, SWAP))
    features = sequence(computation("linear", width // 2), RELU, computation("linear", width))
    layer = two(sequence(NORM, places, features), SKIP)
    return derivation(sequence(patches(width), *[layer] * depth))


SIZES: tuple[tuple[Callable[..., Derivation], tuple[tuple[int, ...], ...]], ...] = (
    (resnet18, ((64,), (32,), (16,))),
    (wrn16_4, ((),)),
    (transformer, ((4, 512, 64), (2, 128, 32), (2, 64, 16), (1, 32, 16))),
    (mlp_mixer, ((8, 512, 64), (2, 128, 64), (1, 64, 64), (2, 64, 16), (1, 32, 16))),
)
"""The published networks with arguments from the published size down."""


def published_within(check: Callable[[Derivation], None]) -> list[Derivation]:
    """Of each published network the largest that `check` does not refuse with a `GenomeError`."""
    found = []
    for make, sizes in SIZES:
        for arguments in sizes:
            try:
                check(network := make(*arguments))
            except GenomeError:
                continue
            found.append(network)
            break
    return found
