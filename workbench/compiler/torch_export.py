"""Torch modules as files that run without this package, whatever space they come from."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ExportError
from workbench.individuals import Cost

if TYPE_CHECKING:
    import torch
    from torch import nn


def export_facts(
    shape: tuple[int, int, int], n_outputs: int, cost: Cost, data: Dataset | None, *, raw: bool, flat: bool
) -> dict[str, Any]:
    """What a stranger must know to use an exported network; `flat` = it takes prepared images [batch, inputs].

    `ExportError` if the data do not fit the network, or raw images are asked for without data.
    """
    takes = "flattened, float32 [batch, inputs]" if flat else f"float32 [batch, {', '.join(map(str, shape))}]"
    facts = {
        "input_shape": list(shape),
        "n_outputs": n_outputs,
        "flops": cost.flops,
        "parameters": cost.parameters,
        "images": f"(image - mean) / std, {takes}",
    }
    if data is None:
        if raw:
            raise ExportError("raw images need the data set, for its mean and deviation; pass data=...")
        return facts
    if (data.shape, data.n_classes) != (shape, n_outputs):
        raise ExportError(
            f"expected the data that the network was trained on, {shape} with {n_outputs} classes, "
            f"got {data.name} of {data.shape} with {data.n_classes}"
        )
    if raw:
        facts["images"] = f"raw, {data.images('test').dtype} [batch, {', '.join(map(str, data.shape))}]"
    names = {"dataset": data.name, "class_names": list(data.class_names)}
    return facts | names | {"mean": data.mean.tolist(), "std": data.std.tolist()}


def mean_and_std(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation, so shaped that they go with images [batch, c, h, w]."""
    shape = (1, 1, -1) if data.is_table else (-1, 1, 1)
    return data.mean.reshape(shape), data.std.reshape(shape)


def torch_program(
    network: nn.Module, facts: Mapping[str, Any], data: Dataset | None, *, raw: bool, flat: bool
) -> bytes:
    """A `torch.export` program of a network in eval mode, with a dynamic batch and `facts` as workbench.json."""
    import torch

    buffer = io.BytesIO()
    program, _ = _exported(network, facts, data, raw, flat)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, buffer, extra_files={"workbench.json": json.dumps(facts)})
    return buffer.getvalue()


def torch_onnx(network: nn.Module, facts: Mapping[str, Any], data: Dataset | None, *, raw: bool, flat: bool) -> bytes:
    """An ONNX model of a network in eval mode, "images" [batch, …] -> "logits" [batch, outputs]; facts are metadata.

    `ExportError` if the package onnx is missing, or the network has an operator that is not translated.
    """
    from workbench.compiler.torch_to_onnx import onnx_model

    program, dtype = _exported(network, facts, data, raw, flat)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    try:
        return onnx_model(program, "network", facts["n_outputs"], texts, dtype).SerializeToString()
    except ImportError:
        raise ExportError("ONNX files need the package onnx: pip install 'neuron-workbench[onnx]'") from None


def _exported(
    network: nn.Module, facts: Mapping[str, Any], data: Dataset | None, raw: bool, flat: bool
) -> tuple[torch.export.ExportedProgram, np.dtype]:
    """A network's program for any number of images, and their type."""
    import torch

    network, example = _prepared(network, facts, data, raw, flat)
    with warnings.catch_warnings():  # torch warns about its own internals while tracing
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch", min=1)
        return torch.export.export(network, (example,), dynamic_shapes=({0: batch},)), example.numpy().dtype


def _prepared(
    network: nn.Module, facts: Mapping[str, Any], data: Dataset | None, raw: bool, flat: bool
) -> tuple[nn.Module, torch.Tensor]:
    """The network to be traced, and two images that it takes."""
    import torch

    from workbench.compiler.network import RawImages

    network = network.eval()
    if raw and data is not None:
        example = torch.from_numpy(data.images("test")[:1].repeat(2, 0))
        return RawImages(network, *mean_and_std(data), flat).eval(), example
    shape = facts["input_shape"]
    return network, torch.zeros(2, int(np.prod(shape))) if flat else torch.zeros(2, *shape)
