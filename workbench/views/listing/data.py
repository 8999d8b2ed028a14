"""Networks as text, line by line: what changed between two, and where names are read and written (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from workbench.formats import counted
from workbench.pictures import Line
from workbench.views.modules.data import ADDED, CHANGED, KEPT, REMOVED, STATE_NAMES

WORDS = re.compile(r"[-−]?\d[\w.]*(?:[-+−]\d+)?|\w+|\s+|.", re.DOTALL)
"""Numbers, words, spaces and signs: what is marked when it was altered."""


class Piece(NamedTuple):
    """Some of a line's text."""

    text: str
    name: str = ""  # of what is read or written here
    writes: bool = False
    is_altered: bool = False  # not in the other text of the line


class ListedLine(NamedTuple):
    """A line, and what became of it."""

    line: Line
    state: int
    number: int = 0  # in its section, from 1; 0 for a removed line
    before: str = ""  # its text in the earlier network, if that differs


class Name(NamedTuple):
    """What the text says of a name."""

    meaning: str  # "" if it has none of its own
    written: tuple[str, ...]  # the lines that do, such as "Setup 1"
    read: tuple[str, ...]


@dataclass(frozen=True)
class Sections:
    """The text of a network by sections, and what changed in it.

    Attributes:
        lines: of each section; removed lines stand where they were.
        counts: numbers of lines by state: `lines_kept`, `lines_added`, …
    """

    lines: Mapping[str, Sequence[ListedLine]]
    counts: Mapping[str, int]

    @property
    def all(self) -> list[ListedLine]:
        """The lines of all sections, removed ones, too."""
        return [one for lines in self.lines.values() for one in lines]

    @property
    def present(self) -> list[Line]:
        """The lines that were not removed."""
        return [one.line for one in self.all if one.state != REMOVED]


def sections_of(before: Sequence[Line] | None, lines: Sequence[Line]) -> Sections:
    """The lines under their sections, matched by key; without `before` all are kept."""
    was = {line.key: line for line in (lines if before is None else before)}
    union = [(line, _state(was, line)) for line in lines]
    known, last = {line.key for line in lines}, ""
    for line in was.values():
        if line.key not in known:
            keys = [each.key for each, _ in union]
            union.insert(keys.index(last) + 1 if last in keys else 0, (line, REMOVED))
        last = line.key
    found: dict[str, list[ListedLine]] = {line.section: [] for line, _ in union}
    numbers = Counter[str]()
    for line, state in union:
        if not line.text:  # stands for a section without lines
            continue
        numbers[line.section] += state != REMOVED
        number = 0 if state == REMOVED else numbers[line.section]
        text = was[line.key].text if state == CHANGED else ""
        found[line.section].append(ListedLine(line, state, number, text))
    states = Counter(one.state for each in found.values() for one in each)
    return Sections(found, {f"lines_{name}": states[state] for state, name in enumerate(STATE_NAMES)})


def _state(was: Mapping[str, Line], line: Line) -> int:
    if line.key not in was:
        return ADDED
    return KEPT if was[line.key].text == line.text else CHANGED


def changes_of_lines(counts: Mapping[str, int]) -> str:
    """The `counts` of a difference as text: "1 line added, 2 lines changed"."""
    told = [
        f"{counted(n, 'line')} {name}" for name in ("added", "removed", "changed") if (n := counts[f"lines_{name}"])
    ]
    return ", ".join(told) or "no line differs"


def pieces_of(line: Line, other: str = "") -> list[Piece]:
    """A line's text in pieces: names apart from the rest, and (given another text) what is not in that one."""
    words = list(_words(line.text, line))
    if not other:
        return _joined(words)
    old = [piece.text for piece in _words(other, line)]
    same = SequenceMatcher(None, old, [piece.text for piece in words], autojunk=False)
    for kind, _, _, start, end in same.get_opcodes():
        if kind != "equal":
            words[start:end] = [piece._replace(is_altered=bool(piece.text.strip())) for piece in words[start:end]]
    return _joined(words)


def _words(text: str, line: Line) -> Iterator[Piece]:
    """Names and words; the first that is the name of what the line writes is where it writes it."""
    names = sorted({line.writes, *line.reads} - {""}, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\d)") if names else None
    waits, end = bool(line.writes), 0
    for found in pattern.finditer(text) if pattern is not None else ():
        yield from map(Piece, WORDS.findall(text[end : found.start()]))
        writes = waits and found[1] == line.writes
        waits, end = waits and not writes, found.end()
        yield Piece(found[1], found[1], writes)
    yield from map(Piece, WORDS.findall(text[end:]))


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours without a name that are alike as one; a space between two altered pieces is altered, too."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and not last.name and not piece.name and last.is_altered == piece.is_altered:
            joined[-1] = last._replace(text=last.text + piece.text)
        else:
            joined.append(piece)
    return joined


def names_of(sections: Sections) -> dict[str, Name]:
    """By name, what the text says of it: those with a meaning of their own first."""
    meanings: dict[str, str] = {}
    for line in sections.present:
        meanings |= line.names
    written: dict[str, list[str]] = {name: [] for name in meanings}
    read: dict[str, list[str]] = {name: [] for name in meanings}
    for one in sections.all:
        place = f"{one.line.section} {one.number}"
        if one.number:
            for name in dict.fromkeys(filter(None, (one.line.writes, *one.line.reads))):
                written.setdefault(name, [])
                read.setdefault(name, [])
            if one.line.writes:
                written[one.line.writes].append(place)
            for name in dict.fromkeys(one.line.reads):
                read[name].append(place)
    return {name: Name(meanings.get(name, ""), tuple(written[name]), tuple(read[name])) for name in written}
