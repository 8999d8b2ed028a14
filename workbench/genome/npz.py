"""Genomes as `npz` bytes: plain arrays, versioned, never a pickle, and nothing is made before its size is checked.

There are two formats. `write_genome` keeps everything. `write_topology` keeps genomes whose weights were dropped, of
which a run has thousands, in about a quarter of the bytes: edges in the order of (target, source), per neuron its
in-degree, per edge the gap from the neuron's last source, and integers split into planes of equal bytes, of which the
upper ones are nearly empty.

Where neurons share biases, their groups follow those of the edges in the array `shared`, in version 2 of either format.
Other genomes are written as version 1, so that an older workbench can read them.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workbench.errors import GenomeError
from workbench.genome.topology import check_shape

GENOME, TOPOLOGY = "workbench-genome", "workbench-topology"
FORMAT_VERSION = 2  # of both
MAX_BYTES = 2**29  # largest total size of the unpacked arrays: refuses a small file that unpacks without end

_FACTS = ("input_shape", "n_outputs", "normalization")
_ARRAYS = {
    "sources": np.int32,
    "targets": np.int32,
    "weights": np.float32,
    "shared": np.int64,
    "biases": np.float32,
    "neuron_keys": np.int64,
}
_PLANES = {"in_degrees": 4, "source_gaps": 4, "shared": 4}
"""Arrays of a topology, each with the bytes of one value; stored as uint8 [bytes, values]."""

_MAX_HEAD = 10_000  # characters
_SAMPLE = 4096  # last bytes of an array, which show whether it gets smaller
_MAX_DIRECTORY = 2**16  # bytes of the zip's list of contents, which zipfile reads whole
_END = struct.Struct("<4s4H2LH")  # the last record of a zip without a comment

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, RuntimeError)
"""What zipfile raises on damaged bytes."""

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((\d{1,12}, ?\d{0,12})\), \} *\n",
    re.DOTALL,
)
"""What NumPy writes before an array of one or two dimensions."""


# ---------------------------------------------------------------------- genomes
def write_genome(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A genome as `npz` bytes, from its `_FACTS` and `_ARRAYS`; equal arrays give equal bytes."""
    version, shared = _groups(arrays)
    values = {**arrays, "shared": shared}
    return write_arrays(GENOME, version, facts, {name: values[name].astype(t) for name, t in _ARRAYS.items()})


def write_topology(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """As `write_genome`, without weights and biases; edges must be in the order of (target, source)."""
    sources, neuron_keys = arrays["sources"], arrays["neuron_keys"].astype("<i8")
    n_inputs, n_neurons = int(np.prod(facts["input_shape"])), len(arrays["biases"])
    degrees = np.bincount(arrays["targets"] - n_inputs, minlength=n_neurons)
    gaps, first = np.diff(sources, prepend=0), _first_edges(degrees)
    gaps[first] = sources[first]
    version, shared = _groups(arrays)
    values = {"in_degrees": degrees, "source_gaps": gaps, "shared": shared + 1}
    planes = {name: _planes(values[name], size) for name, size in _PLANES.items()}
    return write_arrays(TOPOLOGY, version, facts, {**planes, "neuron_keys": neuron_keys}, head_first=False)


def read_genome(blob: bytes) -> dict[str, Any]:
    """The arguments of `Genome.from_edges`, back from `write_genome` or `write_topology`; see `read_arrays`."""
    if "source_gaps" in names_of(blob):
        return _read_topology(blob)
    head, arrays = read_arrays(blob, GENOME, FORMAT_VERSION, {name: (dtype, 1) for name, dtype in _ARRAYS.items()})
    return {**_facts(head), **arrays, **_split_groups(head, arrays["shared"], len(arrays["sources"]))}


def _read_topology(blob: bytes) -> dict[str, Any]:
    expected = {"neuron_keys": (np.int64, 1), **dict.fromkeys(_PLANES, (np.uint8, 2))}
    head, arrays = read_arrays(blob, TOPOLOGY, FORMAT_VERSION, expected)
    facts = _facts(head)
    degrees, gaps, shared = (_values(name, arrays[name]) for name in _PLANES)
    if degrees.sum() != len(gaps):
        raise GenomeError(f"expected {degrees.sum():,} edges, got {len(gaps):,}; it is damaged")
    shape, _ = check_shape(facts["input_shape"], facts["n_outputs"])
    first, sums = _first_edges(degrees), np.cumsum(gaps)
    return {
        **facts,
        "sources": sums - np.repeat(sums[first] - gaps[first], degrees[degrees > 0]),  # sums begin anew at each neuron
        "targets": np.repeat(int(np.prod(shape)) + np.arange(len(degrees)), degrees),
        "biases": np.zeros(len(degrees), np.float32),
        "neuron_keys": arrays["neuron_keys"],
        **_split_groups(head, shared - 1, len(gaps)),
    }


def _groups(arrays: Mapping[str, np.ndarray]) -> tuple[int, np.ndarray]:
    """The version that keeps a genome's groups, and the groups: those of edges, then those of biases if there are."""
    if (arrays["shared_biases"] < 0).all():
        return 1, arrays["shared"]
    return FORMAT_VERSION, np.concatenate([arrays["shared"], arrays["shared_biases"]])


def _split_groups(head: Mapping[str, Any], shared: np.ndarray, n_edges: int) -> dict[str, np.ndarray]:
    """The groups of edges and of biases back from `_groups`, as arguments of `Genome.from_edges`."""
    if head["version"] < 2:
        return {"shared": shared}
    return {"shared": shared[:n_edges], "shared_biases": shared[n_edges:]}


def _facts(head: Mapping[str, Any]) -> dict[str, Any]:
    if missing := [name for name in _FACTS if name not in head]:
        raise GenomeError(f"expected a genome's head to say {', '.join(missing)}; it is damaged")
    return {name: head[name] for name in _FACTS}


def _first_edges(degrees: np.ndarray) -> np.ndarray:
    """Index of the first edge into each neuron that has any."""
    return (np.cumsum(degrees) - degrees)[degrees > 0]


def _planes(values: np.ndarray, size: int) -> np.ndarray:
    """Integers as their bytes, uint8 [size, values], the lowest first."""
    return np.ascontiguousarray(np.ascontiguousarray(values, f"<i{size}").view(np.uint8).reshape(-1, size).T)


def _values(name: str, planes: np.ndarray) -> np.ndarray:
    """The integers back from `_planes`, int64."""
    size = _PLANES[name]
    if planes.shape[0] != size:
        raise GenomeError(f"expected {name} as {size} planes of bytes, got {planes.shape[0]}; it is damaged")
    values = np.ascontiguousarray(planes.T).view(f"<i{size}").reshape(-1).astype(np.int64)
    if values.min(initial=0) < 0:
        raise GenomeError(f"expected {name} from 0 up, got {values.min()}; it is damaged")
    return values


# ---------------------------------------------------------------------- named arrays with a head
def write_arrays(
    format: str, version: int, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray], head_first: bool = True
) -> bytes:
    """An `npz` file of arrays and of `head`, a JSON object that names the format and has further facts.

    It is compressed for speed; what hardly gets smaller, such as trained weights, is stored as it is.
    """
    text = json.dumps({"format": format, "version": version, **facts}).encode()
    head = {"head": np.frombuffer(text, np.uint8)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in ({**head, **arrays} if head_first else {**arrays, **head}).items():
            np.lib.format.write_array(stream := io.BytesIO(), array, allow_pickle=False)
            content = stream.getvalue()
            part = content[-_SAMPLE:]
            smaller = len(zlib.compress(part, 1)) < 0.9 * len(part)
            method = zipfile.ZIP_DEFLATED if smaller else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, method, compresslevel=1)
    return buffer.getvalue()


