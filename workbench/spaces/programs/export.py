"""Programs as files of stand-alone Python: what a search found, to be read, run and trained again with NumPy alone.

The file is written from `program.py.jinja`. Whatever may come from a stranger's run or data set, such as the names of
classes, is in it as literals of ASCII only.
"""

from __future__ import annotations

import base64
import textwrap
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ExportError
from workbench.individuals import Cost
from workbench.spaces.programs.features import Pair, Preparation
from workbench.spaces.programs.liveness import kept, split
from workbench.spaces.programs.machine import draw
from workbench.spaces.programs.operations import MATRIX, SCALAR, VECTOR
from workbench.spaces.programs.program import Form, Program
from workbench.spaces.programs.statements import PythonProgram, literal, name_of

FEW = 16
"""Values of an array that is written as a list of numbers; longer ones are packed."""
PACKED = 100  # characters of a line of packed values


def python_file(
    program: Program,
    form: Form,
    tasks: Sequence[Preparation] | Sequence[Pair],
    n_classes: int,
    cost: Cost,
    data: Dataset | None = None,
    *,
    raw: bool = False,
    carries: bool = False,
) -> bytes:
    """A Python file that classifies images with a trained program, and trains it again.

    It takes images [n, c, h, w] as `Dataset.arrays` gives them, or with `raw` as `Dataset.images` does. Tasks are one
    preparation of images for all classes, or pairs of classes.

    Raises:
        ExportError: if the data do not fit, or there are none where raw images or pairs need them.
    """
    from jinja2 import Environment, StrictUndefined

    from workbench.compiler.torch_export import export_facts

    pairs = [task for task in tasks if isinstance(task, Pair)]
    preparations = [task.preparation if isinstance(task, Pair) else task for task in tasks]
    if pairs and data is None:
        raise ExportError("pairs need the data set, for mean and deviation of their features; pass data=...")
    facts = export_facts(preparations[0].input_shape, n_classes, cost, data, raw=raw, flat=False)
    written = PythonProgram(program, form, carries)
    trained = _all([_literals(trained_memory(program, form, written, task)) for task in range(len(tasks))], pairs)
    arrays = _arrays(preparations, pairs, data, raw)
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = environment.from_string(Path(__file__).with_name("program.py.jinja").read_text(encoding="utf-8")).render(
        program=written,
        form=form,
        cost=cost,
        shape=facts["input_shape"],
        images=facts["images"],
        raw=raw,
        data_set=ascii(facts.get("dataset")),
        class_names=ascii(tuple(facts.get("class_names", map(str, range(n_classes))))),
        pairs=[pair.classes for pair in pairs],
        preparation=_preparation(preparations[0], bool(pairs)),
        arrays=arrays,
        trained=trained,
        packed=any("_array(" in code for code in (trained, *arrays.values())),
        indented=lambda lines: textwrap.indent("\n".join(lines), " " * 4),
    )
    return text.encode()


def trained_memory(program: Program, form: Form, written: PythonProgram, task: int) -> dict[str, np.ndarray]:
    """What `predict` looks up in memory, by name: what training left and, where no answer depends on it, zeros."""
    assert program.memory is not None
    values = split(program.memory[task], kept(program, form, carries=written.carries), form)
    shapes = {SCALAR: (), VECTOR: (form.features,), MATRIX: (form.features, form.features)}
    found = {name_of(each): values.get(each, np.zeros(shapes[each[0]])) for each in written.needed}
    for row, name in written.draw_names.items():
        key, constants = int(program.keys[row]), program.constants[row].tolist()
        found[name] = draw(program.operation(row).name, key, task, constants, form.features)
    return found


def _arrays(
    preparations: Sequence[Preparation], pairs: Sequence[Pair], data: Dataset | None, raw: bool
) -> dict[str, str]:
    """What `features_of` needs, by name."""
    from workbench.compiler.torch_export import mean_and_std

    found = {}
    if data is not None and raw:
        found = {name: array_literal(each) for name, each in zip(("MEAN", "STD"), mean_and_std(data), strict=True)}
    if preparations[0].projects:
        found["PROJECTION"] = _all([array_literal(each.projection) for each in preparations], pairs)
    if data is not None and pairs:
        moments = [pair.moments(data) for pair in pairs]
        for place, name in enumerate(("FEATURE_MEAN", "FEATURE_STD")):
            found[name] = _all([array_literal(each[place]) for each in moments], pairs)
    return found


def _preparation(preparation: Preparation, of_pairs: bool) -> list[str]:
    """Statements that give the `features` float64 [n, F] of float32 `images` [n, c, h, w]."""
    side = preparation.side or 1
    if preparation.projects:
        lines = [f"features = images.reshape(n, -1) @ PROJECTION{'[pair]' if of_pairs else ''}"]
    elif side == 1:
        lines = ["features = images.reshape(n, -1)"]
    elif any(size % side for size in preparation.input_shape[1:]):  # squares at the ends are smaller
        lines = [f"rows, columns = np.arange(0, h, {side}), np.arange(0, w, {side})"]
        lines += ["sums = np.add.reduceat(np.add.reduceat(images, rows, axis=2, dtype=float), columns, axis=3)"]
        lines += ["sizes = np.outer(np.diff(rows, append=h), np.diff(columns, append=w))"]
        lines += ["features = (sums / sizes).reshape(n, -1)"]
    else:
        squares = f"images.reshape(n, c, h // {side}, {side}, w // {side}, {side})"
        lines = [f"features = {squares}.mean(axis=(3, 5), dtype=float).reshape(n, -1)"]
    if missing := preparation.features - preparation.taken:
        lines.append(f"features = np.pad(features, ((0, 0), (0, {missing})))")
    return [
        *lines,
        f"return {'(features - FEATURE_MEAN[pair]) / FEATURE_STD[pair]' if of_pairs else 'features.astype(float)'}",
    ]


def array_literal(values: np.ndarray) -> str:
    """Numbers as Python: few are listed, more are packed."""
    if values.ndim == 0:
        return f"np.float64({literal(float(values))})"
    if values.size <= FEW and np.isfinite(values).all():
        return f"np.array({values.tolist()}, np.{values.dtype})"
    if not values.tobytes().strip(b"\0"):
        return f"np.zeros({values.shape})"
    little = values.astype(values.dtype.newbyteorder("<"))
    text = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode()
    rows = "\n".join(f'    "{text[at : at + PACKED]}"' for at in range(0, len(text), PACKED))
    return f'_array(\n    "{little.dtype.str}", {values.shape},\n{rows},\n)'


def _literals(memory: Mapping[str, np.ndarray]) -> str:
    return "{\n" + "".join(f'    "{name}": {_inner(array_literal(values))},\n' for name, values in memory.items()) + "}"


def _all(values: Iterable[str], pairs: Sequence[Any]) -> str:
    """The only one, or a list with one for each pair."""
    return "[\n" + "".join(f"    {_inner(each)},\n" for each in values) + "]" if pairs else next(iter(values))


def _inner(code: str) -> str:
    return code.replace("\n", "\n    ")
