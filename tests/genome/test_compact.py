"""Topologies as few bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from strategies import genomes

from workbench.errors import GenomeError
from workbench.genome import Genome
from workbench.genome.npz import names_of
from workbench.initial import random_genome
from workbench.spaces import NeuronSpace


@given(genomes())
def test_nothing_of_a_topology_is_lost(genome):
    topology = genome.without_weights()
    blob = topology.to_bytes(compact=True)
    assert "source_gaps" in names_of(blob)
    back = Genome.from_bytes(blob)
    for name in ("sources", "targets", "weights", "shared", "biases", "neuron_keys"):
        np.testing.assert_array_equal(getattr(back, name), getattr(topology, name))
    assert back == topology
    assert (back.input_shape, back.normalization) == (genome.input_shape, genome.normalization)


@given(genomes())
def test_the_space_writes_every_genome_so_that_it_comes_back_whole(genome):
    space = NeuronSpace(genome.input_shape, genome.n_outputs)
    for one in (genome, genome.without_weights()):
        back = space.decode(space.encode(one))
        assert back == one
        assert back.sources.tolist() == one.sources.tolist()


def test_it_takes_a_third_of_the_bytes():
    genome = random_genome((1, 28, 28), 10, np.random.default_rng(0))
    assert len(genome.without_weights().to_bytes(compact=True)) < 0.34 * len(genome.to_bytes())


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("in_degrees", lambda planes: planes + 1),
        ("in_degrees", lambda planes: planes[:2]),
        ("in_degrees", lambda planes: planes | 128),
        ("source_gaps", lambda planes: planes[:, :-1]),
        ("source_gaps", lambda planes: planes | 64),
        ("shared", lambda planes: planes[:, ::2]),
        ("neuron_keys", lambda keys: keys[:-1]),
        ("neuron_keys", lambda keys: keys.astype(np.int32)),
        ("head", lambda head: head[:-5]),
    ],
)
def test_damage_is_noticed(name, damage):
    genome = random_genome((1, 6, 6), 2, np.random.default_rng(0))
    with np.load(io.BytesIO(genome.without_weights().to_bytes(compact=True))) as stored:
        arrays = dict(stored)
    arrays[name] = np.ascontiguousarray(damage(arrays[name]))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with pytest.raises(GenomeError):
        Genome.from_bytes(buffer.getvalue())
