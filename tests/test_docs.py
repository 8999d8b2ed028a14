"""The files and folders that the documentation names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).parents[1]
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*(/|\.(py|md|ipynb|js|css|html|toml))|[\w.-]+(/[\w.-]+)+")
"""With a slash, or with the suffix of a source file."""


def paths_in(text: str) -> list[str]:
    """All words in backticks that look like a path; blocks of code are left out."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split() if PATH.fullmatch(word)]


def is_here(path: str) -> bool:
    """Relative to the root or to the package; a bare name may be that of a file in any folder of the package."""
    return any((folder / path).exists() for folder in (ROOT, ROOT / "workbench")) or (
        "/" not in path and any((ROOT / "workbench").rglob(path))
    )


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_exist(page):
    assert [path for path in paths_in(page.read_text(encoding="utf-8")) if not is_here(path)] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Those between pages of the site are checked when it is built."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "reference" / "names.md").read_text("utf-8")
    listed = set(re.findall(r"^::: workbench\.(\w+)$", page, re.MULTILINE))
    assert listed >= set(workbench.__all__) - {"__version__", "WorkbenchError"}


def test_every_notebook_is_listed():
    page = (ROOT / "docs" / "tutorials" / "index.md").read_text("utf-8")
    assert set(re.findall(r"\((\w+)\.md\)", page)) >= {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_what_is_a_path():
    text = (
        "`a/b.py`, `c.py` and `views/`, not `a.b`, `f(x) -> y`, `exp(1 / 2)`\n```\nd/e.py\n```\n`python f/g.py --all`"
    )
    assert paths_in(text) == ["a/b.py", "c.py", "views/", "f/g.py"]
    assert is_here("README.md")
    assert is_here("cli/main.py")
    assert is_here("tiles.py")
    assert not is_here("cli/nothing.py")
    assert not is_here("nothing.py")
