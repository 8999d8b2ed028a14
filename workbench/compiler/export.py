"""Networks as files that run without this package."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.errors import ExportError
from workbench.genome import Genome


def export_network(genome: Genome, path: str | os.PathLike[str]) -> Path:
    """Write a trained genome to a file, in the format that the ending names.

    All formats take prepared images as `Dataset.arrays` gives them, flattened, [batch, inputs], and give logits.

    * `.pt2` or `.pt`: a `torch.export` program; `torch.export.load(path).module()` runs with torch alone.
    * `.onnx`: standard operators, dynamic batch; see `export_onnx`.
    * `.npz`: the genome as plain arrays, for `Genome.from_bytes`, or for twenty lines of NumPy (README).

    Raises:
        ExportError: on another ending, weights that are missing (unless `.npz`), a package that is, or a file that
            cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ExportError(f"an exported network's name must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    return _write(path, FORMATS[path.suffix](genome))


def export_onnx(genome: Genome, path: str | os.PathLike[str], layout: str = "auto") -> Path:
    """Write a trained genome as an ONNX model: "images" [batch, inputs] -> "logits" [batch, outputs].

    The file holds the edges, not full matrices, and standard operators of opset 17.

    Args:
        genome: the network.
        path: the file.
        layout: how layers multiply; see `workbench.compiler.onnx_graph`.

    Raises:
        ExportError: on a genome without weights, if the package onnx is missing, or a file that cannot be written.
        ConfigError: if the layout is unknown.
    """
    return _write(Path(path), _onnx_model(genome, layout))


def _write(path: Path, blob: bytes) -> Path:
    try:
        path.write_bytes(blob)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _check_trained(genome: Genome) -> None:
    if np.isnan(genome.weights).any():
        raise ExportError(
            "this genome has no weights: it was never trained, or a run dropped them to save space; train it first"
        )


def _onnx_model(genome: Genome, layout: str = "auto") -> bytes:
    _check_trained(genome)
    try:
        from workbench.compiler.onnx_graph import onnx_model

        return onnx_model(genome, layout).SerializeToString()
    except ImportError:
        raise ExportError("ONNX files need the package onnx: pip install 'neuron-workbench[onnx]'") from None


def _torch_program(genome: Genome) -> bytes:
    import torch

    from workbench.compiler.network import NeuronNetwork

    _check_trained(genome)
    network = NeuronNetwork(genome, "gather").eval()
    example = torch.zeros(2, genome.n_inputs)
    facts = {"input_shape": genome.input_shape, "n_outputs": genome.n_outputs, "flops": genome.flops}
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # torch warns about its own internals while tracing
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        torch.export.save(program, buffer, extra_files={"workbench.json": json.dumps(facts)})
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Genome], bytes]] = {
    ".pt2": _torch_program,
    ".pt": _torch_program,
    ".onnx": _onnx_model,
    ".npz": Genome.to_bytes,
}
"""By ending: what makes a file's bytes of a genome."""
