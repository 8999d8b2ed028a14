"""A network as text, line by line, and what changed in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import ipywidgets as ipw

from workbench.formats import counted
from workbench.pictures import Line
from workbench.views.base.markup import escape, quiet
from workbench.views.base.palette import STATES
from workbench.views.base.view import classed, style_sheet
from workbench.views.modules.data import ADDED, CHANGED, KEPT, REMOVED, STATE_NAMES


class ListedLine(NamedTuple):
    """A line, and what became of it."""

    line: Line
    state: int
    before: str = ""  # its text in the earlier network, if that differs


def listing_difference(before: Sequence[Line] | None, lines: Sequence[Line]) -> list[ListedLine]:
    """The lines, matched by key; removed ones stand after what they followed. Without `before` all are kept."""
    was = {line.key: line for line in (lines if before is None else before)}
    union = [
        ListedLine(line, ADDED)
        if line.key not in was
        else ListedLine(line, KEPT)
        if was[line.key].text == line.text
        else ListedLine(line, CHANGED, was[line.key].text)
        for line in lines
    ]
    known, last = {line.key for line in lines}, ""
    for line in was.values():
        if line.key not in known:
            keys = [one.line.key for one in union]
            union.insert(keys.index(last) + 1 if last in keys else 0, ListedLine(line, REMOVED))
        last = line.key
    return union


def listing_html(lines: Sequence[ListedLine]) -> str:
    """Lines under the headings of their sections; dead ones are grey, and what changed has the colour of a graph."""
    parts = []
    for section, members in groupby(lines, key=lambda one: one.line.section):
        rows = "".join(map(_row, members))
        parts.append(f'<h4 class="wb-title">{escape(section)}</h4><ol class="wb-lines">{rows}</ol>')
    return "".join(parts)


def _row(listed: ListedLine) -> str:
    line, state, before = listed
    names = f"wb-line-{STATE_NAMES[state]}" + ("" if line.live else " wb-line-dead")
    told = "" if line.live else "The answer does not depend on it"
    look = "" if state == KEPT else f' style="border-color: {STATES[state]}"'
    text = f"<code>{escape(line.text)}</code>" + (f"<s>{escape(before)}</s>" if before else "")
    return f'<li class="{names}" title="{told}" data-key="{escape(line.key)}"{look}>{text}</li>'


class Listing(ipw.VBox):
    """Shows `listing_html` in a box that scrolls.

    Args:
        height: in pixels; 0 = as high as its box.
    """

    def __init__(self, height: int = 0) -> None:
        self.text = classed(ipw.HTML(), "wb-listing")
        super().__init__([style_sheet("modules/listing.css"), self.text])
        self.layout.max_height = f"{height}px" if height else None
        classed(self, "wb-listing-box")

    def show_change(self, before: Sequence[Line] | None, lines: Sequence[Line] | None) -> str:
        """Show the lines, and (unless it is None) what changed since `before`; returns that in words."""
        union = listing_difference(before, lines or ())
        self.text.value = listing_html(union) or quiet("No network selected.")
        if before is None or lines is None:
            return ""
        states = Counter(one.state for one in union)
        told = [
            f"{counted(states[one], 'line')} {STATE_NAMES[one]}" for one in (ADDED, REMOVED, CHANGED) if states[one]
        ]
        return ", ".join(told) or "no line differs"
