"""Each operation does what it says, to the last bit, and what its NumPy statement says, but for rounding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from spaces.program_oracle import Oracle, same
from spaces.program_samples import program_of

from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.native import interpreter
from workbench.spaces.programs.operations import CODES, OPERATIONS
from workbench.spaces.programs.program import Form

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan, 5e-324, -1e308, 1e308, 710.0)


def executed(program, form, values):
    """Memory by address after executing Predict once, dead instructions too, compiled and by the oracle."""
    machine, oracle = Machine(program, form), Oracle(program, form)
    for address, array in values.items():
        machine._at(address)[...] = oracle.at(address)[...] = array
    listing = machine._listing(np.ones(program.n_instructions, bool))
    drawn = np.zeros(program.n_instructions, np.int64)
    interpreter.run(*listing, drawn, machine._memory, machine._layout, 0, len(drawn))
    oracle.execute(1)
    return machine._at, oracle.at


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_as_the_oracle_has_it(operation):
    """To the last bit, with operands that are the output too, and values that are none."""
    rng = np.random.default_rng(CODES[operation.name])
    for features, special in itertools.product((1, 5, 16, 19), (False, True)):
        form = Form(features, 1, 3, 3, 3)
        shapes = {"s": (), "v": (features,), "m": (features, features)}
        for first, second in ((0, 1), (2, 1), (0, 2), (2, 2)):
            values = {
                (kind, i): rng.choice(SPECIAL, shape) if special else rng.normal(size=shape)
                for kind, shape in shapes.items()
                for i in range(3)
            }
            constants = rng.uniform(-0.2, 1.2, len(operation.constants))
            program = program_of([], [(operation.name, 2, *(first, second)[: len(operation.inputs)], *constants)], [])
            ours, theirs = executed(program, form, values)
            for address in values:
                assert same(ours(address), theirs(address))


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.numpy], ids=lambda operation: operation.name)
def test_every_operation_is_what_numpy_makes_of_it(operation):
    """NumPy adds in another order, and its functions may differ in the last bit."""
    rng = np.random.default_rng(0)
    features, fractions = 19, (0.3, 0.99)
    shapes = {"s": (), "v": (features,), "m": (features, features)}
    values = {(kind, i): rng.uniform(0.1, 0.9, shape) for kind, shape in shapes.items() for i in range(3)}
    constants = (0.25, *fractions)[: len(operation.constants)]
    program = program_of([], [(operation.name, 2, *(0, 1)[: len(operation.inputs)], *constants)], [])
    ours, _ = executed(program, Form(features, 1, 3, 3, 3), values)
    names = {"np": np, "F": features}
    names |= {name: values[kind, i] for name, kind, i in zip("ab", operation.inputs, (0, 1), strict=False)}
    if operation.output:
        names["o"] = values[operation.output, 2].copy()
    places = {name: int(fraction * features) for name, fraction in zip(("row", "column"), fractions, strict=True)}
    exec(operation.numpy.format(o="o", a="a", b="b", value=0.25, **places), names)
    for address, before in values.items():
        written = address == (operation.output, 2)
        expected = np.reshape(names["o"], -1) if written else before.reshape(-1)
        np.testing.assert_allclose(
            ours(address).reshape(-1), expected, rtol=1e-13 if written else 0, err_msg=str(address)
        )
