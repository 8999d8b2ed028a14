from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import DESCRIPTION, StubSpace

from workbench.store import Run, RunWriter, create_run, open_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[RunWriter]:
    with create_run(path, DESCRIPTION) as writer:
        yield writer


@pytest.fixture
def run(writer: RunWriter) -> Run:
    return open_run(writer.path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """Puts a stub in the place of `workbench.spaces`; collects what spaces were asked for."""
    asked: list[tuple[str, dict[str, object]]] = []

    def make_space(name: str, config: dict[str, object]) -> StubSpace:
        asked.append((name, config))
        return StubSpace()

    module = types.ModuleType("workbench.spaces")
    module.make_space = make_space  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "workbench.spaces", module)
    return asked
