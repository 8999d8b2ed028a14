"""Genomes as `npz` bytes: plain arrays, versioned, never a pickle, checked before anything is trusted."""

from __future__ import annotations

import io
import json
import zipfile
import zlib

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.genome import Genome

FORMAT_VERSION = 1
MAX_BYTES = 2**31
"""Largest total size of the unpacked arrays: refuses a small file that unpacks without end."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    LookupError,
    EOFError,
    OSError,
    TypeError,
    AttributeError,
    RuntimeError,
)
"""What zipfile and numpy raise on bytes that are damaged in one way or another."""

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
        "format": "workbench-genome",
        "version": FORMAT_VERSION,
        "input_shape": genome.input_shape,
        "n_outputs": genome.n_outputs,
        "normalization": genome.normalization,
    }
    arrays = {name: getattr(genome, name).astype(dtype) for name, dtype in _ARRAYS.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    return buffer.getvalue()


def genome_from_bytes(blob: bytes) -> Genome:
    """The genome back from `genome_to_bytes`.

    Raises:
        GenomeError: if the bytes are damaged, of a newer version, too large, or not a valid genome.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            names = {f"{name}.npy" for name in (*_ARRAYS, "head")}
            if {entry.filename for entry in archive.infolist()} != names:
                raise GenomeError("expected the arrays of a genome, got a file with other contents")
            total = sum(entry.file_size for entry in archive.infolist())
            if total > MAX_BYTES:
                raise GenomeError(f"expected at most {MAX_BYTES:,} bytes of arrays, got {total:,}")
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].astype(np.uint8).tobytes())
            return _build(head, {name: arrays[name] for name in _ARRAYS})
    except _DAMAGE as error:
        raise GenomeError(
            f"these bytes are not a genome, or are damaged ({error}); write them again with to_bytes()"
        ) from None


def _build(head: dict, arrays: dict[str, np.ndarray]) -> Genome:
    if head.get("format") != "workbench-genome":
        raise GenomeError("expected a workbench genome, got another kind of npz file")
    if head["version"] > FORMAT_VERSION:
        raise GenomeError(
            f"this genome has format version {head['version']}, this workbench reads up to {FORMAT_VERSION}; "
            "update the workbench"
        )
    for name, dtype in _ARRAYS.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != 1:
            raise GenomeError(
                f"expected {name} as {np.dtype(dtype)} [n], got {arrays[name].dtype} {arrays[name].shape}"
            )
    return Genome.from_edges(
        tuple(head["input_shape"]), head["n_outputs"], normalization=head["normalization"], **arrays
    )
