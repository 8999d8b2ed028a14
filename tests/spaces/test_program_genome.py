"""Genomes of programs: sampling, starts, mutations, files."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.genome.npz import write_arrays
from workbench.spaces.programs.files import ARRAYS, check_program, decode, encode
from workbench.spaces.programs.liveness import kept_size, live
from workbench.spaces.programs.machine import Machine, draw
from workbench.spaces.programs.mutations import KINDS, ProgramRates, draw_kind, mutated, possible, record_of
from workbench.spaces.programs.operations import CODES, OPERATION_SETS
from workbench.spaces.programs.program import OPERATION, SECTIONS, Form, Program
from workbench.spaces.programs.sampling import Limits, allowed, operands, random_program
from workbench.spaces.programs.starts import STARTS, check_start, needs, needs_lengths, starting_program
from workbench.views.base.words import mutation_in_words

CLASSES = Form(16, 10, 4, 9, 3)
PAIRS = Form(16, 1, 5, 9, 2, vector_labels=False)
FORMS = (CLASSES, PAIRS, Form(4, 2, 0, 3, 0), Form(4, 1, 2, 1, 0, vector_labels=False))
LIMITS = Limits(20, 20, 30)
ALL = OPERATION_SETS["all"]


@st.composite
def cases(draw) -> tuple[Form, Limits, tuple, Program]:
    """A form, limits, allowed operations, and a random program within them."""
    form, operations = draw(st.sampled_from(FORMS)), OPERATION_SETS[draw(st.sampled_from(list(OPERATION_SETS)))]
    least = draw(st.integers(0, 1))
    most = draw(st.tuples(*[st.integers(least, 8)] * 3))
    lengths = [draw(st.integers(least, some)) for some in most]
    lengths = [n if len(some) else 0 for n, some in zip(lengths, allowed(form, operations), strict=True)]
    program = random_program(form, tuple(lengths), operations, np.random.default_rng(draw(st.integers(0, 2**32))))
    return form, Limits(*most, least=least), operations, program


def arrays_of(program: Program) -> tuple:
    return program.lengths, program.codes.tobytes(), program.constants.tobytes(), program.keys.tobytes()


def rows_of(program: Program) -> list[dict[int, tuple]]:
    """By list, what each instruction is, by its key."""
    rows = zip(program.codes.tolist(), program.constants.tolist(), strict=True)
    found = [(key, (*codes, *constants)) for key, (codes, constants) in zip(program.keys.tolist(), rows, strict=True)]
    return [dict(found[some]) for some in program.sections]


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


@pytest.mark.parametrize("form", [CLASSES, PAIRS])
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
    assert starting_program("random", form, Limits(7, 10, 22), ALL, np.random.default_rng(0)).lengths == (4, 5, 11)
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


def answers_of_sgd(start: str, form: Form, program: Program, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Outputs [n, outputs] for `x` after a plain pass over it: rate 0.01, weights of the program's first draws."""
    first = start == "network"
    keys = dict(zip(program.codes[:, OPERATION].tolist(), program.keys.tolist(), strict=True))

    def drawn(name: str) -> np.ndarray:
        return draw(name, keys[CODES[name]], 0, (0.0, 0.1), form.features)

    n = form.n_outputs
    w, b, c = drawn("matrix_gaussian") if first else np.eye(form.features), np.zeros(form.features), np.zeros(n)
    v = drawn("vector_gaussian")[None] if first and not form.vector_labels else np.zeros((n, form.features))
    for one, label in zip(x, y, strict=True):
        hidden = np.maximum(w @ one + b, 0) if first else one
        outputs = v @ hidden + c
        if form.vector_labels:
            odds = np.exp(outputs - outputs.max())
            error = np.eye(n)[label] - odds / odds.sum()
        else:
            error = label - 1 / (1 + np.exp(-outputs))
        back = (hidden > 0) * (v.T @ error)
        v += 0.01 * np.outer(error, hidden)
        if first:
            c, b, w = c + 0.01 * error, b + 0.01 * back, w + 0.01 * np.outer(back, one)
    return np.array([v @ (np.maximum(w @ one + b, 0) if first else one) + c for one in x])


