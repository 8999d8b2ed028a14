"""Networks as text: what changed in it, and where names are written and read."""

from __future__ import annotations

import pytest
from plots.listing_samples import AFTER, BEFORE

from workbench.errors import ConfigError
from workbench.pictures import Line
from workbench.views.base.source import Selection
from workbench.views.listing.data import changes_of_lines, names_of, pieces_of, sections_of
from workbench.views.listing.figure import listing_html, scene_of
from workbench.views.listing.widget import ListingView
from workbench.views.modules.data import ADDED, CHANGED, KEPT, REMOVED


def test_lines_are_matched_by_key():
    found = [(one.line.key, one.state, one.number, one.before) for one in sections_of(BEFORE, AFTER).all]
    assert found == [
        ("1", KEPT, 1, ""),
        ("2", REMOVED, 0, ""),
        ("3", ADDED, 1, ""),
        ("4", CHANGED, 2, "v2 = m0 · v0"),
        ("5", KEPT, 1, ""),
        ("6", KEPT, 2, ""),
    ]
    assert {one.state for one in sections_of(None, AFTER).all} == {KEPT}


def test_removed_lines_stand_in_their_own_section():
    first = Line("0", "Predict", "s2 = 1")
    sections = sections_of([BEFORE[0], first, *BEFORE[1:]], BEFORE)
    assert [one.line.key for one in sections.lines["Predict"]] == ["0", "2", "4"]
    assert [one.line.key for one in sections_of(BEFORE, BEFORE[3:]).all] == ["1", "2", "4", "5", "6"]


def test_a_section_without_lines_is_a_heading():
    bare = Line("Setup", "Setup", "")
    sections = sections_of([bare, *BEFORE[1:]], BEFORE)
    assert sections.counts == {"lines_kept": 4, "lines_added": 1, "lines_removed": 0, "lines_changed": 0}
    sections = sections_of(BEFORE, [bare, *BEFORE[1:]])
    assert [one.state for one in sections.lines["Setup"]] == [REMOVED]
    assert "no lines" in listing_html([bare, *BEFORE[1:]])


def test_names_are_found_where_they_are_written_and_read():
    line = Line("1", "Learn", "v1 = v1 + m0ᵀ · v12", writes="v1", reads=("v1", "m0", "v12"))
    found = [(piece.text, piece.name, piece.writes) for piece in pieces_of(line)]
    assert [one for one in found if one[1]] == [
        ("v1", "v1", True),
        ("v1", "v1", False),
        ("m0", "m0", False),
        ("v12", "v12", False),
    ]
    assert "".join(text for text, *_ in found) == line.text
    names = names_of(sections_of(None, AFTER))
    assert names["m0"] == ("kept after training", ("Setup 1", "Learn 2"), ("Predict 2", "Learn 2"))
    assert list(names)[:3] == ["v0", "v2", "m0"]


def test_only_what_was_altered_is_marked():
    def altered(text: str, other: str) -> list[str]:
        line = Line("1", "Predict", text, writes="v2", reads=("m0", "v0", "v3"))
        return [piece.text for piece in pieces_of(line, other) if piece.is_altered]

    assert altered("v2 = m0 · v3", "v2 = m0 · v0") == ["v3"]
    assert altered("s2 = 0.1234", "s2 = −0.1234") == ["0.1234"]
    assert altered("v2 = sin(v3)", "v2 = sin(v3)") == []
    assert altered("v4[3] = 0.5", "v4[12] = 0.5") == ["3"]


def test_the_text_is_escaped():
    text = listing_html([Line("<", "<b>", "<script> <i>", writes="<i>")], [Line("<", "<b>", "<script>")])
    assert "<script>" not in text
    assert "<i>" not in text


def test_changes_are_told_in_words():
    assert changes_of_lines(sections_of(BEFORE, AFTER).counts) == "1 line added, 1 line removed, 1 line changed"
    assert changes_of_lines(sections_of(AFTER, AFTER).counts) == "no line differs"


def test_what_the_page_gets():
    scene = scene_of(BEFORE, AFTER)
    assert (scene["lines"], scene["live"]) == (5, 4)
    assert scene["names"]["m0"] == [
        "kept after training",
        "m0: kept after training",
        "written in Setup 1, Learn 2",
        "read in Predict 2, Learn 2",
    ]
    assert scene["html"].count("<section") == 3
    assert scene["html"].count("wbl-dead") == 1
    assert scene["html"].count("<mark>") == 2  # the new operand, and the old one


def test_the_view_shares_the_selected_part():
    selection = Selection(part="4")
    view = ListingView(AFTER, selection)
    assert (view.part, view.scene["version"]) == ("4", 1)
    view.part = "m0"
    assert selection.part == "m0"
    selection.part = 7  # a neuron
    assert view.part is None
    view.show_change(BEFORE, AFTER)
    assert view.scene["changes"]["lines_added"] == 1
    with pytest.raises(ConfigError, match=r"space\.listing"):
        view.show_change(None, 7)
    view.show_change(None, None)
    assert view.scene == {}
    view.close()
    selection.part = "5"
    assert view.part is None
