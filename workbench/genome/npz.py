"""Genomes as `npz` bytes: plain arrays, versioned, never a pickle, checked before anything is trusted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.arrays import names_of, read_arrays, read_head, write_arrays
from workbench.genome.genome import Genome

FORMAT, FORMAT_VERSION = "workbench-genome", 1

_ARRAYS = {
    "sources": np.int32,
    "targets": np.int32,
    "weights": np.float32,
    "shared": np.int64,
    "biases": np.float32,
    "neuron_keys": np.int64,
}


def genome_to_bytes(genome: Genome) -> bytes:
    """The genome as `npz` bytes; equal genomes with equal edge order give equal bytes."""
    head = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "input_shape": genome.input_shape,
        "n_outputs": genome.n_outputs,
        "normalization": genome.normalization,
    }
    arrays = {name: getattr(genome, name).astype(dtype) for name, dtype in _ARRAYS.items()}
    return write_arrays({"head": np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays})


def genome_from_bytes(blob: bytes) -> Genome:
    """The genome back from `genome_to_bytes`, or from `compact.topology_to_bytes`.

    Raises:
        GenomeError: if the bytes are damaged, of a newer version, too large, or not a valid genome.
    """
    if "source_gaps" in names_of(blob):
        from workbench.genome.compact import topology_from_bytes

        return topology_from_bytes(blob)
    arrays = read_arrays(blob, {"head": (np.uint8, 1), **{name: (dtype, 1) for name, dtype in _ARRAYS.items()}})
    head: dict[str, Any] = read_head(arrays.pop("head"), FORMAT, FORMAT_VERSION)
    missing = {"input_shape", "n_outputs", "normalization"} - set(head)
    if missing:
        raise GenomeError(f"expected a genome's head to say {', '.join(sorted(missing))}; it is damaged")
    return Genome.from_edges(head["input_shape"], head["n_outputs"], normalization=head["normalization"], **arrays)