@pytest.mark.parametrize("form", [CLASSES, PAIRS])
@pytest.mark.parametrize("start", ["linear", "network"])
def test_hand_written_programs_are_sgd(start, form):
    rng = np.random.default_rng(0)
    program = starting_program(start, form, LIMITS, ALL, rng)
    y = rng.integers(max(2, form.n_outputs), size=200)
    x = rng.standard_normal((200, form.features))
    x[np.arange(200), y] += 1
    machine = Machine(program, form)
    assert machine.learn(x, y, np.arange(200)).examples == 200
    np.testing.assert_allclose(machine.predict(x), answers_of_sgd(start, form, program, x, y), rtol=1e-9, atol=1e-11)
    assert live(program, form).all()


# ---------------------------------------------------------------------- mutations
@given(cases(), st.sampled_from(KINDS), st.integers(0, 2**32))
def test_mutations_change_what_they_say_and_nothing_else(case, kind, seed):
    form, limits, operations, parent = case
    untouched = arrays_of(parent)
    if kind not in possible(parent, form, limits, operations):
        with pytest.raises(MutationError, match="expected a mutation possible on a program with"):
            mutated(kind, parent, form, limits, operations, np.random.default_rng([seed, 1]))
        return
    child, again = (mutated(kind, parent, form, limits, operations, np.random.default_rng([seed, 1])) for _ in range(2))
    assert arrays_of(parent) == untouched
    assert arrays_of(child) == arrays_of(again)
    check_program(child, form)
    assert all(length <= most for length, most in zip(child.lengths, limits.most, strict=True))
    before, after = rows_of(parent), rows_of(child)
    changed = [place for place in range(3) if before[place] != after[place]]
    new = [key for place in range(3) for key in after[place] if key not in before[place]]
    lost = [key for place in range(3) for key in before[place] if key not in after[place]]
    for place in range(3):  # what stays keeps its order
        stays = [key for key in after[place] if key in before[place]]
        assert stays == [key for key in before[place] if key in after[place]]
        differs = [key for key in stays if before[place][key] != after[place][key]]
        assert not differs or (kind == "alter_param" and len(differs) == 1)
        assert set(child.codes[child.sections[place], OPERATION][np.isin(list(after[place]), new)].tolist()) <= set(
            allowed(form, operations)[place].tolist()
        )
    counts = {
        "alter_param": (0, 0),
        "randomize_instruction": (1, 1),
        "insert": (0, 1),
        "remove": (1, 0),
        "trade": (1, 1),
        "copy": (0, 0),
        "randomize_algorithm": (parent.n_instructions,) * 2,
    }
    if kind == "randomize_component":
        assert len(lost) == len(new) == parent.lengths[changed[0]]
    else:
        assert (len(lost), len(new)) == counts[kind]
    assert len(changed) <= (3 if kind == "randomize_algorithm" else 1)
    record = record_of(kind, parent, child, form)
    assert record["kind"] == json.loads(json.dumps(record))["kind"] == kind
    if changed and kind != "randomize_algorithm":
        assert record["section"] == SECTIONS[changed[0]]


@given(cases(), st.integers(0, 2**32))
def test_an_altered_parameter_is_another_operand_or_constant(case, seed):
    form, limits, operations, parent = case
    if "alter_param" not in possible(parent, form, limits, operations):
        return
    child = mutated("alter_param", parent, form, limits, operations, np.random.default_rng([seed, 1]))
    codes, constants = child.codes != parent.codes, child.constants != parent.constants
    assert not codes[:, OPERATION].any()
    assert codes.sum() + constants.sum() == 1


