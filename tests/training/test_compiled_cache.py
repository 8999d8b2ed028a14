"""Compiled kernels are kept in a folder that belongs to their sources, and survive its loss or damage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite.binding import FeatureMap

from workbench.training.native import jit, kernels

CODE = """
import sys
import numpy as np
from workbench.training import compiling
from workbench.training.native import jit, kernels
from workbench.training.native.arrays import Net
noted, begin = [], compiling.begin
compiling.begin = lambda kernel: (begin(kernel), noted.append(compiling.progress()))
if sys.argv[1:]:
    jit.candidate_folders = lambda sources: map(jit.Path, sys.argv[1:])
out = np.zeros(1, np.float32)
net = Net(0, *[np.zeros(1, np.int64)] * (len(Net._fields) - 1))
kernels.order_inner(net, np.ones(1, np.float32), out)
assert out == 1
assert all(noted) and len(noted) == kernels.order_inner.stats.cache_misses.total()
assert all(text.startswith("compiling kernels, 1 of ") for text in noted)
assert compiling.progress() == ""
print("compiled" if kernels.order_inner.stats.cache_misses else "loaded", kernels.order_inner.stats.cache_path)
"""


def run_kernel(cache: Path | None, *folders: Path) -> tuple[list[str], str]:
    """Call one small kernel in a fresh process; what it printed (whether it compiled, and where), and its errors."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache or "")}
    command = [sys.executable, "-c", CODE, *map(str, folders)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split(), done.stderr


def test_nothing_is_written_at_import(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import workbench.training.native.trainer"], env=environment, check=True)
    assert not list(tmp_path.iterdir())


def test_kernels_are_loaded_again_and_damaged_files_are_written_anew(tmp_path):
    first, _ = run_kernel(tmp_path)
    assert first == ["compiled", str(tmp_path / f"workbench-{jit.source_digest()}")]
    assert run_kernel(tmp_path)[0] == ["loaded", first[1]]
    for pattern, content in [("*.nbi", b""), ("*.nbc", b"\0" * 100), ("*.nbi", None), ("*.nbc", None)]:
        (path,) = Path(first[1]).glob(pattern)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
        assert run_kernel(tmp_path)[0][0] == "compiled"
        assert run_kernel(tmp_path)[0][0] == "loaded"


def test_without_a_writable_folder_kernels_are_compiled(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    printed, errors = run_kernel(None, blocked / "one", blocked / "two")
    assert printed == ["compiled", "None"]
    assert errors.count("set NUMBA_CACHE_DIR to a writable folder") == 1
    printed, errors = run_kernel(None, blocked / "one", tmp_path / "two")
    assert printed == ["compiled", str(tmp_path / "two")]
    assert errors.count("compiling the native kernels, once per machine") == 1
    assert run_kernel(None, blocked / "one", tmp_path / "two") == (["loaded", str(tmp_path / "two")], "")


def test_every_source_and_the_processor_count(tmp_path, monkeypatch):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("a = 1\n")
    monkeypatch.setattr(jit, "SOURCES", tmp_path)
    digest = jit.source_digest.__wrapped__
    before = digest()
    (tmp_path / "two.py").write_text("a = 2\n")
    changed = digest()
    (tmp_path / "two.py").rename(tmp_path / "three.py")
    renamed = digest()
    features = {**jit.binding.get_host_cpu_features(), "abacus": True}
    monkeypatch.setattr(jit.binding, "get_host_cpu_features", lambda: FeatureMap(features))
    assert len({before, changed, renamed, digest()}) == 4


def test_where_nothing_may_be_compiled_it_is_said():
    script = "from workbench.training.native.trainer import NativeTrainer"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "ConfigError: native kernels are compiled by numba, which NUMBA_DISABLE_JIT=1 forbids" in done.stderr


@pytest.mark.parametrize("name", ["NUMBA_CACHE_DIR", "__pycache__"])
def test_the_users_choice_comes_first(name, tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path) if name == "NUMBA_CACHE_DIR" else "")
    first = next(jit.candidate_folders())
    assert first.name == f"workbench-{jit.source_digest()}"
    assert first.parent == (tmp_path if name == "NUMBA_CACHE_DIR" else jit.SOURCES / "__pycache__")


def test_kernels_elsewhere_depend_on_the_sources_beside_them_too(tmp_path, monkeypatch):
    """Those of programs, say: both folders count, and only theirs holds their code."""
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    ours, theirs = jit.SOURCES, tmp_path / "native"
    theirs.mkdir()
    (theirs / "one.py").write_text("a = 1\n")
    digest = jit.source_digest.__wrapped__
    before = digest(theirs)
    assert before != digest(ours)
    assert next(jit.candidate_folders(theirs)).parent == theirs / "__pycache__"
    (theirs / "one.py").write_text("a = 2\n")
    assert digest(theirs) != before
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(jit, "SOURCES", other)
    changed = digest(theirs)
    (other / "two.py").write_text("b = 1\n")
    assert digest(theirs) != changed


def test_inner_kernels_are_called_by_kernels_only():
    with pytest.raises(TypeError, match="share_grads is an inner kernel, which only kernels call"):
        kernels.share_grads(np.zeros(1, np.uint32), np.zeros(1, int), np.ones(1, np.float32))
