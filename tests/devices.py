"""Tests that run on the CPU, and on a GPU where there is one."""

from __future__ import annotations

import pytest
import torch

HAS_CUDA = torch.cuda.is_available()

needs_cuda = pytest.mark.skipif(not HAS_CUDA, reason="torch sees no CUDA device on this machine")
lacks_cuda = pytest.mark.skipif(HAS_CUDA, reason="torch sees a CUDA device on this machine")
on_devices = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