def test_a_constant_changes_its_sign_or_its_size():
    parent = starting_program("linear", PAIRS, LIMITS, ALL, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    children = [mutated("alter_param", parent, PAIRS, LIMITS, ALL, rng) for _ in range(20_000)]
    rates = np.array([child.constants[0, 0] for child in children])
    rates = rates[rates != parent.constants[0, 0]] / parent.constants[0, 0]
    assert len(rates) == pytest.approx(20_000 / 6 / 2, rel=0.1)  # one of 6 instructions, its constant or its output
    assert (rates < 0).mean() == pytest.approx(0.1, abs=0.03)
    assert set(rates[rates < 0]) == {-1.0}
    sizes = np.log(rates[rates > 0])
    assert (sizes.mean(), sizes.std()) == pytest.approx((0, 1), abs=0.1)


def test_places_in_vectors_are_drawn_anew():
    parent = random_program(PAIRS, (1, 0, 0), (("vector_constant",),) * 3, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rows = np.array([mutated("alter_param", parent, PAIRS, LIMITS, ALL, rng).constants[0, 1] for _ in range(3000)])
    rows = rows[rows != parent.constants[0, 1]]
    assert len(rows) == pytest.approx(1000, rel=0.15)
    assert (rows.min(), rows.mean(), rows.max()) == pytest.approx((0, 0.5, 1), abs=0.05)


def test_kinds_are_drawn_by_their_rates_among_those_possible():
    rng, empty = np.random.default_rng(0), starting_program("empty", PAIRS, LIMITS, ALL, np.random.default_rng(0))
    assert possible(empty, PAIRS, LIMITS, ALL) == ("insert", "copy")
    kinds = [draw_kind(empty, ProgramRates(), PAIRS, LIMITS, ALL, rng) for _ in range(3000)]
    assert kinds.count("insert") / 3000 == pytest.approx(0.225 / 0.325, abs=0.03)
    linear = starting_program("linear", PAIRS, LIMITS, ALL, rng)
    kinds = [draw_kind(linear, ProgramRates(), PAIRS, LIMITS, ALL, rng) for _ in range(3000)]
    for kind in KINDS:
        assert kinds.count(kind) / 3000 == pytest.approx(getattr(ProgramRates(), kind), abs=0.03)
    none = ProgramRates(*[float(kind == "remove") for kind in KINDS])
    with pytest.raises(MutationError, match="with 0 \\+ 0 \\+ 0 instructions, got 0; raise one of insert, copy"):
        draw_kind(empty, none, PAIRS, LIMITS, ALL, rng)
    with pytest.raises(ConfigError, match="at least one mutation"):
        ProgramRates(*[0.0] * len(KINDS))


def test_limits_count():
    linear = starting_program("linear", PAIRS, LIMITS, ALL, np.random.default_rng(0))
    assert "insert" not in possible(linear, PAIRS, Limits(1, 1, 4), ALL)
    assert "remove" in possible(linear, PAIRS, Limits(1, 1, 4, least=1), ALL)
    rng = np.random.default_rng(0)
    for _ in range(3):
        linear = mutated("remove", linear, PAIRS, Limits(1, 1, 4, least=1), ALL, rng)
    assert linear.lengths == (1, 1, 1)
    assert "remove" not in possible(linear, PAIRS, Limits(1, 1, 4, least=1), ALL)
    assert "remove" in possible(linear, PAIRS, LIMITS, ALL)


def test_records_are_sentences():
    linear, rng = starting_program("linear", PAIRS, LIMITS, ALL, np.random.default_rng(0)), np.random.default_rng(3)
    told = {
        kind: mutation_in_words(record_of(kind, linear, mutated(kind, linear, PAIRS, LIMITS, ALL, rng), PAIRS))
        for kind in KINDS
    }
    assert told["alter_param"] == "alter param: section Setup, line 1, before s2 = 0.01, after s1 = 0.01"
    assert told["copy"] == "copy"
    assert told["insert"] == "insert: section Setup, line 1, added m1[11, 5] = −0.9393"
    assert told["randomize_algorithm"] == "randomize algorithm: instructions redrawn 6"


# ---------------------------------------------------------------------- files
def with_memory(program: Program, form: Form, tasks: int = 1) -> Program:
    memory = np.random.default_rng(0).standard_normal((tasks, kept_size(program, form)))
    memory.ravel()[:2] = [np.nan, -np.inf][: memory.size]
    return replace(program, memory=memory)


def test_the_memory_of_a_network_comes_back():
    network = with_memory(starting_program("network", PAIRS, LIMITS, ALL, np.random.default_rng(0)), PAIRS, 3)
    assert network.memory.shape == (3, 1 + 3 * 16 + 16 * 16)  # s3, v1, v2, the zero vector v5, m0
    again = decode(encode(network, PAIRS), PAIRS, tasks=3)
    assert again.memory.tobytes() == network.memory.tobytes()
    assert not again.memory.flags.writeable
    bare = replace(network, memory=None)
    assert decode(encode(bare, PAIRS), PAIRS, tasks=3).memory is None
    assert len(encode(bare, PAIRS)) < len(encode(network, PAIRS)) / 2
    with pytest.raises(GenomeError, match=r"memory of shape \(1, 305\), got \(3, 305\)"):
        decode(encode(network, PAIRS), PAIRS)


@given(cases(), st.booleans())
def test_files_hold_every_bit(case, trained):
    form, _, _, program = case
    if trained:
        program = with_memory(program, form, 2)
    blob = encode(program, form)
    again = decode(blob, form, tasks=2)
    assert arrays_of(again) == arrays_of(program)
    assert encode(again, form) == blob


def damages() -> dict[str, Callable[[Program], Program]]:
    def at(name: str, place: tuple, value: float) -> Callable[[Program], Program]:
        def damaged(program: Program) -> Program:
            array = getattr(program, name).copy()
            array[place] = value
            return replace(program, **{name: array})

        return damaged

    return {
        "operation of instruction 1 to be below 65, got 65": at("codes", (0, OPERATION), 65),
        "first input of instruction 2 to be an address that the operation may use there, 0 if it uses none, got 9": at(
            "codes", (1, 1), 9
        ),
        "output of instruction 3 to be an address .*, got 0": at("codes", (2, 3), 0),  # the label
        "second input of instruction 1 to be an address .*, got 1": at("codes", (0, 2), 1),  # not used
        "constant of instruction 1 to be a finite number, got nan": at("constants", (0, 0), np.nan),
        "constant of instruction 2 to be 0, as it is not used, got -0.0": at("constants", (1, 2), -0.0),
        "instructions with positive keys of their own": at("keys", (0,), 0),
        "arrays of 5 instructions": lambda program: replace(program, lengths=(1, 1, 3)),
        "lists of at most 100 instructions, got": lambda program: replace(program, lengths=(107, 0, -101)),
    }


@pytest.mark.parametrize("expected", damages())
def test_what_is_no_program_is_refused(expected):
    linear = starting_program("linear", PAIRS, LIMITS, ALL, np.random.default_rng(0))
    with pytest.raises(GenomeError, match=expected):
        decode(encode(damages()[expected](linear), PAIRS), PAIRS)


def test_keys_and_places_in_vectors_are_checked():
    program = random_program(PAIRS, (2, 0, 0), (("vector_constant",),) * 3, np.random.default_rng(0))
    for changes, expected in (
        ({"keys": np.array([5, 5])}, "keys of their own"),
        ({"constants": np.array([[0.5, 1.0, 0], [0.5, 0.5, 0]])}, "fraction from 0 to below 1, got 1.0"),
    ):
        with pytest.raises(GenomeError, match=expected):
            decode(encode(replace(program, **changes), PAIRS), PAIRS)


def test_a_program_of_another_form_is_refused():
    program = starting_program("linear", PAIRS, LIMITS, ALL, np.random.default_rng(0))
    with pytest.raises(GenomeError, match=r"program of the form \{'features': 16, .*'vector_labels': True\}, got"):
        decode(encode(program, PAIRS), CLASSES)
    with pytest.raises(GenomeError, match="another kind of npz file"):
        decode(write_arrays("workbench-mlp", 1, {}, {name: getattr(program, name) for name in ARRAYS}), PAIRS)
