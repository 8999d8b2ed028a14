"""Imports point downwards, and what is heavy is imported where it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import workbench

PACKAGE = Path(workbench.__file__).parent

LEVELS = [
    {"errors", "formats"},
    {"settings", "outputs"},
    {"individuals", "objectives", "pictures"},
    {"genome", "datasets", "space"},
    {"spatial", "registry"},
    {"builder", "derivations"},
    {"mutations", "initial"},
    {"surgery"},
    {"compiler"},
    {"training"},
    {"spaces", "baselines"},
    {"evolution", "store"},
    {"executors"},
    {"search"},
    {"views"},
    {"plots", "widgets"},
    {"results"},
    {"cli"},
    {"__init__", "__main__"},
]
"""From the ground up: a module may import from its own part and from those below."""

LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

HEAVY = {"torch", "torchvision", "plotly", "numba", "networkx", "moocore", "pandas", "pymoo", "sklearn", "rich", "dask"}
HEAVY |= {"onnx", "onnxruntime", "distributed"}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(("workbench", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sources()}

KNOWN_CYCLES: set[tuple[str, str]] = {
    ("workbench.search.script", "workbench.search.state"),
    ("workbench.search.progress", "workbench.search.search"),
}
"""Imports that close a cycle and wait for being mended."""


def imports(path: Path, *, only_at_import: bool = False, for_types: bool = False) -> Iterator[str]:
    """Names of all modules that a file imports.

    With `only_at_import` only those imported when the file itself is; with `for_types` also those under TYPE_CHECKING.
    """
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        if (typing_only and not for_types) or (
            only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:  # `from package import module` imports the module
                inner = f"{node.module}.{alias.name}"
                yield inner if node.module == "workbench" or inner in MODULES else node.module


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    mine = part_of(path)
    assert mine in LEVEL, f"{mine} has no level: put it where it belongs in LEVELS"
    for name in imports(path):
        if name.startswith("workbench."):
            other = name.split(".")[1]
            other = other if other in LEVEL else "__init__"
            if mine == "cli" and name == "workbench.__version__":
                continue
            assert other == mine or LEVEL[other] < LEVEL[mine], f"{path} imports upwards: {name}"


def test_no_two_files_import_each_other():
    """Not even over others, in a function, or for types only."""
    graph = {name: set(imports(path, for_types=True)) & set(MODULES) - {name} for name, path in MODULES.items()}
    for importer, imported in KNOWN_CYCLES:
        graph.get(importer, set()).discard(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_used(path):
    allowed = {"torch"} if part_of(path) in ("compiler", "training") else set()
    if path.parent.name == "native":
        allowed = {"numba"}
    if path.match("spaces/*/modules.py") or path.match("baselines/module.py"):
        allowed = {"torch"}  # imported where a network is built
    if path.parent.parent.name == "views":
        allowed = {"plotly"}  # a figure widget is a class of its own
    heavy = {name.split(".")[0] for name in imports(path, only_at_import=True)} & HEAVY
    assert heavy <= allowed


def test_genome_imports_torch_only_to_read_its_networks():
    """And there only when it is called, as another test says."""
    for path in set((PACKAGE / "genome").glob("*.py")) - {PACKAGE / "genome" / "from_torch.py"}:
        assert not any(name.split(".")[0] == "torch" for name in imports(path))


@pytest.mark.parametrize("name", ["data.py", "figure.py", "maps.py", "animation.py"])
def test_what_is_shown_knows_no_widget(name):
    """Of each view, what to show is pure data, and the figure of it is a plain figure."""
    for path in (PACKAGE / "views").glob(f"*/{name}"):
        names = set(imports(path))
        assert not any(name.split(".")[0] in ("ipywidgets", "anywidget", "traitlets") for name in names)
        assert not any(name.startswith("workbench.") and name.endswith((".widget", ".view")) for name in names)


def test_import_is_light():
    code = (
        "import sys, workbench, workbench.search, workbench.cli; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code, *sorted(HEAVY)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_public_face():
    assert len(workbench.__all__) <= 26
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    assert workbench.mutations.add_edges is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = workbench.nonsense
