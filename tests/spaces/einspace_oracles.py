"""Networks of einspace written by hand with torch's own layers, which are made in the order of execution."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, 1 if kernel == 3 else 0)


class Sum(nn.Module):
    def __init__(self, body: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.skip(x)


def norm_relu(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.LeakyReLU()]


def resnet18(max_pooling: bool = False) -> nn.Sequential:
    layers = [conv(3, 64), *norm_relu(64), nn.MaxPool2d(3, 2, 1) if max_pooling else conv(64, 64, 3, 2)]
    before = 64
    for width in (64, 128, 256, 512):
        for stride in (1 if width == 64 else 2, 1):
            body = nn.Sequential(
                conv(before, width, 3, stride), *norm_relu(width), conv(width, width), nn.BatchNorm2d(width)
            )
            skip = nn.Sequential(conv(before, width, 1, 2), nn.BatchNorm2d(width)) if stride == 2 else nn.Identity()
            layers += [Sum(body, skip), nn.LeakyReLU()]
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def wrn16_4() -> nn.Sequential:
    layers = [conv(3, 16), *norm_relu(16)]
    before = 16
    for width in (64, 128, 256):
        stride = 1 if width == 64 else 2
        first = nn.Sequential(conv(before, width, 3, stride), *norm_relu(width), conv(width, width))
        layers += [Sum(first, conv(before, width, 1, stride)), *norm_relu(width)]
        second = nn.Sequential(conv(width, width), *norm_relu(width), conv(width, width))
        layers += [Sum(second, nn.Identity()), *norm_relu(width)]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


class Patches(nn.Module):
    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, 4, 4)
        self.position = Position(tokens, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.position(self.embed(x).flatten(2).transpose(1, 2))


class Position(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.values


class Attention(nn.Module):
    """One head, by torch's own scaled dot product."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(inputs, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query(x), self.key(x), self.value(x)
        return nn.functional.scaled_dot_product_attention(query, key, value, scale=query.shape[-1] ** -0.5)


class Heads(nn.Module):
    def __init__(self, count: int, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Attention(inputs, width) for _ in range(count))
        self.output = nn.Linear(count * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.cat([head(x) for head in self.heads], 2))


class Mean(nn.Module):
    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.dimension)


def transformer(depth: int = 4, head: str = "published") -> nn.Sequential:
    layers: list[nn.Module] = [Patches(512, 64)]
    for _ in range(depth):
        feed_forward = nn.Sequential(nn.Linear(512, 512), nn.LeakyReLU(), nn.Linear(512, 512))
        layers += [Sum(Heads(4, 512, 64, 512), nn.Identity()), nn.LayerNorm(512)]
        layers += [Sum(feed_forward, nn.Identity()), nn.LayerNorm(512)]
    return nn.Sequential(
        *layers, Mean(2 if head == "published" else 1), nn.Linear(64 if head == "published" else 512, 10)
    )


class Transposed(nn.Module):
    """A module that mixes tokens instead of features."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.transpose(1, 2)).transpose(1, 2)


def mlp_mixer(depth: int = 8) -> nn.Sequential:
    layers: list[nn.Module] = [Patches(512, 64)]
    for _ in range(depth):
        tokens = nn.Sequential(nn.Linear(64, 256), nn.LeakyReLU(), nn.Linear(256, 64))
        features = nn.Sequential(nn.Linear(512, 256), nn.LeakyReLU(), nn.Linear(256, 512))
        layers.append(Sum(nn.Sequential(nn.LayerNorm(512), Transposed(tokens), features), nn.Identity()))
    return nn.Sequential(*layers, Mean(2), nn.Linear(64, 10))


def tensors(module: nn.Module) -> Iterable[Tensor]:
    """Parameters and buffers of a hand-written network, layer by layer in the order in which layers were made."""
    for layer in module.modules():
        yield from layer.parameters(recurse=False)
        yield from (each for each in layer.buffers(recurse=False) if each.is_floating_point())
