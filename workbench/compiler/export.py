"""Networks as files that run without this package."""

from __future__ import annotations

import io
import json
import os
import warnings
from pathlib import Path

from workbench.errors import ExportError
from workbench.genome import Genome

FORMATS = (".pt2", ".pt", ".npz")


def export_network(genome: Genome, path: str | os.PathLike[str]) -> Path:
    """Write a trained genome to a file.

    `.pt2` or `.pt` is a `torch.export` program: `torch.export.load(path).module()` gives a module from prepared images
    [batch, inputs] (as `Dataset.arrays` gives them, flattened) to logits, without this package. `.npz` is the genome
    itself, for `Genome.from_bytes`.

    Raises:
        ExportError: on another ending, a genome without weights, or a file that cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ExportError(f"an exported network's name must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    blob = genome.to_bytes() if path.suffix == ".npz" else _torch_program(genome)
    try:
        path.write_bytes(blob)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _torch_program(genome: Genome) -> bytes:
    import numpy as np
    import torch

    from workbench.compiler.network import NeuronNetwork

    if np.isnan(genome.weights).any():
        raise ExportError("this genome has weights that were never trained; train it first")
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
