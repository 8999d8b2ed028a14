"""Programs as stand-alone Python files, imported where there is no workbench."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.datasets import Dataset
from workbench.errors import ExportError
from workbench.individuals import Cost
from workbench.space import write_network
from workbench.spaces.programs.export import python_file
from workbench.spaces.programs.features import Preparation, example_order
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.operations import CODES, OPERATION_SETS
from workbench.spaces.programs.pairs import PairsSpace
from workbench.spaces.programs.program import Form
from workbench.spaces.programs.sampling import random_program
from workbench.spaces.programs.space import ProgramSpace
from workbench.training import TrainConfig

DIGITS = wb.load_dataset("digits")

ALONE = """
import importlib.util
import sys
from pathlib import Path

import numpy as np

def retrained(program, features, labels):
    memory = program["setup"]()
    for one, label in zip(features, labels):
        program["predict"](memory, one)
        program["learn"](memory, one, label)
    return memory

folder, found = Path(sys.argv[1]), {}
given = dict(np.load(folder / "given.npz"))
for path in sorted(folder.glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for expression in sys.argv[2:]:
        value = eval(expression, {**globals(), **vars(module), **given, "program": vars(module)})
        found[str(len(found))] = value
assert not any(name.partition(".")[0] in ("workbench", "torch", "numba", "jinja2") for name in sys.modules)
np.savez(folder / "found.npz", **found)
"""


def alone(folder: Path, *expressions: str, **given: np.ndarray) -> list[np.ndarray]:
    """What expressions give in each Python file of a folder, in a process that knows NumPy alone."""
    np.savez(folder / "given.npz", **given)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE, str(folder), *expressions],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    with np.load(folder / "found.npz") as found:
        return [found[str(number)] for number in range(len(found))]


def trained(space, data=DIGITS, epochs=3):
    config = TrainConfig(epochs=epochs)
    return space.train(space.sample(0, np.random.default_rng(0)), data, config, seed=0, stream=(0,)).genome


@pytest.mark.parametrize("start", ["linear", "network"])
def test_a_file_answers_as_its_space_does(start, tmp_path):
    space = ProgramSpace.for_data(DIGITS, start=start)
    genome, (images, _) = trained(space), DIGITS.arrays("test")
    write_network(space, genome, tmp_path / "found.py", DIGITS)
    logits, classes, names = alone(tmp_path, "logits(x)", "classify(x)", "np.array(CLASS_NAMES)", x=images)
    np.testing.assert_allclose(logits, space.machine(genome).predict(space.preparation(images)), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(classes, space.logits(genome, images).argmax(axis=1))
    assert names.tolist() == list(DIGITS.class_names)


def test_a_file_learns_as_its_space_does(tmp_path):
    space = ProgramSpace.for_data(DIGITS, start="linear")
    genome, (images, labels), test = trained(space), DIGITS.arrays("train"), DIGITS.arrays("test")[0]
    write_network(space, genome, tmp_path / "found.py")
    order = np.concatenate([example_order(len(labels), 0, (0,), epoch) for epoch in (1, 2, 3)])
    again = "logits(x, retrained(program, features_of(images), labels))"
    (logits,) = alone(tmp_path, again, x=test, images=images[order], labels=labels[order])
    np.testing.assert_allclose(logits, space.machine(genome).predict(space.preparation(test)), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("start", ["linear", "network"])
def test_a_file_trains_itself_again(start, tmp_path):
    space = ProgramSpace.for_data(DIGITS, start=start)
    genome = trained(space)
    write_network(space, genome, tmp_path / "found.py", DIGITS, raw=True)
    given = {"x": DIGITS.images("test"), "images": DIGITS.images("train"), "labels": DIGITS.labels("train")}
    before, after = alone(tmp_path, "classify(x)", "classify(x, train(images, labels, epochs=3))", **given)
    before, after = ((classes == DIGITS.labels("test")).mean() for classes in (before, after))
    assert before > 0.9
    assert abs(after - before) < 0.03


@pytest.mark.parametrize("carries", [False, True])
def test_random_programs_of_all_operations(carries, tmp_path):
    """Whatever they do, the files give the answers of the machine, NaN and infinities included, and train quietly."""
    rng, form = np.random.default_rng(int(carries)), Form(8, 3, 4, 6, 4)
    images = rng.standard_normal((30, 1, 2, 4)).astype(np.float32)
    preparation, features = Preparation((1, 2, 4), 8, 3), images.reshape(30, 8).astype(float)
    expected = {}
    for number in range(100):
        program = random_program(form, (6, 12, 12), OPERATION_SETS["all"], rng)
        machine = Machine(program, form, carries=carries)
        machine.learn(features[:10], rng.integers(0, 3, 10), np.arange(10))
        program = replace(program, memory=machine.memory[None])
        blob = python_file(program, form, [preparation], 3, Cost(0, 0, 0), carries=carries)
        (tmp_path / f"p{number:03}.py").write_bytes(blob)
        expected[number] = machine.predict(features)
    found = alone(tmp_path, "logits(x)", "len(train(x, labels))", x=images, labels=rng.integers(0, 3, 30))[::2]
    wrong = []
    for number, logits in enumerate(found):
        if not np.allclose(logits, expected[number], rtol=1e-9, atol=1e-12, equal_nan=True):
            wrong.append(number)
    assert wrong == []


def small(shape=(1, 5, 6), classes=3, **named):
    """Twelve images of each class, nine of them to test."""
    rng, counts = np.random.default_rng(0), (9 * classes, 3 * classes)
    images = [rng.integers(0, 255, (n, *shape)) for n in counts]
    labels = [np.arange(n) % classes for n in counts]
    return Dataset.from_arrays(
        images[0], labels[0], images[1], labels[1], validation=classes, selection=classes, **named
    )


@pytest.mark.parametrize(
    ("shape", "classes", "settings"),
    [
        ((1, 5, 6), 3, {"features": 6}),  # squares at the ends are smaller
        ((1, 6, 6), 3, {"features": 9}),
        ((2, 6, 6), 3, {"features": 5, "reduction": "project"}),
        ((1, 1, 9), 3, {"features": 4}),
        ((1, 2, 2), 7, {}),  # more classes than pixels
    ],
)
def test_images_are_prepared_as_in_the_space(shape, classes, settings, tmp_path):
    data = small(shape, classes)
    space = ProgramSpace.for_data(data, **settings)
    write_network(space, trained(space, data), tmp_path / "found.py", data, raw=True)
    (features,) = alone(tmp_path, "features_of(x)", x=data.images("test"))
    np.testing.assert_allclose(features, space.preparation(data.arrays("test")[0]), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("reduction", ["project", "average"])
def test_pairs_have_a_memory_each(reduction, tmp_path):
    space = PairsSpace.for_data(DIGITS, pairs="3-8 0-1", reduction=reduction)
    genome, images, labels = trained(space), DIGITS.images("test"), DIGITS.labels("test")
    with pytest.raises(ExportError, match="data="):
        space.export(genome, ".py")
    write_network(space, genome, tmp_path / "found.py", DIGITS, raw=True)
    for number, (task, machine) in enumerate(zip(space.tasks, space.machines(genome), strict=True)):
        mine = np.isin(labels, task.classes)
        given = {"images": DIGITS.images("train"), "labels": DIGITS.labels("train")}
        expressions = (
            f"logits(x, {number})",
            f"classify(x, {number})",
            f"classify(x, {number}, train(images, labels, {number}, 3))",
        )
        logits, classes, again = alone(tmp_path, *expressions, x=images[mine], **given)
        np.testing.assert_allclose(logits, machine.predict(task.examples(DIGITS, "test").features), rtol=1e-9)
        np.testing.assert_array_equal(classes, np.where(logits[:, 0] > 0, task.classes[1], task.classes[0]))
        assert (again == classes).mean() > 0.9


HOSTILE = (
    '"""\nimport os\nos.abort()\n"""',
    "'); raise SystemExit('gone') #",
    "\\",
    "{{ 1 / 0 }}{% raw %}",
    "\u2028raise SystemExit\x00\u202e",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_never_become_code(name, tmp_path):
    data = small(name=name, class_names=(*HOSTILE[:2], name + "?"))
    space = ProgramSpace.for_data(data)
    blob = space.export(trained(space, data), ".py", data)
    (tmp_path / "found.py").write_bytes(blob)
    found = alone(tmp_path, "np.array([DATA_SET, *CLASS_NAMES])")[0]
    assert found.tolist() == [name, *data.class_names]
    plain = space.export(trained(space, data), ".py").decode().splitlines()
    changed = [line for line in blob.decode().splitlines() if line not in plain]
    assert [line.partition(" = ")[0] for line in changed] == ["DATA_SET", "CLASS_NAMES"]


def test_draws_of_predict_are_the_same_for_all_answers(tmp_path):
    form, names = Form(4, 2, 2, 4, 2), ("vector_gaussian", "vector_uniform", "vector_sum")
    program = random_program(form, (0, 3, 0), ((), ("vector_uniform",), ()), np.random.default_rng(0))
    operands = ((0, 0, 3), (0, 0, 2), (3, 2, 2))
    codes = np.array([[CODES[name], *rest] for name, rest in zip(names, operands, strict=True)], np.uint8)
    program = replace(program, codes=codes, memory=np.zeros((1, 0)))
    images = np.zeros((5, 1, 2, 2), np.float32)
    blob = python_file(program, form, [Preparation((1, 2, 2), 4, 2)], 2, Cost(0, 0, 0))
    (tmp_path / "found.py").write_bytes(blob)
    logits, again = alone(tmp_path, "logits(x)", "logits(x, train(x, np.zeros(5, int)))", x=images)
    np.testing.assert_allclose(logits, Machine(program, form).predict(np.zeros((5, 4))), rtol=1e-12)
    assert (again == again[0]).all()
    assert (again != logits).all()