def read_arrays(
    blob: bytes, format: str, version: int, expected: Mapping[str, tuple[DTypeLike, int]]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The head and the arrays (read-only) of an `npz` file that anybody may have written.

    The head must name `format`, in a version up to `version`. `expected` has the type and number of dimensions (1 or 2)
    of each array. Bytes that are damaged, too large, newer, or hold anything else are a `GenomeError`.
    """
    kinds = {"head": (np.uint8, 1), **expected}
    try:
        with _archive(blob) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            if set(entries) != set(kinds) or len(archive.infolist()) != len(kinds):
                raise GenomeError("expected the arrays of a genome, got a file with other contents")
            total = sum(entry.file_size for entry in entries.values())
            if total > MAX_BYTES:
                raise GenomeError(f"expected at most {MAX_BYTES:,} bytes of arrays, got {total:,}")
            arrays = {name: _array(name, archive, entries[name], *kind) for name, kind in kinds.items()}
        return _head(arrays.pop("head"), format, version), arrays
    except _DAMAGE as error:
        raise _damage(error) from None


def names_of(blob: bytes) -> list[str]:
    """Names of the arrays in an `npz` file; `GenomeError` if it is none."""
    try:
        with _archive(blob) as archive:
            return [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
    except _DAMAGE as error:
        raise _damage(error) from None


def _head(array: np.ndarray, format: str, version: int) -> dict[str, Any]:
    if len(array) > _MAX_HEAD:
        raise ValueError(f"a head of {len(array):,} bytes")
    try:
        head = json.loads(array.tobytes())
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(head, dict) or head.get("format") != format:
        raise GenomeError(f"expected the format {format!r}, got another kind of npz file")
    if type(head.get("version")) is not int or head["version"] > version:
        raise GenomeError(
            f"this genome has format version {head.get('version')!r:.40}, this workbench reads up to {version}; "
            "update the workbench"
        )
    return head


def _archive(blob: bytes) -> zipfile.ZipFile:
    if _END.unpack(blob[-_END.size :])[5] > _MAX_DIRECTORY:
        raise ValueError("a very long list of contents")
    return zipfile.ZipFile(io.BytesIO(blob))


def _damage(error: Exception) -> GenomeError:
    return GenomeError(
        f"these bytes are not a genome, or are damaged ({error!s:.200}); write them again with to_bytes()"
    )


def _array(name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, dtype: DTypeLike, ndim: int) -> np.ndarray:
    """One array; as many bytes are unpacked as the file says, which are within the bound."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for gigabytes
        raise ValueError(f"{name} is compressed in a way that the workbench does not use")
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    header = _HEADER.match(content)
    if header is None:
        raise GenomeError(f"expected {name} as an array of {ndim} dimensions without pickles, got something else")
    shape = tuple(int(size) for size in header[2].split(b",") if size.strip())
    kind = np.dtype(dtype)
    if header[1].decode() != kind.str or len(shape) != ndim:
        raise GenomeError(f"expected {name} as {kind} of {ndim} dimensions, got {header[1].decode()} {shape}")
    size = int(np.prod(shape, dtype=object))
    if len(content) - header.end() != size * kind.itemsize:
        raise GenomeError(f"expected {size:,} values of {name}, got {len(content) - header.end():,} bytes")
    return np.frombuffer(content, kind, size, header.end()).reshape(shape)
