"""The torch module of a network."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from workbench.genome import EPS
from workbench.spaces.hnas.cost import tensors, trainable
from workbench.spaces.hnas.network import Network, Part

ACTIVATIONS = {"relu": F.relu, "hardswish": F.hardswish, "mish": F.mish}


class PartModule(nn.Module):
    """One part: images [batch, c, h, w] to images, or to logits [batch, classes] if it is the head."""

    def __init__(self, part: Part, pooled: int) -> None:
        super().__init__()
        self.part, self.pooled = part, pooled
        self.names = tuple(tensor.name for tensor in tensors(part))
        for tensor in tensors(part):
            values = torch.zeros(tensor.shape)
            if trainable(tensor):
                self.register_parameter(tensor.name, nn.Parameter(values))
            else:
                self.register_buffer(tensor.name, values)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the part gives for one batch."""
        match self.part.kind:
            case "pool":
                return F.avg_pool2d(x, self.pooled, ceil_mode=_uneven(x, self.pooled))
            case "stem":
                return self._batch_norm("norm", F.conv2d(x, self._get("conv_weight"), padding=1))
            case "avg_pool":
                return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
            case "block":
                return self._block(x)
            case "resBlock":
                shortcut = F.avg_pool2d(x, 2, ceil_mode=_uneven(x, 2))
                y = F.conv2d(F.relu(x), self._get("first_weight"), stride=2, padding=1)
                y = F.conv2d(F.relu(self._batch_norm("first_norm", y)), self._get("second_weight"), padding=1)
                return F.conv2d(shortcut, self._get("shortcut_weight")) + self._batch_norm("second_norm", y)
            case "head":
                x = F.relu(self._batch_norm("norm", x)).mean((2, 3))  # [batch, c]
                return F.linear(x, self._get("linear_weight"), self._get("linear_bias"))
        return x

    def _block(self, x: torch.Tensor) -> torch.Tensor:
        activation, kind, norm = self.part.block
        weight = self._get("conv_weight")
        groups = len(weight) if kind == "dconv3x3" else 1
        x = F.conv2d(ACTIVATIONS[activation](x), weight, padding=weight.shape[-1] // 2, groups=groups)
        if norm == "batch":
            return self._batch_norm("norm", x)
        scale, shift = self._get("norm_scale"), self._get("norm_shift")
        if norm == "instance":
            return F.instance_norm(x, weight=scale, bias=shift, eps=EPS)
        return F.layer_norm(x, tuple(scale.shape), scale, shift, EPS)

    def _batch_norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        mean, var, scale, shift = (self._get(f"{name}_{what}") for what in ("mean", "var", "scale", "shift"))
        return F.batch_norm(x, mean, var, scale, shift, self.training, 0.1, EPS)

    def _get(self, name: str) -> torch.Tensor:
        found: torch.Tensor = getattr(self, name)
        return found


class NetworkModule(nn.Module):
    """Images [batch, c, h, w] -> logits [batch, classes]."""

    def __init__(self, network: Network, pooled: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PartModule(part, pooled) for part in network.parts)
        self.ends = [(part.source, part.target) for part in network.parts]
        self.last_use = {source: place for place, (source, _) in enumerate(self.ends)}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What arrives at a place is summed, and forgotten once the last part has read it."""
        values = {0: images}
        for number, (part, (source, target)) in enumerate(zip(self.parts, self.ends, strict=True)):
            result = part(values[source])
            values[target] = values[target] + result if target in values else result
            if self.last_use[source] == number:
                del values[source]
        return values[self.ends[-1][1]]

    def tensors(self) -> Iterator[torch.Tensor]:
        """Parameters and buffers, in the order of `HnasSpace.layout`."""
        for part in self.parts:
            for name in part.names:  # type: ignore[union-attr]
                yield getattr(part, name)


def _uneven(x: torch.Tensor, window: int) -> bool:
    """Whether windows do not divide the image, so that the last of a row has fewer pixels."""
    return bool(x.shape[2] % window or x.shape[3] % window)
