"""Torch networks as genomes, exactly: see `Genome.from_torch`.

`torch.export` gives a flat list of operators (`workbench.genome.torch_operators`), each of which makes a tensor of
neurons, or of sums of them (`workbench.genome.sums`); a ReLU turns sums into neurons. What may be done with a sum
before its ReLU: it is added to others, normalised, pooled, or given out. Only here does `genome` import torch, and only
when it is called.
"""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.sums import Network, Neurons, Sums
from workbench.genome.topology import check_shape
from workbench.genome.torch_operators import OPERATORS, Call, arguments_of, as_sums, by_map, shape_of

if TYPE_CHECKING:
    import torch


def read_torch(module: Any, input_shape: Any, mean: Any, std: Any) -> dict[str, Any]:
    """The arguments of `Genome.from_edges`; see `Genome.from_torch`."""
    shape, _ = check_shape(input_shape, 1)
    program = module if hasattr(module, "graph_signature") else _program(module, shape)
    *nodes, output = program.graph.nodes
    results = output.args[0]
    if len(results) != 1 or len(shape_of(results[0])) != 1:
        raise GenomeError("expected a network that gives logits [batch, classes] and nothing else; flatten its output")
    given = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
    tensors = {**program.state_dict, **program.constants}
    network = Network(shape, shape_of(results[0])[0])
    values: dict[Any, Any] = {}  # by the node that made it: a tensor of images, or of torch
    readers = {node: len(node.users) for node in nodes}
    for node in nodes:
        if node.op == "placeholder" and given[node.name] is None:
            values[node] = _images(network, shape_of(node), mean, std)
        elif node.op == "placeholder":
            values[node] = tensors[given[node.name]]
        elif node.op == "call_function" and node.users and hasattr(node.meta.get("val"), "shape"):  # not sizes, checks
            _call(network, node, values)
        for read in node.all_input_nodes:
            readers[read] -= 1
            if not readers[read]:
                values.pop(read, None)
    return network.finished(as_sums(values[results[0]], (network.n_outputs, 1, 1)))


def _images(network: Network, shape: tuple[int, ...], mean: Any, std: Any) -> Neurons | Sums:
    """The images as the module takes them."""
    if math.prod(shape) != network.n_inputs:
        raise GenomeError(f"expected a network for images {network.input_shape}, got one for inputs {shape}")
    channels = network.input_shape[0]
    mean, std = (_by_channel(name, value, channels) for name, value in (("mean", mean), ("std", std)))
    if not mean.any() and (std == 1).all():
        return network.inputs()
    return by_map(1 / std, -mean / std, network.input_shape).of(network.inputs())


def _by_channel(name: str, value: Any, channels: int) -> np.ndarray:
    try:
        values = np.broadcast_to(np.asarray(value, np.float64).ravel(), channels)
    except ValueError:
        values = np.full(1, np.nan)
    if not np.isfinite(values).all() or (name == "std" and values.min() <= 0):
        raise GenomeError(f"expected {name} as a number or one for each of {channels} channels, got {value!r:.80}")
    return values


def _call(network: Network, node: Any, values: dict[Any, Any]) -> None:
    """Put the tensor that an operator makes into `values`."""
    if all(one in values and not isinstance(values[one], Neurons | Sums) for one in node.all_input_nodes):
        from torch.fx import map_arg  # parameters alone, such as a weight and its mask

        values[node] = node.target(*map_arg(node.args, values.get), **map_arg(node.kwargs, values.get))
        return
    name = str(node.target)
    operator = name.replace("_.", ".")
    call = Call(network, node, arguments_of(node, values), values)
    if operator not in OPERATORS:
        call.refuse()
    values[node] = OPERATORS[operator](call)
    if operator != name:  # in place: whoever reads the old tensor sees the new one
        call.replace(values[node.args[0]], values[node])


def _program(module: Any, shape: tuple[int, int, int]) -> torch.export.ExportedProgram:
    """The program of a module in eval mode, which is left as it was, or of a file."""
    import torch

    with warnings.catch_warnings():  # torch warns about its own internals
        warnings.simplefilter("ignore")
        if isinstance(module, str | os.PathLike):
            return _loaded(os.fspath(module))
        if not isinstance(module, torch.nn.Module):
            raise GenomeError(f"expected a torch.nn.Module, a torch.export program or its file, got {module!r:.80}")
        modes = {part: part.training for part in module.modules()}
        first = next(module.parameters(), torch.zeros(0))
        images = torch.zeros(2, *shape, dtype=first.dtype, device=first.device)
        try:
            return torch.export.export(module.eval(), (images,))
        except Exception as error:  # of any kind, from the module or from torch
            why = f"got {type(error).__name__}: {error!s:.300}"
            raise GenomeError(f"expected a module that torch.export can trace with images {shape}, {why}") from None
        finally:
            for part, mode in modes.items():
                part.training = mode


def _loaded(path: str) -> torch.export.ExportedProgram:
    """The program in a file."""
    import torch

    why = "no such file, or another kind"
    if zipfile.is_zipfile(path):  # otherwise torch would print its own troubles
        try:
            return torch.export.load(path)
        except Exception as error:  # of any kind
            why = f"{type(error).__name__}: {error!s:.200}"
    raise GenomeError(f"expected a program of torch.export in {path}, got {why}; write one with torch.export.save")
