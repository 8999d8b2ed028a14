"""Genomes of programs: sampling, starts, mutations, files."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from workbench.errors import ConfigError
from workbench.spaces.programs.operations import CODES, OPERATION_SETS
from workbench.spaces.programs.program import OPERATION, Form, Program
from workbench.spaces.programs.sampling import Limits, allowed, operands, random_program
from workbench.spaces.programs.starts import STARTS, check_start, needs, needs_lengths, starting_program

CLASSES = Form(16, 10, 4, 9, 3)
PAIRS = Form(16, 1, 5, 9, 2, vector_labels=False)
FORMS = (CLASSES, PAIRS)
LIMITS = Limits(20, 20, 30)
ALL = OPERATION_SETS["all"]


def texts(program: Program, form: Form) -> list[list[str]]:
    return [[program.text(row, form) for row in range(program.n_instructions)][rows] for rows in program.sections]


# ---------------------------------------------------------------------- sampling
def test_instructions_are_uniform_over_operations_addresses_and_constants():
    program = random_program(PAIRS, (100, 100, 100), ALL, np.random.default_rng(0))
    parts = [program] + [random_program(PAIRS, (100, 100, 100), ALL, np.random.default_rng(k)) for k in range(1, 200)]
    codes, constants = (np.concatenate([getattr(part, name) for part in parts]) for name in ("codes", "constants"))
    counts = np.bincount(codes[:, OPERATION], minlength=65)
    assert counts[CODES["no_op"]] == 0
    assert abs(counts[1:] / len(codes) - 1 / 64).max() < 0.003  # 4 standard deviations
    dot = codes[codes[:, OPERATION] == CODES["vector_dot"]]
    for column, expected in ((1, 9), (2, 9), (3, 5)):
        shares = np.bincount(dot[:, column], minlength=expected) / len(dot)
        free = shares if column < 3 else shares[1:]  # nothing writes the label s0
        assert abs(free - 1 / len(free)).max() < 0.06
        assert column < 3 or shares[0] == 0
    for name, ranges in {
        "matrix_constant": ((-1, 1), (0, 1), (0, 1)),
        "vector_gaussian": ((-1, 1), (0, 1), (0, 0)),
        "matrix_uniform": ((-1, 1), (-1, 1), (0, 0)),
        "vector_sum": ((0, 0), (0, 0), (0, 0)),
    }.items():
        drawn = constants[codes[:, OPERATION] == CODES[name]]
        for values, (low, high) in zip(drawn.T, ranges, strict=True):
            assert low <= values.min() <= values.mean() <= values.max() <= high
            assert abs(values.mean() - (low + high) / 2) < 0.1
    assert len(np.unique(np.concatenate([part.keys for part in parts]))) == len(codes)


def test_only_operations_with_addresses_for_all_operands_are_drawn():
    bare = Form(4, 1, 2, 1, 0, vector_labels=False)  # s0, s1, v0: no vector may be written
    names = {name for name, code in CODES.items() if code in allowed(bare, ALL)[0]}
    assert {"scalar_sum", "vector_dot", "vector_norm"} <= names
    assert not names & {"vector_sum", "matrix_vector", "scalar_vector", "vector_outer", "matrix_mean"}
    only_matrices = (("matrix_sum",),) * 3
    assert random_program(bare, (0, 0, 0), only_matrices, np.random.default_rng(0)).n_instructions == 0
    with pytest.raises(ConfigError, match="operation for which Predict has addresses"):
        random_program(bare, (0, 1, 0), only_matrices, np.random.default_rng(0))
    assert not operands(bare).possible[CODES["vector_sum"]]


def test_programs_are_immutable_and_pickled_as_they_are():
    program = random_program(CLASSES, (1, 2, 3), ALL, np.random.default_rng(0))
    again = pickle.loads(pickle.dumps(program))
    for one in (program, again):
        with pytest.raises(ValueError, match="read-only"):
            one.codes[0, 0] = 1
    assert again.lengths == program.lengths
    assert again.constants.tobytes() == program.constants.tobytes()


# ---------------------------------------------------------------------- starts
def test_hand_written_pairs():
    rng = np.random.default_rng(0)
    assert texts(starting_program("linear", PAIRS, LIMITS, ALL, rng), PAIRS) == [
        ["s2 = 0.01"],
        ["s1 = v0 · v1"],
        ["s3 = s0 − s1", "s3 = s2 × s3", "v2 = s3 × v0", "v1 = v1 + v2"],
    ]
    assert texts(starting_program("network", PAIRS, LIMITS, ALL, rng), PAIRS)[1] == [
        *("v3 = m0 · v0", "v3 = v3 + v2", "v3 = max(v3, v5)", "s1 = v3 · v1", "s1 = s1 + s3")
    ]


def test_hand_written_classes():
    linear = starting_program("linear", CLASSES, LIMITS, ALL, np.random.default_rng(0))
    assert texts(linear, CLASSES) == [
        ["s0 = 0.01"],
        ["v2 = m0 · v0"],
        ["v2 = v1 − v2", "v2 = s0 × v2", "m1 = v2 ⊗ v0", "m0 = m0 + m1"],
    ]


@pytest.mark.parametrize("form", FORMS)
def test_lengths_and_keys_of_starts(form):
    for start, expected in {
        "empty": (0, 0, 0),
        "random": (3, 4, 5),
        "linear": (1, 1, 4),
        "network": (2, 5, 12) if form.vector_labels else (3, 5, 11),
    }.items():
        first, again, other = (
            starting_program(start, form, LIMITS, ALL, np.random.default_rng(seed), (3, 4, 5)) for seed in (7, 7, 8)
        )
        assert first.lengths == expected
        assert needs_lengths(start, form.vector_labels) in (expected, (0, 0, 0))
        assert first.keys.tolist() == again.keys.tolist()
        assert not set(first.keys.tolist()) & set(other.keys.tolist())
    assert starting_program("empty", form, Limits(6, 10, 22, least=1), ALL, np.random.default_rng(0)).lengths == (
        1,
        1,
        1,
    )


def test_starts_say_what_they_need():
    assert needs("linear", vector_labels=False) == (4, 3, 0)
    assert needs("linear", vector_labels=True) == (1, 3, 2)
    assert needs("network", vector_labels=False) == (5, 6, 2)
    assert needs("network", vector_labels=True) == (1, 8, 3)
    for start in STARTS:
        check_start(start, Form(16, 10, *needs(start, vector_labels=True)), Limits(3, 5, 12))
    with pytest.raises(ConfigError, match="matrices of at least 3 for programs that start as 'network', got 2"):
        check_start("network", Form(16, 10, 1, 8, 2), LIMITS)
    with pytest.raises(ConfigError, match="learn of at least 4"):
        check_start("linear", CLASSES, Limits(1, 1, 3))
    with pytest.raises(ConfigError, match="expected a start out of empty"):
        check_start("nothing", CLASSES, LIMITS)
