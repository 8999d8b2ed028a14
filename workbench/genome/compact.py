"""Topologies as few bytes: genomes whose weights were dropped, which a run keeps by the thousand.

Edges are kept in the order of (target, source): per neuron its in-degree, per edge the gap from the neuron's last
source. Integers are split into planes of equal bytes, of which the upper ones are nearly empty, and compressed: about a
quarter of what a trained genome takes.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from workbench.errors import GenomeError
from workbench.genome.arrays import read_arrays, read_head, write_arrays
from workbench.genome.genome import Genome

FORMAT, FORMAT_VERSION = "workbench-topology", 1

_PLANES = {"in_degrees": 4, "source_gaps": 4, "shared": 4}
"""Arrays, each with the bytes of one value; stored as uint8 [bytes, values]. Keys are random and stored as they are."""


def is_compact(genome: Genome) -> bool:
    """Whether `topology_to_bytes` keeps all of a genome: no weights, no biases, edges in order."""
    order = genome.targets * genome.n_neurons + genome.sources
    return bool(np.isnan(genome.weights).all() and not genome.biases.any() and (np.diff(order) > 0).all())


def topology_to_bytes(genome: Genome) -> bytes:
    """A genome for which `is_compact` holds, as `npz` bytes."""
    head = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "input_shape": genome.input_shape,
        "n_outputs": genome.n_outputs,
        "normalization": genome.normalization,
    }
    degrees = genome.in_degrees[genome.n_inputs :]
    gaps = np.diff(genome.sources, prepend=0)
    first = _first_edges(degrees)
    gaps[first] = genome.sources[first]
    values = {
        "in_degrees": degrees,
        "source_gaps": gaps,
        "shared": genome.shared + 1,
    }
    arrays: dict[str, Any] = {name: _planes(values[name], size) for name, size in _PLANES.items()}
    arrays["neuron_keys"] = genome.neuron_keys.astype("<i8")
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    return write_arrays(arrays)


def topology_from_bytes(blob: bytes) -> Genome:
    """The genome back from `topology_to_bytes`: NaN weights, biases of 0.

    Raises:
        GenomeError: if the bytes are damaged, of a newer version, too large, or not a valid topology.
    """
    kinds = {"head": (np.uint8, 1), "neuron_keys": (np.int64, 1), **dict.fromkeys(_PLANES, (np.uint8, 2))}
    arrays = read_arrays(blob, kinds)
    head: dict[str, Any] = read_head(arrays["head"], FORMAT, FORMAT_VERSION)
    if missing := {"input_shape", "n_outputs", "normalization"} - set(head):
        raise GenomeError(f"expected a topology's head to say {', '.join(sorted(missing))}; it is damaged")
    degrees, gaps, shared = (_values(name, arrays[name]) for name in _PLANES)
    if degrees.sum() != len(gaps) or len(shared) != len(gaps):
        raise GenomeError(f"expected {degrees.sum():,} edges, got {len(gaps):,} and {len(shared):,}; it is damaged")
    blank = Genome.from_edges(head["input_shape"], head["n_outputs"], [], [])
    targets = np.repeat(blank.n_inputs + np.arange(len(degrees)), degrees)
    return Genome.from_edges(
        head["input_shape"],
        head["n_outputs"],
        _restarting_sums(gaps, degrees),
        targets,
        biases=np.zeros(len(degrees), np.float32),
        shared=shared - 1,
        normalization=head["normalization"],
        neuron_keys=arrays["neuron_keys"],
    )


def _first_edges(degrees: np.ndarray) -> np.ndarray:
    """Index of the first edge into each neuron that has any."""
    return (np.cumsum(degrees) - degrees)[degrees > 0]


def _restarting_sums(gaps: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Running sums that begin anew with each neuron's edges."""
    sums = np.cumsum(gaps)
    first = _first_edges(degrees)
    before = sums[first] - gaps[first]
    return sums - np.repeat(before, degrees[degrees > 0])


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
