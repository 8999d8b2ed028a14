"""Networks as text in HTML, and what the page needs to show one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.pictures import Line
from workbench.views.base.markup import escape
from workbench.views.listing.data import ListedLine, Name, Piece, Sections, names_of, pieces_of, sections_of
from workbench.views.modules.data import ADDED, CHANGED, KEPT, REMOVED, STATE_NAMES

SIGNS = {KEPT: "", ADDED: "+", REMOVED: "−", CHANGED: "±"}
"""Before the text of a line, beside its colour."""

DEAD = "The answer does not depend on it"


def listing_html(lines: Sequence[Line], before: Sequence[Line] | None = None) -> str:
    """A network's lines in columns by section as HTML that needs nothing else, or what changed since `before`."""
    style = Path(__file__).with_name("listing.css").read_text(encoding="utf-8")
    return f"<style>{style}</style>{_markup(sections_of(before, lines))}"


def scene_of(before: Sequence[Line] | None, lines: Sequence[Line]) -> dict[str, Any]:
    """What the page needs to show a network, as plain values."""
    sections = sections_of(before, lines)
    present = sections.present
    return {
        "html": _markup(sections),
        "names": {name: [found.meaning, *_told(name, found)] for name, found in names_of(sections).items()},
        "lines": len(present),
        "live": sum(line.live for line in present),
        "changes": {} if before is None else dict(sections.counts),
    }


def _told(name: str, found: Name) -> list[str]:
    """What is told of a name, line by line."""
    told = [name + (f": {found.meaning}" if found.meaning else "")]
    for verb, places in (("written", found.written), ("read", found.read)):
        told.append(f"{verb} in {', '.join(places)}" if places else f"never {verb}")
    return told


def _markup(sections: Sections) -> str:
    """A column per section."""
    parts = []
    for section, lines in sections.lines.items():
        rows = "".join(map(_row, lines)) or '<li class="wbl-none">no lines</li>'
        parts.append(f'<section class="wbl-section"><h4>{escape(section)}</h4><ol>{rows}</ol></section>')
    return f'<div class="wbl-sections">{"".join(parts)}</div>'


def _row(listed: ListedLine) -> str:
    line, state, number, before = listed
    told = [f"{line.section} {number}" if number else f"{line.section}, removed"]
    told += [f"{line.flops:,} FLOPs" if line.flops != 1 else "1 FLOP"] if line.flops or line.writes else []
    told += [] if line.live else [DEAD]
    told += [f"was: {before}"] if before else []
    names = f"wbl-line s{state}" + ("" if line.live else " wbl-dead")
    code = f"<code>{_pieces(pieces_of(line, before))}</code>"
    if before:
        earlier = pieces_of(Line(line.key, line.section, before), line.text)
        code += f'<s title="before"><code>{_pieces(earlier)}</code></s>'
    state_name = "" if state == KEPT else STATE_NAMES[state]
    return (
        f'<li class="{names}" data-key="{escape(line.key)}" data-tip="{escape(chr(10).join(told))}">'
        f'<span class="wbl-number">{number or ""}</span>'
        f'<span class="wbl-sign" title="{state_name}">{SIGNS[state]}</span><span class="wbl-text">{code}</span></li>'
    )


def _pieces(pieces: Sequence[Piece]) -> str:
    """The text of a line; names are marked by what is done with them, and what was altered."""
    parts = []
    for piece in pieces:
        text = escape(piece.text)
        if piece.name:
            does = "writes" if piece.writes else "reads"
            text = f'<span class="wbl-name wbl-{does}" data-name="{text}">{text}</span>'
        parts.append(f"<mark>{text}</mark>" if piece.is_altered else text)
    return "".join(parts)
