"""Torch modules as ONNX files: each operator gives what torch gives, for any batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.compiler.torch_export import export_facts, torch_onnx
from workbench.errors import ExportError
from workbench.individuals import Cost

onnxruntime = pytest.importorskip("onnxruntime")

SHAPE = (4, 7, 6)
SCALE = torch.linspace(0.5, 2, 4)
KERNELS = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(0))
BIAS, MATRIX = torch.arange(8.0), KERNELS[:4, 0, :2].reshape(4, 6).clone()
SHIFT, VARIANCE = -SCALE, SCALE + 1
NORMALISED, SCALED = torch.linspace(-1, 1, 6), torch.linspace(1, 2, 6)

OPERATIONS = {
    "sums": lambda x: x * x / 3 - x + 1,
    "conv2d": lambda x: F.conv2d(x, KERNELS, BIAS, stride=(2, 1), padding=1, groups=2),
    "conv2d without bias": lambda x: F.conv2d(x, KERNELS[:, :1], dilation=2, groups=4),
    "unfold": lambda x: F.unfold(x, (3, 2), 1, (1, 0), 2),
    "average pool": lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
    "average pool of uneven sides": lambda x: F.avg_pool2d(x, 2, ceil_mode=True),
    "global average pool": lambda x: F.adaptive_avg_pool2d(x, 1) * x,
    "maximum pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "batch norm": lambda x: F.batch_norm(x, SCALE, VARIANCE, SCALE, SHIFT),
    "batch norm without scale": lambda x: F.batch_norm(x, SCALE, VARIANCE),
    "instance norm": lambda x: F.instance_norm(x, weight=SCALE, bias=SHIFT),
    "instance norm without scale": lambda x: F.instance_norm(x),
    "layer norm": lambda x: F.layer_norm(x, (6,), NORMALISED, SCALED, 1e-3),
    "layer norm without scale": lambda x: F.layer_norm(x, x.shape[1:]),
    "activations": lambda x: F.relu(x) + F.leaky_relu(x, 0.02) + F.hardswish(x) + F.mish(x),
    "softmax": lambda x: x.softmax(-1) + x.softmax(1),
    "linear": lambda x: F.linear(x, MATRIX, VARIANCE) + F.linear(x, MATRIX),
    "transposed": lambda x: x.permute(0, 3, 1, 2).transpose(1, -1).transpose(-2, 2),
    "shapes": lambda x: x.flatten(2).unflatten(1, (2, -1)).reshape(x.shape[0], 3, -1).view(-1, 56, 3),
    "parts": lambda x: torch.cat([x.narrow(1, 2, 2), x[:, 1:], x[:, :-2:2], x], 1),
    "products": lambda x: x @ x.transpose(2, 3) / 5,
    "means": lambda x: x.mean((2, 3), keepdim=True) + x.mean(1, keepdim=True),
}


class Around(nn.Module):
    """An operation, and two logits of what it gives."""

    def __init__(self, operation) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x):
        x = self.operation(x).flatten(1)
        return torch.cat([x.mean(1, keepdim=True), x[:, 3:7]], 1)


def onnx_of(module: nn.Module) -> bytes:
    facts = export_facts(SHAPE, 5, Cost(0, 0, 0), None, raw=False, flat=False)
    return torch_onnx(module, facts, None, raw=False, flat=False)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operators(name):
    module = Around(OPERATIONS[name])
    session = onnxruntime.InferenceSession(onnx_of(module))
    for batch in (1, 5):
        x = np.random.default_rng(0).standard_normal((batch, *SHAPE), np.float32)
        with torch.inference_mode():
            expected = module(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(session.run(["logits"], {"images": x})[0], expected, rtol=1e-5, atol=1e-5)


def test_an_operator_that_is_not_translated():
    with pytest.raises(ExportError, match=r"got aten\.cumsum\.default.*use \.pt2"):
        onnx_of(Around(lambda x: x.cumsum(1)))


def test_pooling_to_several_values_is_not_translated():
    with pytest.raises(ExportError, match=r"one value a map, got \[2, 3\]; use \.pt2"):
        onnx_of(Around(lambda x: F.adaptive_avg_pool2d(x, (2, 3))))
