"""Published networks as derivations of einspace (Ericsson et al. 2024), to start from and to test with."""

from __future__ import annotations

import numpy as np

from workbench.derivations import Derivation
from workbench.spaces.einspace.grammar import (
    BRANCHING,
    BRANCHING_2,
    CODES,
    COMPUTATION,
    GRAMMAR,
    ROUTING,
    SEQUENTIAL,
    Operation,
)

Codes = tuple[int, ...]
"""A subtree in pre-order."""

ADD, IDENTITY = Operation("add"), Operation("identity")
SWAP = Operation("permute", (2, 1))


def derivation(codes: Codes) -> Derivation:
    """The derivation of these codes; the keys of its nodes count from 0."""
    return Derivation(GRAMMAR, np.array(codes, np.uint8), np.arange(len(codes)))


def computation(op: str, *sizes: int) -> Codes:
    """One operation as a module, such as `computation("linear", 64)`."""
    return COMPUTATION, CODES["C", Operation(op, sizes)]


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
LINEAR_512 = computation("linear", 512)


def resnet18() -> Derivation:
    """ResNet-18 whose stem ends in a strided convolution.

    The published one with max pooling is not derivable, since no production pools.
    """

    def block(width: int, stride: int) -> Codes:
        body = sequence(convolution(width, 3, stride), NORM_RELU, convolution(width), NORM)
        skip = SKIP if stride == 1 else sequence(convolution(width, 1, stride), NORM)
        return sequence(two(body, skip), RELU)

    stem = sequence(convolution(64), NORM_RELU, convolution(64, 3, 2))
    stages = [block(width, stride) for width, first in ((64, 1), (128, 2), (256, 2), (512, 2)) for stride in (first, 1)]
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


def transformer(depth: int = 4) -> Derivation:
    """The published transformer over patches: 4 heads of width 64, tokens of width 512, norms after each sum."""
    heads = sequence(copies(Operation("clone", (4,)), attention(64), Operation("concatenate", (2,))), LINEAR_512)
    feed_forward = sequence(LINEAR_512, RELU, LINEAR_512)
    layer = sequence(two(heads, SKIP), NORM, two(feed_forward, SKIP), NORM)
    return derivation(sequence(patches(512), *[layer] * depth))


def mlp_mixer(depth: int = 8) -> Derivation:
    """The published MLP-Mixer, for 64 tokens: images of 32×32.

    It is derivable at that size only: the published one maps between tokens by multiples of their number, the grammar
    by fixed widths, and 4 × 64 = 256 is one of them.
    """
    tokens = sequence(
        routing(SWAP, computation("linear", 256)), RELU, routing(IDENTITY, computation("linear", 64), SWAP)
    )
    features = sequence(computation("linear", 256), RELU, LINEAR_512)
    layer = two(sequence(NORM, tokens, features), SKIP)
    return derivation(sequence(patches(512), *[layer] * depth))
