"""Networks as text, and what changed in it."""

from __future__ import annotations

from workbench.pictures import Line
from workbench.views.modules.data import ADDED, CHANGED, KEPT, REMOVED
from workbench.views.modules.listing import Listing, listing_difference, listing_html

BEFORE = [Line("a", "Setup", "s1 = 0"), Line("b", "Predict", "v1 = m0 · v0"), Line("c", "Predict", "s1 = |v1|")]
AFTER = [BEFORE[0], Line("d", "Predict", "v2 = v0", live=False), Line("c", "Predict", "s1 = mean(v1)")]


def test_lines_are_matched_by_key():
    states = [(one.line.key, one.state, one.before) for one in listing_difference(BEFORE, AFTER)]
    assert states == [("a", KEPT, ""), ("b", REMOVED, ""), ("d", ADDED, ""), ("c", CHANGED, "s1 = |v1|")]
    assert {one.state for one in listing_difference(None, AFTER)} == {KEPT}


def test_lines_stand_under_their_sections_and_are_escaped():
    text = listing_html(listing_difference(None, [*AFTER, Line("<", "<b>", "<script>")]))
    assert text.count("<h4") == 3
    assert "<script>" not in text
    assert text.count("wb-line-dead") == 1


def test_changes_are_told_in_words():
    listing = Listing()
    assert listing.show_change(BEFORE, AFTER) == "1 line added, 1 line removed, 1 line changed"
    assert listing.show_change(AFTER, AFTER) == "no line differs"
    assert listing.show_change(None, AFTER) == ""
    assert listing.show_change(None, None) == ""
    assert "No network selected" in listing.text.value
    listing.close()
