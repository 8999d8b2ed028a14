from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from store_samples import DESCRIPTION, StubSpace

from workbench.registry import SPACES
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
def made(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """Makes the stub known as a search space; collects the settings with which it was asked for."""
    asked: list[Mapping[str, object]] = []

    class Known(StubSpace):
        @classmethod
        def from_config(cls, config: Mapping[str, object]) -> Any:
            asked.append(config)
            return cls()

    monkeypatch.setitem(SPACES, "stub", Known)
    return asked
