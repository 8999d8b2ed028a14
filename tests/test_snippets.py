"""What the documentation tells people to type works: each page from top to bottom, in a folder of its own.

Searches take the smallest sizes, and digits stand for the data sets that are downloaded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.cli import main
from workbench.cli.main import build_parser

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SMALLEST = {"population": 8, "children": 3, "generations": 2, "train.epochs": 1, "initial_epochs": 1}

SHORTER = {"fork": ["--yes"], "latency": ["--members", "1", "--batch", "1"]}
"""By command: what is added, since nobody can be asked, or to make it quick."""

Snippet = tuple[str, str]
"""Language and text."""


def snippets(page: Path) -> list[Snippet]:
    return BLOCK.findall(page.read_text("utf-8"))


PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if snippets(page)]


def each_page(test: Any) -> Any:
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())(test)


def commands(text: str) -> Iterator[list[str]]:
    """The words of every line of a block."""
    for line in text.splitlines():
        if words := shlex.split(line, comments=True):
            yield words


@each_page
def test_it_can_be_read(page):
    for language, text in snippets(page):
        if language == "python":
            compile(text, str(page), "exec")
            continue
        for program, *words in commands(text):
            if program == "workbench":
                build_parser().parse_args(words)
            elif program == "make":
                assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), words
            else:
                assert [program, *words] == ["source", ".venv/bin/activate"]


@pytest.mark.slow
@each_page
def test_it_runs(page, tmp_path, monkeypatch):
    from workbench.cli import search

    made = wb.preset

    def smallest(*given: Any, **changes: Any) -> Any:
        return made(*given, **{**SMALLEST, **changes})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(wb, "preset", smallest)
    monkeypatch.setattr(search, "preset", smallest)
    names: dict[str, Any] = {"__name__": "snippets"}
    for language, text in snippets(page):
        if language == "python":
            exec(compile(text, str(page), "exec", dont_inherit=True), names)
            continue
        for program, *words in commands(text):
            if program == "workbench" and words[0] != "lab":  # its dashboard is tested in a browser
                words = ["digits" if word == "mnist" else word for word in words]
                assert main([*words, *SHORTER.get(words[0], ())]) == 0, words
