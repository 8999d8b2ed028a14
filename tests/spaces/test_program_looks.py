"""Programs as text, and as the data flow of what their answers depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces.program_samples import CLASSES, LINEAR_CLASSES, LINEAR_PAIRS, NETWORK_PAIRS, PAIRS, program_of

from workbench.spaces.programs.liveness import answering, kept_size, live
from workbench.spaces.programs.looks import listing, picture
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.operations import OPERATION_SETS
from workbench.spaces.programs.sampling import random_program

EMPTY = program_of([], [], [])


def test_a_linear_model_reads_as_one():
    lines = listing(LINEAR_PAIRS, PAIRS)
    assert [(line.section, line.text) for line in lines] == [
        ("Setup", "s2 = 0.01"),
        ("Predict", "s1 = v0 · v1"),
        ("Learn", "s3 = s0 − s1"),
        ("Learn", "s3 = s2 × s3"),
        ("Learn", "v2 = s3 × v0"),
        ("Learn", "v1 = v1 + v2"),
    ]
    assert all(line.live for line in lines)
    assert [(line.writes, line.reads, line.flops) for line in lines[1:3]] == [
        ("s1", ("v0", "v1"), 32),
        ("s3", ("s0", "s1"), 1),
    ]
    assert lines[0].names == {
        "v0": "features",
        "s0": "label",
        "s1": "prediction",
        "v1": "kept after training",
    }


def test_constants_and_places_are_short():
    program = program_of(
        [
            ("vector_constant", 3, -0.123456, 0.99),
            ("matrix_constant", 1, 12345.678, 0.5, 0.0),
            ("scalar_uniform", 1, -1.0, 0.25),
            ("no_op", 0),
        ],
        [],
        [],
    )
    texts = [program.text(row, CLASSES) for row in range(4)]
    assert texts == ["v3[15] = −0.1235", "m1[8, 0] = 1.235e+04", "s1 = uniform(−1, 0.25)", "no operation"]


def test_lists_without_instructions_are_headings():
    assert [(line.section, line.text) for line in listing(EMPTY, PAIRS)] == [
        ("Setup", ""),
        ("Predict", ""),
        ("Learn", ""),
    ]
    nodes = [(node.key, node.kind) for node in picture(EMPTY, PAIRS).nodes]
    assert nodes == [("s1.last", "memory"), ("v0", "input"), ("s1", "output"), ("s0", "input"), ("s1.next", "memory")]


def test_what_nothing_writes_is_zero():
    names = listing(NETWORK_PAIRS, PAIRS)[0].names
    assert names["v7"] == "always 0"
    assert "v7 = 0" in [node.label for node in picture(NETWORK_PAIRS, PAIRS).nodes]


def test_the_flow_of_a_linear_model():
    found = picture(LINEAR_CLASSES, CLASSES)
    labels = {node.key: node.label for node in found.nodes}
    flow = {(labels[edge.source], edge.label, labels[edge.target]) for edge in found.edges}
    assert flow == {
        ("m0", "m0", "v2 = m0 · v0"),
        ("features", "v0", "v2 = m0 · v0"),
        ("v2 = m0 · v0", "v2", "prediction"),
        ("prediction", "v2", "v3 = v1 − v2"),
        ("label", "v1", "v3 = v1 − v2"),
        ("s2 = 0.01", "s2", "v3 = s2 × v3"),
        ("v3 = v1 − v2", "v3", "v3 = s2 × v3"),
        ("v3 = s2 × v3", "v3", "m1 = v3 ⊗ v0"),
        ("features", "v0", "m1 = v3 ⊗ v0"),
        ("m1 = v3 ⊗ v0", "m1", "m0 = m0 + m1"),
        ("m0", "m0", "m0 = m0 + m1"),
        ("m0 = m0 + m1", "m0", "next m0"),
    }
    memory = next(node for node in found.nodes if node.key == "m0")
    assert (memory.shape, memory.parameters) == ((16, 16), 256)
    assert memory.facts == {"kept after training": True, "before training": "0"}
    assert [branch.label for branch in found.tree if branch.parent == 0] == ["Setup", "Predict", "Learn", "Memory"]


def test_a_prediction_that_an_example_finds_is_not_the_one_that_it_makes():
    program = program_of([], [("scalar_sum", 1, 1, 2), ("vector_mean", 2, 0)], [])
    found = picture(program, PAIRS)
    assert {"s1", "s1.last", "s1.next"} < {node.key for node in found.nodes}
    assert listing(program, PAIRS)[1].names["s1"] == "prediction, kept after training"


def test_what_an_answer_leaves_for_the_next_one_is_live_though_learning_overwrites_it():
    program = program_of([], [("scalar_sum", 1, 3, 4), ("vector_mean", 3, 0)], [("scalar_constant", 3, 0.5)])
    assert live(program, PAIRS).tolist() == [True, False, True]
    assert live(program, PAIRS, carries=True).all()
    features = np.arange(32.0).reshape(2, 16)
    machine = Machine(program, PAIRS, carries=True)
    machine.learn(features, np.array([0, 1]), np.array([0, 1]))
    np.testing.assert_allclose(machine.predict(features)[:, 0], [0.5, 7.5])


@pytest.mark.parametrize("form", [CLASSES, PAIRS])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), carries=st.booleans())
def test_any_program_can_be_looked_at(form, seed, carries):
    program = random_program(form, (6, 14, 18), OPERATION_SETS["all"], np.random.default_rng(seed))
    lives = live(program, form, carries=carries)
    lines, found = listing(program, form, carries=carries), picture(program, form, carries=carries)
    assert [line.live for line in lines if line.text] == lives.tolist()
    assert lives[answering(program, form, carries=carries)].all()
    nodes = {node.key: node for node in found.nodes}
    assert len(nodes) == len(found.nodes)
    assert {key for key in nodes if key.isdigit()} == set(map(str, program.keys[lives].tolist()))
    assert all(nodes[edge.source].column < nodes[edge.target].column for edge in found.edges)
    assert {node.part for node in found.nodes} - {""} == {branch.key for branch in found.tree if branch.parent}
    assert sum(node.parameters for node in found.nodes) == kept_size(program, form, carries=carries)
    answers = answering(program, form, carries=carries).nonzero()[0].tolist()
    assert sum(node.flops for node in found.nodes) == sum(program.operation(row).cost(form.features) for row in answers)
    by_key = {line.key: line for line in lines}
    for edge in found.edges:
        if edge.target in by_key:
            assert edge.label in {*by_key[edge.target].reads, by_key[edge.target].writes}
        if edge.source in by_key:
            assert edge.label == by_key[edge.source].writes
